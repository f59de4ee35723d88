//! Many streams that are open at once: what each costs in memory, how many break, and what other callers feel. Each lane
//! gets a fresh server, so that no memory of an earlier load is counted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::lanes::{Kind, Lane};
use super::whole::MODEL;
use super::{Session, processor};
use crate::gate;

/// Streams of the target.
const MANY: usize = 9_000;
const SOME: usize = 500;
/// Streams that say something every two seconds, for longer than they are held.
const HELD: &str = "sse-100-2000";
/// Descriptors besides those of streams, of which each takes two in a proxy.
const HOUSEHOLD: usize = 1_024;
/// Requests of other callers.
const FOREGROUND_RATE: u32 = 500;
const FOREGROUND_CONNECTIONS: u32 = 16;
/// When memory is looked at a second time.
const LATER: Duration = Duration::from_secs(1);

const LANES: [(Kind, usize); 3] = [(Kind::Nginx, 1), (Kind::Floor, 2), (Kind::Gate, 3)];

/// Measures.
pub fn measure(session: &mut Session) -> Result<()> {
    let most = session.houses.files.saturating_sub(HOUSEHOLD) / 2;
    let many = MANY.min(most);
    if many < MANY {
        session.notes.push(format!(
            "only {} files may be open, so that many streams are {many}, not {MANY}",
            session.houses.files
        ));
    }
    for (kind, at) in LANES {
        let lane = session.houses.lane(kind, "standing")?;
        one(session, &lane, at, many).with_context(|| format!("streams, {}", lane.name))?;
    }
    session.notes.push(format!("many streams are {many}"));
    Ok(())
}

fn one(session: &mut Session, lane: &Lane, at: usize, many: usize) -> Result<()> {
    processor::seconds_at_rest(lane.server.child.id())?;
    let idle = memory(lane)?;
    session.figures.add("memory idle, MiB", at, idle / MEBIBYTE);
    let some = hold(session, lane, SOME)?;
    session.figures.add("memory with 500 streams, MiB", at, some.memory / MEBIBYTE);
    let seconds = session.options.seconds;
    let alone = session.load.at_rate(lane, MODEL, FOREGROUND_RATE, FOREGROUND_CONNECTIONS, seconds)?;
    let all = hold(session, lane, many)?;
    let count = f64::from(u32::try_from(many)?);
    session.figures.add("many streams: KiB each", at, (all.memory - idle) / KIBIBYTE / count);
    session.figures.add("many streams: dropped", at, all.number("dropped")?);
    session.figures.add("many streams: s until all have begun", at, all.opened_seconds);
    let p99_alone = alone.milliseconds("whole", "p99_us")?;
    let p99 = all.said["whole"]["p99_us"].as_f64().context("no p99_us")? / 1e3;
    session.figures.add("other calls, p99 ms alone (500/s)", at, p99_alone);
    session.figures.add("other calls, p99 ms added by many streams", at, p99 - p99_alone);
    Ok(())
}

const KIBIBYTE: f64 = 1024.0;
const MEBIBYTE: f64 = 1024.0 * KIBIBYTE;

/// What was seen while streams were open.
struct Held {
    /// Bytes, at most.
    memory: f64,
    opened_seconds: f64,
    said: Value,
}

impl Held {
    fn number(&self, name: &str) -> Result<f64> {
        self.said[name].as_f64().with_context(|| format!("no {name}"))
    }
}

fn hold(session: &Session, lane: &Lane, streams: usize) -> Result<Held> {
    let mut command = session.load.generate("hold", lane, MODEL, &lane.server.bearer, 200)?;
    command.args(["--held", HELD, "--streams", &streams.to_string(), "--rate", &FOREGROUND_RATE.to_string()]);
    command.args(["--connections", &FOREGROUND_CONNECTIONS.to_string()]);
    command.args(["--seconds", &session.options.seconds.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start bench-load")?;
    let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
    let open = next(&mut lines)?;
    let at_once = memory(lane)?;
    std::thread::park_timeout(LATER);
    let later = memory(lane)?;
    let said = next(&mut lines)?;
    let ended = child.wait()?;
    if open["open"] != streams || said["failed"] != 0 || !ended.success() {
        bail!(
            "of {streams} streams {} began; {} other calls failed: {}",
            open["open"],
            said["failed"],
            said["fault"]
        );
    }
    let opened_seconds = open["seconds"].as_f64().context("no seconds")?;
    Ok(Held { memory: at_once.max(later), opened_seconds, said })
}

fn next(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> Result<Value> {
    let line = lines.next().context("bench-load ended early")??;
    Ok(serde_json::from_str(&line)?)
}

/// Bytes of a server, all its processes together.
fn memory(lane: &Lane) -> Result<f64> {
    let mut bytes = 0;
    for number in processor::numbers_of(lane.server.child.id())? {
        bytes += gate::resident_bytes(number)?;
    }
    Ok(f64::from(u32::try_from(bytes / 1024)?) * KIBIBYTE)
}
