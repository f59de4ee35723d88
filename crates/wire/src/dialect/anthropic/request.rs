//! What a request of this protocol asks for: one strict pass that checks the members the gate acts on and leaves all
//! others untouched.

mod container;
mod content;

use std::ops::Range;

use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::{boolean, integer, model_name, temperature};
use crate::request::references::References;
use crate::request::rewrite::UsageAsked;
use crate::request::{MAX_STOPS, MAX_TOKENS, MAX_TOOLS, Request, Unreadable};
use container::Container;
use content::{Definitions, Messages, Tools, Words};

/// Reads the body of a request for an answer.
///
/// # Errors
/// [`Unreadable`] when the body is not strict JSON, lacks the model, the messages or `max_tokens`, or gives a member the
/// gate acts on a value it cannot have.
pub fn read(body: &[u8]) -> Result<Request, Unreadable> {
    let request = read_count(body)?;
    match request.max_output_tokens {
        Some(_) => Ok(request),
        None => Err(Refused::Field { field: "max_tokens".to_owned(), problem: "is required" }.into()),
    }
}

/// Reads the body of a request to count the tokens of a prompt. It needs no `max_tokens`.
///
/// # Errors
/// As [`read`].
pub fn read_count(body: &[u8]) -> Result<Request, Unreadable> {
    let mut root = Root::default();
    let shape = json::read_strict(body, &mut root)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    let missing = |field: &str| Refused::Field { field: field.to_owned(), problem: "is required" };
    let (model, model_span) = root.model.ok_or_else(|| missing("model"))?;
    if !root.has_messages {
        return Err(missing("messages").into());
    }
    Ok(Request {
        model,
        stream: root.stream,
        asks_usage: true,
        max_output_tokens: root.max_tokens,
        choices: 1,
        input_bytes: root.input_bytes,
        continues: None,
        references: root.references.all()?,
        model_span: Some(model_span),
        usage_asked: UsageAsked::Untouched,
    })
}

/// Reads the outermost object.
#[derive(Default)]
struct Root {
    model: Option<(String, Range<usize>)>,
    stream: bool,
    max_tokens: Option<u64>,
    has_messages: bool,
    input_bytes: usize,
    references: References,
}

impl Root {
    /// `tools`, all of which the model reads.
    fn tools(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        let mut tools = Tools::default();
        match at.value(object, &mut tools)? {
            Shape::Null => {}
            Shape::Array { items } if items <= MAX_TOOLS => {}
            Shape::Array { .. } => return Err(at.refuse("tools", "has too many elements")),
            _ => return Err(at.refuse("tools", "must be an array")),
        }
        self.input_bytes = self.input_bytes.saturating_add(tools.definitions.bytes);
        self.references.append(tools.references);
        Ok(())
    }

    fn messages(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        let mut messages = Messages::default();
        match at.value(object, &mut messages)? {
            Shape::Array { items } if items > 0 => {}
            _ => return Err(at.refuse("messages", "must be a non-empty array of messages")),
        }
        self.has_messages = true;
        self.input_bytes = self.input_bytes.saturating_add(messages.bytes);
        self.references.append(messages.references);
        Ok(())
    }

    fn system(&mut self, at: Place, object: &mut Scan<'_>) -> Result<(), Stop> {
        let mut words = Words::default();
        match at.value(object, &mut words)? {
            Shape::Null | Shape::Text { .. } | Shape::Array { .. } => {}
            _ => return Err(at.refuse("system", "must be a string or an array of text blocks")),
        }
        self.input_bytes = self.input_bytes.saturating_add(words.bytes);
        self.references.append(words.references);
        Ok(())
    }
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "model" => self.model = Some(model_name(at, object)?),
            "stream" => self.stream = boolean(name, at, object)?,
            "max_tokens" => self.max_tokens = integer(name, MAX_TOKENS, at, object)?,
            "temperature" => temperature(at, object)?,
            "stop_sequences" => match at.value(object, &mut Words::default())? {
                Shape::Null => {}
                Shape::Array { items } if items <= MAX_STOPS => {}
                Shape::Array { .. } => return Err(at.refuse(name, "has too many elements")),
                _ => return Err(at.refuse(name, "must be an array of strings")),
            },
            "messages" => self.messages(at, object)?,
            "system" => self.system(at, object)?,
            "tools" => self.tools(at, object)?,
            "container" => {
                at.value(object, &mut Container(&mut self.references))?;
            }
            "output_config" | "output_format" => {
                let mut definitions = Definitions::default();
                at.value(object, &mut definitions)?;
                self.input_bytes = self.input_bytes.saturating_add(definitions.bytes);
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
