//! What a request asks for: one strict pass that checks the members the gate acts on and leaves all others
//! untouched. Refuses to know whether the model exists and what the caller may use.

mod fields;
mod weight;

use std::ops::Range;

use bytes::Bytes;
use domain::code::Code;
use domain::usage::Surface;
use serde::de::MapAccess;

use super::rewrite::{UsageAsked, splice};
use crate::catalog::StreamUsage;
use crate::json::{self, Place, Reader, Refused, Shape};
use fields::{Messages, StreamOptions, boolean, integer, model_name, temperature};
use weight::Weight;

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
    /// Whether the caller itself asked for usage in the stream (`stream_options.include_usage`).
    pub asks_usage: bool,
    /// The larger of `max_tokens` and `max_completion_tokens`, per choice; `None` when neither is given.
    pub max_output_tokens: Option<u64>,
    /// How many answers are generated: the larger of `n` and `best_of`, at least 1.
    pub choices: u64,
    /// Bytes of text the model will read, for estimates: the decoded strings of messages, prompt or input,
    /// with tools and schemas; a token number given in place of text counts 4, a picture or sound 3,000.
    pub input_bytes: usize,
    model_span: Range<usize>,
    usage_asked: UsageAsked,
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

/// Reads the body of a request to `surface`.
///
/// # Errors
/// [`Unreadable`] when the body is not strict JSON (see [`json::read_strict`]), not an object, lacks the model
/// or its input, or gives a member the gate acts on a value it cannot have.
pub fn read(surface: Surface, body: &[u8]) -> Result<Request, Unreadable> {
    let mut root = Root::new(surface);
    let shape = json::read_strict(body, &mut root)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    let field = |field: &str, problem| Refused::Field { field: field.to_owned(), problem };
    let (model, model_span) = root.model.ok_or_else(|| field("model", "is required"))?;
    if !root.has_input {
        return Err(field(input_name(surface), "is required").into());
    }
    if surface == Surface::Embeddings && root.stream {
        return Err(field("stream", "must not be true: embeddings are never streamed").into());
    }
    let usage_asked = if root.stream { root.options.asked(body) } else { UsageAsked::Untouched };
    Ok(Request {
        model,
        stream: root.stream,
        asks_usage: root.stream && root.options.include_usage,
        max_output_tokens: root.max_tokens.max(root.max_completion_tokens),
        choices: root.choices,
        input_bytes: root.weight.bytes,
        model_span,
        usage_asked,
    })
}

impl Request {
    /// The body for the upstream: byte for byte `body` (the one that was read) except that the model is
    /// `upstream_model` and, when the answer is streamed by a provider that reports usage on request,
    /// `stream_options.include_usage` is `true`.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], upstream_model: &str, usage: StreamUsage) -> Bytes {
        let asked = match usage {
            StreamUsage::OnRequest => &self.usage_asked,
            StreamUsage::Unasked => &UsageAsked::Untouched,
        };
        splice(body, &self.model_span, upstream_model, asked)
    }
}

fn input_name(surface: Surface) -> &'static str {
    match surface {
        Surface::Chat => "messages",
        Surface::Completions => "prompt",
        Surface::Embeddings => "input",
    }
}

/// Reads the outermost object.
struct Root {
    surface: Surface,
    model: Option<(String, Range<usize>)>,
    stream: bool,
    options: StreamOptions,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    choices: u64,
    has_input: bool,
    weight: Weight,
}

impl Root {
    fn new(surface: Surface) -> Self {
        Self {
            surface,
            model: None,
            stream: false,
            options: StreamOptions::default(),
            max_tokens: None,
            max_completion_tokens: None,
            choices: 1,
            has_input: false,
            weight: Weight::default(),
        }
    }

    /// `messages`, `prompt` or `input`, whichever belongs to the surface.
    fn input<'de, A: MapAccess<'de>>(&mut self, at: Place<'_>, object: &mut A) -> Result<(), A::Error> {
        self.has_input = true;
        if self.surface == Surface::Chat {
            return match at.value(object, &mut Messages { weight: &mut self.weight })? {
                Shape::Array { items } if items > 0 => Ok(()),
                _ => Err(at.refuse("messages", "must be a non-empty array of messages")),
            };
        }
        match at.value(object, &mut self.weight)? {
            Shape::Text { .. } => Ok(()),
            Shape::Array { items } if items > 0 => Ok(()),
            _ => Err(at.refuse(input_name(self.surface), "must be a string or a non-empty array")),
        }
    }

    /// An array of at most `most` elements, all of which the model reads.
    fn listed<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        most: usize,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        match self.weight.everything(at, object)? {
            Shape::Null => Ok(()),
            Shape::Array { items } if items <= most => Ok(()),
            Shape::Array { .. } => Err(at.refuse(name, "has too many elements")),
            _ => Err(at.refuse(name, "must be an array")),
        }
    }
}

impl<'de> Reader<'de> for Root {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        match name {
            "model" => self.model = Some(model_name(at, object)?),
            "stream" => self.stream = boolean(name, at, object)?,
            "stream_options" => self.options = StreamOptions::read(at, object)?,
            "max_tokens" => self.max_tokens = integer(name, MAX_TOKENS, at, object)?,
            "max_completion_tokens" => self.max_completion_tokens = integer(name, MAX_TOKENS, at, object)?,
            "n" | "best_of" => {
                let asked = integer(name, MAX_CHOICES, at, object)?.unwrap_or(1);
                self.choices = self.choices.max(asked);
            }
            "top_logprobs" => {
                integer(name, MAX_LOGPROBS, at, object)?;
            }
            "temperature" => temperature(at, object)?,
            "stop" => match at.value(object, &mut Weight::default())? {
                Shape::Null | Shape::Text { .. } => {}
                Shape::Array { items } if items <= MAX_STOPS => {}
                Shape::Array { .. } => return Err(at.refuse(name, "has too many elements")),
                _ => return Err(at.refuse(name, "must be a string or an array of strings")),
            },
            "tools" | "functions" => self.listed(name, MAX_TOOLS, at, object)?,
            "response_format" => {
                self.weight.everything(at, object)?;
            }
            _ if name == input_name(self.surface) => self.input(at, object)?,
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
