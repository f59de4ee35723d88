//! One caller of the gate that is profiled: a request, its answer, the next request. Nothing happens at the same time, so
//! that the same instructions are run each time.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

use super::callgrind::Profiled;
use super::upstream::{Step, Upstream};
use crate::foreground::{answer, connect};

/// A prompt of about 1 KB is these words so many times.
const WORDS: &str = "Tell me about the gate and the wall. ";
const REPEATED: usize = 28;
/// What every event of a stream holds once.
const DATA: &[u8] = b"data:";

/// The caller.
pub struct Exchange<'a> {
    gate: &'a Profiled,
    upstream: &'a Upstream,
    reader: BufReader<TcpStream>,
}

impl<'a> Exchange<'a> {
    /// Connects.
    pub fn with(gate: &'a Profiled, upstream: &'a Upstream) -> Result<Self> {
        Ok(Self { gate, upstream, reader: BufReader::new(connect(&gate.server)?) })
    }

    /// A whole answer.
    pub fn whole(&mut self) -> Result<()> {
        let key = self.gate.server.bearer.clone();
        self.expect(&key, 200)
    }

    /// A refusal, for a key that nobody has.
    pub fn unknown_key(&mut self) -> Result<()> {
        let own = &self.gate.server.bearer;
        let last = if own.ends_with('0') { "1" } else { "0" };
        let unknown = format!("{}{last}", &own[..own.len().saturating_sub(1)]);
        self.expect(&unknown, 401)
    }

    /// A stream of so many events, each sent when the one before has come through.
    pub fn stream(&mut self, events: u32) -> Result<()> {
        let request = request(&self.gate.server.bearer, true);
        self.reader.get_mut().write_all(request.as_bytes())?;
        let mut seen = Vec::new();
        for number in 1..=events {
            self.upstream.steps.send(Step::Event)?;
            self.until(&mut seen, |seen| count(seen) >= number)?;
        }
        self.upstream.steps.send(Step::End)?;
        self.until(&mut seen, |seen| seen.ends_with(b"\r\n0\r\n\r\n"))
    }

    fn until(&mut self, seen: &mut Vec<u8>, enough: impl Fn(&[u8]) -> bool) -> Result<()> {
        let mut piece = [0; 4_096];
        while !enough(seen) {
            let length = self.reader.read(&mut piece).context("a stream stands still")?;
            seen.extend_from_slice(&piece[..length]);
            if length == 0 || !seen.starts_with(b"HTTP/1.1 200") {
                bail!("a stream broke off: {}", String::from_utf8_lossy(seen));
            }
        }
        Ok(())
    }

    /// A call with this key, and the status of its answer.
    pub fn expect(&mut self, key: &str, status: u16) -> Result<()> {
        self.reader.get_mut().write_all(request(key, false).as_bytes())?;
        let seen = answer(&mut self.reader)?;
        if seen == status { Ok(()) } else { bail!("{seen} came, not {status}") }
    }
}

/// Events of a stream so far.
fn count(seen: &[u8]) -> u32 {
    let found = seen.windows(DATA.len()).filter(|window| *window == DATA).count();
    u32::try_from(found).unwrap_or(u32::MAX)
}

fn request(key: &str, stream: bool) -> String {
    let prompt = WORDS.repeat(REPEATED);
    let body = format!(
        r#"{{"model":"bench","stream":{stream},"messages":[{{"role":"user","content":"{prompt}"}}]}}"#
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
