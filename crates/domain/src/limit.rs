//! Limits and the sliding window: the arithmetic only, so that every back-end counts alike.

use serde::{Deserialize, Serialize};

/// The limits of one API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub requests_per_minute: u32,
    /// Requests in any second.
    pub burst_per_second: u32,
    /// Requests in flight.
    pub concurrent: u32,
    /// Bytes of a request body.
    pub body_bytes: u32,
}

impl Default for Limits {
    /// The defaults of the product: 60 a minute, 10 a second, 64 in flight, 1 MiB.
    fn default() -> Self {
        Self { requests_per_minute: 60, burst_per_second: 10, concurrent: 64, body_bytes: 1 << 20 }
    }
}

/// A sliding window kept as two buckets: the count of the running period, and of the one before, weighted by how
/// much of it the window still covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Window {
    /// Number of the running period since the epoch.
    period: i64,
    current: u32,
    previous: u32,
}

/// What a window says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Requests that may still follow at once.
    pub remaining: u32,
    /// Milliseconds until the window is certainly empty again.
    pub reset_ms: u64,
}

/// A refusal by a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Milliseconds after which a retry may pass.
    pub retry_after_ms: u64,
}

impl Window {
    /// Counts one request at `now_ms` against `limit` requests per `period_ms`.
    ///
    /// # Errors
    /// [`Exceeded`] when the request would be over the limit; it is then not counted.
    pub fn admit(&mut self, now_ms: i64, limit: u32, period_ms: u32) -> Result<Standing, Exceeded> {
        let length = i64::from(period_ms.max(1));
        let period = now_ms.div_euclid(length);
        if period > self.period {
            self.previous = if period == self.period + 1 { self.current } else { 0 };
            self.current = 0;
            self.period = period;
        }
        // A clock that steps back stays in the running period rather than reopening an older one.
        let elapsed = if period < self.period { 0 } else { now_ms.rem_euclid(length) };
        let carried = i64::from(self.previous) * (length - elapsed);
        let used = i64::from(self.current) * length + carried;
        let limit = i64::from(limit);
        if used + length > limit * length {
            return Err(Exceeded { retry_after_ms: self.wait(elapsed, limit, length) });
        }
        self.current = self.current.saturating_add(1);
        let free = (limit * length - used - length) / length;
        Ok(Standing {
            remaining: u32::try_from(free).unwrap_or(0),
            reset_ms: u64::try_from(2 * length - elapsed).unwrap_or(0),
        })
    }

    /// Takes back one request that another window refused.
    pub fn forget(&mut self) {
        self.current = self.current.saturating_sub(1);
    }

    /// Milliseconds until `previous` has faded enough for one more request.
    fn wait(&self, elapsed: i64, limit: i64, length: i64) -> u64 {
        let current = i64::from(self.current);
        let previous = i64::from(self.previous);
        let ms = if current < limit && previous > 0 {
            // previous × (length − t) + (current + 1) × length ≤ limit × length, solved for t.
            let fade = (limit - current - 1) * length;
            length - fade / previous - elapsed
        } else {
            // The running period alone is full: it becomes `previous` and must fade from there.
            let spare = (limit - 1).max(0) * length;
            length - elapsed + if current == 0 { 0 } else { length - spare / current.max(1) }
        };
        u64::try_from(ms.max(1)).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limit_is_the_limit() {
        let mut window = Window::default();
        let passed = (0..100).filter(|_| window.admit(1_000, 60, 60_000).is_ok()).count();
        assert_eq!(passed, 60);
    }

    #[test]
    fn zero_admits_nothing() {
        assert!(Window::default().admit(5, 0, 1_000).is_err());
    }

    proptest! {
        #[test]
        fn no_period_ever_holds_more_than_the_limit(
            gaps in proptest::collection::vec(0i64..400, 1..400), limit in 1u32..30
        ) {
            let (mut now, mut window) = (1_000_000i64, Window::default());
            let mut counts = std::collections::HashMap::<i64, u32>::new();
            for gap in gaps {
                now += gap;
                if window.admit(now, limit, 1_000).is_ok() {
                    *counts.entry(now / 1_000).or_default() += 1;
                }
            }
            prop_assert!(counts.values().all(|count| *count <= limit));
        }

        #[test]
        fn waiting_as_told_is_enough(
            fills in proptest::collection::vec(0i64..300, 1..80), limit in 1u32..12
        ) {
            let (mut now, mut window) = (7_777_000i64, Window::default());
            for gap in fills {
                now += gap;
                if let Err(refused) = window.admit(now, limit, 1_000) {
                    now += i64::try_from(refused.retry_after_ms).unwrap();
                    prop_assert!(window.admit(now, limit, 1_000).is_ok());
                }
            }
        }
    }
}
