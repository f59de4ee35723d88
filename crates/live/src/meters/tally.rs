//! A counter that threads add to without meeting: each has a place of its own, and who reads sums them. It does not know
//! what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

use crate::thread_number::thread_number;

/// Threads beyond so many share their places.
pub(super) const PLACES: usize = 4;

/// A count that only grows. Clones add to the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<[Place; PLACES]>);

/// One thread's part. Parts of two threads in one cache line would be as slow as one.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Place(AtomicU64);

impl Tally {
    /// Adds `count`.
    pub(super) fn add(&self, count: u64) {
        self.0[thread_number() % PLACES].0.fetch_add(count, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|place| place.0.load(Ordering::Relaxed)).sum()
    }
}

impl TypedMetric for Tally {
    const TYPE: MetricType = MetricType::Counter;
}

impl EncodeMetric for Tally {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_counter::<NoLabelSet, _, u64>(&self.sum(), None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_add_is_one_sum() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for _ in 0..2 * PLACES {
                scope.spawn(|| (0..1_000).for_each(|_| tally.add(1)));
            }
        });
        assert_eq!(tally.sum(), 2_000 * PLACES as u64);
    }
}
