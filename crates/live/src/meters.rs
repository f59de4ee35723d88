//! Figures for operators: a registry with bounded labels whose handles are resolved once, so that recording is a
//! few atomic additions, to places that threads do not share. It knows no key, no tenant and no model: none of them may become a label.

mod latency;
mod tally;

use std::array::from_fn;
use std::fmt;
use std::time::Duration;

use domain::code::{Code, ROWS};
use domain::price::{Tokens, Units};
use domain::retention::Class;
use domain::scope::Denied;
use domain::time::Timestamp;
use domain::usage::{CallSettled, Outcome, Pace, Surface};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::pool::Census;
use latency::Latency;
use tally::Tally;

/// How one upstream attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It answered with success.
    Answered,
    /// It refused the request (a 4xx other than 429).
    Refused,
    /// It asked to come back later (429).
    Limited,
    /// It failed (5xx).
    Failed,
    /// No connection came about.
    Unreachable,
    /// It did not answer in time.
    TimedOut,
    /// It broke the protocol.
    Malformed,
}

impl Attempt {
    const WORDS: [(Attempt, &'static str); 7] = [
        (Attempt::Answered, "answered"),
        (Attempt::Refused, "refused"),
        (Attempt::Limited, "limited"),
        (Attempt::Failed, "failed"),
        (Attempt::Unreachable, "unreachable"),
        (Attempt::TimedOut, "timed_out"),
        (Attempt::Malformed, "malformed"),
    ];
}

/// The order of [`Denied`], which its handles are kept in.
const DENIALS: [Denied; 11] = [
    Denied::Missing,
    Denied::Misplaced,
    Denied::Malformed,
    Denied::Unknown,
    Denied::WrongKind,
    Denied::Disabled,
    Denied::Expired,
    Denied::Revoked,
    Denied::IpNotAllowed,
    Denied::IpNotAllowedByOrg,
    Denied::IpNotAllowedHere,
];

const MICROS_PER_SECOND: i64 = 1_000_000;

/// First digits of a status as a label.
const STATUS_CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The states of connections as labels, in the order of [`Meters::set_pool`].
const KEY_STATES: [&str; 5] = ["active", "near_limit", "exhausted", "cooldown", "broken"];

/// The kinds of tokens, in the order of [`kinds_of`].
const KINDS: [&str; 8] =
    ["input", "cache_read", "cache_write", "output", "reasoning", "audio", "cache_write_1h", "image"];

fn kinds_of(tokens: &Tokens) -> [u64; KINDS.len()] {
    let Tokens { input, cache_read, cache_write, output, reasoning, audio, cache_write_1h, image } = *tokens;
    [input, cache_read, cache_write, output, reasoning, audio, cache_write_1h, image]
}

/// What is not counted in tokens, in the order of [`counts_of`].
const UNITS: [&str; 4] = ["picture", "sound_millisecond", "character", "search"];

fn counts_of(units: &Units) -> [u64; UNITS.len()] {
    let Units { pictures, sound_ms, characters, searches } = *units;
    [pictures, sound_ms, characters, searches]
}

/// All figures.
pub struct Meters {
    registry: Registry,
    requests: [[[Tally; STATUS_CLASSES.len()]; Outcome::ALL.len()]; Surface::ALL.len()],
    refusals: [Tally; ROWS.len()],
    denials: [Tally; DENIALS.len()],
    attempts: [Tally; Attempt::WORDS.len()],
    tokens: [Tally; KINDS.len()],
    units: [Tally; UNITS.len()],
    cost_nanos: Tally,
    stream_events: Tally,
    damaged_records: Tally,
    mail_sent: Tally,
    mail_lost: Tally,
    /// By class, in the order of [`Class::ALL`].
    removed: Vec<Tally>,
    canary_overdue: Gauge,
    canary_planted: Gauge,
    in_flight: Gauge,
    backlog: Gauge,
    provider_keys: [Gauge; KEY_STATES.len()],
    providers_out: Gauge,
    request_seconds: Latency,
    first_byte_seconds: Latency,
    overhead_seconds: Latency,
}

/// One request in flight, until dropped.
#[derive(Debug)]
#[must_use = "dropping it counts the request as ended"]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self::new()
    }
}

