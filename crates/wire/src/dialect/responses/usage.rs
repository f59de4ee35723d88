//! Usage as this protocol reports it, turned into disjoint kinds whose sum is the provider's total, and back. Refuses to
//! guess: what cannot be made to add up is no usage at all.

use domain::price::Tokens;
use serde::de::MapAccess;

use super::compose::Object;
use crate::json::{self, Place, Reader, Shape};

/// More tokens than any call can have: about 10¹². Counts above are taken for nonsense.
const MAX_COUNT: u64 = 1 << 40;

/// A `usage` object as it was written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reported {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
    nonsense: bool,
}

/// The tokens that the text of a `usage` object reports.
pub(super) fn tokens(usage: &str) -> Option<Tokens> {
    let mut reported = Reported::default();
    json::read_open(usage.as_bytes(), &mut reported).ok()?;
    reported.tokens()
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

    /// The tokens in disjoint kinds, or `None` when the report is incomplete, negative or absurd. Cached and written
    /// tokens lie within the input, reasoning within the output; a total above both is output beside them.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        if self.nonsense {
            return None;
        }
        let (prompt, completion) = match (self.input, self.output, self.total) {
            (Some(input), Some(output), _) => (input, output),
            (Some(input), None, Some(total)) => (input, total.checked_sub(input)?),
            (None, Some(output), Some(total)) => (total.checked_sub(output)?, output),
            _ => return None,
        };
        let beside = self.total.unwrap_or(0).saturating_sub(prompt + completion);
        let cache_read = self.cache_read.min(prompt);
        let cache_write = self.cache_write.min(prompt - cache_read);
        let within = if beside >= self.reasoning { 0 } else { self.reasoning.min(completion) };
        Some(Tokens {
            input: prompt - cache_read - cache_write,
            cache_read,
            cache_write,
            output: completion - within,
            reasoning: within + beside,
            ..Tokens::default()
        })
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

struct Unread;

impl Reader<'_> for Unread {}

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
            "total_tokens" => self.total = self.count(at, object)?.or(self.total),
            "input_tokens_details" | "output_tokens_details" => {
                at.value(object, &mut Details(self))?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// The finer counts of one side.
struct Details<'u>(&'u mut Reported);

impl<'de> Reader<'de> for Details<'_> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        at: Place<'_>,
        object: &mut A,
    ) -> Result<(), A::Error> {
        match name {
            "cached_tokens" => self.0.cache_read = self.0.count(at, object)?.unwrap_or(0),
            "cache_write_tokens" => self.0.cache_write = self.0.count(at, object)?.unwrap_or(0),
            "reasoning_tokens" => self.0.reasoning = self.0.count(at, object)?.unwrap_or(0),
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// Writes `usage`: all that was read counts as input, cached or not; all that was written as output, thought or said.
pub(super) fn write(response: &mut Object<'_>, tokens: Option<&Tokens>) {
    let Some(tokens) = tokens else { return response.json("usage", "null") };
    let output = tokens.output.saturating_add(tokens.reasoning);
    let total = tokens.total();
    response.object("usage", |usage| {
        usage.number("input_tokens", total.saturating_sub(output));
        usage.object("input_tokens_details", |details| {
            details.number("cached_tokens", tokens.cache_read);
            details.number("cache_write_tokens", tokens.cache_write);
        });
        usage.number("output_tokens", output);
        usage.object("output_tokens_details", |details| details.number("reasoning_tokens", tokens.reasoning));
        usage.number("total_tokens", total);
    });
}

#[cfg(test)]
mod tests;
