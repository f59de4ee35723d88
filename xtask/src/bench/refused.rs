//! What a refusal costs, beside a whole call through nginx at the same rate and in the same round. The other lanes
//! refuse nobody and are left out.

use anyhow::Result;

use super::Session;
use super::figures::NGINX;
use super::load::{CONNECTIONS, Expect};
use super::whole::{MODEL, RATE};
use crate::gate::limited_key;
use crate::program::output;

/// A credential that is refused waits for 80 ms, and its connection with it.
const WAITING_CONNECTIONS: u32 = 400;
const NOBODY: &str = "CPU µs per 401 at 2,000/s (nginx: a call)";
const LIMITED: &str = "CPU µs per 429 at 2,000/s (nginx: a call)";
const SATURATED: &str = "CPU µs per 429 at saturation (nginx: a call)";

/// Measures.
pub fn measure(session: &mut Session) -> Result<()> {
    let binary = session.houses.binary.clone();
    session.rounds("refused requests", |load, options, lane, at, figures| {
        let seconds = options.seconds;
        if at == NGINX {
            let done = load.at_rate(lane, MODEL, RATE, CONNECTIONS, seconds)?;
            figures.add(NOBODY, at, done.microseconds());
            figures.add(LIMITED, at, done.microseconds());
            let done = load.saturate(lane, MODEL, seconds, &lane.server.bearer, Expect::Served)?;
            figures.add(SATURATED, at, done.microseconds());
        }
        let Some(installation) = &lane.installation else { return Ok(()) };
        let unknown = unknown_key(&lane.server.bearer);
        let done = load.at_rate_as(lane, MODEL, RATE, WAITING_CONNECTIONS, seconds, &unknown, 401)?;
        figures.add(NOBODY, at, done.microseconds());
        // A fresh key each time: what it may ask for in a minute does not come back while it is refused.
        let limited = limited_key(&binary, installation)?;
        let mut once = load.generate("rate", lane, MODEL, &limited, 200)?;
        once.args(["--rate", "2", "--connections", "1", "--seconds", "1"]);
        // Takes the one request that the key has; what follows is refused, so that what it says is of no use.
        output(&mut once)?;
        let done = load.at_rate_as(lane, MODEL, RATE, CONNECTIONS, seconds, &limited, 429)?;
        figures.add(LIMITED, at, done.microseconds());
        let done = load.saturate(lane, MODEL, seconds, &limited, Expect::Refused)?;
        figures.add(SATURATED, at, done.microseconds());
        Ok(())
    })
}

/// A key of the right form that nobody has.
fn unknown_key(key: &str) -> String {
    let last = if key.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &key[..key.len().saturating_sub(1)])
}
