//! What is known of a model, whoever offers it.

use std::sync::Arc;

use crate::price::Pricing;

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
        }
    }
}
