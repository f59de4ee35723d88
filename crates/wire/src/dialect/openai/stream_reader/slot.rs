//! A part of a streamed answer on its way: what has come of it and cannot go out yet, because the part before it has not
//! ended.

use domain::chat::{Foreign, Growth, Media, Opening, Signature};

use super::extent::Extent;

/// What a part is.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Thought { index: Option<u64>, id: Option<String>, redacted: bool, signed: bool },
    Refusal,
    Call(Call),
    Media(Media),
    Foreign(Foreign),
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) signature: Option<Signature>,
    pub(super) arguments: Extent,
}

/// One part.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    pub(super) begun: bool,
    pub(super) held: Vec<Growth>,
}

impl Slot {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, begun: false, held: Vec::new() }
    }

    /// How the part is announced; `None` while the name of a call is still to come.
    pub(super) fn opening(&self) -> Option<Opening> {
        Some(match &self.kind {
            Kind::Text => Opening::Text,
            Kind::Refusal => Opening::Refusal,
            Kind::Thought { id, redacted, .. } => Opening::Reasoning { id: id.clone(), redacted: *redacted },
            Kind::Call(call) if call.name.is_empty() => return None,
            Kind::Call(call) => Opening::ToolCall {
                id: call.id.clone(),
                name: call.name.clone(),
                signature: call.signature.clone(),
            },
            Kind::Media(media) => Opening::Media(media.clone()),
            Kind::Foreign(foreign) => Opening::Foreign(foreign.clone()),
        })
    }

    /// Whether a part that follows may begin. Providers that send several calls at once may add to an earlier one while
    /// a later one has begun, so a call ends with its last brace only.
    pub(super) fn may_be_followed(&self) -> bool {
        match &self.kind {
            Kind::Call(call) => call.arguments.is_whole(),
            _ => true,
        }
    }

    /// Whether it is whole from the beginning.
    pub(super) fn came_whole(&self) -> bool {
        matches!(self.kind, Kind::Media(_) | Kind::Foreign(_))
    }
}
