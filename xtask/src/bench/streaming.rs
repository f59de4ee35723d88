//! Answers in events: as many as a lane takes, streams at the pace of a model, and the time to the first event.

use anyhow::Result;

use super::Session;
use super::figures::DIRECT;
use super::load::{CONNECTIONS, Expect};

/// A hundred events without a pause.
const FAST: &str = "sse-100-0";
const FAST_EVENTS: f64 = 100.0;
/// Sixty events, fifty a second, from so many streams.
const PACED: &str = "sse-60-20";
const PACED_STREAMS: u32 = 100;
/// Streams that begin each second for the time to the first event.
const SHORT: &str = "sse-20-0";
const SHORT_RATE: u32 = 200;

const FIRST: [(&str, &str); 2] = [
    ("first byte p50 ms at 200 streams/s (added)", "p50_us"),
    ("first byte p99 ms at 200 streams/s (added)", "p99_us"),
];

/// Measures.
pub fn measure(session: &mut Session) -> Result<()> {
    session.rounds("streams at saturation", |load, options, lane, at, figures| {
        let done = load.saturate(lane, FAST, options.seconds, &lane.server.bearer, Expect::Served)?;
        let events = done.requests * FAST_EVENTS;
        figures.add("chunks/s at saturation", at, events / done.seconds);
        figures.add("CPU ms per 10,000 chunks at saturation", at, done.spent * 1e7 / events);
        Ok(())
    })?;
    session.rounds("streams at a pace", |load, options, lane, at, figures| {
        let done = load.streams(lane, PACED, PACED_STREAMS, options.seconds)?;
        let events = done.number("events")?;
        figures.add("CPU ms per 10,000 chunks, 100 streams of 50/s", at, done.spent * 1e7 / events);
        Ok(())
    })?;
    let mut direct = [f64::NAN; 2];
    session.rounds("time to the first byte", |load, options, lane, at, figures| {
        let done = load.at_rate(lane, SHORT, SHORT_RATE, CONNECTIONS, options.seconds)?;
        for ((name, percentile), direct) in FIRST.iter().zip(&mut direct) {
            let value = done.milliseconds("first", percentile)?;
            if at == DIRECT {
                *direct = value;
            }
            figures.add(name, at, if at == DIRECT { value } else { value - *direct });
        }
        Ok(())
    })
}
