//! Usage as this protocol reports it, turned into disjoint kinds. Input excludes what was read from or written to the
//! cache, output includes thinking. In a stream it comes in pieces that are cumulative: the last word on each count
//! stands, and none is ever added to another.

use domain::price::Tokens;
use serde::de::{MapAccess, SeqAccess};

use super::compose::Fields;
use crate::json::{Place, Reader, Shape};

/// More tokens than any call can have: about 10¹². Counts above are taken for nonsense.
const MAX_COUNT: u64 = 1 << 40;

/// A `usage` object as it was written, or one entry of its `iterations`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    input: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    five_minutes: Option<u64>,
    one_hour: Option<u64>,
    /// What was used beside the answer itself.
    beside: Option<Tokens>,
    /// Whether this is an entry of `iterations` that the totals leave out.
    is_beside: bool,
    nonsense: bool,
}

impl Reported {
    /// Reads the value of the member just named; `None` when it is not an object.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        at: Place<'_>,
        object: &mut A,
    ) -> Result<Option<Self>, A::Error> {
        let mut reported = Self::default();
        let shape = at.value(object, &mut reported)?;
        Ok(matches!(shape, Shape::Object { .. }).then_some(reported))
    }

    /// Takes in a later report of the same answer.
    pub(super) fn correct(&mut self, later: Self) {
        *self = Self {
            input: later.input.or(self.input),
            output: later.output.or(self.output),
            thinking: later.thinking.or(self.thinking),
            cache_read: later.cache_read.or(self.cache_read),
            cache_write: later.cache_write.or(self.cache_write),
            five_minutes: later.five_minutes.or(self.five_minutes),
            one_hour: later.one_hour.or(self.one_hour),
            beside: later.beside.or(self.beside),
            is_beside: false,
            nonsense: self.nonsense || later.nonsense,
        };
    }

    /// The tokens in disjoint kinds, or `None` when the report is incomplete, negative or absurd.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        if self.nonsense {
            return None;
        }
        let (input, whole_output) = (self.input?, self.output?);
        let reasoning = self.thinking.unwrap_or(0).min(whole_output);
        let (five_minutes, one_hour) = (self.five_minutes.unwrap_or(0), self.one_hour.unwrap_or(0));
        // The split is told at the start of a stream and the sum corrected at its end, so the sum decides.
        let written = self.cache_write.unwrap_or(five_minutes + one_hour);
        let cache_write_1h = one_hour.min(written);
        let own = Tokens {
            input,
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: written - cache_write_1h,
            cache_write_1h,
            output: whole_output - reasoning,
            reasoning,
            ..Tokens::default()
        };
        Some(self.beside.map_or(own, |beside| sum(&own, &beside)))
    }

    /// A count; `None` when it is absent or null. A negative, broken or absurd one spoils the whole report.
    fn count<'de, A: MapAccess<'de>>(
        &mut self,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<Option<u64>, A::Error> {
        let count = match at.value(object, &mut Unread)? {
            Shape::Null => return Ok(None),
            Shape::Unsigned(count) => Some(count),
            Shape::Float(count) if count.fract() == 0.0 => format!("{count:.0}").parse().ok(),
            _ => None,
        };
        let count = count.filter(|&count| count <= MAX_COUNT);
        self.nonsense |= count.is_none();
        Ok(count)
    }
}

impl<'de> Reader<'de> for Reported {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        match name {
            "input_tokens" => self.input = self.count(at, object)?.or(self.input),
            "output_tokens" => self.output = self.count(at, object)?.or(self.output),
            "thinking_tokens" => self.thinking = self.count(at, object)?.or(self.thinking),
            "cache_read_input_tokens" => self.cache_read = self.count(at, object)?.or(self.cache_read),
            "cache_creation_input_tokens" => self.cache_write = self.count(at, object)?.or(self.cache_write),
            "ephemeral_5m_input_tokens" => self.five_minutes = self.count(at, object)?.or(self.five_minutes),
            "ephemeral_1h_input_tokens" => self.one_hour = self.count(at, object)?.or(self.one_hour),
            "cache_creation" | "output_tokens_details" => {
                at.value(object, self)?;
            }
            "iterations" => {
                let mut iterations = Iterations(None);
                at.value(object, &mut iterations)?;
                self.beside = iterations.0.or(self.beside);
            }
            "type" => {
                let mut kind = IsBeside(false);
                at.value(object, &mut kind)?;
                self.is_beside = kind.0;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

struct Unread;

impl Reader<'_> for Unread {}

/// Whether an entry of `iterations` is one that the totals leave out: the summing up of a conversation, and the
/// advice of another model. The latter has a price of its own, which is not known here; it is counted with the rest
/// rather than not at all.
struct IsBeside(bool);

impl Reader<'_> for IsBeside {
    fn text(&mut self, text: &str) {
        self.0 = matches!(text, "compaction" | "advisor_message");
    }
}

/// The sum of the entries that the totals leave out.
struct Iterations(Option<Tokens>);

impl<'de> Reader<'de> for Iterations {
    fn element<A: SeqAccess<'de>>(
        &mut self,
        _index: usize,
        at: Place<'_>,
        array: &mut A,
    ) -> Result<Option<Shape>, A::Error> {
        let mut entry = Reported::default();
        let shape = at.item(array, &mut entry)?;
        if let Some(tokens) = entry.tokens().filter(|_| entry.is_beside) {
            self.0 = Some(self.0.map_or(tokens, |so_far| sum(&so_far, &tokens)));
        }
        Ok(shape)
    }
}

fn sum(one: &Tokens, other: &Tokens) -> Tokens {
    Tokens {
        input: one.input.saturating_add(other.input),
        cache_read: one.cache_read.saturating_add(other.cache_read),
        cache_write: one.cache_write.saturating_add(other.cache_write),
        cache_write_1h: one.cache_write_1h.saturating_add(other.cache_write_1h),
        output: one.output.saturating_add(other.output),
        reasoning: one.reasoning.saturating_add(other.reasoning),
        ..*one
    }
}

/// Writes the members of `usage` that say what was used. Kinds that this protocol does not have are counted as input.
pub(super) fn write(fields: &mut Fields<'_>, tokens: &Tokens) {
    let written = tokens.cache_write.saturating_add(tokens.cache_write_1h);
    let known = [tokens.cache_read, written, tokens.output, tokens.reasoning];
    let elsewhere = known.into_iter().fold(0, u64::saturating_add);
    fields.count("input_tokens", tokens.total().saturating_sub(elsewhere));
    fields.count("cache_creation_input_tokens", written);
    fields.count("cache_read_input_tokens", tokens.cache_read);
    fields.object("cache_creation", |fields| {
        fields.count("ephemeral_5m_input_tokens", tokens.cache_write);
        fields.count("ephemeral_1h_input_tokens", tokens.cache_write_1h);
    });
    fields.count("output_tokens", tokens.output.saturating_add(tokens.reasoning));
    if tokens.reasoning > 0 {
        fields.object("output_tokens_details", |fields| fields.count("thinking_tokens", tokens.reasoning));
    }
}

#[cfg(test)]
mod tests;
