//! One answer, or one event of a streamed answer: how much it says, what it used, how it ended, in one pass. Refuses to
//! keep any text: it is only counted.

use domain::price::Tokens;

use super::usage::Reported;
use crate::json::{Place, Reader, Scan, Shape, Stop};
use crate::request::fields::Kept;

/// Bytes that the name of an answer may have.
const MAX_ID_BYTES: usize = 256;

/// What an event is, as far as its counting depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    /// More of some text.
    Delta,
    /// An item of the answer begins.
    ItemAdded,
    /// The answer is over, whole or cut.
    Over,
    /// The answer failed.
    Failed,
    /// Something failed.
    Error,
    /// Anything else.
    #[default]
    Other,
}

/// The facts of an event.
#[derive(Debug, Default)]
pub(super) struct Payload {
    pub(super) kind: Kind,
    pub(super) delta_bytes: u64,
    pub(super) item_bytes: u64,
    pub(super) body: Body,
}

/// The facts of an answer.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) has_output: bool,
    pub(super) has_error: bool,
    pub(super) text_bytes: u64,
    usage: Option<Reported>,
    id: Option<String>,
    forgotten: bool,
}

impl Body {
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.usage?.tokens()
    }

    /// The answer's name, unless its provider says that it does not keep it.
    pub(super) fn kept_as(&mut self) -> Option<String> {
        self.id.take().filter(|_| !self.forgotten)
    }
}

impl<'de> Reader<'de> for Payload {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "type" => {
                at.value(object, &mut Word(&mut self.kind))?;
            }
            "delta" => {
                if let Shape::Text { bytes } = at.shape(object)? {
                    self.delta_bytes = count(bytes);
                }
            }
            "item" => self.item_bytes = Name::bytes(at, object)?,
            "response" => {
                at.value(object, &mut self.body)?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

impl<'de> Reader<'de> for Body {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "output" => {
                let mut text = Text(0);
                self.has_output |= matches!(at.value(object, &mut text)?, Shape::Array { .. });
                self.text_bytes = text.0;
            }
            "id" => {
                let mut id = Kept::default();
                if matches!(at.value(object, &mut id)?, Shape::Text { bytes } if (1..=MAX_ID_BYTES).contains(&bytes))
                {
                    self.id = Some(id.0);
                }
            }
            "store" => self.forgotten = at.shape(object)? == Shape::Bool(false),
            "usage" => self.usage = at.object::<Reported>(object)?.or(self.usage),
            "error" => self.has_error |= at.shape(object)? != Shape::Null,
            "status" => {
                let mut failed = false;
                at.value(object, &mut Failed(&mut failed))?;
                self.has_error |= failed;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// Whether a status says that there is no answer.
struct Failed<'f>(&'f mut bool);

impl Reader<'_> for Failed<'_> {
    fn text(&mut self, text: &str) {
        *self.0 = matches!(text, "failed" | "cancelled");
    }
}

/// Which kind an event's type is.
struct Word<'k>(&'k mut Kind);

impl Reader<'_> for Word<'_> {
    fn text(&mut self, text: &str) {
        *self.0 = match text {
            "response.completed" | "response.incomplete" => Kind::Over,
            "response.failed" | "response.cancelled" => Kind::Failed,
            "response.output_item.added" => Kind::ItemAdded,
            "error" => Kind::Error,
            // Sound comes as base64, which is no text.
            "response.audio.delta" => Kind::Other,
            _ if text.ends_with(".delta") => Kind::Delta,
            _ => Kind::Other,
        };
    }
}

/// The bytes of the name of a function that is called.
struct Name(u64);

impl Name {
    fn bytes(at: Place, object: &mut Scan<'_>) -> Result<u64, Stop> {
        let mut name = Name(0);
        at.value(object, &mut name)?;
        Ok(name.0)
    }
}

impl<'de> Reader<'de> for Name {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if name != "name" {
            return at.skip(object);
        }
        if let Shape::Text { bytes } = at.shape(object)? {
            self.0 = count(bytes);
        }
        Ok(())
    }
}

/// Counts the bytes of what the model wrote: of objects only the members that hold it.
struct Text(u64);

impl<'de> Reader<'de> for Text {
    fn text(&mut self, text: &str) {
        self.0 = self.0.saturating_add(count(text.len()));
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "text" | "content" | "summary" | "refusal" | "name" | "arguments" | "input" => {
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

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