impl Meters {
    /// Registers every figure at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("portcullis");
        let to = &mut registry;
        let requests = family(to, "requests", "Calls that ended, by endpoint, outcome and status class");
        let refusals = family(to, "refusals", "Answers that were refusals or failures, by code");
        let denials = family(to, "credentials_refused", "Credentials refused, by the true reason");
        let attempts = family(to, "upstream_attempts", "Attempts at upstreams, by how they ended");
        let tokens = family(to, "tokens", "Tokens used, by kind");
        let units = family(to, "units", "What was used and is not counted in tokens, by unit");
        let removed = family(to, "retention_removed", "Rows removed because their time was over, by class");
        let keys = Family::<Vec<(&'static str, &'static str)>, Gauge>::default();
        to.register("provider_keys", "Connections in use, by state", keys.clone());
        let label = |family: &Labelled, name, word| family.get_or_create_owned(&vec![(name, word)]);
        Self {
            requests: from_fn(|surface| {
                from_fn(|outcome| {
                    from_fn(|class| {
                        requests.get_or_create_owned(&vec![
                            ("surface", Surface::ALL[surface].word()),
                            ("outcome", Outcome::ALL[outcome].word()),
                            ("status", STATUS_CLASSES[class]),
                        ])
                    })
                })
            }),
            refusals: from_fn(|index| label(&refusals, "code", ROWS[index].word)),
            denials: from_fn(|index| label(&denials, "reason", DENIALS[index].word())),
            attempts: from_fn(|index| label(&attempts, "result", Attempt::WORDS[index].1)),
            tokens: from_fn(|index| label(&tokens, "kind", KINDS[index])),
            units: from_fn(|index| label(&units, "unit", UNITS[index])),
            cost_nanos: counter(to, "cost_nanos", "Cost of all calls in nano-dollars"),
            stream_events: counter(to, "stream_events", "Events relayed in streams"),
            damaged_records: counter(to, "outbox_damaged", "Damaged places found in the outbox"),
            mail_sent: counter(to, "mail_sent", "Letters that the mail server took"),
            mail_lost: counter(to, "mail_lost", "Letters that could not be sent"),
            removed: Class::ALL.iter().map(|class| label(&removed, "class", class.word())).collect(),
            canary_overdue: gauge(
                to,
                "retention_overdue",
                "One when data past its time does not leave, by the canary of the night",
            ),
            canary_planted: gauge(
                to,
                "retention_canary_timestamp_seconds",
                "When the last canary of retention was planted",
            ),
            in_flight: gauge(to, "in_flight", "Requests in flight"),
            backlog: gauge(to, "outbox_backlog", "Settled calls that wait to be posted"),
            provider_keys: from_fn(|index| keys.get_or_create_owned(&vec![("state", KEY_STATES[index])])),
            providers_out: gauge(to, "providers_out", "Providers that are skipped as a whole"),
            request_seconds: latency(
                to,
                "request_seconds",
                "From reading a request to the end of its answer",
            ),
            first_byte_seconds: latency(to, "first_byte_seconds", "From reading a request to the first byte"),
            overhead_seconds: latency(
                to,
                "overhead_seconds",
                "Time in the gate before the upstream is called",
            ),
            registry,
        }
    }

    /// A call ended after `pace` and was answered with `status` (0 when the caller got none).
    pub fn settled(&self, call: &CallSettled, pace: &Pace, status: u16) {
        self.booked(call, status);
        self.request_seconds.observe(Duration::from_millis(pace.total_ms.into()));
        if pace.first_byte_ms > 0 {
            self.first_byte_seconds.observe(Duration::from_millis(pace.first_byte_ms.into()));
        }
    }

    /// A call ended for which nobody waited, such as a batch: it says nothing of how fast answers are.
    pub fn booked(&self, call: &CallSettled, status: u16) {
        let class = STATUS_CLASSES.get(usize::from(status / 100)).map_or(0, |_| usize::from(status / 100));
        self.requests[call.opened.surface as usize][call.outcome as usize][class].add(1);
        for (counter, count) in self.tokens.iter().zip(kinds_of(&call.tokens)) {
            if count > 0 {
                counter.add(count);
            }
        }
        for (counter, count) in self.units.iter().zip(counts_of(&call.units)) {
            if count > 0 {
                counter.add(count);
            }
        }
        self.cost_nanos.add(u64::try_from(call.cost.nanos()).unwrap_or(0));
    }

    /// An answer was a refusal or a failure.
    pub fn refused(&self, code: Code) {
        self.refusals[code as usize].add(1);
    }

    /// A credential was refused.
    pub fn denied(&self, reason: Denied) {
        self.denials[reason as usize].add(1);
    }

    /// An attempt at an upstream ended.
    pub fn attempted(&self, attempt: Attempt) {
        self.attempts[attempt as usize].add(1);
    }

    /// Counts a request as in flight until the result is dropped.
    pub fn enter(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// `count` events were relayed in a stream.
    pub fn streamed(&self, count: u64) {
        self.stream_events.add(count);
    }

    /// The gate took `spent` before it called the upstream.
    pub fn overhead(&self, spent: Duration) {
        self.overhead_seconds.observe(spent);
    }

    /// The outbox holds `calls` that wait to be posted.
    pub fn set_backlog(&self, calls: u64) {
        self.backlog.set(i64::try_from(calls).unwrap_or(i64::MAX));
    }

    /// The pool's connections are in these states.
    pub fn set_pool(&self, census: &Census) {
        let counts = [census.active, census.near_limit, census.exhausted, census.cooling, census.broken];
        for (gauge, count) in self.provider_keys.iter().zip(counts) {
            gauge.set(count.into());
        }
        self.providers_out.set(census.providers_out.into());
    }

    /// `rows` of a class left because their time was over.
    pub fn removed(&self, class: &str, rows: u64) {
        let mut counters = Class::ALL.iter().zip(&self.removed);
        if let Some((_, counter)) = counters.find(|(known, _)| known.word() == class) {
            counter.add(rows);
        }
    }

    /// As many canaries of retention are past their time; the one to be told of was planted then.
    pub fn set_canary(&self, overdue: u64, planted: Timestamp) {
        self.canary_overdue.set(i64::try_from(overdue).unwrap_or(i64::MAX));
        self.canary_planted.set(planted.0 / MICROS_PER_SECOND);
    }

    /// `places` of the outbox were found damaged.
    pub fn damaged(&self, places: u64) {
        self.damaged_records.add(places);
    }

    /// A letter was sent.
    pub fn mail_sent(&self) {
        self.mail_sent.add(1);
    }

    /// A letter could not be sent.
    pub fn mail_lost(&self) {
        self.mail_lost.add(1);
    }

    /// All figures in the OpenMetrics text format.
    ///
    /// # Errors
    /// [`fmt::Error`] when the text cannot be formed.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}

/// A counter with labels whose names and values are all known beforehand.
type Labelled = Family<Vec<(&'static str, &'static str)>, Tally>;

fn family(registry: &mut Registry, name: &str, help: &str) -> Labelled {
    let family = Labelled::default();
    registry.register(name, help, family.clone());
    family
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Tally {
    let counter = Tally::default();
    registry.register(name, help, counter.clone());
    counter
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn latency(registry: &mut Registry, name: &str, help: &str) -> Latency {
    let latency = Latency::default();
    registry.register(name, help, latency.clone());
    latency
}

#[cfg(test)]
mod tests;
