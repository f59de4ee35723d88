//! What a request of this protocol asks for: one strict pass that checks the members the gate acts on and leaves all
//! others untouched.

mod input;

use std::ops::Range;

use crate::json::{self, Place, Reader, Refused, Scan, Shape, Stop};
use crate::request::fields::{Kept, boolean, integer, model_name, temperature};
use crate::request::rewrite::UsageAsked;
use crate::request::weight::Weight;
use crate::request::{Continued, Kind, MAX_LOGPROBS, MAX_TOKENS, MAX_TOOLS, Request, Unreadable};
use input::Input;

/// Reads the body of a request.
///
/// # Errors
/// [`Unreadable`] when the body is not strict JSON, lacks what it needs, or gives a member the gate acts on a value it
/// cannot have.
pub fn read(body: &[u8]) -> Result<Request, Unreadable> {
    let mut root = Root::default();
    let shape = json::read_strict(body, &mut root)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Unreadable::NotAnObject);
    }
    let field = |field: &str, problem| Refused::Field { field: field.to_owned(), problem };
    let (model, model_span) = root.model.ok_or_else(|| field("model", "is required"))?;
    if !root.has_input && !root.has_template && root.continues.is_none() {
        return Err(field("input", "is required").into());
    }
    if root.continues_twice {
        return Err(field("conversation", "cannot go with previous_response_id").into());
    }
    let mut references = root.input.references;
    references.append(root.weight.references);
    let references = references.all()?;
    Ok(Request {
        model,
        stream: root.stream,
        asks_usage: true,
        max_output_tokens: root.max_output_tokens,
        choices: 1,
        input_bytes: root.weight.bytes.saturating_add(root.input.bytes),
        continues: root.continues,
        references,
        model_span: Some(model_span),
        usage_asked: UsageAsked::Untouched,
    })
}

/// Reads the outermost object.
#[derive(Default)]
struct Root {
    model: Option<(String, Range<usize>)>,
    stream: bool,
    max_output_tokens: Option<u64>,
    has_input: bool,
    has_template: bool,
    continues: Option<Continued>,
    continues_twice: bool,
    input: Input,
    weight: Weight,
}

impl<'de> Reader<'de> for Root {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "model" => self.model = Some(model_name(at, object)?),
            "stream" => self.stream = boolean(name, at, object)?,
            "max_output_tokens" => self.max_output_tokens = integer(name, MAX_TOKENS, at, object)?,
            "top_logprobs" => {
                integer(name, MAX_LOGPROBS, at, object)?;
            }
            "temperature" => temperature(at, object)?,
            "input" => match at.value(object, &mut self.input)? {
                Shape::Null => {}
                Shape::Text { .. } => self.has_input = true,
                Shape::Array { items } if items > 0 => self.has_input = true,
                _ => return Err(at.refuse(name, "must be a string or a non-empty array of items")),
            },
            "instructions" => match at.value(object, &mut self.weight)? {
                Shape::Null | Shape::Text { .. } => {}
                _ => return Err(at.refuse(name, "must be a string")),
            },
            "tools" => match self.weight.everything(at, object)? {
                Shape::Null => {}
                Shape::Array { items } if items <= MAX_TOOLS => {}
                Shape::Array { .. } => return Err(at.refuse(name, "has too many elements")),
                _ => return Err(at.refuse(name, "must be an array")),
            },
            "text" => {
                self.weight.everything(at, object)?;
            }
            "prompt" => self.has_template = at.value(object, &mut Template(&mut self.weight))? != Shape::Null,
            "previous_response_id" => {
                let mut id = Kept::default();
                match at.value(object, &mut id)? {
                    Shape::Null => {}
                    Shape::Text { bytes } if bytes > 0 => self.go_on(Continued::Answer(id.0)),
                    _ => return Err(at.refuse(name, "must be the id of a response")),
                }
            }
            "conversation" => {
                let mut id = ConversationId::default();
                match at.value(object, &mut id)? {
                    Shape::Null => {}
                    _ if !id.0.is_empty() => self.go_on(Continued::Conversation(id.0)),
                    _ => return Err(at.refuse(name, "must be the id of a conversation")),
                }
            }
            // What runs when nobody waits for it would be fetched later, past all limits and uncounted.
            "background" => {
                if boolean(name, at, object)? {
                    return Err(at.refuse(name, "must be false: answers are not made in the background here"));
                }
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

impl Root {
    /// Notes what the request goes on from.
    fn go_on(&mut self, from: Continued) {
        self.continues_twice |= self.continues.replace(from).is_some();
    }
}

/// A prompt that the provider keeps, with what is put into it.
struct Template<'w>(&'w mut Weight);

impl<'de> Reader<'de> for Template<'_> {
    fn text(&mut self, text: &str) {
        self.0.text(text);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name != "id" {
            return self.0.member(name, at, object);
        }
        if let Shape::Text { bytes } = self.0.references.read(Kind::Prompt, "prompt.id", at, object)? {
            self.0.bytes = self.0.bytes.saturating_add(bytes);
        }
        Ok(())
    }
}

/// The name of a conversation, as a string or as the `id` of an object.
#[derive(Default)]
struct ConversationId(String);

impl<'de> Reader<'de> for ConversationId {
    fn text(&mut self, text: &str) {
        text.clone_into(&mut self.0);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name != "id" {
            return at.skip(object);
        }
        let mut id = Kept::default();
        at.value(object, &mut id)?;
        self.0 = id.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
