//! The rules of the key pool: what an attempt at a connection says about it, when it rests, when it is out of
//! service, and which of several equals is tried first. Time and chance are arguments; nothing here waits or counts
//! calls in flight.

mod breaker;
mod health;
mod outage;
pub mod quota;
mod recent;

pub use health::{Health, Turned};
pub use outage::{ALIKE_KEYS, Outage};
pub use recent::Recent;

use quota::Quota;

/// A rate limit without advice rests a connection for this long.
pub const LIMITED_MS: u64 = 300_000;
/// The longest rest that an upstream's advice is taken for.
pub const LONGEST_ADVICE_MS: u64 = 3_600_000;
/// What a caller is told while the one probe of a connection is under way: nobody knows when it will end.
pub const PROBE_WAIT_MS: u64 = 1_000;

/// A way to fail that may lie with the connection or with everything behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No answer in time.
    TimedOut,
    /// No connection.
    Unreachable,
    /// A server error, or an answer that is none.
    Failed,
    /// The key is not taken.
    Refused,
}

/// What one attempt says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It works: it answered, be it with the caller's own mistake.
    Works,
    /// It asks for a rest; milliseconds, when it said how long.
    Rest(Option<u64>),
    /// The quota behind the key is used up; no delay that it names is about that.
    Exhausted,
    /// It failed.
    Failed(Fault),
    /// The key is not accepted (401).
    Unauthorized,
    /// The key is accepted but may not do this (403), which some providers also say of a single request.
    Forbidden,
    /// The sealed key does not open.
    Sealed,
    /// Nothing: the fault lies elsewhere, or the caller left.
    Nothing,
}

impl Told {
    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Told::Works => "works",
            Told::Rest(_) => "asks_for_rest",
            Told::Exhausted => "quota_used_up",
            Told::Failed(Fault::TimedOut) => "timed_out",
            Told::Failed(Fault::Unreachable) => "unreachable",
            Told::Failed(Fault::Failed) => "failed",
            Told::Failed(Fault::Refused) => "refused",
            Told::Unauthorized => "unauthorized",
            Told::Forbidden => "forbidden",
            Told::Sealed => "does_not_open",
            Told::Nothing => "nothing",
        }
    }
}

/// Why a connection rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The provider's rate limit.
    Limit,
    /// The quota behind its key is used up.
    Quota,
    /// A quota that a person set for it is used up.
    OwnQuota(Quota),
    /// Failures of its own.
    Faults,
    /// The whole provider is out.
    Outage,
    /// A person put it to rest.
    Person,
}

/// Whether a connection may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In service.
    Active,
    /// In service, after those that are further from the end of a quota that was set for them.
    NearLimit(Quota),
    /// Its rest is over: one call may find out whether it works.
    ProbeDue,
    /// At rest.
    Cooling {
        /// Milliseconds that are left of it.
        remaining_ms: u64,
        /// Why.
        cause: Cause,
    },
    /// Out of service until a person enables it.
    Broken,
}

/// What a call is to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One of many.
    Ordinary,
    /// The one that finds out whether it works again.
    Probe,
}

/// Chance, as a share of the whole from 0 to 65,535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(pub u16);

impl Chance {
    /// This share of `whole`.
    fn of(self, whole: u64) -> u64 {
        whole.saturating_mul(u64::from(self.0)) / u64::from(u16::MAX)
    }
}

/// Which of `busy.len()` equals to try: two are drawn, and of those the one with fewer calls in flight is taken
/// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). `None` when there are none.
#[must_use]
pub fn less_busy_of_two(busy: &[u32], draw: u32) -> Option<usize> {
    let count = u32::try_from(busy.len()).ok()?;
    if count <= 1 {
        return (count == 1).then_some(0);
    }
    let first = (draw & 0xffff) % count;
    // The second is drawn from the others.
    let second = (first + 1 + (draw >> 16) % (count - 1)) % count;
    let (first, second) = (usize::try_from(first).ok()?, usize::try_from(second).ok()?);
    Some(if busy.get(second)? < busy.get(first)? { second } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_busiest_of_several_is_never_taken(
            mut busy in proptest::collection::vec(0u32..100, 2..8), draw: u32, top in 0usize..8
        ) {
            let top = top % busy.len();
            busy[top] = 1_000;
            let taken = less_busy_of_two(&busy, draw).unwrap();
            prop_assert!(taken != top);
        }
    }

    #[test]
    fn equals_share_the_calls() {
        let mut taken = [0u32; 4];
        for draw in (0..=u32::MAX).step_by(65_537 * 13) {
            taken[less_busy_of_two(&[5; 4], draw).unwrap()] += 1;
        }
        let all: u32 = taken.iter().sum();
        assert!(taken.iter().all(|share| share * 5 > all && share * 3 < all), "{taken:?}");
        assert_eq!((less_busy_of_two(&[], 7), less_busy_of_two(&[9], 7)), (None, Some(0)));
    }
}
