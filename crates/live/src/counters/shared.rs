//! A sliding window for many threads without a lock: the same arithmetic as `domain::limit::Window`, with one atomic
//! word for each part of the window and one for their sum. An organization, or one person, may be behind every request
//! of an installation, so their counts must not make them queue.

use std::array::from_fn;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI64, AtomicU64};

use domain::limit::{Exceeded, PARTS, Standing, end_ms, part};

/// One word for each part that can count at the same time.
const SLOTS: usize = 129;
/// A part's number is kept without its high bits; a distance above this half of them is one to the future.
const FUTURE: u32 = 1 << 31;

/// A sliding window.
#[derive(Debug)]
pub(super) struct SharedWindow {
    /// The part of the latest count or look; a clock that steps back stays there.
    newest: AtomicI64,
    /// At least what counts: a count is added here before it is in its slot and taken from here after it has left the
    /// slot. Whoever reads a sum below the limit need not look at the slots.
    sum: AtomicU64,
    /// The low bits of a part's number above, its count below. An empty slot has a count of zero.
    slots: [AtomicU64; SLOTS],
}

impl Default for SharedWindow {
    fn default() -> Self {
        Self { newest: AtomicI64::new(0), sum: AtomicU64::new(0), slots: from_fn(|_| AtomicU64::new(0)) }
    }
}

impl SharedWindow {
    /// Counts one request at `now_ms` against `limit` requests per `period_ms`.
    ///
    /// Each request counts itself before it looks, in one order for all of them. Of any `limit + 1` requests in a
    /// window the last to count itself therefore sees the others and gives way: never are more than `limit`
    /// admitted. Two that meet at the last free place may both give way. What is given is the part it was counted in,
    /// for [`Self::take_back`].
    pub(super) fn admit(&self, now_ms: i64, limit: u32, period_ms: u32) -> Result<i64, Exceeded> {
        self.advance(part(now_ms, period_ms));
        if self.counts(limit) >= u64::from(limit) {
            return Err(self.exceeded(now_ms, limit, period_ms));
        }
        let counted_in = self.add(now_ms, 1, period_ms);
        if self.counts(limit.saturating_add(1)) > u64::from(limit) {
            self.take_back(counted_in);
            return Err(self.exceeded(now_ms, limit, period_ms));
        }
        Ok(counted_in)
    }

    /// Whether one more request would pass, without counting it.
    pub(super) fn look(&self, now_ms: i64, limit: u32, period_ms: u32) -> Result<Standing, Exceeded> {
        self.advance(part(now_ms, period_ms));
        match u64::from(limit).checked_sub(self.counts(limit)) {
            None | Some(0) => Err(self.exceeded(now_ms, limit, period_ms)),
            Some(free) => {
                let remaining = u32::try_from(free).unwrap_or(limit);
                Ok(Standing { limit, remaining, reset_ms: self.reset_ms(now_ms, period_ms) })
            }
        }
    }

    /// Counts `count` at `now_ms` whatever the limit, and gives the part it was counted in.
    pub(super) fn add(&self, now_ms: i64, count: u32, period_ms: u32) -> i64 {
        let mut to = self.advance(part(now_ms, period_ms));
        self.sum.fetch_add(u64::from(count), SeqCst);
        loop {
            let slot = self.slot(to);
            let before = slot.load(SeqCst);
            let (kept, counted) = unpack(before);
            let ahead = kept.wrapping_sub(low(to));
            if counted > 0 && ahead != 0 && ahead < FUTURE {
                // The clock went round the window while this thread was held up.
                to = self.newest.load(SeqCst);
                continue;
            }
            let held = if ahead == 0 { counted.saturating_add(count) } else { count };
            if slot.compare_exchange_weak(before, pack(low(to), held), SeqCst, SeqCst).is_err() {
                continue;
            }
            // What was there of an older part is gone, and so is what no slot can hold.
            let lost = u64::from(counted) + u64::from(count) - u64::from(held);
            if lost > 0 {
                self.sum.fetch_sub(lost, SeqCst);
            }
            // Whoever advanced the window past this part has looked for what to let go before this count was there.
            if self.newest.load(SeqCst).saturating_sub(to) > PARTS {
                self.let_go(to);
            }
            return to;
        }
    }

