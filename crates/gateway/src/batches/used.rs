//! What a batch used and what that costs: arithmetic alone. Refuses to know where the figures come from.

use domain::batch::Batch;
use domain::money::Money;
use domain::price::{Price, Pricing, Tokens};
use wire::batch::object::{BatchObject, Status};
use wire::batch::results::Results;
use wire::openai::estimate_tokens;

/// What a batch used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// As far as the provider counted it, and the rest as it is estimated.
    pub tokens: Tokens,
    /// Of these what was used by requests whose prompt is billed by the prices of long ones.
    pub beyond: Tokens,
    /// Requests that were answered.
    pub answered: u64,
    /// Whether some of it is an estimate.
    pub estimated: Estimated,
}

/// How much of what was used is an estimate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Estimated {
    /// Nothing: the provider counted all of it.
    #[default]
    Nothing,
    /// Something.
    Something,
}

/// What a batch used: by the lines of its results, else by the provider's word for all of it, else by an estimate.
pub(super) fn used(batch: &Batch, told: &BatchObject, results: Option<&Results>) -> Used {
    let whole =
        |tokens: Tokens| Used { tokens, answered: u64::from(batch.requests.count), ..Used::default() };
    let Some(results) = results else {
        return match (told.usage, told.status) {
            (Some(tokens), _) => whole(tokens),
            // Its requests were refused as a whole.
            (None, Status::Failed) => Used::default(),
            (None, _) => estimate(batch),
        };
    };
    let unknown = results.unreadable.saturating_add(results.uncounted);
    let nowhere = told.output_file.is_none() && told.error_file.is_none() && told.status == Status::Completed;
    match told.usage {
        Some(tokens) if unknown > 0 || nowhere => return whole(tokens),
        None if nowhere => return estimate(batch),
        _ => {}
    }
    let mut used = Used {
        tokens: results.tokens,
        beyond: results.beyond,
        answered: results.answered,
        estimated: Estimated::Nothing,
    };
    if unknown > 0 {
        let share = u128::from(batch.requests.input_bytes) * u128::from(unknown)
            / u128::from(batch.requests.count.max(1));
        let read = estimate_tokens(u64::try_from(share).unwrap_or(u64::MAX));
        let written = estimate_tokens(results.uncounted_bytes);
        used.tokens.input = used.tokens.input.saturating_add(read);
        used.tokens.output = used.tokens.output.saturating_add(written);
        used.estimated = Estimated::Something;
    }
    used
}

/// What a batch reads at least, where nobody says what it used.
pub(super) fn estimate(batch: &Batch) -> Used {
    let tokens = Tokens { input: estimate_tokens(batch.requests.input_bytes), ..Tokens::default() };
    Used {
        tokens,
        beyond: Tokens::default(),
        answered: u64::from(batch.requests.count),
        estimated: Estimated::Something,
    }
}

/// What it costs: each request by the list that its own prompt is billed by, all of them rounded up once.
pub(super) fn cost(pricing: &Pricing, used: &Used) -> Money {
    let (below, beyond) = match pricing {
        Pricing::Priced(price) => return charge(price, &used.tokens, used.answered),
        Pricing::Free | Pricing::Unpriced => return Money::ZERO,
        Pricing::Stepped(stepped) => (&stepped.below, &stepped.beyond),
    };
    let short = charge(below, &used.tokens.less(&used.beyond), used.answered);
    let long = charge(beyond, &used.beyond, 0);
    short.checked_add(long).unwrap_or(Money::MAX)
}

/// The cost of `tokens` that `requests` used together.
fn charge(price: &Price, tokens: &Tokens, requests: u64) -> Money {
    let each = Money::from_nanos(price.request.nanos());
    let without = Price { request: Money::ZERO, ..*price }.cost(tokens);
    let requests = i64::try_from(requests).unwrap_or(i64::MAX);
    let of_requests = each.nanos().checked_mul(requests).map_or(Money::MAX, Money::from_nanos);
    without.checked_add(of_requests).unwrap_or(Money::MAX)
}

#[cfg(test)]
mod tests;
