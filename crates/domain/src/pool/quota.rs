//! Quotas that a person set for a connection: how much may go over it in a minute and in a day. They are counted here as
//! one gate sees them, in sliding windows; what the provider itself allows is not known here.

use serde::{Deserialize, Serialize};

use crate::limit::Window;
use crate::money::Money;
use crate::time::Timestamp;

const MINUTE_MS: u32 = 60_000;
/// How far back the longest of the windows reaches, in milliseconds.
pub const DAY_MS: u32 = 86_400_000;
/// Nano-dollars in what money is counted by: a thousandth of a dollar, for windows count to 32 bits.
pub const SPEND_STEP_NANOS: i64 = 1_000_000;
/// Hundredths of a quota from which a connection is near its end.
const NEAR_PERCENT: u64 = 80;

/// What may go over a connection; none is no quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quotas {
    /// Requests in any 60 seconds, each attempt counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Requests in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u32>,
    /// Tokens in any 60 seconds, counted when a call ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// Tokens in any 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u32>,
    /// What the calls of any 24 hours may cost, in steps of [`SPEND_STEP_NANOS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend_steps_per_day: Option<u32>,
}

/// One of the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Requests in any 60 seconds.
    RequestsPerMinute,
    /// Requests in any 24 hours.
    RequestsPerDay,
    /// Tokens in any 60 seconds.
    TokensPerMinute,
    /// Tokens in any 24 hours.
    TokensPerDay,
    /// Money in any 24 hours.
    SpendPerDay,
}

impl Quota {
    /// All of them.
    pub const ALL: [Quota; 5] = [
        Quota::RequestsPerMinute,
        Quota::RequestsPerDay,
        Quota::TokensPerMinute,
        Quota::TokensPerDay,
        Quota::SpendPerDay,
    ];

    /// The word in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Quota::RequestsPerMinute => "requests_per_minute",
            Quota::RequestsPerDay => "requests_per_day",
            Quota::TokensPerMinute => "tokens_per_minute",
            Quota::TokensPerDay => "tokens_per_day",
            Quota::SpendPerDay => "spend_per_day",
        }
    }

    fn period_ms(self) -> u32 {
        match self {
            Quota::RequestsPerMinute | Quota::TokensPerMinute => MINUTE_MS,
            Quota::RequestsPerDay | Quota::TokensPerDay | Quota::SpendPerDay => DAY_MS,
        }
    }
}

impl Quotas {
    /// How much of one there may be.
    #[must_use]
    pub fn of(&self, quota: Quota) -> Option<u32> {
        match quota {
            Quota::RequestsPerMinute => self.requests_per_minute,
            Quota::RequestsPerDay => self.requests_per_day,
            Quota::TokensPerMinute => self.tokens_per_minute,
            Quota::TokensPerDay => self.tokens_per_day,
            Quota::SpendPerDay => self.spend_steps_per_day,
        }
    }
}

/// How a connection stands with its quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Far from all of them.
    Light,
    /// Near the end of this one.
    Near(Quota),
    /// This one is used up.
    Full {
        /// The one that lasts longest.
        quota: Quota,
        /// Milliseconds until something of it is free.
        remaining_ms: u64,
    },
}

/// What went over a connection.
#[derive(Debug, Clone, Default)]
pub struct Used {
    /// In the order of [`Quota::ALL`].
    windows: [Window; Quota::ALL.len()],
    /// Nano-dollars that make no whole step yet.
    rest_nanos: i64,
}

impl Used {
    /// Counts requests.
    pub fn requests(&mut self, count: u32, now: Timestamp) {
        self.add(Quota::RequestsPerMinute, count, now);
        self.add(Quota::RequestsPerDay, count, now);
    }

    /// Counts what calls used.
    pub fn spent(&mut self, tokens: u64, cost: Money, now: Timestamp) {
        let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
        self.add(Quota::TokensPerMinute, tokens, now);
        self.add(Quota::TokensPerDay, tokens, now);
        let nanos = self.rest_nanos.saturating_add(cost.nanos().max(0));
        self.rest_nanos = nanos % SPEND_STEP_NANOS;
        self.add(Quota::SpendPerDay, u32::try_from(nanos / SPEND_STEP_NANOS).unwrap_or(u32::MAX), now);
    }

