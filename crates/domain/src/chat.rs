//! The neutral form of a conversation with a model, richer than any one protocol: what a request asks, what an answer
//! says, and the events of an answer that is streamed. Whoever translates reads one protocol into it and writes another
//! out of it; neither side knows the other. It knows no protocol's spelling and no JSON beyond texts that are passed on.

mod answer;
mod event;
mod part;
mod request;
mod signature;
pub mod tool_id;

pub use answer::{Answer, Choice, Finish, Reason};
pub use event::{Event, Growth, Opening};
pub use part::{
    CacheMark, Citation, Foreign, Media, MediaKind, Part, Reasoning, Role, Source, Text, ToolCall,
    ToolResult, Turn,
};
pub use request::{Effort, Format, Function, Request, Sampling, Shown, Thinking, Tool, ToolChoice};
pub use signature::Signature;

/// One JSON text, passed on as it is. Whoever makes one has checked that it is JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// Wraps a text that is known to be one JSON value.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
