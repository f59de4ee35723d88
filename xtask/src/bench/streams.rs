//! `cargo xtask streams`: many idle streams through one gate. It prints what each costs in memory, how many broke,
//! and how long other calls take meanwhile. It prints figures and judges nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Server, median, portcullis};
use crate::places::Places;
use crate::program::{cargo, run, say};

/// Streams when the command line does not say.
const COUNT: usize = 5_000;
/// Calls of the foreground in each measurement.
const CALLS: usize = 1_000;
/// Streams are opened by so many threads at once.
const OPENERS: usize = 8;
/// How long anything may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Stack of a thread that reads one request.
const STACK_BYTES: usize = 64 << 10;

const STREAM_BEGIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
    3d\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"begun\"}}]}\n\n\r\n";
const STREAM_END: &str = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
const MODELS: &str = r#"{"object":"list","data":[{"id":"idle","object":"model"}]}"#;
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","model":"idle","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// A provider whose streams begin and then say nothing until they are told to end.
#[derive(Clone, Default)]
struct Provider {
    idle: Arc<Mutex<Vec<TcpStream>>>,
}

/// Latencies of the foreground, in milliseconds.
struct Foreground(Vec<f64>);

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
    let needed = u64::try_from(2 * count + 256)?;
    raise_descriptors(needed)?;
    let binary = match binary {
        Some(path) => path.into(),
        None => {
            run(cargo(&places.root).args(["build", "--release", "--bin", "portcullis"]))?;
            places.release_binary()
        }
    };
    let scratch = places.root.join("target/streams");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch)?;
    }
    std::fs::create_dir_all(&scratch)?;
    let provider = Provider::default();
    let url = provider.serve()?;
    let settings = [
        format!("network.max_connections_per_address={}", count + 100),
        "limits.org_requests_per_minute=10000000".to_owned(),
        "timeouts.between_bytes_ms=3600000".to_owned(),
    ];
    let gate = portcullis(&binary, &scratch, &url, &settings)?;
    let alone = Foreground::measure(&gate)?;
    let before = resident_bytes(gate.child.id())?;
    let started = Instant::now();
    let streams = open_all(&gate, count)?;
    let opened = started.elapsed();
    let after = resident_bytes(gate.child.id())?;
    let among = Foreground::measure(&gate)?;
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

impl Provider {
    fn serve(&self) -> Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let provider = self.clone();
        std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = provider.clone();
                let reader = std::thread::Builder::new().name("request".to_owned()).stack_size(STACK_BYTES);
                // A connection that breaks is the gate's business, and shows in its figures.
                let _ = reader.spawn(move || provider.answer(stream));
            }
        })?;
        Ok(url)
    }

    /// Answers the requests of one connection until one of them is a stream.
    fn answer(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = request(&mut reader)? {
            if body.contains("\"stream\":true") {
                let mut stream = reader.into_inner();
                stream.write_all(STREAM_BEGIN.as_bytes())?;
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                return Ok(());
            }
            let answer = if path.ends_with("/models") { MODELS } else { ANSWER };
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            reader.get_mut().write_all((head + answer).as_bytes())?;
        }
        Ok(())
    }

    /// Ends all streams and says how many there were.
    fn end_all(&self) -> usize {
        let streams = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ended = 0;
        for mut stream in streams {
            ended += usize::from(stream.write_all(STREAM_END.as_bytes()).is_ok());
        }
        ended
    }
}

/// Path and body of the next request; none at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> Result<Option<(String, String)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, String::from_utf8(body)?)))
}

fn call(gate: &Server, stream: bool) -> String {
    let body = format!(
        r#"{{"model":"idle","stream":{stream},"messages":[{{"role":"user","content":"Are you there?"}}]}}"#
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        gate.bearer,
        body.len()
    )
}

fn connect(gate: &Server) -> Result<TcpStream> {
    let stream = TcpStream::connect(gate.url.trim_start_matches("http://"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
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
    stream.write_all(call(gate, true).as_bytes())?;
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

impl Foreground {
    /// Calls one after the other on one connection; the first half warms up and is not counted.
    fn measure(gate: &Server) -> Result<Self> {
        let mut reader = BufReader::new(connect(gate)?);
        let call = call(gate, false);
        let mut took = Vec::new();
        for number in 0..CALLS * 2 {
            let started = Instant::now();
            reader.get_mut().write_all(call.as_bytes())?;
            let status = answer(&mut reader)?;
            if status != 200 {
                bail!("a call of the foreground was answered with {status}");
            }
            if number >= CALLS {
                took.push(started.elapsed().as_secs_f64() * 1e3);
            }
        }
        took.sort_by(f64::total_cmp);
        Ok(Self(took))
    }
}

impl std::fmt::Display for Foreground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let p99 = self.0.get(self.0.len() * 99 / 100).copied().unwrap_or(f64::NAN);
        write!(f, "median {:.2} ms, p99 {p99:.2} ms", median(&self.0))
    }
}

/// Reads one answer with a length, and gives its status.
fn answer(reader: &mut BufReader<TcpStream>) -> Result<u16> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).context("no status")?.parse()?;
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?
            }
            Some(_) => {}
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(status)
}

/// The memory of a process that is in the machine's memory (proc(5): VmRSS). Socket buffers are the kernel's.
fn resident_bytes(process: u32) -> Result<usize> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes << 10)
}

fn raise_descriptors(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < needed) {
        bail!("this many streams need {needed} open files; raise the hard limit (ulimit -Hn)");
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .context("the limit on open files cannot be raised")
}