    /// Undoes one count of a request that was refused elsewhere.
    pub(super) fn take_back(&self, counted_in: i64) {
        let taken = self.slot(counted_in).fetch_update(SeqCst, SeqCst, |before| {
            let (kept, counted) = unpack(before);
            (kept == low(counted_in) && counted > 0).then(|| pack(kept, counted - 1))
        });
        if taken.is_ok() {
            self.sum.fetch_sub(1, SeqCst);
        }
    }

    /// Moves on to a part. Whoever does lets go of what has left the window with this step, each part once.
    fn advance(&self, to: i64) -> i64 {
        let before = self.newest.fetch_max(to, SeqCst);
        let gone = to.saturating_sub(before).min(PARTS + 1);
        for beyond in 0..gone {
            self.let_go(to - (PARTS + 1) - beyond);
        }
        before.max(to)
    }

    /// Empties the slot of a part that has left the window, whatever older part it holds.
    fn let_go(&self, part: i64) {
        let emptied = self.slot(part).fetch_update(SeqCst, SeqCst, |before| {
            let (kept, counted) = unpack(before);
            (counted > 0 && low(part).wrapping_sub(kept) < FUTURE).then(|| pack(kept, 0))
        });
        if let Ok(before) = emptied {
            self.sum.fetch_sub(u64::from(unpack(before).1), SeqCst);
        }
    }

    /// What counts: at most as much as the sum while that is below `limit`, exactly what the slots hold otherwise. The
    /// sum may hold for a moment what others are about to count or to let go.
    fn counts(&self, limit: u32) -> u64 {
        let sum = self.sum.load(SeqCst);
        if sum < u64::from(limit) { sum } else { self.counted().map(|(_, count)| u64::from(count)).sum() }
    }

    /// What counts, as ages in parts with their counts; in no order.
    fn counted(&self) -> impl Iterator<Item = (i64, u32)> {
        let newest = low(self.newest.load(SeqCst));
        self.slots.iter().filter_map(move |slot| {
            let (kept, count) = unpack(slot.load(SeqCst));
            let age = newest.wrapping_sub(kept);
            // A part that began after `newest` was read counts, too.
            let age = if age >= FUTURE { 0 } else { i64::from(age) };
            (count > 0 && age <= PARTS).then_some((age, count))
        })
    }

    fn reset_ms(&self, now_ms: i64, period_ms: u32) -> u64 {
        let newest = self.newest.load(SeqCst);
        // Most often the youngest part that counts is one of the last few.
        let counts = |part: &i64| {
            let (kept, count) = unpack(self.slot(*part).load(SeqCst));
            count > 0 && kept == low(*part)
        };
        let youngest = (newest - PARTS..=newest).rev().find(counts);
        youngest.map_or(0, |part| until(end_ms(part, period_ms), now_ms))
    }

    fn exceeded(&self, now_ms: i64, limit: u32, period_ms: u32) -> Exceeded {
        let newest = self.newest.load(SeqCst);
        let mut counted: Vec<(i64, u32)> = self.counted().collect();
        counted.sort_unstable_by(|one, other| other.cmp(one));
        let mut left: u64 = counted.iter().map(|(_, count)| u64::from(*count)).sum();
        let enough = counted.iter().find(|(_, count)| {
            left -= u64::from(*count);
            left < u64::from(limit)
        });
        let retry_after_ms =
            enough.map_or(u64::from(period_ms), |(age, _)| until(end_ms(newest - age, period_ms), now_ms));
        Exceeded { retry_after_ms, reset_ms: self.reset_ms(now_ms, period_ms).max(retry_after_ms) }
    }

    fn slot(&self, part: i64) -> &AtomicU64 {
        // The remainder is below the number of slots, so the conversion cannot fail.
        &self.slots[usize::try_from(part.rem_euclid(PARTS + 1)).unwrap_or(0)]
    }
}

fn until(end_ms: i64, now_ms: i64) -> u64 {
    u64::try_from(end_ms.saturating_sub(now_ms).max(1)).unwrap_or(1)
}

fn low(part: i64) -> u32 {
    u32::try_from(part.rem_euclid(1 << 32)).unwrap_or(0)
}

