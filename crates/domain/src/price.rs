//! What a call costs: prices per million tokens and per unit of what is not counted in tokens, usage in disjoint kinds, one
//! exact sum rounded up once.

mod written;

use serde::{Deserialize, Serialize};

use crate::money::Money;
use written::Written;

/// Tokens of one call in disjoint kinds; their sum is the provider's total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Input that was neither read from nor written to a cache.
    pub input: u64,
    /// Input read from the provider's cache.
    pub cache_read: u64,
    /// Input written to the provider's cache (held 5 minutes).
    pub cache_write: u64,
    /// Visible output.
    pub output: u64,
    /// Output spent on reasoning.
    pub reasoning: u64,
    /// Audio, in and out.
    pub audio: u64,
    /// Input written to the provider's cache (held an hour).
    pub cache_write_1h: u64,
    /// Pictures, in or out, where the provider bills them apart from text.
    pub image: u64,
}

impl Tokens {
    /// The provider's total.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.prompt(), self.output, self.reasoning, self.audio, self.image]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Both together, kind by kind.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    /// What is left without `other`, kind by kind, and nothing below zero.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_sub)
    }

    fn with(&self, other: &Self, each: fn(u64, u64) -> u64) -> Self {
        Self {
            input: each(self.input, other.input),
            cache_read: each(self.cache_read, other.cache_read),
            cache_write: each(self.cache_write, other.cache_write),
            output: each(self.output, other.output),
            reasoning: each(self.reasoning, other.reasoning),
            audio: each(self.audio, other.audio),
            cache_write_1h: each(self.cache_write_1h, other.cache_write_1h),
            image: each(self.image, other.image),
        }
    }

    /// Text of the prompt, cached parts included.
    #[must_use]
    pub fn prompt(&self) -> u64 {
        [self.cache_read, self.cache_write, self.cache_write_1h]
            .into_iter()
            .fold(self.input, u64::saturating_add)
    }
}

/// What one call used of what is not counted in tokens. Only what is billed so is in it: where a provider counts tokens,
/// all of these are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Units {
    /// Pictures made.
    pub pictures: u64,
    /// Milliseconds of sound heard or made.
    pub sound_ms: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Searches, as a provider of rankings counts them.
    pub searches: u64,
}

/// Prices of a model: nano-dollars per million tokens of each kind, per unit of what is not counted in tokens, and per
/// request. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Price {
    /// Per million input tokens.
    pub input: Money,
    /// Per million input tokens read from the cache.
    pub cache_read: Money,
    /// Per million input tokens written to the cache.
    pub cache_write: Money,
    /// Per million output tokens; reasoning is billed as output unless the provider says otherwise.
    pub output: Money,
    /// Per million reasoning tokens.
    pub reasoning: Money,
    /// Per million audio tokens.
    pub audio: Money,
    /// Per request.
    pub request: Money,
    /// Per million input tokens written to the cache for an hour.
    pub cache_write_1h: Money,
    /// Per million tokens of pictures.
    pub image: Money,
    /// Per picture; none where a picture has no price of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<Money>,
    /// Per second of sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<Money>,
    /// Per million characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<Money>,
    /// Per search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Money>,
}

/// What a call costs by a price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The cost of all that has a price.
    pub cost: Money,
    /// Whether all that was used has one.
    pub covers: Covers,
}

/// How much of a call a price list covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covers {
    /// All of it.
    Everything,
    /// Something was used for whose unit the list has no price.
    NotEveryUnit,
}

/// A price that must not be loaded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a price is never negative: a negative price would credit its caller")]
pub struct NegativePrice;

impl Price {
    /// A price list with input and output prices; cached input costs the same as input, reasoning as output.
    ///
    /// # Errors
    /// [`NegativePrice`] when either is below zero.
    pub fn new(input: Money, output: Money) -> Result<Self, NegativePrice> {
        Self {
            input,
            cache_read: input,
            cache_write: input,
            output,
            reasoning: output,
            audio: input.max(output),
            cache_write_1h: input,
            image: input.max(output),
            ..Self::default()
        }
        .checked()
    }

    /// The same prices, refused when one is negative.
    ///
    /// # Errors
    /// [`NegativePrice`] when any part is below zero.
    pub fn checked(self) -> Result<Self, NegativePrice> {
        let parts = [
            self.input,
            self.cache_read,
            self.cache_write,
            self.output,
            self.reasoning,
            self.audio,
            self.request,
            self.cache_write_1h,
            self.image,
        ];
        let units = [self.picture, self.second, self.characters, self.search].into_iter().flatten();
        if parts.into_iter().chain(units).any(|part| part < Money::ZERO) {
            Err(NegativePrice)
        } else {
            Ok(self)
        }
    }

    /// The same prices at `percent` of each: exact, each rounded up to a nano-dollar, and held at [`Money::MAX`] where
    /// one is larger than money can say.
    #[must_use]
    pub fn at_percent(self, percent: u8) -> Self {
        let part = |whole: Money| {
            let nanos = (i128::from(whole.nanos()) * i128::from(percent) + 99).div_euclid(100);
            i64::try_from(nanos).map_or(Money::MAX, Money::from_nanos)
        };
        Self {
            input: part(self.input),
            cache_read: part(self.cache_read),
            cache_write: part(self.cache_write),
            output: part(self.output),
            reasoning: part(self.reasoning),
            audio: part(self.audio),
            request: part(self.request),
            cache_write_1h: part(self.cache_write_1h),
            image: part(self.image),
            picture: self.picture.map(part),
            second: self.second.map(part),
            characters: self.characters.map(part),
            search: self.search.map(part),
        }
    }

