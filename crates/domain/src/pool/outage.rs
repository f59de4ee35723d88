//! A provider that is out as a whole: known by several of its keys failing alike, and skipped until one call gets
//! through.

use super::breaker::{Breaker, FAULTS};
use super::{Cause, Chance, Fault, Role, Standing, Told};
use crate::id::ProviderKeyId;
use crate::time::Timestamp;

/// Keys that must fail alike.
pub const ALIKE_KEYS: usize = 3;
/// The time in which they must.
const ALIKE_WITHIN_MS: i64 = 10_000;
/// Most failures that are kept.
const KEPT: usize = 32;

/// What is known of a provider as a whole.
#[derive(Debug, Default)]
pub struct Outage {
    failures: Vec<(ProviderKeyId, Fault, Timestamp)>,
    breaker: Option<Breaker>,
}

impl Outage {
    /// Notes that `key` failed. Whether enough keys have failed alike that the provider may be out.
    pub fn suspects(&mut self, key: ProviderKeyId, fault: Fault, now: Timestamp) -> bool {
        let since = Self::since(now);
        self.failures.retain(|&(found, kind, at)| at >= since && (found, kind) != (key, fault));
        if self.failures.len() >= KEPT {
            self.failures.remove(0);
        }
        self.failures.push((key, fault, now));
        self.breaker.is_none()
            && self.failures.iter().filter(|(_, kind, _)| *kind == fault).count() >= ALIKE_KEYS
    }

    /// Failures from this time on are the outage's, not their keys'.
    #[must_use]
    pub fn since(now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(ALIKE_WITHIN_MS * 1_000))
    }

    /// The provider is out.
    pub fn begin(&mut self, now: Timestamp, chance: Chance) {
        self.failures.clear();
        self.breaker = Some(Breaker::open(FAULTS, now, chance));
    }

    /// Whether the provider may be tried at `now`.
    pub fn standing(&mut self, now: Timestamp) -> Standing {
        self.breaker.as_mut().map_or(Standing::Active, |breaker| breaker.standing(now, Cause::Outage))
    }

    /// A call goes out to find whether it is back.
    pub fn begin_probe(&mut self) {
        if let Some(breaker) = &mut self.breaker {
            breaker.begin_probe();
        }
    }

    /// Takes in what an attempt told while the provider was out. Whether it is back.
    pub fn told(&mut self, told: Told, role: Role, now: Timestamp, chance: Chance) -> bool {
        let (Some(breaker), Role::Probe) = (&mut self.breaker, role) else { return false };
        match told {
            Told::Works | Told::Rest(_) | Told::Exhausted => {
                self.breaker = None;
                return true;
            }
            Told::Failed(_) | Told::Unauthorized | Told::Forbidden => breaker.reopen(now, chance),
            Told::Sealed | Told::Nothing => breaker.give_up_probe(),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    fn check(failures: &[(u128, Fault, i64)], expect: bool) {
        let mut outage = Outage::default();
        let mut suspected = false;
        for &(key, fault, ms) in failures {
            suspected = outage.suspects(ProviderKeyId::new(Uuid::from_u128(key)), fault, at(ms));
        }
        assert_eq!(suspected, expect, "{failures:?}");
    }

    #[test]
    fn three_keys_must_fail_alike_within_ten_seconds() {
        use Fault::{Failed, TimedOut};
        check(&[(1, Failed, 0), (2, Failed, 1), (3, Failed, 10_000)], true);
        check(&[(1, Failed, 0), (2, Failed, 1), (3, Failed, 10_001)], false);
        check(&[(1, Failed, 0), (2, Failed, 1), (2, Failed, 2), (1, Failed, 3)], false);
        check(&[(1, Failed, 0), (2, TimedOut, 1), (3, Failed, 2)], false);
        check(&[(1, Failed, 0), (2, Failed, 1), (2, TimedOut, 1), (4, Failed, 2)], true);
        let many: Vec<_> =
            (0..1_000).map(|key| (key, if key % 2 == 0 { Failed } else { TimedOut }, 5)).collect();
        check(&many, true);
    }

    #[test]
    fn one_probe_ends_an_outage_or_prolongs_it() {
        let mut outage = Outage::default();
        assert_eq!(outage.standing(at(0)), Standing::Active);
        outage.begin(at(0), Chance(0));
        assert_eq!(outage.standing(at(0)), Standing::Cooling { remaining_ms: 2_000, cause: Cause::Outage });
        assert!(!outage.told(Told::Works, Role::Ordinary, at(1), Chance(0)), "a straggler decides nothing");
        outage.begin_probe();
        assert!(!outage.told(Told::Failed(Fault::Failed), Role::Probe, at(2_000), Chance(0)));
        assert_eq!(
            outage.standing(at(2_000)),
            Standing::Cooling { remaining_ms: 4_000, cause: Cause::Outage }
        );
        assert_eq!(outage.standing(at(6_000)), Standing::ProbeDue);
        assert!(outage.told(Told::Works, Role::Probe, at(6_000), Chance(0)));
        assert_eq!(outage.standing(at(6_000)), Standing::Active);
    }
}
