use std::collections::VecDeque;

use super::*;
use proptest::prelude::*;

/// The exact sliding log that the window stands for: each request with its instant.
struct Log {
    times: VecDeque<i64>,
    limit: u32,
    period_ms: i64,
}

impl Log {
    fn new(limit: u32, period_ms: i64) -> Self {
        Self { times: VecDeque::new(), limit, period_ms }
    }

    fn within(&self, now: i64, length_ms: i64) -> usize {
        self.times.iter().rev().take_while(|time| now - **time < length_ms).count()
    }

    fn admit(&mut self, now: i64) {
        // The request that is `limit` back decides alone.
        let before = self.times.len().checked_sub(self.limit as usize).map(|at| self.times[at]);
        if before.is_none_or(|time| now - time >= self.period_ms) {
            self.times.push_back(now);
        }
    }
}

fn passes(window: &mut Window, now: i64, requests: usize, limit: u32) -> usize {
    (0..requests).filter(|_| window.admit(now, limit, 60_000).is_ok()).count()
}

#[test]
fn the_edge_of_a_minute_opens_nothing() {
    for start in [0, 1, 467, 468, 469, 59_900, 1_767_225_600_000] {
        let mut window = Window::default();
        assert_eq!(passes(&mut window, start + 59_900, 60, 60), 60);
        assert_eq!(passes(&mut window, start + 60_100, 60, 60), 0);
        assert_eq!(
            passes(&mut window, start + 59_900 + 59_999, 60, 60),
            0,
            "not before the window has passed"
        );
        assert_eq!(passes(&mut window, start + 59_900 + 60_469, 90, 60), 60, "and then all of it");
    }
}

#[test]
fn zero_admits_nothing() {
    assert!(Window::default().admit(5, 0, 1_000).is_err());
}

#[test]
fn standing_counts_down_and_resets() {
    let mut window = Window::default();
    let remaining: Vec<u32> = (0..3).map(|_| window.admit(1_000, 3, 1_000).unwrap().remaining).collect();
    assert_eq!(remaining, [2, 1, 0]);
    let refused = window.admit(1_000, 3, 1_000).unwrap_err();
    assert_eq!(refused.reset_ms, refused.retry_after_ms);
    assert!(window.admit(1_000 + i64::try_from(refused.retry_after_ms).unwrap(), 3, 1_000).is_ok());
}

#[test]
fn what_was_spent_is_counted_whatever_the_limit() {
    let mut window = Window::default();
    window.add(1_000, 5_000, 60_000);
    let refused = window.look(1_000, 1_000, 60_000).unwrap_err();
    assert!((60_000..=60_469).contains(&refused.retry_after_ms), "{refused:?}");
    assert_eq!(window.look(1_000, 5_001, 60_000).unwrap().remaining, 1);
    window.add(1_000, u32::MAX, 60_000);
    assert_eq!(window.used(1_000, 60_000), u64::from(u32::MAX), "one part saturates");
    assert_eq!(window.used(200_000, 60_000), 0);
}

#[test]
fn a_clock_that_steps_back_reopens_nothing() {
    let mut window = Window::default();
    assert_eq!(passes(&mut window, 600_000, 60, 60), 60);
    assert_eq!(passes(&mut window, 300_000, 60, 60), 0);
    assert_eq!(passes(&mut window, 661_000, 60, 60), 60);
}

/// Under a steady load over two hundred windows, each admits what the other does to 1 %.
#[test]
fn throughput_is_that_of_the_exact_log() {
    for limit in [1u32, 7, 60, 1_000] {
        let (mut window, mut log) = (Window::default(), Log::new(limit, 60_000));
        let mut admitted = 0usize;
        for now in (0..200 * 60_000).step_by(37) {
            admitted += usize::from(window.admit(now, limit, 60_000).is_ok());
            log.admit(now);
        }
        let exact = log.times.len();
        assert!(admitted <= exact && admitted * 100 >= exact * 99, "{limit}: {admitted} of {exact}");
    }
}

fn arrivals() -> impl Strategy<Value = (Vec<(i64, usize)>, u32, i64)> {
    // Bursts and pauses of all sizes, beside the window's own length.
    let gap = prop_oneof![0i64..3, 0i64..400, 900i64..1_100, 0i64..5_000];
    (proptest::collection::vec((gap, 1usize..12), 1..200), 1u32..40, 0i64..2_000_000_000_000)
}

proptest! {
    #[test]
    fn it_is_the_exact_log_to_one_percent((gaps, limit, start) in arrivals()) {
        let period = 1_000;
        let (mut now, mut window, mut log) = (start, Window::default(), Log::new(limit, period));
        for (gap, requests) in gaps {
            now += gap;
            for _ in 0..requests {
                match window.admit(now, limit, 1_000) {
                    Ok(standing) => {
                        // Never more than the limit in any window, to the millisecond.
                        prop_assert!(log.within(now, period) < limit as usize);
                        log.times.push_back(now);
                        prop_assert!(standing.remaining as usize <= limit as usize - log.within(now, period));
                    }
                    // Never a refusal that a window longer by one percent would not give.
                    Err(_) => prop_assert!(log.within(now, period + period / 100) >= limit as usize),
                }
            }
        }
        prop_assert!(window.entries.len() <= usize::try_from(PARTS).unwrap() + 1);
        prop_assert_eq!(window.total, window.entries.iter().map(|entry| u64::from(entry.count)).sum::<u64>());
    }

    #[test]
    fn waiting_as_told_is_enough_and_not_too_long((gaps, limit, start) in arrivals()) {
        let (mut now, mut window) = (start, Window::default());
        for (gap, requests) in gaps {
            now += gap;
            for _ in 0..requests {
                if let Err(refused) = window.clone().admit(now, limit, 1_000) {
                    let then = now + i64::try_from(refused.retry_after_ms).unwrap();
                    prop_assert!(window.clone().admit(then, limit, 1_000).is_ok());
                    prop_assert!(window.clone().admit(then - 1, limit, 1_000).is_err());
                    prop_assert!(refused.retry_after_ms <= refused.reset_ms && refused.reset_ms <= 1_009);
                    break;
                }
                let _ = window.admit(now, limit, 1_000);
            }
        }
    }
}
