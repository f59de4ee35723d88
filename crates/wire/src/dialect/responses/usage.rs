//! Usage as this protocol reports it, turned into disjoint kinds whose sum is the provider's total, and back. Refuses to
//! guess: what cannot be made to add up is no usage at all.

use domain::price::Tokens;

use crate::dialect::counts;
use crate::json::build::ObjectWriter;
use crate::json::{self, Place, Reader, Scan, Stop};

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
    fn count(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
        Ok(counts::read(at.shape(object)?, None, &mut self.nonsense))
    }
}

impl<'de> Reader<'de> for Reported {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
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
pub(super) fn write(response: &mut ObjectWriter<'_>, tokens: Option<&Tokens>) {
    let Some(tokens) = tokens else { return response.raw("usage", "null") };
    // The pictures of a conversation are made, not read.
    let output = [tokens.reasoning, tokens.image].into_iter().fold(tokens.output, u64::saturating_add);
    let total = tokens.total();
    response.object("usage", |usage| {
        usage.plain("input_tokens", total.saturating_sub(output));
        usage.object("input_tokens_details", |details| {
            details.plain("cached_tokens", tokens.cache_read);
            details.plain("cache_write_tokens", tokens.cache_write);
        });
        usage.plain("output_tokens", output);
        usage.object("output_tokens_details", |details| details.plain("reasoning_tokens", tokens.reasoning));
        usage.plain("total_tokens", total);
    });
}

#[cfg(test)]
mod tests;
