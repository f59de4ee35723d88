//! What a request asks for, whatever its dialect: the few facts the gate acts on, and the places in the body that change
//! on the way to an upstream of the same protocol. Refuses to know whether the model exists and what the caller may use.

pub(crate) mod fields;
pub(crate) mod references;
pub(crate) mod rewrite;
pub(crate) mod weight;

use std::ops::Range;

use bytes::Bytes;
use domain::code::Code;

use crate::catalog::StreamUsage;
use crate::json::Refused;
pub use references::{Kind, MAX_REFERENCES, Reference};
use rewrite::{UsageAsked, splice};

/// The largest value `max_tokens` and its kin may have: what a signed 32-bit integer holds, as most servers
/// store it.
pub const MAX_TOKENS: u64 = 2_147_483_647;
/// Answers one request may ask for: OpenAI's own limit of `n`.
pub const MAX_CHOICES: u64 = 128;
/// Alternatives one may ask for at each token; OpenAI allows 20, some servers more.
pub const MAX_LOGPROBS: u64 = 100;
/// Tools one request may define; OpenAI allows 128, some providers more.
pub const MAX_TOOLS: usize = 1_024;
/// Stop sequences one request may hold; OpenAI allows 4, some providers more.
pub const MAX_STOPS: usize = 128;

/// The facts of one request. The body itself stays where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The model as the caller wrote it, unescaped and untrimmed.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the caller itself asked for usage in the stream (`stream_options.include_usage`); also where the dialect
    /// reports it unasked.
    pub asks_usage: bool,
    /// The most tokens the caller lets one answer have; `None` when it does not say.
    pub max_output_tokens: Option<u64>,
    /// How many answers are generated, at least 1.
    pub choices: u64,
    /// Bytes of text the model will read, for estimates: the decoded strings of messages, prompt or input,
    /// with tools and schemas; a token number given in place of text counts 4, a picture or sound 3,000.
    pub input_bytes: usize,
    /// What of before this one goes on from: it binds the call to the upstream account that holds it.
    pub continues: Option<Continued>,
    /// What it names that a provider's account keeps, in the order in which it is named.
    pub references: Vec<Reference>,
    /// Where the model's name stands; `None` when it is part of the path.
    pub(crate) model_span: Option<Range<usize>>,
    pub(crate) usage_asked: UsageAsked,
}

/// Something of before that a provider keeps and a request goes on from, by its provider's name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Continued {
    /// An answer (`previous_response_id`).
    Answer(String),
    /// A conversation (`conversation`).
    Conversation(String),
}

/// A body that is refused. Its display is the message for the caller and holds nothing of the body but member
/// names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not strict JSON, or a member has a value it cannot have.
    #[error(transparent)]
    Json(#[from] Refused),
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
}

impl Unreadable {
    /// The code of the refusal.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::InvalidRequest
    }

    /// The member at fault, for `error.param`.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match self {
            Unreadable::Json(Refused::Field { field, .. }) => Some(field),
            Unreadable::Json(_) | Unreadable::NotAnObject => None,
        }
    }
}

impl Request {
    /// The body for an upstream of the same protocol: byte for byte `body` (the one that was read) except that the model
    /// is `upstream_model` and, when the answer is streamed by a provider that reports usage on request,
    /// `stream_options.include_usage` is `true`.
    #[must_use]
    pub fn rewrite(&self, body: &Bytes, upstream_model: &str, usage: StreamUsage) -> Bytes {
        let asked = match usage {
            StreamUsage::OnRequest => &self.usage_asked,
            StreamUsage::Unasked => &UsageAsked::Untouched,
        };
        match &self.model_span {
            None if *asked == UsageAsked::Untouched => body.clone(),
            span => splice(body, span.as_ref(), upstream_model, asked),
        }
    }
}
