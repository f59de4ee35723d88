//! Whole answers: as many as a lane takes, and at a fixed rate.

use anyhow::Result;

use super::figures::DIRECT;
use super::load::{CONNECTIONS, Expect};
use super::{Session, system_calls};

/// Requests a second of the fixed rate.
pub const RATE: u32 = 2_000;
/// The model that answers whole.
pub const MODEL: &str = "bench";
const WARM_UP_SECONDS: f64 = 1.0;

/// CPU at the fixed rate, by which refusals are judged as well.
const LATENCIES: [(&str, &str); 3] = [
    ("p50 ms at 2,000/s (lanes: added to direct)", "p50_us"),
    ("p99 ms at 2,000/s (lanes: added to direct)", "p99_us"),
    ("p99.9 ms at 2,000/s (lanes: added to direct)", "p999_us"),
];

/// Measures, and counts system calls in a run of its own.
pub fn measure(session: &mut Session) -> Result<()> {
    for lane in &session.lanes {
        let bearer = &lane.server.bearer;
        session.load.saturate(lane, MODEL, WARM_UP_SECONDS, bearer, Expect::Served)?;
    }
    session.rounds("saturation", |load, options, lane, at, figures| {
        let done = load.saturate(lane, MODEL, options.seconds, &lane.server.bearer, Expect::Served)?;
        figures.add("CPU µs per request at saturation", at, done.microseconds());
        figures.add("  of it after the last answer", at, done.afterwards * 1e6 / done.requests);
        figures.add("requests/s at saturation", at, done.requests / done.seconds);
        Ok(())
    })?;
    let mut direct = [f64::NAN; 3];
    session.rounds("fixed rate", |load, options, lane, at, figures| {
        let done = load.at_rate(lane, MODEL, RATE, CONNECTIONS, options.seconds)?;
        figures.add("CPU µs per request at 2,000/s", at, done.microseconds());
        for ((name, percentile), direct) in LATENCIES.iter().zip(&mut direct) {
            let value = done.milliseconds("whole", percentile)?;
            if at == DIRECT {
                *direct = value;
            }
            figures.add(name, at, if at == DIRECT { value } else { value - *direct });
        }
        if at == DIRECT {
            figures.add("p99 ms that the load itself was late", at, done.milliseconds("late", "p99_us")?);
        }
        Ok(())
    })?;
    system_calls::measure(session)
}
