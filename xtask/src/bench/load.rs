//! The load: wrk with `bench/post.lua`, which prints what happened as one JSON line.

use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::program::output;

/// Enough to keep a server busy, few enough not to measure the kernel's queues.
const CONNECTIONS: &str = "64";

/// What one run of the load saw.
pub struct Done {
    /// Requests answered.
    pub requests: f64,
    /// Answers other than 2xx, and broken connections.
    pub failed: u64,
    /// How long it took.
    pub seconds: f64,
    /// The 99th percentile of latency.
    pub p99_ms: f64,
}

/// Sends chat requests for some seconds.
pub fn run(places: &Places, url: &str, bearer: &str, seconds: u32) -> Result<Done> {
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", CONNECTIONS, "--duration", &format!("{seconds}s")]);
    wrk.arg("--script").arg(places.root.join("bench/post.lua"));
    wrk.arg(format!("{url}/v1/chat/completions")).args(["--", bearer]);
    let text = output(&mut wrk)?;
    let line = text.lines().find(|line| line.starts_with('{')).context("wrk printed no result")?;
    let said: serde_json::Value = serde_json::from_str(line)?;
    let number = |name: &str| said[name].as_f64().with_context(|| format!("wrk did not say {name}"));
    Ok(Done {
        requests: number("requests")?,
        failed: said["failed"].as_u64().context("wrk did not say failed")?,
        seconds: number("seconds")?,
        p99_ms: number("p99_ms")?,
    })
}
