//! What a call costs: prices per million tokens, usage in disjoint kinds, one exact sum rounded up once.

use serde::{Deserialize, Serialize};

use crate::money::Money;

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
}

impl Tokens {
    /// The provider's total.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.output, self.reasoning, self.audio]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// Prices of a model: nano-dollars per million tokens of each kind, and per request. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
            request: Money::ZERO,
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
        ];
        if parts.into_iter().any(|part| part < Money::ZERO) { Err(NegativePrice) } else { Ok(self) }
    }

    /// The cost of `tokens` in one request: summed exactly in 128 bits, rounded up once to a nano-dollar, and
    /// held at [`Money::MAX`] when the sum is larger than money can say.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Money {
        let part = |count: u64, price: Money| i128::from(count) * i128::from(price.nanos());
        let millionths = part(tokens.input, self.input)
            + part(tokens.cache_read, self.cache_read)
            + part(tokens.cache_write, self.cache_write)
            + part(tokens.output, self.output)
            + part(tokens.reasoning, self.reasoning)
            + part(tokens.audio, self.audio)
            + part(1_000_000, self.request);
        let nanos = (millionths + 999_999).div_euclid(1_000_000);
        i64::try_from(nanos).map_or(Money::MAX, Money::from_nanos)
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
        let prompt = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
        if prompt < self.from_prompt_tokens { &self.below } else { &self.beyond }
    }
}

impl Pricing {
    /// The cost of `tokens`; zero when free or unpriced.
    #[must_use]
    pub fn cost(&self, tokens: &Tokens) -> Money {
        match self {
            Pricing::Priced(price) => price.cost(tokens),
            Pricing::Stepped(stepped) => stepped.price(tokens).cost(tokens),
            Pricing::Free | Pricing::Unpriced => Money::ZERO,
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn costs_are_exact_and_rounded_up_once() {
        let cost = |price: &str, tokens: u64| {
            Price::new(usd(price), Money::ZERO).unwrap().cost(&Tokens { input: tokens, ..Tokens::default() })
        };
        assert_eq!(cost("0.15", 1), usd("0.00000015"));
        assert_eq!(cost("0.15", 1_000_000), usd("0.15"));
        assert_eq!(cost("3.333333", 7), usd("0.000023334"));
        assert_eq!(cost("75", 200_000), usd("15"));
        assert_eq!(cost("10", 0), Money::ZERO);
        assert_eq!(cost("1000", 2_147_483_647), usd("2147483.647"));
        assert_eq!(cost("1000000", u64::MAX), Money::MAX);
    }

    #[test]
    fn a_long_prompt_is_billed_by_the_second_list_as_a_whole() {
        let list = |input: &str, output: &str| Price::new(usd(input), usd(output)).unwrap();
        let stepped = Pricing::Stepped(Stepped {
            below: list("1", "10"),
            from_prompt_tokens: 200_000,
            beyond: list("2", "15"),
        });
        let cost = |input, cache_read| {
            stepped.cost(&Tokens { input, cache_read, output: 1_000_000, ..Tokens::default() })
        };
        assert_eq!(cost(199_999, 0), usd("10.199999"));
        assert_eq!(cost(200_000, 0), usd("15.4"));
        assert_eq!(cost(100_000, 100_000), usd("15.4"), "cached parts of the prompt count");
    }

    #[test]
    fn negative_prices_are_refused() {
        assert_eq!(Price::new(usd("-1"), Money::ZERO), Err(NegativePrice));
    }

    proptest! {
        #[test]
        fn a_sum_never_costs_more_than_its_parts_and_never_less_than_exact(
            a in 0u64..1_000_000_000, b in 0u64..1_000_000_000, price in 0i64..1_000_000_000_000
        ) {
            let list = Price::new(Money::from_nanos(price), Money::from_nanos(price)).unwrap();
            let one = |input, output| list.cost(&Tokens { input, output, ..Tokens::default() }).nanos();
            let both = one(a, b);
            prop_assert!(both <= one(a, 0) + one(0, b));
            prop_assert!(i128::from(both) * 1_000_000 >= i128::from(a + b) * i128::from(price));
            prop_assert!(i128::from(both) * 1_000_000 < i128::from(a + b) * i128::from(price) + 1_000_000);
        }
    }
}
