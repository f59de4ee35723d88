//! Counters in this process: sharded by key, so that requests of different keys rarely meet at a lock. Keys that
//! have been idle are forgotten, which bounds the memory by the keys in use.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::KeyId;
use domain::limit::{Exceeded, Limits, Standing, Window};
use domain::time::Timestamp;

use super::{Admitted, Refused, Slot};

/// Independent parts of the table.
const SHARDS: usize = 64;
/// The windows' lengths.
const MINUTE_MS: u32 = 60_000;
const SECOND_MS: u32 = 1_000;
/// After this long without a request both windows are empty, whatever they held.
const IDLE_MS: i64 = 2 * 60_000;
/// How often a shard looks for idle keys.
const SWEEP_MS: i64 = 60_000;
/// What a refusal for concurrency advises: nobody knows when a request in flight will end.
const CONCURRENCY_RETRY_MS: u64 = 1_000;

/// The counters of all keys.
#[derive(Debug)]
pub(super) struct Memory {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    keys: HashMap<KeyId, Counts>,
    next_sweep_ms: i64,
}

#[derive(Debug, Default)]
struct Counts {
    minute: Window,
    second: Window,
    in_flight: Arc<AtomicU32>,
    last_ms: i64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Memory {
    /// See [`super::Counters::admit`].
    pub(super) fn admit(&self, key: KeyId, limits: &Limits, now: Timestamp) -> Result<Admitted, Refused> {
        let now_ms = now.millis();
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now_ms);
        shard.keys.entry(key).or_default().admit(limits, now_ms)
    }

    fn shard(&self, key: KeyId) -> &Mutex<Shard> {
        let hash = self.hasher.hash_one(key);
        // The remainder is below the number of shards, so the conversion cannot fail.
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        &self.shards[index]
    }

    #[cfg(test)]
    fn known_keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().keys.len()).sum()
    }
}

impl Shard {
    fn sweep(&mut self, now_ms: i64) {
        if now_ms < self.next_sweep_ms {
            return;
        }
        self.next_sweep_ms = now_ms.saturating_add(SWEEP_MS);
        self.keys.retain(|_, counts| counts.in_use(now_ms));
    }
}

impl Counts {
    fn in_use(&self, now_ms: i64) -> bool {
        self.in_flight.load(Ordering::Relaxed) > 0 || now_ms.saturating_sub(self.last_ms) < IDLE_MS
    }

    fn admit(&mut self, limits: &Limits, now_ms: i64) -> Result<Admitted, Refused> {
        self.last_ms = self.last_ms.max(now_ms);
        // Places are taken only under the shard's lock, so between this check and the taking they can only
        // become more.
        if self.in_flight.load(Ordering::Relaxed) >= limits.concurrent {
            return Err(Refused {
                which: "concurrency",
                limit: limits.concurrent,
                retry_after_ms: CONCURRENCY_RETRY_MS,
                reset_ms: CONCURRENCY_RETRY_MS,
            });
        }
        self.second
            .admit(now_ms, limits.burst_per_second, SECOND_MS)
            .map_err(|exceeded| refused("burst", limits.burst_per_second, &exceeded, now_ms, SECOND_MS))?;
        let Standing { remaining, reset_ms } =
            self.minute.admit(now_ms, limits.requests_per_minute, MINUTE_MS).map_err(|exceeded| {
                self.second.forget();
                refused("requests_per_minute", limits.requests_per_minute, &exceeded, now_ms, MINUTE_MS)
            })?;
        Ok(Admitted {
            limit: limits.requests_per_minute,
            remaining,
            reset_ms,
            slot: Slot::take(&self.in_flight),
        })
    }
}

