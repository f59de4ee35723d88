//! What is known of a model, whoever offers it.

use std::sync::Arc;

use crate::price::Pricing;

/// What a provider charges in a batch for a token that was read from the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CachedInBatch {
    /// The same share of its price as for any other token.
    #[default]
    ShareOfItsPrice,
    /// As much as for any other input: one discount is all there is.
    AsOtherInput,
}

/// Facts about one model of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// What it costs.
    pub pricing: Pricing,
    /// Which price row that is: kept on every usage record.
    pub price_version: Arc<str>,
    /// Tokens of context, when known.
    pub context_tokens: Option<u32>,
    /// Most tokens of output, when known.
    pub max_output_tokens: Option<u32>,
    /// What a token costs in a batch, in percent of its price elsewhere; none where nobody said.
    pub batch_percent: Option<u8>,
    /// Whether that is true of what was read from the cache.
    pub cached_in_batch: CachedInBatch,
}

impl ModelFacts {
    /// A model nobody described: usable, but of unknown cost.
    #[must_use]
    pub fn unknown() -> Self {
        Self {
            pricing: Pricing::Unpriced,
            price_version: Arc::from("none"),
            context_tokens: None,
            max_output_tokens: None,
            batch_percent: None,
            cached_in_batch: CachedInBatch::ShareOfItsPrice,
        }
    }

    /// What the model costs in a batch: the share of each price that its provider charges there; unpriced where nobody said
    /// which, and free where it is free.
    #[must_use]
    pub fn batch_pricing(&self) -> Pricing {
        let pricing = match self.cached_in_batch {
            CachedInBatch::ShareOfItsPrice => self.pricing,
            CachedInBatch::AsOtherInput => self.pricing.without_cache_discount(),
        };
        match (pricing, self.batch_percent) {
            (Pricing::Free, _) => Pricing::Free,
            (pricing, Some(percent)) => pricing.at_percent(percent),
            (_, None) => Pricing::Unpriced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;
    use crate::price::{Price, Tokens};

    #[test]
    fn a_batch_costs_its_share_of_each_price() {
        let usd = |text: &str| text.parse::<Money>().unwrap();
        let list = Price { cache_read: usd("0.20"), ..Price::new(usd("2"), usd("8")).unwrap() };
        let facts = |pricing, batch_percent, cached_in_batch| ModelFacts {
            pricing,
            batch_percent,
            cached_in_batch,
            ..ModelFacts::unknown()
        };
        let million = 1_000_000;
        let tokens = Tokens { input: million, cache_read: million, output: million, ..Tokens::default() };
        let check = |percent, cached, expect: Option<&str>| {
            let pricing = facts(Pricing::Priced(list), percent, cached).batch_pricing();
            let cost = (pricing != Pricing::Unpriced).then(|| pricing.cost(&tokens));
            assert_eq!(cost, expect.map(usd), "{percent:?} {cached:?}");
        };
        check(Some(50), CachedInBatch::ShareOfItsPrice, Some("5.1"));
        check(Some(50), CachedInBatch::AsOtherInput, Some("6"));
        check(Some(100), CachedInBatch::ShareOfItsPrice, Some("10.2"));
        check(None, CachedInBatch::ShareOfItsPrice, None);
        for (pricing, expect) in [(Pricing::Free, Pricing::Free), (Pricing::Unpriced, Pricing::Unpriced)] {
            assert_eq!(facts(pricing, None, CachedInBatch::default()).batch_pricing(), expect);
            assert_eq!(facts(pricing, Some(50), CachedInBatch::default()).batch_pricing(), expect);
        }
    }
}
