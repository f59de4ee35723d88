//! What a request of this protocol asks for: one strict pass that checks the members the gate acts on and leaves all
//! others untouched.

mod fields;

use std::ops::Range;

use domain::usage::Surface;

use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::{boolean, integer, model_name, temperature};
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;
use crate::request::{MAX_CHOICES, MAX_LOGPROBS, MAX_STOPS, MAX_TOKENS, MAX_TOOLS, Request, Unreadable};
use fields::{Messages, StreamOptions};

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
        continues: None,
        references: root.weight.references.all()?,
        model_span: Some(model_span),
        usage_asked,
    })
}

fn input_name(surface: Surface) -> &'static str {
    match surface {
        Surface::Completions => "prompt",
        Surface::Embeddings => "input",
        _ => "messages",
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
    fn input(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        self.has_input = true;
        if input_name(self.surface) == "messages" {
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
    fn listed(&mut self, name: &str, most: usize, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        match self.weight.everything(at, object)? {
            Shape::Null => Ok(()),
            Shape::Array { items } if items <= most => Ok(()),
            Shape::Array { .. } => Err(at.refuse(name, "has too many elements")),
            _ => Err(at.refuse(name, "must be an array")),
        }
    }
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
