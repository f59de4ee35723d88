//! An ordinary caller that measures how long its calls take. It knows the gate and one model, and not what else goes
//! on meanwhile.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::gate::Server;
use crate::provider::length;

/// How long anything may take before a run is given up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Latencies in milliseconds, in order.
pub struct Latencies(Vec<f64>);

/// Calls one after the other, over one connection.
pub struct Caller {
    reader: BufReader<TcpStream>,
    call: String,
}

impl Caller {
    /// Connects as a caller of this model.
    pub fn of(gate: &Server, model: &str) -> Result<Self> {
        Ok(Self { reader: BufReader::new(connect(gate)?), call: chat(gate, model, false) })
    }

    /// Makes a call, and gives its milliseconds.
    pub fn call(&mut self) -> Result<f64> {
        let started = Instant::now();
        self.reader.get_mut().write_all(self.call.as_bytes())?;
        let status = answer(&mut self.reader)?;
        if status != 200 {
            bail!("a call of the foreground was answered with {status}");
        }
        Ok(started.elapsed().as_secs_f64() * 1e3)
    }
}

impl Latencies {
    /// Puts them in order.
    pub fn new(mut milliseconds: Vec<f64>) -> Self {
        milliseconds.sort_by(f64::total_cmp);
        Self(milliseconds)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Half of them are not longer.
    pub fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// All but one in a hundred are not longer.
    pub fn p99(&self) -> f64 {
        self.percentile(99)
    }

    fn percentile(&self, part: usize) -> f64 {
        self.0.get(self.0.len() * part / 100).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median {:.2} ms, p99 {:.2} ms", self.median(), self.p99())
    }
}

/// A connection to the gate.
pub fn connect(gate: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect(gate.address()?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The text of a chat call.
pub fn chat(gate: &Server, model: &str, stream: bool) -> String {
    let body = format!(
        r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"Are you there?"}}]}}"#
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        gate.bearer,
        body.len()
    )
}

/// Reads one answer with a length, and gives its status.
pub fn answer(reader: &mut BufReader<TcpStream>) -> Result<u16> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).context("no status")?.parse()?;
    let length = u64::try_from(length(reader)?)?;
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(status)
}
