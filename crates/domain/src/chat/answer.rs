//! What a model answers, whole.

use super::{Json, Part};
use crate::price::Tokens;

/// An answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The provider's name for it.
    pub id: Option<String>,
    /// The model that answered, as the provider says.
    pub model: Option<String>,
    /// The answers; more than one only where several were asked for.
    pub choices: Vec<Choice>,
    /// What was used; none when the provider says nothing that adds up.
    pub tokens: Option<Tokens>,
    /// The class of service that was given.
    pub service_tier: Option<String>,
}

/// One of the answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// What it says.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Option<Finish>,
    /// The chances of its words, in the form of OpenAI's chat completions.
    pub logprobs: Option<Json>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// In neutral words.
    pub reason: Reason,
    /// In the provider's own word.
    pub native: Option<String>,
    /// The stop text that was met.
    pub stop_sequence: Option<String>,
}

impl Finish {
    /// An end for this reason, of which nothing else is known.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason, native: None, stop_sequence: None }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It was finished, or met a stop text.
    Stop,
    /// It met the limit of tokens or of the model's context.
    Length,
    /// Tools are to be called by the caller.
    ToolCalls,
    /// A filter of the provider cut it.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused: the work is not done, and the caller may send the turn back to go on.
    Pause,
    /// The provider said something that is none of these.
    Other,
}
