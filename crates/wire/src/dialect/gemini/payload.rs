//! One answer, or one event of a streamed one: what it says of its candidates, its usage and its errors, in one pass.
//! Refuses to keep any text: it is only counted.

use domain::price::Tokens;

use super::usage::Reported;
use crate::json::look::is_spelling;
use crate::json::{Place, Reader, Scan, Shape, Stop};

/// The facts of one payload.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// The candidates it speaks of, by index, as bits.
    pub(super) begun: u128,
    /// Those of them that say why they finished.
    pub(super) finished: u128,
    /// Whether the prompt was refused.
    pub(super) blocked: bool,
    /// Whether it answers what is no conversation: embeddings, a count of tokens.
    pub(super) answers_other: bool,
    /// Whether it reports an error.
    pub(super) has_error: bool,
    /// Whether a candidate holds any part.
    pub(super) speaks: bool,
    /// Bytes of text, arguments of calls and thoughts.
    pub(super) text_bytes: u64,
    usage: Option<Reported>,
}

impl Payload {
    /// The usage it reports.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.usage?.tokens()
    }
}

impl<'de> Reader<'de> for Payload {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "candidates" => {
                at.value(object, &mut Candidates(self))?;
            }
            "error" => self.has_error |= at.shape(object)? != Shape::Null,
            "embedding" | "embeddings" | "totalTokens" => {
                self.answers_other |= at.shape(object)? != Shape::Null;
            }
            _ if is_spelling(name, "usageMetadata") => {
                self.usage = at.object::<Reported>(object)?.or(self.usage)
            }
            _ if is_spelling(name, "promptFeedback") => {
                at.value(object, &mut Feedback(self))?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

struct Feedback<'p>(&'p mut Payload);

impl<'de> Reader<'de> for Feedback<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        if !is_spelling(name, "blockReason") {
            return at.skip(object);
        }
        self.0.blocked |= is_said(at.shape(object)?);
        Ok(())
    }
}

/// Whether a word, or the number in its place, says anything.
fn is_said(shape: Shape) -> bool {
    matches!(shape, Shape::Text { bytes: 1.. } | Shape::Unsigned(1..))
}

struct Candidates<'p>(&'p mut Payload);

impl<'de> Reader<'de> for Candidates<'_> {
    fn element(&mut self, index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut candidate =
            Candidate { index: u64::try_from(index).unwrap_or(u64::MAX), ..Candidate::default() };
        at.value(array, &mut candidate)?;
        // Candidates beyond the width of the mask share its last bit; Google allows eight.
        let bit = 1_u128 << candidate.index.min(u64::from(u128::BITS - 1));
        self.0.begun |= bit;
        self.0.finished |= if candidate.finished { bit } else { 0 };
        self.0.speaks |= candidate.said.parts > 0;
        self.0.text_bytes = self.0.text_bytes.saturating_add(candidate.said.bytes);
        Ok(())
    }
}

#[derive(Default)]
struct Candidate {
    index: u64,
    finished: bool,
    said: Said,
}

impl<'de> Reader<'de> for Candidate {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "content" => {
                at.value(object, &mut self.said)?;
            }
            "index" => {
                if let Shape::Unsigned(index) = at.shape(object)? {
                    self.index = index;
                }
            }
            _ if is_spelling(name, "finishReason") => self.finished |= is_said(at.shape(object)?),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// What a content says: the bytes of text in it, of arguments all strings, names and numbers.
#[derive(Default)]
struct Said {
    parts: usize,
    bytes: u64,
}

impl Said {
    fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl<'de> Reader<'de> for Said {
    fn text(&mut self, text: &str) {
        self.add(text.len());
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let is = |known| is_spelling(name, known);
        if name == "args" {
            at.value(object, &mut Arguments(self))?;
        } else if name == "parts" {
            if let Shape::Array { items } = at.value(object, self)? {
                self.parts += items;
            }
        } else if matches!(name, "text" | "name")
            || is("functionCall")
            || is("partialArgs")
            || is("stringValue")
        {
            at.value(object, self)?;
        } else {
            at.skip(object)?;
        }
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}

/// The arguments of a call, of which every word was written by the model.
struct Arguments<'s>(&'s mut Said);

impl<'de> Reader<'de> for Arguments<'_> {
    fn text(&mut self, text: &str) {
        self.0.add(text.len());
    }

    fn number(&mut self) {
        self.0.add(1);
    }

    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        self.0.add(name.len());
        at.value(object, self)?;
        Ok(())
    }

    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        at.value(array, self).map(|_| ())
    }
}