fn refused(which: &'static str, limit: u32, exceeded: &Exceeded, now_ms: i64, period_ms: u32) -> Refused {
    let length = i64::from(period_ms);
    let reset_ms = u64::try_from(2 * length - now_ms.rem_euclid(length)).unwrap_or(0);
    let retry_after_ms = exceeded.retry_after_ms;
    Refused { which, limit, retry_after_ms, reset_ms: reset_ms.max(retry_after_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::limit::Limits;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn key(number: u128) -> KeyId {
        KeyId::new(Uuid::from_u128(number))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    fn limits(per_minute: u32, burst: u32, concurrent: u32) -> Limits {
        Limits { requests_per_minute: per_minute, burst_per_second: burst, concurrent, ..Limits::default() }
    }

    fn check(limits: Limits, requests: usize, expect: (&'static str, u32)) {
        let memory = Memory::default();
        let held: Vec<_> = (0..requests).map(|_| memory.admit(key(1), &limits, at(5_000)).unwrap()).collect();
        let refused = memory.admit(key(1), &limits, at(5_000)).unwrap_err();
        assert_eq!((refused.which, refused.limit), expect);
        assert!(refused.retry_after_ms > 0 && refused.reset_ms >= refused.retry_after_ms);
        assert!(memory.admit(key(2), &limits, at(5_000)).is_ok(), "another key is not concerned");
        drop(held);
    }

    #[test]
    fn each_limit_refuses_by_its_name() {
        check(limits(3, 100, 100), 3, ("requests_per_minute", 3));
        check(limits(100, 2, 100), 2, ("burst", 2));
        check(limits(100, 100, 4), 4, ("concurrency", 4));
    }

    #[test]
    fn an_ended_request_gives_its_place_back() {
        let memory = Memory::default();
        let limits = limits(1_000, 1_000, 1);
        for _ in 0..10 {
            let admitted = memory.admit(key(1), &limits, at(0)).unwrap();
            assert_eq!(admitted.in_flight(), 1);
            assert_eq!(memory.admit(key(1), &limits, at(0)).unwrap_err().which, "concurrency");
        }
    }

    #[test]
    fn standing_counts_down() {
        let memory = Memory::default();
        let limits = limits(3, 100, 100);
        let remaining: Vec<u32> =
            (0..3).map(|_| memory.admit(key(1), &limits, at(60_000)).unwrap().remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
    }

    #[test]
    fn a_refusal_of_the_minute_leaves_the_burst_alone() {
        let memory = Memory::default();
        let narrow = limits(1, 2, 100);
        drop(memory.admit(key(1), &narrow, at(0)));
        for _ in 0..50 {
            assert_eq!(memory.admit(key(1), &narrow, at(0)).unwrap_err().which, "requests_per_minute");
        }
        // With the minute widened, the one place left in this second is still there.
        assert!(memory.admit(key(1), &limits(100, 2, 100), at(0)).is_ok());
    }

    #[test]
    fn idle_keys_are_forgotten_but_not_their_requests_in_flight() {
        let memory = Memory::default();
        let limits = limits(100, 100, 1);
        let held = memory.admit(key(0), &limits, at(0)).unwrap();
        for number in 1..2_000 {
            drop(memory.admit(key(number), &limits, at(0)));
        }
        assert_eq!(memory.known_keys(), 2_000);
        for number in 10_000..11_000 {
            drop(memory.admit(key(number), &limits, at(200_000)));
        }
        assert!(memory.known_keys() <= 1_001, "{} keys are left", memory.known_keys());
        assert_eq!(memory.admit(key(0), &limits, at(200_001)).unwrap_err().which, "concurrency");
        drop(held);
        assert!(memory.admit(key(0), &limits, at(200_001)).is_ok());
    }

    #[test]
    fn threads_never_exceed_a_limit_together() {
        let memory = Memory::default();
        let limits = limits(50, 1_000, 1_000);
        let passed: usize = std::thread::scope(|scope| {
            let tasks: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..100).filter(|_| memory.admit(key(1), &limits, at(1_000)).is_ok()).count()
                    })
                })
                .collect();
            tasks.into_iter().map(|task| task.join().unwrap()).sum()
        });
        assert_eq!(passed, 50);
    }

    proptest! {
        #[test]
        fn requests_in_flight_stay_within_the_limit(
            steps in proptest::collection::vec((any::<bool>(), 0i64..50), 1..300), concurrent in 0u32..6
        ) {
            let memory = Memory::default();
            let limits = limits(1_000_000, 1_000_000, concurrent);
            let (mut now, mut held) = (0, Vec::new());
            for (enter, gap) in steps {
                now += gap;
                if enter {
                    match memory.admit(key(1), &limits, at(now)) {
                        Ok(admitted) => held.push(admitted),
                        Err(refused) => {
                            prop_assert_eq!(refused.which, "concurrency");
                            prop_assert_eq!(held.len(), usize::try_from(concurrent).unwrap());
                        }
                    }
                } else {
                    held.pop();
                }
                prop_assert!(held.len() <= usize::try_from(concurrent).unwrap());
            }
        }

        #[test]
        fn a_retry_when_told_passes_the_windows(
            gaps in proptest::collection::vec(0i64..2_000, 1..200), minute in 1u32..40, burst in 1u32..5
        ) {
            let memory = Memory::default();
            let limits = limits(minute, burst, 1);
            let mut now = 1_000_000;
            for gap in gaps {
                now += gap;
                // A retry may meet the other window; with two of them a second refusal can follow, not a third.
                let mut refusals = 0;
                while let Err(refused) = memory.admit(key(1), &limits, at(now)) {
                    now += i64::try_from(refused.retry_after_ms).unwrap();
                    refusals += 1;
                    prop_assert!(refusals < 3);
                }
            }
        }
    }
}
