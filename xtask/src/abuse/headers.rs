//! Thousands of connections that send their head a byte at a time.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::source::{self, Appetite, Look, look};
use super::{Finding, Others, Range, wait_until};

const ROW: &str = "slow-headers-many";
const CONNECTIONS: usize = 5_000;
/// As many as the gate lets in from one address.
const PER_SOURCE: usize = 1_000;
/// Connections from an address that has its share already.
const BEYOND: usize = 100;
const BYTE_EVERY: Duration = Duration::from_secs(5);
/// How long a head may take where nobody set it otherwise (`timeouts.header_ms`), and for the last of all to be seen.
const CUT_WITHIN: Duration = Duration::from_secs(13);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Connections are opened so many at a time, in five seconds all of them.
const OPEN_AT_ONCE: usize = 50;
const OPEN_EVERY: Duration = Duration::from_millis(50);
const HEAD: &[u8] = b"GET /v1/models HTTP/1.1\r\n";

struct Slow {
    stream: TcpStream,
    sent: usize,
    due: Instant,
}

struct Seen {
    most_open: usize,
    turned_away: usize,
    answered: usize,
    left: usize,
    took: Duration,
}

/// Opens them all, and sees them cut.
pub fn slow(range: &Range) -> Result<Vec<Finding>> {
    let gates = range.gates("headers")?;
    let (others, seen) = Others::during(&gates, |gate| attack(gate.address()?))?;
    let Seen { most_open, turned_away, answered, left, took } = seen;
    let cut = CONNECTIONS - left;
    Ok(vec![
        Finding::new(
            ROW,
            format!("{CONNECTIONS} connections, 1 byte per 5 s: closed"),
            format!(
                "{most_open} open at once, {cut} cut within {:.1} s, {answered} answered",
                took.as_secs_f64()
            ),
            most_open == CONNECTIONS && left == 0 && answered == 0,
        ),
        Finding::new(
            ROW,
            format!("a cap on each address ({PER_SOURCE})"),
            format!("{turned_away} of {BEYOND} more from one address turned away at once"),
            turned_away == BEYOND,
        ),
        others.finding(ROW),
    ])
}

fn attack(gate: SocketAddrV4) -> Result<Seen> {
    let started = Instant::now();
    let mut slow = Vec::with_capacity(CONNECTIONS);
    for number in 0..CONNECTIONS {
        if number % OPEN_AT_ONCE == 0 {
            wait_until(started + OPEN_EVERY * u32::try_from(number / OPEN_AT_ONCE)?);
        }
        slow.push(open(gate, number / PER_SOURCE)?);
    }
    let mut seen = Seen { most_open: 0, turned_away: 0, answered: 0, left: 0, took: Duration::ZERO };
    let mut beyond: Vec<Slow> = (0..BEYOND).map(|_| open(gate, 0)).collect::<Result<_>>()?;
    let all_open = Instant::now();
    while !slow.is_empty() && all_open.elapsed() < CUT_WITHIN {
        wait_until(Instant::now() + LOOK_EVERY);
        if seen.most_open == 0 {
            beyond.retain_mut(|one| one.is_there(&mut seen.answered));
            seen.turned_away = BEYOND - beyond.len();
            beyond.clear();
        }
        slow.retain_mut(|one| one.is_there(&mut seen.answered));
        seen.most_open = seen.most_open.max(slow.len());
        // One that is gone shows it at the next look.
        slow.iter_mut().for_each(Slow::send);
        seen.took = started.elapsed();
    }
    seen.left = slow.len();
    Ok(seen)
}

fn open(gate: SocketAddrV4, source: usize) -> Result<Slow> {
    let last = u8::try_from(source + 1)?;
    let stream = source::from(Ipv4Addr::new(127, 0, 1, last), gate, Appetite::Usual)?;
    stream.set_nonblocking(true)?;
    let mut slow = Slow { stream, sent: 0, due: Instant::now() };
    slow.send();
    Ok(slow)
}

impl Slow {
    fn send(&mut self) {
        if Instant::now() >= self.due && self.stream.write(&HEAD[self.sent..=self.sent]).is_ok() {
            self.sent += 1;
            self.due += BYTE_EVERY;
        }
    }

    fn is_there(&mut self, answered: &mut usize) -> bool {
        let mut buffer = [0; 512];
        match look(&mut self.stream, &mut buffer) {
            Look::Silent => true,
            Look::Said(_) => {
                *answered += usize::from(buffer.starts_with(b"HTTP/1.1 2"));
                true
            }
            Look::Over => false,
        }
    }
}
