//! Thousands of wrong keys a second, from so many addresses that none of them is held off.

use std::hash::{BuildHasher, RandomState};
use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::source::{self, Appetite};
use super::{Finding, Others, Range, wait_until};
use crate::bench::processor;
use crate::foreground::{PATIENCE, answer};
use crate::gate::Server;

const ROW: &str = "apikey-timing-floor-cost";
const PER_SECOND: usize = 5_000;
const SECONDS: usize = 30;
/// Callers, each of which asks again as soon as it may have its answer.
const CALLERS: usize = 500;
/// Time between two guesses of one caller.
const EVERY: Duration = Duration::from_millis(100);
/// Guesses from one address: fewer than its failures in a minute may be.
const PER_ADDRESS: usize = 50;
/// Most refusals that may wait at once.
const MOST_PARKED: usize = 2_000;
/// Part of the rate that must be reached for the figures to mean anything.
const LEAST_RATE_PERCENT: usize = 95;
const STACK_BYTES: usize = 64 << 10;
/// The letters of a key.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const KEY_LETTERS: u64 = 52;

#[derive(Default)]
struct Tally {
    waiting: AtomicUsize,
    most_waiting: AtomicUsize,
    refused: AtomicUsize,
    held_off: AtomicUsize,
    closed: AtomicUsize,
}

/// What one attack came to.
struct Seen {
    refused: usize,
    held_off: usize,
    closed: usize,
    most_waiting: usize,
    took: Duration,
    processor_seconds: f64,
}

/// Guesses for half a minute.
pub fn many(range: &Range) -> Result<Vec<Finding>> {
    let gates = range.gates("guesses")?;
    let before = gates.ours.peak_bytes()? >> 20;
    let (others, seen) = Others::during(&gates, attack)?;
    let Seen { refused, held_off, closed, most_waiting, took, processor_seconds } = seen;
    let rate = (refused + held_off + closed) as f64 / took.as_secs_f64();
    let asked = PER_SECOND * LEAST_RATE_PERCENT / 100;
    Ok(vec![
        Finding::new(
            ROW,
            format!("{PER_SECOND} bad keys a second for {SECONDS} s"),
            format!("{rate:.0} a second: {refused} times 401, {held_off} times 429, {closed} closed"),
            rate >= asked as f64,
        ),
        Finding::new(
            ROW,
            format!("at most {MOST_PARKED} wait at once"),
            format!(
                "at most {most_waiting}; peak {} MiB (idle {before}); {:.0} µs of CPU each",
                gates.ours.peak_bytes()? >> 20,
                processor_seconds * 1e6 / refused.max(1) as f64
            ),
            most_waiting <= MOST_PARKED,
        ),
        others.finding(ROW),
    ])
}

fn attack(gate: &Server) -> Result<Seen> {
    let (address, tally, started) = (gate.address()?, Tally::default(), Instant::now());
    let processor_before = processor::seconds_of(gate.child.id())?;
    std::thread::scope(|scope| {
        let mut callers = vec![];
        for number in 0..CALLERS {
            let (caller, tally) = (std::thread::Builder::new().stack_size(STACK_BYTES), &tally);
            callers.push(caller.spawn_scoped(scope, move || guess(address, number, started, tally))?);
        }
        callers.into_iter().try_for_each(|caller| caller.join().ok().context("a caller died")?)
    })?;
    let took = started.elapsed();
    let processor_seconds = processor::seconds_of(gate.child.id())? - processor_before;
    let Tally { refused, held_off, closed, most_waiting, .. } = tally;
    let [refused, held_off, closed, most_waiting] =
        [refused, held_off, closed, most_waiting].map(AtomicUsize::into_inner);
    Ok(Seen { refused, held_off, closed, most_waiting, took, processor_seconds })
}

fn guess(gate: SocketAddrV4, caller: usize, started: Instant, tally: &Tally) -> Result<()> {
    let random = RandomState::new();
    let begin = started + EVERY.mul_f64(caller as f64 / CALLERS as f64);
    let mut connection = None;
    for number in 0..PER_SECOND * SECONDS / CALLERS {
        if number % PER_ADDRESS == 0 {
            connection = None;
        }
        let mut reader = match connection.take() {
            Some(open) => open,
            None => open(gate, caller, number / PER_ADDRESS)?,
        };
        wait_until(begin + EVERY * u32::try_from(number)?);
        let key = key(&random, number as u64);
        let text = format!("GET /v1/models HTTP/1.1\r\nhost: gate\r\nx-api-key: {key}\r\n\r\n");
        tally.most_waiting.fetch_max(tally.waiting.fetch_add(1, Relaxed) + 1, Relaxed);
        let answered = reader.get_mut().write_all(text.as_bytes()).map_err(Into::into);
        let answered = answered.and_then(|()| answer(&mut reader));
        tally.waiting.fetch_sub(1, Relaxed);
        match answered {
            Ok(401) => tally.refused.fetch_add(1, Relaxed),
            Ok(429) => tally.held_off.fetch_add(1, Relaxed),
            _ => tally.closed.fetch_add(1, Relaxed),
        };
        connection = answered.is_ok().then_some(reader);
    }
    Ok(())
}

/// Each caller has addresses of its own, which it takes in turn.
fn open(gate: SocketAddrV4, caller: usize, turn: usize) -> Result<BufReader<TcpStream>> {
    let [turn, hundreds, rest] = [turn + 16, caller / 100, caller % 100 + 1].map(u8::try_from);
    let stream = source::from(Ipv4Addr::new(127, turn?, hundreds?, rest?), gate, Appetite::Usual)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(1024, stream))
}

/// A key of the right form that nobody has.
fn key(random: &RandomState, number: u64) -> String {
    let letter = |at: u64| {
        let bits = random.hash_one((number, at)).to_le_bytes()[0];
        char::from(LETTERS[usize::from(bits % 32)])
    };
    format!("pc_live_{}", (0..KEY_LETTERS).map(letter).collect::<String>())
}
