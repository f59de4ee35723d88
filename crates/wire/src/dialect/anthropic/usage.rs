//! Usage as this protocol reports it, turned into disjoint kinds. Input excludes what was read from or written to the
//! cache, output includes thinking. In a stream it comes in pieces that are cumulative: the last word on each count
//! stands, and none is ever added to another.

use domain::price::Tokens;

use crate::answer::Advice;
use crate::dialect::counts;
use crate::json::build::ObjectWriter;
use crate::json::{Place, Reader, Scan, Stop};

/// The longest name of a model that is kept, in bytes.
const LONGEST_MODEL: usize = 256;

/// A `usage` object as it was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Reported {
    input: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    five_minutes: Option<u64>,
    one_hour: Option<u64>,
    /// What the summing up of the conversation used, which the totals leave out.
    summaries: Option<Tokens>,
    /// What an adviser used, which they leave out as well.
    advice: Option<Box<Advice>>,
    nonsense: bool,
}

impl Reported {
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
            summaries: later.summaries.or(self.summaries),
            advice: later.advice.or_else(|| self.advice.take()),
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
        let advice = self.advice.as_ref().map(|advice| &advice.tokens);
        Some(self.summaries.iter().chain(advice).fold(own, |so_far, beside| so_far.plus(beside)))
    }

    /// The part of [`Self::tokens`] that an adviser used.
    pub(super) fn advice(&self) -> Option<&Advice> {
        self.advice.as_deref().filter(|_| !self.nonsense)
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
            "thinking_tokens" => self.thinking = self.count(at, object)?.or(self.thinking),
            "cache_read_input_tokens" => self.cache_read = self.count(at, object)?.or(self.cache_read),
            "cache_creation_input_tokens" => self.cache_write = self.count(at, object)?.or(self.cache_write),
            "ephemeral_5m_input_tokens" => self.five_minutes = self.count(at, object)?.or(self.five_minutes),
            "ephemeral_1h_input_tokens" => self.one_hour = self.count(at, object)?.or(self.one_hour),
            "cache_creation" | "output_tokens_details" => {
                at.value(object, self)?;
            }
            "iterations" => {
                let mut iterations = Iterations::default();
                at.value(object, &mut iterations)?;
                self.summaries = iterations.summaries.or(self.summaries);
                self.advice = iterations.advice.map(Box::new).or_else(|| self.advice.take());
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

/// One entry of `iterations`: what it is, whose work it was, and what that used.
#[derive(Default)]
struct Iteration {
    entry: Entry,
    model: String,
    used: Reported,
}

impl<'de> Reader<'de> for Iteration {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "type" => {
                at.value(object, &mut self.entry)?;
            }
            "model" => {
                at.value(object, &mut Named(&mut self.model))?;
            }
            _ => self.used.member(name, at, object)?,
        }
        Ok(())
    }
}

/// What an entry of `iterations` is. The totals hold neither of the last two: the advice has the price of the model that
/// gave it, <https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Entry {
    #[default]
    Within,
    Summary,
    Advice,
}

impl Reader<'_> for Entry {
    fn text(&mut self, text: &str) {
        *self = match text {
            "compaction" => Entry::Summary,
            "advisor_message" => Entry::Advice,
            _ => Entry::Within,
        };
    }
}

/// The name of a model; one that is longer than any has stays empty.
struct Named<'n>(&'n mut String);

impl Reader<'_> for Named<'_> {
    fn text(&mut self, text: &str) {
        if text.len() <= LONGEST_MODEL {
            text.clone_into(self.0);
        }
    }
}

/// The sums of the entries that the totals leave out.
#[derive(Default)]
struct Iterations {
    summaries: Option<Tokens>,
    advice: Option<Advice>,
}

impl<'de> Reader<'de> for Iterations {
    fn element(&mut self, _index: usize, at: Place, array: &mut Scan<'de>) -> Result<(), Stop> {
        let mut iteration = Iteration::default();
        at.value(array, &mut iteration)?;
        match (iteration.entry, iteration.used.tokens()) {
            (Entry::Summary, Some(tokens)) => {
                self.summaries = Some(self.summaries.map_or(tokens, |so_far| so_far.plus(&tokens)));
            }
            (Entry::Advice, Some(tokens)) => {
                let advice = Advice { model: iteration.model, tokens };
                self.advice = Some(match self.advice.take() {
                    None => advice,
                    Some(so_far) => so_far.and(advice),
                });
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes the members of `usage` that say what was used. Kinds that this protocol does not have are counted as input.
pub(super) fn write(fields: &mut ObjectWriter<'_>, tokens: &Tokens) {
    let written = tokens.cache_write.saturating_add(tokens.cache_write_1h);
    // The pictures of a conversation are made, not read.
    let output = [tokens.reasoning, tokens.image].into_iter().fold(tokens.output, u64::saturating_add);
    let known = [tokens.cache_read, written, output];
    let elsewhere = known.into_iter().fold(0, u64::saturating_add);
    fields.plain("input_tokens", tokens.total().saturating_sub(elsewhere));
    fields.plain("cache_creation_input_tokens", written);
    fields.plain("cache_read_input_tokens", tokens.cache_read);
    fields.object("cache_creation", |fields| {
        fields.plain("ephemeral_5m_input_tokens", tokens.cache_write);
        fields.plain("ephemeral_1h_input_tokens", tokens.cache_write_1h);
    });
    fields.plain("output_tokens", output);
    if tokens.reasoning > 0 {
        fields.object("output_tokens_details", |fields| fields.plain("thinking_tokens", tokens.reasoning));
    }
}

#[cfg(test)]
mod tests;
