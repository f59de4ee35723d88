//! One answer, or one event of a streamed answer: what it says of its end, its usage and its errors, in one pass.
//! Refuses to keep any text: it is only counted.

use super::usage::Reported;
use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::fields::Kept;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// `message_start`, or a whole `message`.
    Message,
    /// `content_block_start`
    BlockStart,
    /// `content_block_delta`
    BlockDelta,
    /// `message_stop`
    Stop,
    /// `error`
    Error,
    /// Any other.
    #[default]
    Other,
}

impl Kind {
    /// Reads the word.
    pub(super) fn of(word: &str) -> Self {
        match word {
            "message" | "message_start" => Self::Message,
            "content_block_start" => Self::BlockStart,
            "content_block_delta" => Self::BlockDelta,
            "message_stop" => Self::Stop,
            "error" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// The facts of one payload.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// What it says it is; none when it does not say.
    pub(super) kind: Option<Kind>,
    /// Whether it holds the `content` of an answer.
    pub(super) has_content: bool,
    /// Whether it reports an error.
    pub(super) has_error: bool,
    /// Whether it says why the answer ended.
    pub(super) is_finished: bool,
    /// Bytes of text, tool arguments and reasoning.
    pub(super) text_bytes: u64,
    /// The usage it reports.
    pub(super) usage: Option<Reported>,
}

impl Payload {
    fn count(&mut self, words: &Words) {
        self.text_bytes = self.text_bytes.saturating_add(words.0);
    }
}

impl<'de> Reader<'de> for Payload {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "type" => {
                let mut word = Kept::default();
                at.value(object, &mut word)?;
                self.kind = Some(Kind::of(&word.0));
            }
            "message" => {
                let mut message = Payload::default();
                at.value(object, &mut message)?;
                self.usage = message.usage.or_else(|| self.usage.take());
                self.text_bytes = self.text_bytes.saturating_add(message.text_bytes);
            }
            "delta" => {
                let mut delta = Delta::default();
                at.value(object, &mut delta)?;
                self.is_finished |= delta.is_finished;
                self.count(&delta.words);
            }
            "content" | "content_block" => {
                let mut words = Words(0);
                let shape = at.value(object, &mut words)?;
                self.has_content |= matches!(shape, Shape::Array { .. });
                self.count(&words);
            }
            "usage" => self.usage = at.object::<Reported>(object)?.or_else(|| self.usage.take()),
            "stop_reason" => self.is_finished |= is_word(at.shape(object)?),
            "error" => self.has_error |= matches!(at.shape(object)?, Shape::Object { .. }),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

fn is_word(shape: Shape) -> bool {
    matches!(shape, Shape::Text { bytes } if bytes > 0)
}

/// `delta`: more of a block, or the end of the answer.
#[derive(Default)]
struct Delta {
    is_finished: bool,
    words: Words,
}

impl<'de> Reader<'de> for Delta {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name == "stop_reason" {
            self.is_finished |= is_word(at.shape(object)?);
            return Ok(());
        }
        self.words.member(name, at, object)
    }
}

/// Counts what the model wrote: text, thoughts, and calls with their arguments.
#[derive(Default)]
struct Words(u64);

impl Words {
    fn add(&mut self, bytes: usize) {
        self.0 = self.0.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl<'de> Reader<'de> for Words {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "text" | "thinking" | "partial_json" | "name" => {
                if let Shape::Text { bytes } = at.shape(object)? {
                    self.add(bytes);
                }
            }
            "input" => {
                let mut arguments = Arguments(0);
                at.value(object, &mut arguments)?;
                self.add(arguments.0);
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

/// Counts arguments: their strings with the names of members.
struct Arguments(usize);

impl<'de> Reader<'de> for Arguments {
    fn text(&mut self, text: &str) {
        self.0 = self.0.saturating_add(text.len());
    }

    fn number(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        self.0 = self.0.saturating_add(name.len());
        at.value(object, self)?;
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}
