//! How many of the last moments' attempts failed: what tells a connection that is down from a busy one that fails
//! now and then.

use crate::time::Timestamp;

/// The length of a moment; two are looked at.
const MOMENT_MS: i64 = 1_000;
/// With fewer attempts than this a share says nothing.
const TELLING: u32 = 20;

/// Attempts of the present moment and the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    moment: i64,
    present: Count,
    before: Count,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    worked: u32,
    failed: u32,
}

impl Recent {
    pub(super) fn worked(&mut self, now: Timestamp) {
        self.turn(now);
        self.present.worked = self.present.worked.saturating_add(1);
    }

    pub(super) fn failed(&mut self, now: Timestamp) {
        self.turn(now);
        self.present.failed = self.present.failed.saturating_add(1);
    }

    fn turn(&mut self, now: Timestamp) {
        let moment = now.millis().div_euclid(MOMENT_MS);
        if moment != self.moment {
            let follows = moment == self.moment.saturating_add(1);
            self.before = if follows { self.present } else { Count::default() };
            self.present = Count::default();
            self.moment = moment;
        }
    }

    /// Whether all of these together fail, as far as can be told: most attempts did, or there were too few to say.
    pub fn mostly_failing(all: impl IntoIterator<Item = Recent>, now: Timestamp) -> bool {
        let (mut worked, mut failed) = (0u32, 0u32);
        for mut recent in all {
            recent.turn(now);
            for count in [recent.present, recent.before] {
                worked = worked.saturating_add(count.worked);
                failed = failed.saturating_add(count.failed);
            }
        }
        worked.saturating_add(failed) < TELLING || failed >= worked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    #[test]
    fn only_the_last_two_moments_count() {
        let mut recent = Recent::default();
        (0..100).for_each(|_| recent.worked(at(500)));
        (0..10).for_each(|_| recent.failed(at(1_500)));
        assert!(!Recent::mostly_failing([recent], at(1_500)));
        assert!(Recent::mostly_failing([recent], at(2_500)), "the successes are long ago");
    }

    #[test]
    fn several_are_judged_together() {
        let (mut good, mut bad) = (Recent::default(), Recent::default());
        (0..30).for_each(|_| bad.failed(at(0)));
        (0..40).for_each(|_| good.worked(at(0)));
        assert!(Recent::mostly_failing([bad], at(0)));
        assert!(!Recent::mostly_failing([bad, good], at(0)));
    }
}
