//! Refused credentials on their way to the audit trail: the first of a kind is recorded at once, the rest of that
//! minute becomes one row with a count. A kind is an address, the true reason and the public part of the credential.
//! Memory and rows are bounded whatever is thrown at the gate. It knows neither HTTP nor where rows are kept.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Entry, Outcome};
use domain::id::CallId;
use domain::scope::Denied;
use domain::time::Timestamp;
use domain::token::Prefix;
use domain::usage::Event;

use crate::outbox::Outbox;

/// How long refusals of one kind are counted into one row.
pub const WINDOW_SECONDS: i64 = 60;
/// Most kinds that are told apart at a time; the rest is counted as coming from many sources. At two rows a minute
/// each, this also bounds what an attack can write.
pub const MAX_KINDS: usize = 1_024;
/// Most kinds of one source; its further credentials are counted together.
pub const MAX_KINDS_OF_SOURCE: usize = 8;

/// One refused credential.
#[derive(Debug, Clone)]
pub struct Refused<'a> {
    /// The identifier that the request got from us, never seen before.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub ip: IpAddr,
    /// The true reason.
    pub reason: Denied,
    /// The public part of the credential, when it had one.
    pub prefix: Option<Prefix>,
    /// As it was answered.
    pub request_id: &'a str,
    /// What the caller's program calls itself.
    pub user_agent: &'a str,
}

/// The refusals of the current minutes.
pub struct Refusals {
    outbox: Outbox,
    /// Held for a few hundred nanoseconds, by refused requests alone, which then wait for their floor anyway.
    kinds: Mutex<Kinds>,
}

#[derive(Default)]
struct Kinds {
    sources: HashMap<Source, Vec<Tally>>,
    count: usize,
}

/// Who is counted as one: an IPv4 address, the /64 that one IPv6 customer has, or all who are too many to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    One(IpAddr),
    Many,
}

/// Which credential: its public part, or any of those too many to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    One(Option<Prefix>),
    Any,
}

struct Tally {
    reason: &'static str,
    credential: Credential,
    until: Timestamp,
    /// How many came after the one that was recorded at once.
    rest: u64,
    /// The last of them.
    last: Option<(CallId, Act)>,
}

impl Refusals {
    /// None so far; what is to be recorded goes into `outbox`.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, kinds: Mutex::default() }
    }

    /// Counts a refusal, and records it at once when it is the first of its kind in this minute.
    pub fn note(&self, refused: &Refused<'_>) {
        let entries = self.kinds().note(refused);
        self.record(entries);
    }

    /// Records the counts of the minutes that have ended by `now`.
    pub fn sweep(&self, now: Timestamp) {
        let entries = self.kinds().take(|tally| tally.until <= now);
        self.record(entries);
    }

    /// Records every count, for an orderly stop.
    pub fn flush(&self) {
        let entries = self.kinds().take(|_| true);
        self.record(entries);
    }

    /// How many kinds are told apart at the moment.
    #[must_use]
    pub fn kinds_now(&self) -> usize {
        self.kinds().count
    }

    fn kinds(&self) -> MutexGuard<'_, Kinds> {
        // Nothing under this lock can stop half-way.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, entries: Vec<Entry>) {
        for entry in entries {
            // Durable with the next sync: nothing waits for it, and a process that is killed loses nothing.
            if let Err(full) = self.outbox.append(&Event::Noted(entry)).map(drop) {
                tracing::error!(%full, "a refused credential could not be recorded in the audit trail");
            }
        }
    }
}

impl Kinds {
    fn note(&mut self, refused: &Refused<'_>) -> Vec<Entry> {
        let (source, credential) = self.place(refused);
        let reason = refused.reason.word();
        let tallies = self.sources.entry(source).or_default();
        let Some(tally) = tallies.iter_mut().find(|tally| tally.is(reason, credential)) else {
            tallies.push(Tally::starting(refused, credential));
            self.count += 1;
            return vec![row(refused.call, &act(refused), source, reason, credential, 1)];
        };
        if refused.at < tally.until {
            tally.rest = tally.rest.saturating_add(1);
            tally.last = Some((refused.call, act(refused)));
            return vec![];
        }
        let ended = std::mem::replace(tally, Tally::starting(refused, credential)).ended(source);
        ended.into_iter().chain([row(refused.call, &act(refused), source, reason, credential, 1)]).collect()
    }

    /// Where a refusal is counted: with its kind if there is room for it, else with what is like it.
    fn place(&self, refused: &Refused<'_>) -> (Source, Credential) {
        let (source, reason) = (Source::of(refused.ip), refused.reason.word());
        let known = self.sources.get(&source).map(Vec::as_slice).unwrap_or_default();
        let counted = |credential| known.iter().any(|tally| tally.is(reason, credential));
        let own = Credential::One(refused.prefix);
        if counted(own) || (known.len() < MAX_KINDS_OF_SOURCE && self.count < MAX_KINDS) {
            (source, own)
        } else if counted(Credential::Any) || (!known.is_empty() && self.count < MAX_KINDS) {
            (source, Credential::Any)
        } else {
            (Source::Many, Credential::Any)
        }
    }

    fn take(&mut self, ended: impl Fn(&Tally) -> bool) -> Vec<Entry> {
        let mut entries = vec![];
        for (source, tallies) in &mut self.sources {
            for tally in tallies.extract_if(.., |tally| ended(tally)) {
                self.count -= 1;
                entries.extend(tally.ended(*source));
            }
        }
        self.sources.retain(|_, tallies| !tallies.is_empty());
        entries
    }
}

impl Source {
    fn of(ip: IpAddr) -> Self {
        Self::One(match ip.to_canonical() {
            IpAddr::V4(ip) => ip.into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        })
    }
}

impl Tally {
    fn starting(refused: &Refused<'_>, credential: Credential) -> Self {
        let until = refused.at.plus_seconds(WINDOW_SECONDS);
        Self { reason: refused.reason.word(), credential, until, rest: 0, last: None }
    }

    fn is(&self, reason: &str, credential: Credential) -> bool {
        self.reason == reason && self.credential == credential
    }

    /// The row for those that came after the first; `None` when none did.
    fn ended(self, source: Source) -> Option<Entry> {
        let (call, act) = self.last?;
        Some(row(call, &act, source, self.reason, self.credential, self.rest))
    }
}

fn act(refused: &Refused<'_>) -> Act {
    Act {
        at: refused.at,
        actor: Actor::anonymous(refused.prefix),
        request_id: refused.request_id.to_owned(),
        ip: Some(refused.ip),
        user_agent: refused.user_agent.to_owned(),
    }
}

/// The row of `count` refusals, of which `act` is the last. It goes by the identifier of that one's call.
fn row(
    call: CallId,
    act: &Act,
    source: Source,
    reason: &'static str,
    credential: Credential,
    count: u64,
) -> Entry {
    let mut detail = Detail::none().text("reason", reason).number("count", count);
    if let (Source::One(IpAddr::V6(network)), true) = (source, count > 1) {
        detail = detail.text("network", format!("{network}/64"));
    }
    if source == Source::Many {
        detail = detail.text("sources", "many");
    }
    if credential == Credential::Any {
        detail = detail.text("credentials", "many");
    }
    act.entry(Action::KEY_REFUSED, "credential", Outcome::Refused, detail).spooled(call.uuid())
}
