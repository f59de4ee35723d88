//! What the gate wants to know of a whole answer, whatever its protocol.

use domain::price::Tokens;

use crate::failure::UpstreamError;

/// The facts of one answer. The body itself is relayed as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What the provider says was used; `None` when it says nothing, or nothing that adds up.
    pub tokens: Option<Tokens>,
    /// Bytes of text, tool arguments and reasoning, for an estimate.
    pub output_bytes: u64,
    /// The name under which the provider keeps the answer for later requests, where its protocol has that and it does.
    pub kept_as: Option<String>,
    /// The error that came in place of an answer.
    pub error: Option<UpstreamError>,
}

/// Not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not one JSON text.
    #[error("the upstream's answer is not JSON")]
    NotJson,
    /// JSON that is neither an answer of its protocol nor an error.
    #[error("the upstream's answer holds neither output nor an error")]
    NotAnAnswer,
}