    /// The cost of `tokens` in one request: see [`Price::charge`].
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Money {
        self.charge(tokens, &Units::default()).cost
    }

    /// The cost of `tokens` and `units` in one request: summed exactly in 128 bits, rounded up once to a nano-dollar, and
    /// held at [`Money::MAX`] when the sum is larger than money can say.
    #[must_use]
    pub fn charge(&self, tokens: &Tokens, units: &Units) -> Charge {
        const MILLION: u64 = 1_000_000;
        let kinds = [
            (tokens.input, self.input),
            (tokens.cache_read, self.cache_read),
            (tokens.cache_write, self.cache_write),
            (tokens.cache_write_1h, self.cache_write_1h),
            (tokens.output, self.output),
            (tokens.reasoning, self.reasoning),
            (tokens.audio, self.audio),
            (tokens.image, self.image),
            (MILLION, self.request),
        ];
        // Counted in what the price is for a million of.
        let of_units = [
            (units.pictures.saturating_mul(MILLION), self.picture),
            (units.sound_ms.saturating_mul(MILLION / 1_000), self.second),
            (units.characters, self.characters),
            (units.searches.saturating_mul(MILLION), self.search),
        ];
        let priced = of_units.into_iter().filter_map(|(count, price)| Some((count, price?)));
        let millionths = kinds
            .into_iter()
            .chain(priced)
            .map(|(count, price)| i128::from(count) * i128::from(price.nanos()))
            .fold(0, i128::saturating_add);
        let nanos = millionths.saturating_add(999_999).div_euclid(1_000_000);
        let covers = if of_units.iter().any(|(count, price)| *count > 0 && price.is_none()) {
            Covers::NotEveryUnit
        } else {
            Covers::Everything
        };
        Charge { cost: i64::try_from(nanos).map_or(Money::MAX, Money::from_nanos), covers }
    }
}

/// Whether a model has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pricing {
    /// It has one.
    Priced(Price),
    /// Somebody declared that it costs nothing.
    Free,
    /// Nobody said anything: its cost is unknown, not zero.
    Unpriced,
    /// It has one, and a higher one for long prompts.
    Stepped(Stepped),
}

/// Two price lists of one model: a prompt of `from_prompt_tokens` or more is billed by the second one as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stepped {
    /// The prices of shorter prompts.
    pub below: Price,
    /// The shortest prompt, cached parts included, that is billed by `beyond`.
    pub from_prompt_tokens: u64,
    /// The prices of every token of such a call.
    pub beyond: Price,
}

impl Stepped {
    /// The list that applies to `tokens`.
    #[must_use]
    pub fn price(&self, tokens: &Tokens) -> &Price {
        if tokens.prompt() < self.from_prompt_tokens { &self.below } else { &self.beyond }
    }
}

impl Pricing {
    /// The same at `percent` of every price, as in a batch: see [`Price::at_percent`].
    #[must_use]
    pub fn at_percent(self, percent: u8) -> Self {
        self.each(|price| price.at_percent(percent))
    }

    /// The same where input from the cache is no cheaper than other input.
    #[must_use]
    pub fn without_cache_discount(self) -> Self {
        self.each(|price| Price { cache_read: price.cache_read.max(price.input), ..price })
    }

    fn each(self, change: impl Fn(Price) -> Price) -> Self {
        match self {
            Pricing::Priced(price) => Pricing::Priced(change(price)),
            Pricing::Stepped(Stepped { below, from_prompt_tokens, beyond }) => {
                Pricing::Stepped(Stepped { below: change(below), from_prompt_tokens, beyond: change(beyond) })
            }
            Pricing::Free | Pricing::Unpriced => self,
        }
    }

    /// The cost of `tokens`; zero when free or unpriced.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Money {
        self.charge(tokens, &Units::default()).0
    }

    /// The cost of `tokens` and `units`, zero when free or unpriced, and how the call was priced: `priced`, `free`, or
    /// `unpriced` where something that was used has no price.
    #[must_use]
    pub fn charge(&self, tokens: &Tokens, units: &Units) -> (Money, &'static str) {
        let charge = match self {
            Pricing::Priced(price) => price.charge(tokens, units),
            Pricing::Stepped(stepped) => stepped.price(tokens).charge(tokens, units),
            Pricing::Free | Pricing::Unpriced => return (Money::ZERO, self.word()),
        };
        match charge.covers {
            Covers::Everything => (charge.cost, self.word()),
            Covers::NotEveryUnit => (charge.cost, Pricing::Unpriced.word()),
        }
    }

    /// `priced`, `free` or `unpriced`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Pricing::Priced(_) | Pricing::Stepped(_) => "priced",
            Pricing::Free => "free",
            Pricing::Unpriced => "unpriced",
        }
    }
}

#[cfg(test)]
mod tests;
