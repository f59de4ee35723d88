//! What is counted by network address, before anybody has proved who they are: a table of a fixed size, whatever
//! comes. Where it is full, the address with the fewest counts gives way to a new one, so that a flood of made-up
//! addresses pushes out each other and not the one that is being held off.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::address::Source;
use domain::limit::{Exceeded, Standing, Window};
use domain::time::Timestamp;

/// Groups of addresses; each has a lock of its own. A secret hash says which group an address is in.
const SETS: usize = 8_192;
/// Addresses of one group that are counted at the same time.
const WAYS: usize = 8;
/// The length of the windows.
const MINUTE_MS: u32 = 60_000;

/// Counts by address.
pub struct Sources {
    hasher: RandomState,
    sets: Box<[Mutex<Vec<Slot>>]>,
}

struct Slot {
    source: Source,
    window: Window,
}

impl Default for Sources {
    fn default() -> Self {
        Self { hasher: RandomState::new(), sets: (0..SETS).map(|_| Mutex::default()).collect() }
    }
}

impl Sources {
    /// Most addresses that are counted at the same time.
    pub const CAPACITY: usize = SETS * WAYS;

    /// Whether one more request from here would pass, without counting it.
    ///
    /// # Errors
    /// [`Exceeded`] when `limit` requests were counted in the last 60 seconds.
    pub fn look(&self, source: Source, limit: u32, now: Timestamp) -> Result<(), Exceeded> {
        let mut set = self.set(source);
        match set.iter_mut().find(|slot| slot.source == source) {
            Some(slot) => slot.window.look(now.millis(), limit, MINUTE_MS).map(drop),
            None => Ok(()),
        }
    }

    /// Counts one request from here.
    ///
    /// # Errors
    /// [`Exceeded`] when it would be over `limit` requests in any 60 seconds; it is then not counted.
    pub fn count(&self, source: Source, limit: u32, now: Timestamp) -> Result<Standing, Exceeded> {
        let mut set = self.set(source);
        let at = match set.iter().position(|slot| slot.source == source) {
            Some(at) => at,
            None => {
                let fresh = Slot { source, window: Window::default() };
                if set.len() < WAYS {
                    set.push(fresh);
                    set.len() - 1
                } else {
                    let at = least(&mut set, now.millis());
                    set[at] = fresh;
                    at
                }
            }
        };
        set[at].window.admit(now.millis(), limit, MINUTE_MS)
    }

    /// Addresses that are remembered now.
    #[must_use]
    pub fn known(&self) -> usize {
        self.sets.iter().map(|set| locked(set).len()).sum()
    }

    fn set(&self, source: Source) -> MutexGuard<'_, Vec<Slot>> {
        // The remainder is below the number of sets, so the conversion cannot fail.
        locked(&self.sets[usize::try_from(self.hasher.hash_one(source) % SETS as u64).unwrap_or(0)])
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sources")
    }
}

fn locked(set: &Mutex<Vec<Slot>>) -> MutexGuard<'_, Vec<Slot>> {
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slot with the fewest counts; among equals the one that was asked for longest ago.
fn least(set: &mut [Slot], now_ms: i64) -> usize {
    let standing = set.iter_mut().enumerate().map(|(at, slot)| {
        let last = slot.window.newest();
        (slot.window.used(now_ms, MINUTE_MS), last, at)
    });
    standing.min().map_or(0, |(_, _, at)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(number: u32) -> Source {
        Source::V4(number.to_be_bytes())
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    #[test]
    fn an_address_is_held_off_and_let_in_again() {
        let sources = Sources::default();
        for left in (0..60).rev() {
            assert_eq!(sources.count(v4(1), 60, at(1_000)).unwrap().remaining, left);
        }
        let refused = sources.count(v4(1), 60, at(1_000)).unwrap_err();
        assert_eq!(sources.look(v4(1), 60, at(1_000)), Err(refused));
        assert!(sources.look(v4(2), 60, at(1_000)).is_ok(), "another address is not concerned");
        let later = 1_000 + i64::try_from(refused.retry_after_ms).unwrap();
        assert!(sources.look(v4(1), 60, at(later)).is_ok() && sources.count(v4(1), 60, at(later)).is_ok());
    }

    #[test]
    fn looking_remembers_nothing() {
        let sources = Sources::default();
        for number in 0..10_000 {
            assert!(sources.look(v4(number), 1, at(0)).is_ok());
        }
        assert_eq!(sources.known(), 0);
    }

    #[test]
    fn a_flood_of_addresses_frees_nobody() {
        let sources = Sources::default();
        let held_off: Vec<Source> =
            (0..200u8).map(|number| Source::V6([9, 9, 9, 9, 9, 9, 9, number])).collect();
        for source in &held_off {
            for _ in 0..20 {
                sources.count(*source, 20, at(0)).unwrap();
            }
        }
        for number in 0..400_000u32 {
            let _ = sources.count(v4(number), 20, at(i64::from(number) / 20));
        }
        assert!(sources.known() <= Sources::CAPACITY);
        for source in &held_off {
            assert!(sources.look(*source, 20, at(20_000)).is_err(), "{source} was forgotten");
        }
    }

    #[test]
    fn what_has_faded_gives_way_first() {
        let mut set: Vec<Slot> =
            (0..3).map(|number| Slot { source: v4(number), window: Window::default() }).collect();
        for (at, (count, ms)) in [(5, 0), (2, 50_000), (2, 40_000)].into_iter().enumerate() {
            set[at].window.add(ms, count, MINUTE_MS);
        }
        assert_eq!(least(&mut set, 55_000), 2, "the fewest, the older of two");
        assert_eq!(least(&mut set, 70_000), 0, "five that do not count any more are none");
    }
}
