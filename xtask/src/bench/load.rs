//! The load: wrk at saturation, `bench-load` for a fixed rate and for streams. Each run is one process, and what it saw
//! comes back with the processor time that the server spent on it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::lanes::Lane;
use super::processor;
use crate::places::Places;
use crate::program::output;

/// Enough to keep a server busy, few enough not to measure the kernel's queues.
pub const CONNECTIONS: u32 = 64;

/// How load is made.
pub struct Load {
    script: PathBuf,
    generator: PathBuf,
}

/// What one run saw.
pub struct Done {
    /// Requests answered as they should be.
    pub requests: f64,
    /// How long it took.
    pub seconds: f64,
    /// Seconds of processor time that the server spent until it was at rest again.
    pub spent: f64,
    /// Those of them that it spent after the last answer.
    pub afterwards: f64,
    /// All that the generator said.
    pub said: Value,
}

/// Which answers are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Every request is served.
    Served,
    /// Every request is refused.
    Refused,
}

impl Done {
    /// Microseconds of processor time for one request.
    pub fn microseconds(&self) -> f64 {
        self.spent * 1e6 / self.requests
    }

    /// A latency that the generator told, in milliseconds.
    pub fn milliseconds(&self, spread: &str, percentile: &str) -> Result<f64> {
        let value = self.said[spread][percentile].as_f64();
        Ok(value.with_context(|| format!("no {spread}.{percentile}"))? / 1e3)
    }

    /// A number that the generator told.
    pub fn number(&self, name: &str) -> Result<f64> {
        self.said[name].as_f64().with_context(|| format!("no {name}"))
    }
}

impl Load {
    /// With the programs of this repository.
    pub fn new(places: &Places) -> Self {
        Self {
            script: places.root.join("bench/post.lua"),
            generator: places.release_binary().with_file_name("bench-load"),
        }
    }

    /// As many requests as the lane takes, from [`CONNECTIONS`] callers.
    pub fn saturate(
        &self,
        lane: &Lane,
        model: &str,
        seconds: f64,
        bearer: &str,
        expect: Expect,
    ) -> Result<Done> {
        let mut command = self.wrk(lane, model, seconds, bearer)?;
        measured(lane, || wrk_said(&output(&mut command)?, expect))
    }

    /// The command that [`Load::saturate`] runs.
    pub fn wrk(&self, lane: &Lane, model: &str, seconds: f64, bearer: &str) -> Result<Command> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--connections", &CONNECTIONS.to_string()]);
        // wrk takes whole seconds.
        wrk.args(["--timeout", "20s", "--duration", &format!("{:.0}s", seconds.ceil())]);
        wrk.arg("--script").arg(&self.script);
        wrk.arg(format!("http://{}{}", lane.address()?, lane.path)).args(["--", bearer, model]);
        wrk.args(lane.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        Ok(wrk)
    }

    /// `bench-load` in one of its modes.
    pub fn generate(
        &self,
        mode: &str,
        lane: &Lane,
        model: &str,
        bearer: &str,
        status: u16,
    ) -> Result<Command> {
        let mut command = Command::new(&self.generator);
        let headers: serde_json::Map<String, Value> =
            lane.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        command.args([mode, "--address", &lane.address()?.to_string(), "--path", &lane.path]);
        command.args(["--bearer", bearer, "--headers", &Value::from(headers).to_string()]);
        command.args(["--model", model, "--expect", &status.to_string()]);
        Ok(command)
    }

    /// Requests at a fixed rate, over this many connections.
    pub fn at_rate(
        &self,
        lane: &Lane,
        model: &str,
        rate: u32,
        connections: u32,
        seconds: f64,
    ) -> Result<Done> {
        self.at_rate_as(lane, model, rate, connections, seconds, &lane.server.bearer, 200)
    }

    /// The same with another key, which is answered with `status`.
    pub fn at_rate_as(
        &self,
        lane: &Lane,
        model: &str,
        rate: u32,
        connections: u32,
        seconds: f64,
        bearer: &str,
        status: u16,
    ) -> Result<Done> {
        let mut command = self.generate("rate", lane, model, bearer, status)?;
        command.args(["--rate", &rate.to_string(), "--connections", &connections.to_string()]);
        command.args(["--seconds", &seconds.to_string()]);
        measured(lane, || said(&output(&mut command)?))
    }

    /// Streams next to each other.
    pub fn streams(&self, lane: &Lane, model: &str, concurrent: u32, seconds: f64) -> Result<Done> {
        let mut command = self.generate("streams", lane, model, &lane.server.bearer, 200)?;
        command.args(["--concurrent", &concurrent.to_string(), "--seconds", &seconds.to_string()]);
        measured(lane, || said(&output(&mut command)?))
    }
}

fn measured(lane: &Lane, load: impl FnOnce() -> Result<Value>) -> Result<Done> {
    let process = lane.server.child.id();
    let before = processor::seconds_of(process)?;
    let said = load()?;
    let during = processor::seconds_of(process)?;
    let spent = processor::seconds_at_rest(process)? - before;
    let number = |name: &str| said[name].as_f64().with_context(|| format!("the load did not say {name}"));
    let (requests, seconds) = (number("requests")?, number("seconds")?);
    Ok(Done { requests, seconds, spent, afterwards: spent - (during - before), said })
}

/// What wrk said, with the refused as the answered where refusals are right.
pub fn wrk_said(text: &str, expect: Expect) -> Result<Value> {
    let line = text.lines().find(|line| line.starts_with('{')).context("wrk printed no result")?;
    let mut said: Value = serde_json::from_str(line)?;
    let number = |name: &str| said[name].as_u64().with_context(|| format!("wrk did not say {name}"));
    let (requests, refused, broken) = (number("requests")?, number("refused")?, number("broken")?);
    let right = if expect == Expect::Served { requests.saturating_sub(refused) } else { refused };
    if right == 0 || right < requests || broken > 0 {
        bail!("of {requests} requests {refused} were refused and {broken} broke off: nothing to compare");
    }
    said["requests"] = right.into();
    Ok(said)
}

/// What `bench-load` said; a request that failed spoils the run.
fn said(text: &str) -> Result<Value> {
    let line = text.lines().last().context("bench-load said nothing")?;
    let said: Value = serde_json::from_str(line)?;
    if said["failed"] != 0 || said["requests"] == 0 {
        bail!("{} requests failed, such as: {}", said["failed"], said["fault"]);
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_when_every_answer_is_the_right_one() {
        let line = |requests: u32, refused: u32, broken: u32| {
            format!(
                "noise\n{{\"requests\":{requests},\"refused\":{refused},\"broken\":{broken},\"seconds\":1}}"
            )
        };
        assert_eq!(wrk_said(&line(10, 0, 0), Expect::Served).unwrap()["requests"], 10);
        assert_eq!(wrk_said(&line(10, 10, 0), Expect::Refused).unwrap()["requests"], 10);
        for (text, expect) in [
            (line(10, 1, 0), Expect::Served),
            (line(10, 9, 0), Expect::Refused),
            (line(10, 0, 1), Expect::Served),
            (line(0, 0, 0), Expect::Served),
            (String::new(), Expect::Served),
        ] {
            assert!(wrk_said(&text, expect).is_err(), "{text}");
        }
        assert!(said("{\"requests\":5,\"failed\":1,\"fault\":\"cut\"}").is_err());
        assert!(said("{\"requests\":5,\"failed\":0}").is_ok());
    }
}
