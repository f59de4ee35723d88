//! Thousands of streams whose readers take next to nothing.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::source::{self, Appetite, Look, look};
use super::{Finding, Others, Range, wait_until};
use crate::foreground::chat;
use crate::provider::LONG;

const ROW: &str = "slow-read-many";
const READERS: usize = 2_000;
/// As many as the gate lets in from one address.
const PER_SOURCE: usize = 1_000;
/// What a reader takes in a second.
const BYTES_PER_SECOND: usize = 10;
const SECONDS: usize = 10;
/// Readers come so many at a time.
const OPEN_AT_ONCE: usize = 20;
const OPEN_EVERY: Duration = Duration::from_millis(50);
const MOST_MEBIBYTES: usize = 512;

struct Seen {
    begun: usize,
    held: usize,
}

/// Opens long streams and reads them by the byte.
pub fn slow(range: &Range) -> Result<Vec<Finding>> {
    let gates = range.gates("readers")?;
    let before = gates.ours.peak_bytes()? >> 20;
    let (others, Seen { begun, held }) =
        Others::during(&gates, |gate| attack(gate.address()?, &chat(gate, LONG, true)))?;
    let peak = gates.ours.peak_bytes()? >> 20;
    Ok(vec![
        Finding::new(
            ROW,
            format!("{READERS} slow readers: at most {MOST_MEBIBYTES} MiB"),
            format!("peak {peak} MiB (idle {before}), {begun} streams begun, {held} held at the end"),
            begun == READERS && peak <= MOST_MEBIBYTES,
        ),
        others.note(ROW),
    ])
}

fn attack(gate: SocketAddrV4, call: &str) -> Result<Seen> {
    let mut readers: Vec<(TcpStream, usize)> = Vec::with_capacity(READERS);
    let started = Instant::now();
    for number in 0..READERS {
        if number % OPEN_AT_ONCE == 0 {
            wait_until(started + OPEN_EVERY * u32::try_from(number / OPEN_AT_ONCE)?);
        }
        let last = u8::try_from(number / PER_SOURCE + 1)?;
        let mut stream = source::from(Ipv4Addr::new(127, 0, 2, last), gate, Appetite::Least)?;
        stream.write_all(call.as_bytes())?;
        stream.set_nonblocking(true)?;
        readers.push((stream, 0));
    }
    let mut begun = 0;
    let started = Instant::now();
    for second in 1..=SECONDS {
        readers.retain_mut(|(stream, taken)| {
            let mut buffer = [0; BYTES_PER_SECOND];
            match look(stream, &mut buffer) {
                Look::Silent => true,
                Look::Said(count) => {
                    begun += usize::from(*taken == 0 && buffer.starts_with(b"HTTP/1.1 2"));
                    *taken += count;
                    true
                }
                Look::Over => false,
            }
        });
        wait_until(started + Duration::from_secs(second as u64));
    }
    Ok(Seen { begun, held: readers.len() })
}
