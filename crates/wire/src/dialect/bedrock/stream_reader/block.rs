//! The block of a stream that is open, and what is kept of it until it ends, because only the whole has a neutral form.

use domain::chat::{Foreign, Json, Media, Opening};
use domain::protocol::Protocol;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::dialect::Stopped;
use crate::tap::{Broken, MAX_EVENT_BYTES};

/// The open block.
#[derive(Debug)]
pub(super) struct Block {
    /// Bedrock's index of it.
    pub(super) index: u32,
    pub(super) kept: Kept,
    /// Pieces of a signature, or of what is told as a whole.
    pub(super) pieces: Vec<String>,
    bytes: usize,
}

/// What it is.
#[derive(Debug, PartialEq)]
pub(super) enum Kept {
    Text,
    Call,
    Thought,
    Redacted,
    /// A picture, told as a whole.
    Picture {
        format: String,
        picture: Option<Media>,
    },
    /// A call of a tool that the provider runs.
    ServerCall {
        id: String,
        name: String,
        kind: String,
    },
    /// Its result.
    ServerResult {
        start: String,
    },
}

impl Block {
    pub(super) fn kept(index: u32, kept: Kept) -> Self {
        Self { index, kept, pieces: Vec::new(), bytes: 0 }
    }

    /// Keeps a piece, as long as all of them are within the bound of one event.
    pub(super) fn keep(&mut self, piece: &str) -> Result<(), Stopped> {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes > MAX_EVENT_BYTES {
            return Err(Stopped::Broken(Broken::EventTooLarge));
        }
        if !piece.is_empty() {
            self.pieces.push(piece.to_owned());
        }
        Ok(())
    }
}

impl Kept {
    /// The part that it is in all.
    pub(super) fn whole(self, pieces: &[String]) -> Option<Opening> {
        let (kind, member) = match self {
            Kept::Text | Kept::Call | Kept::Thought | Kept::Redacted => return None,
            Kept::Picture { picture, .. } => return picture.map(Opening::Media),
            Kept::ServerCall { id, name, kind } => {
                let call = ServerCall { tool_use_id: &id, name: &name, input: input(pieces), kind: &kind };
                ("toolUse", serde_json::to_string(&call).ok()?)
            }
            Kept::ServerResult { start } => {
                let pieces = pieces.iter().filter_map(|piece| serde_json::from_str(piece).ok());
                let content: Vec<Box<RawValue>> = pieces.flat_map(|piece: Vec<_>| piece).collect();
                let content = serde_json::to_string(&content).ok()?;
                let members = start.trim_end().strip_suffix('}')?;
                ("toolResult", format!(r#"{members},"content":{content}}}"#))
            }
        };
        let json = Json::new(format!(r#"{{"{kind}":{member}}}"#));
        Some(Opening::Foreign(Foreign { protocol: Protocol::Bedrock, kind: kind.to_owned(), json }))
    }
}

/// A call of a tool that the provider runs, as a whole answer has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerCall<'a> {
    tool_use_id: &'a str,
    name: &'a str,
    input: Box<RawValue>,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// Its arguments; none where they were cut off.
fn input(pieces: &[String]) -> Box<RawValue> {
    RawValue::from_string(pieces.concat()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
