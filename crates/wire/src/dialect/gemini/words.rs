//! Google's words for why an answer ended and for what kind of error it is, and what they mean. Vertex may give the
//! numbers of the first in place of the words.

use domain::chat::{Finish, Reason};

use super::lenient;
use crate::json::look::Value;

/// The words of `Candidate.FinishReason` in the order of their numbers at Vertex (`google.cloud.aiplatform.v1`), then
/// those that have a number at neither.
const FINISHES: [(&str, Reason); 25] = [
    ("FINISH_REASON_UNSPECIFIED", Reason::Other),
    ("STOP", Reason::Stop),
    ("MAX_TOKENS", Reason::Length),
    ("SAFETY", Reason::ContentFilter),
    ("RECITATION", Reason::ContentFilter),
    ("OTHER", Reason::Other),
    ("BLOCKLIST", Reason::ContentFilter),
    ("PROHIBITED_CONTENT", Reason::ContentFilter),
    ("SPII", Reason::ContentFilter),
    ("MALFORMED_FUNCTION_CALL", Reason::Other),
    ("MODEL_ARMOR", Reason::ContentFilter),
    ("IMAGE_SAFETY", Reason::ContentFilter),
    ("IMAGE_PROHIBITED_CONTENT", Reason::ContentFilter),
    ("IMAGE_RECITATION", Reason::ContentFilter),
    ("IMAGE_OTHER", Reason::Other),
    ("UNEXPECTED_TOOL_CALL", Reason::Other),
    ("NO_IMAGE", Reason::Other),
    ("LANGUAGE", Reason::ContentFilter),
    ("TOO_MANY_TOOL_CALLS", Reason::Other),
    ("MISSING_THOUGHT_SIGNATURE", Reason::Other),
    ("MALFORMED_RESPONSE", Reason::Other),
    ("ESCALATION", Reason::ContentFilter),
    ("PUP_LIMITED_DISABLED", Reason::ContentFilter),
    ("CONTINUATION", Reason::Length),
    ("JAILBREAK", Reason::ContentFilter),
];

/// The words of `PromptFeedback.BlockedReason` in the order of their numbers at Vertex.
const BLOCKS: [&str; 8] = [
    "BLOCKED_REASON_UNSPECIFIED",
    "SAFETY",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "MODEL_ARMOR",
    "IMAGE_SAFETY",
    "JAILBREAK",
];

/// How many of [`FINISHES`] have a number.
const NUMBERED: usize = 17;

/// Why an answer ended, of a `finishReason`. `None` when it says nothing.
pub(super) fn finish(reason: Value<'_>) -> Option<Finish> {
    let word = match reason.text() {
        Some(word) => word.into_owned(),
        None => {
            let number = usize::try_from(lenient::unsigned(reason)?).ok()?;
            let known = FINISHES.get(..NUMBERED).unwrap_or_default().get(number);
            known.map_or_else(|| number.to_string(), |(word, _)| (*word).to_owned())
        }
    };
    (!word.is_empty()).then(|| Finish {
        reason: known(&word).unwrap_or(Reason::Other),
        native: Some(word),
        stop_sequence: None,
    })
}

/// The end of an answer that was never begun, of a `blockReason`.
pub(super) fn blocked(reason: Value<'_>) -> Option<Finish> {
    let word = match reason.text() {
        Some(word) => word.into_owned(),
        None => {
            let number = usize::try_from(lenient::unsigned(reason)?).ok()?;
            BLOCKS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
        }
    };
    Some(Finish { reason: Reason::ContentFilter, native: Some(word), stop_sequence: None })
}

fn known(word: &str) -> Option<Reason> {
    FINISHES.iter().find(|(known, _)| *known == word).map(|(_, reason)| *reason)
}

/// Google's word for an end, and what to say beside it where that word says less than the provider did.
pub(super) fn finish_word(finish: &Finish) -> (&str, Option<&str>) {
    let native = finish.native.as_deref().filter(|word| !word.is_empty());
    if let Some(word) = native
        && known(word) == Some(finish.reason)
    {
        return (word, None);
    }
    match finish.reason {
        Reason::Stop | Reason::ToolCalls => ("STOP", None),
        Reason::Length => ("MAX_TOKENS", None),
        Reason::ContentFilter | Reason::Refusal => ("SAFETY", native),
        Reason::Pause | Reason::Other => ("OTHER", native),
    }
}

/// The canonical word (`google.rpc.Code`) for a status of HTTP, as Google maps them.
pub(super) fn status_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 412 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        400..=498 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}
