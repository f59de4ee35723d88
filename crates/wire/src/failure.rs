//! Errors as upstreams report them, in any of their shapes.

use crate::json::{self, Place, Reader, Scan, Shape, Stop};

/// Bytes kept of a provider's message; the rest is cut off.
pub const MAX_MESSAGE_BYTES: usize = 4_096;

/// The types and codes by which providers say that an account has no quota or credit left: no delay cures
/// it (OpenAI's guide to error codes, "429 - You exceeded your current quota").
const SPENT: [&str; 3] = ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"];

/// Bytes kept of a provider's type, parameter or code.
const MAX_WORD_BYTES: usize = 128;

/// What an upstream says went wrong. Its words are the provider's own: whoever shows them must redact them
/// first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamError {
    /// The message, at most [`MAX_MESSAGE_BYTES`]; empty when none was given.
    pub message: String,
    /// `type`
    pub kind: Option<String>,
    /// `param`
    pub param: Option<String>,
    /// `code`, or `status` where there is no code.
    pub code: Option<String>,
}

impl UpstreamError {
    /// Whether the quota of the account behind the key is used up, other than by asking too fast.
    #[must_use]
    pub fn says_quota_is_used_up(&self) -> bool {
        [&self.code, &self.kind].into_iter().flatten().any(|word| SPENT.contains(&word.as_str()))
    }

    /// An error of which nothing is known but that it happened.
    pub(crate) fn without_words() -> Self {
        Self { message: String::new(), kind: None, param: None, code: None }
    }
}

/// Reads the body of an upstream's error answer, whatever its shape: OpenAI's and Anthropic's `error` object,
/// Google's array of them, a plain `error`, `message` or `detail` text, a list of validation faults. `None`
/// when it is not JSON or says nothing of an error.
#[must_use]
pub fn read_error(body: &[u8]) -> Option<UpstreamError> {
    let mut complaint = Complaint::default();
    json::read_open(body, &mut complaint).ok()?;
    let Complaint { message, bare, kind, param, code, status } = complaint;
    let (message, code) = (message.or(bare), code.or(status));
    if message.is_none() && kind.is_none() && code.is_none() {
        return None;
    }
    Some(UpstreamError { message: message.unwrap_or_default(), kind, param, code })
}

/// An error on its way to a caller, in the words of the caller's dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The status of the answer; of an error in mid-stream, the one it would have had.
    pub status: u16,
    /// What happened, for a person.
    pub message: &'a str,
    /// The dialect's own type: `invalid_request_error`, `overloaded_error`, `RESOURCE_EXHAUSTED`.
    pub kind: &'a str,
    /// The member at fault.
    pub param: Option<&'a str>,
    /// The gate's code, for dialects that have a place for it.
    pub code: &'a str,
    /// The name of the request.
    pub request_id: &'a str,
}

/// Gathers an error from nested shapes. Inner objects know better than outer ones, and a `message` better
/// than bare text.
#[derive(Debug, Default)]
struct Complaint {
    message: Option<String>,
    bare: Option<String>,
    kind: Option<String>,
    param: Option<String>,
    code: Option<String>,
    status: Option<String>,
}

impl Complaint {
    fn take_in(&mut self, inner: Complaint) {
        let keep = |mine: &mut Option<String>, theirs: Option<String>| {
            if theirs.is_some() {
                *mine = theirs;
            }
        };
        keep(&mut self.message, inner.message);
        keep(&mut self.bare, inner.bare);
        keep(&mut self.kind, inner.kind);
        keep(&mut self.param, inner.param);
        keep(&mut self.code, inner.code);
        keep(&mut self.status, inner.status);
    }
}

impl<'de> Reader<'de> for Complaint {
    fn text(&mut self, text: &str) {
        if self.bare.is_none() {
            self.bare = clip(text, MAX_MESSAGE_BYTES);
        }
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "error" | "errors" | "detail" => {
                let mut inner = Complaint::default();
                at.value(object, &mut inner)?;
                self.take_in(inner);
            }
            "message" | "Message" | "msg" => {
                let mut inner = Complaint::default();
                at.value(object, &mut inner)?;
                self.message = self.message.take().or(inner.message).or(inner.bare);
            }
            "type" => self.kind = word(at, object)?.filter(|kind| kind != "error").or(self.kind.take()),
            "param" => self.param = word(at, object)?.or(self.param.take()),
            "code" => self.code = word(at, object)?.or(self.code.take()),
            "status" => self.status = word(at, object)?.or(self.status.take()),
            _ => at.skip(object)?,
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut inner = Complaint::default();
        at.value(array, &mut inner)?;
        // The first element speaks for the list.
        if self.message.is_none() && self.bare.is_none() {
            self.take_in(inner);
        }
        Ok(())
    }
}

/// Keeps a short string.
struct Word(Option<String>);

impl Reader<'_> for Word {
    fn text(&mut self, text: &str) {
        self.0 = clip(text, MAX_WORD_BYTES);
    }
}

fn word(at: Place, object: &mut Scan<'_>) -> Result<Option<String>, Stop> {
    let mut word = Word(None);
    Ok(match at.value(object, &mut word)? {
        Shape::Text { .. } => word.0,
        Shape::Unsigned(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The first bytes of `text`, cut between characters; `None` when it is blank.
fn clip(text: &str, most: usize) -> Option<String> {
    let text = text.trim();
    let cut = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests;
