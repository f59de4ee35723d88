//! What the gate wants to know of a whole answer, whatever its protocol.

use domain::price::Tokens;

use crate::failure::UpstreamError;

/// The facts of one answer. The body itself is relayed as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// What the provider says was used; `None` when it says nothing, or nothing that adds up.
    pub tokens: Option<Tokens>,
    /// The part of them that another model used.
    pub advice: Option<Advice>,
    /// Bytes of text, tool arguments and reasoning, for an estimate.
    pub output_bytes: u64,
    /// The name under which the provider keeps the answer for later requests, where its protocol has that and it does.
    pub kept_as: Option<String>,
    /// The error that came in place of an answer.
    pub error: Option<UpstreamError>,
}

/// What another model of the same provider used that was asked for its advice in the course of an answer: counted with the
/// rest, but billed at that model's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The model; empty when it is not told, or when there were several.
    pub model: String,
    /// What it used.
    pub tokens: Tokens,
}

impl Advice {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        let model = if self.model == other.model { self.model } else { String::new() };
        Self { model, tokens: self.tokens.plus(&other.tokens) }
    }
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
