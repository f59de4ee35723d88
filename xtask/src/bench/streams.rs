//! `cargo xtask streams`: many idle streams through one gate. It prints what each costs in memory, how many broke,
//! and how long other calls take meanwhile. It prints figures and judges nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::foreground::{Caller, Latencies, chat, connect};
use crate::gate::{self, Server};
use crate::places::Places;
use crate::program::say;
use crate::provider::{IDLE, Provider};

/// Streams when the command line does not say.
const COUNT: usize = 5_000;
/// Calls of the foreground in each measurement.
const CALLS: usize = 1_000;
/// Streams are opened by so many threads at once.
const OPENERS: usize = 8;

/// Reads the command line and measures.
pub fn from_words(places: &Places, words: &[&str]) -> Result<()> {
    match words {
        [] => idle(places, COUNT, None),
        ["--count", count] => idle(places, count.parse()?, None),
        ["--binary", binary] => idle(places, COUNT, Some(binary)),
        ["--count", count, "--binary", binary] => idle(places, count.parse()?, Some(binary)),
        _ => bail!("cargo xtask streams [--count N] [--binary PATH]"),
    }
}

/// Measures `count` streams through the given binary, or through a release build.
fn idle(places: &Places, count: usize, binary: Option<&str>) -> Result<()> {
    gate::raise_descriptors(2 * count + 256)?;
    let binary = gate::binary(places, binary)?;
    let scratch = gate::empty_folder(places, "streams")?;
    let provider = Provider::serve()?;
    let settings = [
        format!("network.max_connections_per_address={}", count + 100),
        "limits.org_requests_per_minute=10000000".to_owned(),
        "timeouts.between_bytes_ms=3600000".to_owned(),
    ];
    let gate = gate::start(&binary, &scratch, Some(&provider.url), &settings)?;
    let alone = measure(&gate)?;
    let before = gate.resident_bytes()?;
    let started = Instant::now();
    let streams = open_all(&gate, count)?;
    let opened = started.elapsed();
    let after = gate.resident_bytes()?;
    let among = measure(&gate)?;
    let held = provider.end_all();
    let whole =
        streams.into_iter().filter_map(|stream| read_to_end(stream).ok()).filter(|done| *done).count();
    say(&format!("{count} idle streams, opened in {:.1} s; the provider held {held}", opened.as_secs_f64()));
    let bytes = after.saturating_sub(before) / count.max(1);
    say(&format!(
        "memory       {bytes} bytes a stream ({} KiB before, {} KiB after)",
        before >> 10,
        after >> 10
    ));
    say(&format!("dropped      {}", count - whole));
    say(&format!("foreground   alone: {alone}"));
    say(&format!("             among the streams: {among}"));
    Ok(())
}

/// Opens all streams and waits until each has begun.
fn open_all(gate: &Server, count: usize) -> Result<Vec<TcpStream>> {
    std::thread::scope(|scope| {
        let openers: Vec<_> = (0..OPENERS)
            .map(|opener| scope.spawn(move || (opener..count).step_by(OPENERS).map(|_| open(gate)).collect()))
            .collect();
        let mut streams = Vec::with_capacity(count);
        for opener in openers {
            let opened: Result<Vec<TcpStream>> = match opener.join() {
                Ok(opened) => opened,
                Err(_) => bail!("a thread that opens streams died"),
            };
            streams.extend(opened?);
        }
        Ok(streams)
    })
}

fn open(gate: &Server) -> Result<TcpStream> {
    let mut stream = connect(gate)?;
    stream.write_all(chat(gate, IDLE, true).as_bytes())?;
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.windows(5).any(|window| window == b"begun") {
        let count = stream.read(&mut piece).context("a stream did not begin")?;
        seen.extend_from_slice(&piece[..count]);
        if count == 0 {
            bail!("a stream was refused: {}", String::from_utf8_lossy(&seen));
        }
    }
    Ok(stream)
}

/// Whether a stream ends as it should.
fn read_to_end(mut stream: TcpStream) -> Result<bool> {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.ends_with(b"\r\n0\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        seen.extend_from_slice(&piece[..count]);
        if count == 0 {
            break;
        }
    }
    Ok(seen.windows(6).any(|window| window == b"[DONE]"))
}

/// Calls one after the other on one connection; the first half warms up and is not counted.
fn measure(gate: &Server) -> Result<Latencies> {
    let mut caller = Caller::of(gate, IDLE)?;
    for _ in 0..CALLS {
        caller.call()?;
    }
    (0..CALLS).map(|_| caller.call()).collect::<Result<_>>().map(Latencies::new)
}
