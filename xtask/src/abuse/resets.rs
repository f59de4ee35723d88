//! HTTP/2 requests that are reset as soon as they are sent (CVE-2023-44487).

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::source::{self, Appetite, Look, look};
use super::{Finding, Others, Range, wait_until};
use crate::gate::Server;

const ROW: &str = "rapid-reset";
/// Requests of one connection.
const REQUESTS: u32 = 10_000;
/// Connections, one after the other.
const CONNECTIONS: u32 = 40;
const EVERY: Duration = Duration::from_millis(250);
/// Most requests of one connection that may reach the provider.
const MOST_UPSTREAM: usize = 100;
/// Requests between two looks at what the gate says.
const BATCH: u32 = 100;
/// How long the gate may take to end a connection.
const PATIENCE: Duration = Duration::from_secs(5);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;
const BODY: &str = r#"{"model":"idle","messages":[{"role":"user","content":"Are you there?"}]}"#;

/// What a reset request is.
#[derive(Clone, Copy)]
enum Kind {
    /// A head that is all of it.
    Bare,
    /// A whole call, which could reach the provider.
    Call,
}

/// Attacks with both kinds in turn.
pub fn rapid(range: &Range) -> Result<Vec<Finding>> {
    let gates = range.gates("resets")?;
    let calls_before = range.provider.calls();
    let (others, calmed) = Others::during(&gates, |gate| {
        let (address, heads) =
            (gate.address()?, [Kind::Bare, Kind::Call].map(|kind| (kind, head(gate, kind))));
        let (mut calmed, started) = (0, Instant::now());
        for number in 0..CONNECTIONS {
            let (kind, head) = &heads[usize::from(number % 2 == 1)];
            calmed += usize::from(attack(address, *kind, head)? == Some(ENHANCE_YOUR_CALM));
            wait_until(started + EVERY * (number + 1));
        }
        Ok(calmed)
    })?;
    let ours = others.calls();
    let upstream = (range.provider.calls() - calls_before).saturating_sub(ours);
    let connections = usize::try_from(CONNECTIONS)?;
    Ok(vec![
        Finding::new(
            ROW,
            format!("{REQUESTS} resets a connection: ENHANCE_YOUR_CALM"),
            format!("{calmed} of {connections} connections ended so"),
            calmed == connections,
        ),
        Finding::new(
            ROW,
            format!("at most {MOST_UPSTREAM} requests upstream"),
            format!("{upstream} over {} connections", 2 * connections),
            upstream <= MOST_UPSTREAM,
        ),
        others.finding(ROW),
    ])
}

/// Sends the requests of one connection until the gate has enough, and gives the error of its farewell.
fn attack(gate: SocketAddrV4, kind: Kind, head: &[u8]) -> Result<Option<u32>> {
    let mut stream = source::from(Ipv4Addr::new(127, 0, 3, 1), gate, Appetite::Usual)?;
    stream.set_nonblocking(true)?;
    let mut said = vec![];
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[])?);
    for number in 0..REQUESTS {
        let id = number * 2 + 1;
        match kind {
            Kind::Bare => sent.extend(frame(HEADERS, END_HEADERS | END_STREAM, id, head)?),
            Kind::Call => {
                sent.extend(frame(HEADERS, END_HEADERS, id, head)?);
                sent.extend(frame(DATA, END_STREAM, id, BODY.as_bytes())?);
            }
        }
        sent.extend(frame(RST_STREAM, 0, id, &CANCEL.to_be_bytes())?);
        if (number + 1) % BATCH == 0 {
            if !send(&mut stream, &mut said, &sent) {
                break;
            }
            sent.clear();
        }
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until && farewell(&said).is_none() && listen(&mut stream, &mut said) {}
    Ok(farewell(&said))
}

/// Sends everything, and takes what is said meanwhile; false when the gate has ended the connection.
fn send(stream: &mut TcpStream, said: &mut Vec<u8>, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(failed) if failed.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        if !listen(stream, said) || farewell(said).is_some() {
            return false;
        }
    }
    true
}

/// Takes what is there; false at the end.
fn listen(stream: &mut TcpStream, said: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 4096];
    match look(stream, &mut buffer) {
        Look::Silent => {
            std::thread::park_timeout(Duration::from_micros(100));
            true
        }
        Look::Said(count) => {
            said.extend_from_slice(&buffer[..count]);
            true
        }
        Look::Over => false,
    }
}

/// The error code of the GOAWAY among these frames (RFC 9113 section 6.8).
fn farewell(said: &[u8]) -> Option<u32> {
    let mut rest = said;
    while let [a, b, c, kind, after @ ..] = rest {
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok()?;
        let payload = after.get(5..5 + length)?;
        if *kind == GOAWAY {
            return payload.get(4..8)?.try_into().ok().map(u32::from_be_bytes);
        }
        rest = &after[5 + length..];
    }
    None
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<Vec<u8>> {
    let length = u32::try_from(payload.len())?.to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    Ok(bytes)
}

/// The head of a request by a good caller, as literals without indexing (RFC 7541 section 6.2.2). All of them are
/// shorter than 127 bytes, so that each length is one byte.
fn head(gate: &Server, kind: Kind) -> Vec<u8> {
    let bearer = format!("Bearer {}", gate.bearer);
    let (method, path) = match kind {
        Kind::Bare => ("GET", "/v1/models"),
        Kind::Call => ("POST", "/v1/chat/completions"),
    };
    let fields = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "gate"),
        ("authorization", &bearer),
        ("content-type", "application/json"),
    ];
    let mut bytes = vec![];
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            bytes.push(u8::try_from(text.len()).unwrap_or_default());
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}