fn pack(part: u32, count: u32) -> u64 {
    (u64::from(part) << 32) | u64::from(count)
}

fn unpack(word: u64) -> (u32, u32) {
    (u32::try_from(word >> 32).unwrap_or(0), u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::limit::Window;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    proptest! {
        #[test]
        fn alone_it_decides_as_the_window_of_the_rules(
            gaps in proptest::collection::vec(prop_oneof![0i64..3, 0i64..400, 900i64..1_100, 0i64..5_000], 1..300),
            limit in 0u32..30, start in 0i64..2_000_000_000_000, steps_back in 0i64..2_000,
        ) {
            let (mut now, mut rule, shared) = (start, Window::default(), SharedWindow::default());
            for (turn, gap) in gaps.into_iter().enumerate() {
                now += if turn % 17 == 16 { -steps_back.min(now) } else { gap };
                if turn % 5 == 4 {
                    rule.add(now, 3, 1_000);
                    shared.add(now, 3, 1_000);
                }
                prop_assert_eq!(shared.look(now, limit, 1_000), rule.look(now, limit, 1_000));
                let (shared_says, rule_says) = (shared.admit(now, limit, 1_000), rule.admit(now, limit, 1_000));
                prop_assert_eq!(shared_says.err(), rule_says.err());
                prop_assert_eq!(shared.look(now, limit, 1_000), rule.look(now, limit, 1_000));
            }
        }
    }

    #[test]
    fn what_is_taken_back_was_never_counted() {
        let window = SharedWindow::default();
        for _ in 0..10 {
            let counted_in = window.admit(5_000, 2, 1_000).unwrap();
            window.take_back(counted_in);
        }
        assert_eq!(window.look(5_000, 2, 1_000).unwrap().remaining, 2);
    }

    #[test]
    fn the_sum_is_what_the_slots_hold_however_the_window_moves_on_meanwhile() {
        for round in 0..20 {
            let window = SharedWindow::default();
            std::thread::scope(|scope| {
                for thread in 0..4i64 {
                    let window = &window;
                    scope.spawn(move || {
                        for turn in 0..500 {
                            // Several windows in all; each thread is elsewhere in time, and some jump far.
                            let jump = if turn % 50 == 49 { 1_500 * thread } else { 0 };
                            let now = 1_000_000 + round * 7 + turn * 11 + jump;
                            let counted_in = window.add(now, 3, 1_000);
                            if turn % 3 == 0 {
                                window.take_back(counted_in);
                            }
                        }
                    });
                }
            });
            let held: u64 = window.counted().map(|(_, count)| u64::from(count)).sum();
            assert_eq!(window.sum.load(SeqCst), held);
            window.advance(window.newest.load(SeqCst) + PARTS + 1);
            assert_eq!(window.sum.load(SeqCst), 0);
        }
    }

    #[test]
    fn a_sum_that_is_ahead_of_its_slots_refuses_nobody() {
        let window = SharedWindow::default();
        window.sum.fetch_add(5, SeqCst);
        assert_eq!(window.look(5_000, 2, 1_000).map(|standing| standing.remaining), Ok(2));
        assert!(window.admit(5_000, 2, 1_000).is_ok() && window.admit(5_000, 2, 1_000).is_ok());
        assert!(window.admit(5_000, 2, 1_000).is_err());
    }

    #[test]
    fn many_threads_never_pass_more_than_the_limit() {
        for round in 0..50 {
            let (window, passed) = (Arc::new(SharedWindow::default()), Arc::new(AtomicUsize::new(0)));
            std::thread::scope(|scope| {
                for thread in 0..4i64 {
                    let (window, passed) = (Arc::clone(&window), Arc::clone(&passed));
                    scope.spawn(move || {
                        for turn in 0..200 {
                            // Less than a window in all, over many of its parts.
                            let now = 1_000_000 + round * 7 + turn * 4 + thread;
                            passed.fetch_add(usize::from(window.admit(now, 100, 1_000).is_ok()), SeqCst);
                        }
                    });
                }
            });
            let passed = passed.load(SeqCst);
            assert!((90..=100).contains(&passed), "{passed} of 100");
        }
    }
}