    /// How it stands with `quotas` now.
    pub fn load(&mut self, quotas: &Quotas, now: Timestamp) -> Load {
        let mut load = Load::Light;
        for (window, quota) in self.windows.iter_mut().zip(Quota::ALL) {
            let Some(limit) = quotas.of(quota) else { continue };
            let found = match window.look(millis(now), limit, quota.period_ms()) {
                Err(exceeded) => Load::Full { quota, remaining_ms: exceeded.retry_after_ms.max(1) },
                Ok(standing) => {
                    let used = u64::from(limit.saturating_sub(standing.remaining));
                    let is_near = used * 100 >= u64::from(limit) * NEAR_PERCENT;
                    if is_near { Load::Near(quota) } else { Load::Light }
                }
            };
            load = load.heavier(found);
        }
        load
    }

    fn add(&mut self, quota: Quota, count: u32, now: Timestamp) {
        let windows = self.windows.iter_mut().zip(Quota::ALL);
        for (window, _) in windows.filter(|(_, of)| *of == quota && count > 0) {
            window.add(millis(now), count, quota.period_ms());
        }
    }
}

impl Load {
    fn heavier(self, other: Self) -> Self {
        match (self, other) {
            (Load::Full { remaining_ms, .. }, Load::Full { remaining_ms: longer, .. })
                if longer > remaining_ms =>
            {
                other
            }
            (Load::Full { .. }, _) | (Load::Near(_), Load::Near(_) | Load::Light) => self,
            _ => other,
        }
    }
}

fn millis(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000).plus_seconds(seconds)
    }

    fn full(load: Load) -> Option<(Quota, u64)> {
        match load {
            Load::Full { quota, remaining_ms } => Some((quota, remaining_ms)),
            Load::Light | Load::Near(_) => None,
        }
    }

    #[test]
    fn a_quota_is_light_then_near_then_full_until_its_window_moves_on() {
        let quotas = Quotas { requests_per_minute: Some(10), ..Quotas::default() };
        let mut used = Used::default();
        let loads: Vec<Load> = (0..11)
            .map(|_| {
                let load = used.load(&quotas, at(0));
                used.requests(1, at(0));
                load
            })
            .collect();
        assert_eq!(loads[..8], [Load::Light; 8]);
        assert_eq!(loads[8..10], [Load::Near(Quota::RequestsPerMinute); 2]);
        let (quota, remaining_ms) = full(loads[10]).unwrap();
        assert_eq!(quota, Quota::RequestsPerMinute);
        assert!((60_000..=60_500).contains(&remaining_ms), "{remaining_ms}");
        assert!(full(used.load(&quotas, at(59))).is_some());
        assert_eq!(used.load(&quotas, at(61)), Load::Light);
        assert_eq!(used.load(&Quotas::default(), at(0)), Load::Light, "no quota, no end");
    }

    #[test]
    fn each_quota_is_counted_by_itself() {
        for quota in Quota::ALL {
            let of = |one: Quota| (quota == one).then_some(5);
            let quotas = Quotas {
                requests_per_minute: of(Quota::RequestsPerMinute),
                requests_per_day: of(Quota::RequestsPerDay),
                tokens_per_minute: of(Quota::TokensPerMinute),
                tokens_per_day: of(Quota::TokensPerDay),
                spend_steps_per_day: of(Quota::SpendPerDay),
            };
            let mut used = Used::default();
            used.requests(5, at(0));
            used.spent(5, Money::from_nanos(5 * SPEND_STEP_NANOS), at(0));
            let (found, remaining_ms) = full(used.load(&quotas, at(0))).unwrap();
            assert_eq!((found, quotas.of(quota)), (quota, Some(5)));
            assert!(remaining_ms >= u64::from(quota.period_ms()), "{quota:?} {remaining_ms}");
        }
    }

    #[test]
    fn of_several_that_are_full_the_longest_is_told() {
        let quotas = Quotas { requests_per_minute: Some(1), requests_per_day: Some(1), ..Quotas::default() };
        let mut used = Used::default();
        used.requests(1, at(0));
        assert_eq!(full(used.load(&quotas, at(0))).unwrap().0, Quota::RequestsPerDay);
        let near = Quotas { requests_per_day: Some(1), tokens_per_day: Some(5), ..Quotas::default() };
        used.spent(4, Money::ZERO, at(0));
        assert_eq!(full(used.load(&near, at(1))).unwrap().0, Quota::RequestsPerDay, "full outweighs near");
    }

    proptest! {
        #[test]
        fn no_money_is_lost_in_steps(costs in proptest::collection::vec(0i64..3_000_000, 0..60)) {
            let mut used = Used::default();
            costs.iter().for_each(|cost| used.spent(0, Money::from_nanos(*cost), at(0)));
            let total: i64 = costs.iter().sum();
            let counted = i64::try_from(used.windows[4].used(millis(at(0)), DAY_MS)).unwrap();
            prop_assert_eq!(counted * SPEND_STEP_NANOS + used.rest_nanos, total);
        }
    }
}
