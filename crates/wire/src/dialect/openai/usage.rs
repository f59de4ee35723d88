//! Usage as providers report it, under all its names, turned into disjoint kinds whose sum is the provider's
//! total. Refuses to guess: what cannot be made to add up is no usage at all.

use domain::price::Tokens;
use domain::usage::Surface;

use crate::dialect::counts;
use crate::json::{Place, Reader, Scan, Stop};

/// A `usage` object as it was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reported {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
    audio_in: u64,
    audio_out: u64,
    /// What is billed, where that is said apart from what was counted (Cohere).
    billed: Option<(u64, u64)>,
    nonsense: bool,
}

impl Reported {
    /// Reads the value of the member just named; `None` when it is not an object.
    pub(crate) fn read(at: Place, object: &mut Scan<'_>) -> Result<Option<Self>, Stop> {
        at.object(object)
    }

    /// The tokens in disjoint kinds, or `None` when the report is incomplete, negative or absurd.
    ///
    /// Cached, written and audio input lie within the prompt, reasoning and audio output within the
    /// completion. A total above prompt and completion is output that stands beside them: reasoning at xAI,
    /// thoughts at Google. A total below them contradicts its own parts, and the parts stand.
    pub(crate) fn tokens(&self, surface: Surface) -> Option<Tokens> {
        if self.nonsense {
            return None;
        }
        if let Some((input, output)) = self.billed {
            return Some(Tokens { input, output, ..Tokens::default() });
        }
        let (prompt, completion) = self.sides(surface)?;
        let beside = self.total.unwrap_or(0).saturating_sub(prompt + completion);
        let mut left = prompt;
        let mut take = |wanted: u64| {
            let taken = wanted.min(left);
            left -= taken;
            taken
        };
        let (cache_read, cache_write, audio_in) =
            (take(self.cache_read), take(self.cache_write), take(self.audio_in));
        let input = left;

        let within = if beside >= self.reasoning { 0 } else { self.reasoning.min(completion) };
        let audio_out = self.audio_out.min(completion - within);
        let output = completion - within - audio_out;
        let (reasoning, audio) = (within + beside, audio_in + audio_out);
        Some(Tokens { input, cache_read, cache_write, output, reasoning, audio, ..Tokens::default() })
    }

    /// Tokens of the prompt and of the completion. Embeddings have no completion; elsewhere one missing side
    /// follows from the total, and with less than that nothing is known.
    fn sides(&self, surface: Surface) -> Option<(u64, u64)> {
        match (self.prompt, self.completion, self.total) {
            (Some(prompt), Some(completion), _) => Some((prompt, completion)),
            (Some(prompt), None, _) | (None, None, Some(prompt)) if surface == Surface::Embeddings => {
                Some((prompt, 0))
            }
            (Some(prompt), None, Some(total)) => Some((prompt, total.checked_sub(prompt)?)),
            (None, Some(completion), Some(total)) => Some((total.checked_sub(completion)?, completion)),
            _ => None,
        }
    }

    /// A count; `None` when it is absent or null. A negative, broken or absurd one spoils the whole report.
    fn count(&mut self, at: Place, object: &mut Scan<'_>) -> Result<Option<u64>, Stop> {
        let mut written = Written(None);
        let shape = at.value(object, &mut written)?;
        Ok(counts::read(shape, written.0, &mut self.nonsense))
    }
}

impl<'de> Reader<'de> for Reported {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        match name {
            "prompt_tokens" | "input_tokens" => self.prompt = self.count(at, object)?.or(self.prompt),
            "completion_tokens" | "output_tokens" => {
                self.completion = self.count(at, object)?.or(self.completion)
            }
            "billed_units" => {
                let billed = at.object::<Reported>(object)?;
                self.billed = billed.and_then(|billed| billed.prompt.zip(billed.completion.or(Some(0))));
            }
            "total_tokens" => self.total = self.count(at, object)?.or(self.total),
            "prompt_cache_hit_tokens"
            | "cached_tokens"
            | "cache_read_input_tokens"
            | "cachedContentTokenCount" => {
                self.cache_read = self.cache_read.max(self.count(at, object)?.unwrap_or(0));
            }
            "cache_creation_input_tokens" | "cache_write_tokens" => {
                self.cache_write = self.cache_write.max(self.count(at, object)?.unwrap_or(0));
            }
            "reasoning_tokens" => self.reasoning = self.reasoning.max(self.count(at, object)?.unwrap_or(0)),
            "prompt_tokens_details" | "input_tokens_details" => {
                at.value(object, &mut Details { of: self, side: Side::Prompt })?;
            }
            "completion_tokens_details" | "output_tokens_details" => {
                at.value(object, &mut Details { of: self, side: Side::Completion })?;
            }
            _ => at.skip(object)?,
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Prompt,
    Completion,
}

/// The finer counts of one side.
struct Details<'u> {
    of: &'u mut Reported,
    side: Side,
}

impl<'de> Reader<'de> for Details<'_> {
    fn member(&mut self, name: &str, at: Place, object: &mut Scan<'de>) -> Result<(), Stop> {
        let known: &[&str] = match self.side {
            Side::Prompt => &["cached_tokens", "cache_write_tokens", "cache_creation_tokens", "audio_tokens"],
            Side::Completion => &["reasoning_tokens", "audio_tokens"],
        };
        if !known.contains(&name) {
            return at.skip(object);
        }
        let count = self.of.count(at, object)?.unwrap_or(0);
        let kept = match (self.side, name) {
            (Side::Prompt, "cached_tokens") => &mut self.of.cache_read,
            (Side::Prompt, "audio_tokens") => &mut self.of.audio_in,
            (Side::Prompt, _) => &mut self.of.cache_write,
            (Side::Completion, "audio_tokens") => &mut self.of.audio_out,
            (Side::Completion, _) => &mut self.of.reasoning,
        };
        *kept = count.max(*kept);
        Ok(())
    }
}

/// A count written as a string of digits.
struct Written(Option<u64>);

impl Reader<'_> for Written {
    fn text(&mut self, text: &str) {
        let clean = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        self.0 = if clean { text.parse().ok() } else { None };
    }
}

#[cfg(test)]
mod tests;
