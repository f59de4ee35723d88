//! How latencies spread. It knows nothing of what took so long.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Three digits of every value are kept: one part in a thousand.
const DIGITS: u8 = 3;
/// Longer ones are counted as this long.
const LONGEST: Duration = Duration::from_secs(120);

/// Latencies, in a bounded room.
pub struct Spread(Histogram<u64>);

impl Spread {
    /// None yet.
    ///
    /// # Errors
    /// None that the constants above could cause.
    pub fn empty() -> Result<Self> {
        Ok(Self(Histogram::new_with_bounds(1, nanoseconds(LONGEST), DIGITS)?))
    }

    /// One more.
    pub fn add(&mut self, latency: Duration) {
        self.0.saturating_record(nanoseconds(latency).max(1));
    }

    /// How many, and in microseconds what half, 99 and 99.9 of a hundred do not exceed, and the longest.
    pub fn summary(&self) -> Value {
        json!({
            "count": self.0.len(),
            "p50_us": microseconds(self.0.value_at_quantile(0.5)),
            "p99_us": microseconds(self.0.value_at_quantile(0.99)),
            "p999_us": microseconds(self.0.value_at_quantile(0.999)),
            "most_us": microseconds(self.0.max()),
        })
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn microseconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_whole() {
        let mut spread = Spread::empty().unwrap();
        for microsecond in 1..=1_000 {
            spread.add(Duration::from_micros(microsecond));
        }
        spread.add(Duration::from_secs(600));
        let said = spread.summary();
        let near = |name: &str, expect: f64| {
            let value = said[name].as_f64().unwrap();
            assert!((value / expect - 1.0).abs() < 0.002, "{name}: {value}, not {expect}");
        };
        near("p50_us", 501.0);
        near("p99_us", 991.0);
        near("most_us", 120e6);
        assert_eq!(said["count"], 1_001);
    }
}
