//! A rest that grows with each failed probe, and the one probe that may end it.

use super::{Cause, Chance, PROBE_WAIT_MS, Standing};
use crate::time::Timestamp;

/// After failures: soon again, then ever later.
pub(super) const FAULTS: Pace = Pace { first_ms: 2_000, longest_ms: 300_000 };
/// After a quota was used up: it is filled again by time or by a person, not by trying.
pub(super) const QUOTA: Pace = Pace { first_ms: 3_600_000, longest_ms: 3_600_000 };
/// Doublings after which the longest is certainly reached.
const MOST_DOUBLINGS: u32 = 8;

/// How long the rests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// The first rest; each failed probe doubles it.
    first_ms: u64,
    /// The longest.
    longest_ms: u64,
}

/// An open circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breaker {
    pace: Pace,
    rest: Rest,
    doublings: u32,
    probing: bool,
}

/// A stretch of time that no turned-back clock can lengthen beyond its own length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rest {
    since: Timestamp,
    length_ms: u64,
}

impl Rest {
    pub(super) fn new(now: Timestamp, length_ms: u64) -> Self {
        Self { since: now, length_ms }
    }

    /// Milliseconds that are left, rounded up.
    pub(super) fn remaining_ms(&mut self, now: Timestamp) -> u64 {
        if now < self.since {
            self.since = now;
        }
        let passed_micros = u64::try_from(now.0.saturating_sub(self.since.0)).unwrap_or(0);
        self.length_ms.saturating_mul(1_000).saturating_sub(passed_micros).div_ceil(1_000)
    }
}

impl Breaker {
    /// Opens at `now`.
    pub(super) fn open(pace: Pace, now: Timestamp, chance: Chance) -> Self {
        Self { pace, rest: Rest::new(now, pace.length_ms(0, chance)), doublings: 0, probing: false }
    }

    /// Rests again, for longer, after a failed probe.
    pub(super) fn reopen(&mut self, now: Timestamp, chance: Chance) {
        self.doublings = (self.doublings + 1).min(MOST_DOUBLINGS);
        self.rest = Rest::new(now, self.pace.length_ms(self.doublings, chance));
        self.probing = false;
    }

    pub(super) fn standing(&mut self, now: Timestamp, cause: Cause) -> Standing {
        match self.rest.remaining_ms(now) {
            0 if self.probing => Standing::Cooling { remaining_ms: PROBE_WAIT_MS, cause },
            0 => Standing::ProbeDue,
            remaining_ms => Standing::Cooling { remaining_ms, cause },
        }
    }

    pub(super) fn begin_probe(&mut self) {
        self.probing = true;
    }

    /// The probe told nothing: another may follow.
    pub(super) fn give_up_probe(&mut self) {
        self.probing = false;
    }
}

impl Pace {
    /// Between three quarters and the whole of the doubled length, so that connections that failed together are not
    /// probed together.
    fn length_ms(self, doublings: u32, chance: Chance) -> u64 {
        let whole = self.first_ms.saturating_mul(1 << doublings.min(MOST_DOUBLINGS)).min(self.longest_ms);
        whole - chance.of(whole / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    #[test]
    fn rests_double_from_two_seconds_to_five_minutes() {
        let mut breaker = Breaker::open(FAULTS, at(0), Chance(0));
        let mut lengths = vec![];
        for _ in 0..10 {
            let Standing::Cooling { remaining_ms, .. } = breaker.standing(at(0), Cause::Faults) else {
                panic!()
            };
            lengths.push(remaining_ms);
            breaker.reopen(at(0), Chance(0));
        }
        let expect = [2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(|seconds| seconds * 1_000);
        assert_eq!(lengths, expect);
        let shortest = |pace: Pace| [0, 20].map(|doublings| pace.length_ms(doublings, Chance(u16::MAX)));
        assert_eq!((shortest(FAULTS), shortest(QUOTA)), ([1_500, 225_000], [2_700_000; 2]));
    }

    #[test]
    fn a_clock_that_is_turned_back_does_not_lengthen_a_rest() {
        let mut rest = Rest::new(at(10_000), 2_000);
        assert_eq!(rest.remaining_ms(at(11_500)), 500);
        assert_eq!(rest.remaining_ms(at(-50_000)), 2_000);
        assert_eq!(rest.remaining_ms(at(-48_000)), 0);
    }
}
