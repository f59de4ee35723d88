//! A histogram of durations made of atomic counters: the one of the metrics library takes a lock for every value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::tally::PLACES;
use crate::thread_number::thread_number;

/// Upper bounds in microseconds: from the gate's own cost to the longest call.
const BOUNDS_US: [u64; 18] = [
    50,
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    1_000_000,
    2_500_000,
    10_000_000,
    60_000_000,
    300_000_000,
    600_000_000,
];

/// Durations by size. Clones count into the same histogram.
#[derive(Debug, Clone, Default)]
pub(super) struct Latency(Arc<[Counts; PLACES]>);

/// What one thread counted.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Counts {
    buckets: [AtomicU64; BOUNDS_US.len()],
    above: AtomicU64,
    sum_us: AtomicU64,
}

impl Latency {
    /// Counts one duration.
    pub(super) fn observe(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = BOUNDS_US.partition_point(|bound| *bound < us);
        let counts = &self.0[thread_number() % PLACES];
        counts.buckets.get(index).unwrap_or(&counts.above).fetch_add(1, Ordering::Relaxed);
        counts.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// What all threads counted of one thing.
    fn sum(&self, of: impl Fn(&Counts) -> &AtomicU64) -> u64 {
        self.0.iter().map(|counts| of(counts).load(Ordering::Relaxed)).sum()
    }
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
        let mut buckets = Vec::with_capacity(BOUNDS_US.len() + 1);
        for (index, bound) in BOUNDS_US.iter().enumerate() {
            buckets.push((seconds(*bound), self.sum(|counts| &counts.buckets[index])));
        }
        buckets.push((f64::INFINITY, self.sum(|counts| &counts.above)));
        // Counted from the buckets that are shown, so that the parts always add up to the whole.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.sum(|counts| &counts.sum_us));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
