//! One answer, or one chunk of a streamed answer: what it says of its choices, its usage and its errors, in
//! one pass. Refuses to keep any text: it is only counted.

use domain::price::Tokens;
use domain::usage::Surface;

use super::usage::Reported;
use crate::json::{Place, Reader, Scan, Shape, Stop};

/// The facts of one payload.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// How many choices it holds; `None` when there is no such array.
    pub(super) choices: Option<usize>,
    /// Whether it holds the `data` array of embeddings.
    pub(super) has_data: bool,
    /// Whether it reports an error.
    pub(super) has_error: bool,
    /// The choices it speaks of, by index, as bits.
    pub(super) begun: u128,
    /// Those of them that say they are finished.
    pub(super) finished: u128,
    /// Whether a choice has a role or any text.
    pub(super) speaks: bool,
    /// Bytes of text, tool arguments and reasoning.
    pub(super) text_bytes: u64,
    usage: Option<Reported>,
    usage_elsewhere: Option<Reported>,
}

impl Payload {
    /// The usage it reports, wherever it stands: at the top, under `x_groq`, or in a choice.
    pub(super) fn tokens(&self, surface: Surface) -> Option<Tokens> {
        self.usage.or(self.usage_elsewhere)?.tokens(surface)
    }

    /// Whether it carries usage and no choice, as the last chunk of OpenAI's streams.
    pub(super) fn is_usage_only(&self) -> bool {
        self.choices == Some(0) && self.usage.is_some()
    }
}

impl<'de> Reader<'de> for Payload {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "choices" => {
                if let Shape::Array { items } = at.value(object, &mut Choices(self))? {
                    self.choices = Some(items);
                }
            }
            "usage" => self.usage = at.object::<Reported>(object)?.or(self.usage),
            "x_groq" => {
                at.value(object, &mut Groq(self))?;
            }
            "data" => self.has_data |= matches!(at.shape(object)?, Shape::Array { .. }),
            "error" => self.has_error |= is_truthy(at.shape(object)?),
            "object" | "type" => {
                let mut word = IsError(false);
                at.value(object, &mut word)?;
                self.has_error |= word.0;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// Whether the official clients would take this value of `error` for an error.
fn is_truthy(shape: Shape) -> bool {
    !matches!(
        shape,
        Shape::Null
            | Shape::Bool(false)
            | Shape::Text { bytes: 0 }
            | Shape::Array { items: 0 }
            | Shape::Object { members: 0 }
    )
}

/// Whether a string is `error`, as in Anthropic's `type` and Mistral's `object`.
struct IsError(bool);

impl Reader<'_> for IsError {
    fn text(&mut self, text: &str) {
        self.0 = text == "error";
    }
}

struct Groq<'p>(&'p mut Payload);

impl<'de> Reader<'de> for Groq<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "usage" => self.0.usage_elsewhere = at.object::<Reported>(object)?.or(self.0.usage_elsewhere),
            "error" => self.0.has_error |= is_truthy(at.shape(object)?),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

struct Choices<'p>(&'p mut Payload);

impl<'de> Reader<'de> for Choices<'_> {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut choice = Choice::default();
        at.value(array, &mut choice)?;
        // Choices beyond the width of the mask share its last bit; no provider allows so many.
        let bit = 1_u128 << choice.index.min(u128::BITS - 1);
        self.0.begun |= bit;
        self.0.finished |= if choice.finished { bit } else { 0 };
        self.0.speaks |= choice.has_role || choice.bytes > 0;
        self.0.text_bytes = self.0.text_bytes.saturating_add(choice.bytes);
        self.0.usage_elsewhere = choice.usage.or(self.0.usage_elsewhere);
        Ok(())
    }
}

#[derive(Default)]
struct Choice {
    index: u32,
    finished: bool,
    has_role: bool,
    bytes: u64,
    usage: Option<Reported>,
}

impl<'de> Reader<'de> for Choice {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "index" => {
                if let Shape::Unsigned(index) = at.shape(object)? {
                    self.index = u32::try_from(index).unwrap_or(u32::MAX);
                }
            }
            "delta" | "message" => {
                let mut message = Message::default();
                at.value(object, &mut message)?;
                self.has_role |= message.has_role;
                self.bytes = self.bytes.saturating_add(message.said.saturating_add(message.thought));
            }
            "text" => self.bytes = self.bytes.saturating_add(Text::bytes(at, object)?),
            "finish_reason" => {
                self.finished |= matches!(at.shape(object)?, Shape::Text { bytes } if bytes > 0);
            }
            "usage" => self.usage = at.object::<Reported>(object)?,
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// A message or a piece of one.
#[derive(Default)]
struct Message {
    has_role: bool,
    said: u64,
    /// Providers repeat the same reasoning under several names: the longest counts.
    thought: u64,
}

impl<'de> Reader<'de> for Message {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "role" => self.has_role |= matches!(at.shape(object)?, Shape::Text { .. }),
            "content" | "refusal" | "tool_calls" | "function_call" | "audio" => {
                self.said = self.said.saturating_add(Text::bytes(at, object)?);
            }
            "reasoning" | "reasoning_content" => self.thought = self.thought.max(Text::bytes(at, object)?),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// Counts the bytes of text in a value: the value itself, the elements of an array, and of objects the
/// members that hold what the model wrote.
struct Text(u64);

impl Text {
    fn bytes(at: Place, object: &mut Scan<'_>) -> Result<u64, Stop> {
        let mut text = Text(0);
        at.value(object, &mut text)?;
        Ok(text.0)
    }
}

impl<'de> Reader<'de> for Text {
    fn text(&mut self, text: &str) {
        self.0 = self.0.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "text" | "thinking" | "content" | "function" | "custom" | "name" | "arguments" | "input"
            | "transcript" => {
                at.value(object, self)?;
                Ok(())
            }
            _ => at.skip(object),
        }
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}
