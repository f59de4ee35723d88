//! Refused credentials and failed logins on their way to the audit trail: the first of a kind is recorded at once, the
//! rest of that minute becomes one row with a count. A kind is an address, the true reason and the public part of the
//! credential, or the account. Memory and rows are bounded whatever is thrown at the gate. It knows neither HTTP nor
//! where rows are kept.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Entry, Outcome};
use domain::id::{CallId, OrgId, UserId};
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
    /// Whose credential it is; none when nobody's, or nobody looked.
    pub org: Option<OrgId>,
    /// As it was answered.
    pub request_id: &'a str,
    /// What the caller's program calls itself.
    pub user_agent: &'a str,
}

/// One attempt at a password or a second factor that failed. What was typed is not in it.
#[derive(Debug, Clone)]
pub struct FailedLogin<'a> {
    /// The identifier that the request got from us, never seen before.
    pub call: CallId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub ip: IpAddr,
    /// That it failed, or that it locked.
    pub action: Action,
    /// The true reason.
    pub reason: &'static str,
    /// Whose account was meant, if there is one.
    pub account: Option<UserId>,
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

/// Which credential: the public part of a token and whose it is, an account that was to be logged in to, or any of
/// those too many to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    Token(Option<Prefix>, Option<OrgId>),
    AnyToken,
    Login(Action, Option<UserId>),
    AnyLogin(Action),
}

impl Credential {
    /// All that are like it.
    fn any(self) -> Self {
        match self {
            Self::Token(..) | Self::AnyToken => Self::AnyToken,
            Self::Login(action, _) | Self::AnyLogin(action) => Self::AnyLogin(action),
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Token(..) | Self::AnyToken => Action::KEY_REFUSED,
            Self::Login(action, _) | Self::AnyLogin(action) => action,
        }
    }

    fn resource(self) -> String {
        match self {
            Self::Token(..) | Self::AnyToken => "credential".to_owned(),
            Self::Login(_, Some(user)) => user.to_string(),
            Self::Login(_, None) | Self::AnyLogin(_) => "login".to_owned(),
        }
    }

    /// The organization that is told of it.
    fn org(self) -> Option<OrgId> {
        match self {
            Self::Token(_, org) => org,
            Self::AnyToken | Self::Login(..) | Self::AnyLogin(_) => None,
        }
    }
}

/// What is counted, whatever it is.
struct Noted {
    call: CallId,
    act: Act,
    ip: IpAddr,
    reason: &'static str,
    credential: Credential,
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
        self.count(Noted {
            call: refused.call,
            act: Act {
                at: refused.at,
                actor: Actor::anonymous(refused.prefix),
                request_id: refused.request_id.to_owned(),
                ip: Some(refused.ip),
                user_agent: refused.user_agent.to_owned(),
                claim: None,
                acting_as: None,
            },
            ip: refused.ip,
            reason: refused.reason.word(),
            credential: Credential::Token(refused.prefix, refused.org),
        });
    }

    /// The same for a login.
    pub fn note_login(&self, failed: &FailedLogin<'_>) {
        self.count(Noted {
            call: failed.call,
            act: Act {
                at: failed.at,
                actor: Actor::anonymous(None),
                request_id: failed.request_id.to_owned(),
                ip: Some(failed.ip),
                user_agent: failed.user_agent.to_owned(),
                claim: None,
                acting_as: None,
            },
            ip: failed.ip,
            reason: failed.reason,
            credential: Credential::Login(failed.action, failed.account),
        });
    }

    fn count(&self, noted: Noted) {
        let entries = self.kinds().note(noted);
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
    fn note(&mut self, noted: Noted) -> Vec<Entry> {
        let (source, credential) = self.place(&noted);
        let Noted { call, act, reason, .. } = noted;
        let tallies = self.sources.entry(source).or_default();
        let Some(tally) = tallies.iter_mut().find(|tally| tally.is(reason, credential)) else {
            tallies.push(Tally::starting(act.at, reason, credential));
            self.count += 1;
            return vec![row(call, &act, source, reason, credential, 1)];
        };
        if act.at < tally.until {
            tally.rest = tally.rest.saturating_add(1);
            tally.last = Some((call, act));
            return vec![];
        }
        let ended = std::mem::replace(tally, Tally::starting(act.at, reason, credential)).ended(source);
        ended.into_iter().chain([row(call, &act, source, reason, credential, 1)]).collect()
    }

    /// Where a refusal is counted: with its kind if there is room for it, else with what is like it.
    fn place(&self, noted: &Noted) -> (Source, Credential) {
        let (source, reason, own) = (Source::of(noted.ip), noted.reason, noted.credential);
        let known = self.sources.get(&source).map(Vec::as_slice).unwrap_or_default();
        let counted = |credential| known.iter().any(|tally| tally.is(reason, credential));
        if counted(own) || (known.len() < MAX_KINDS_OF_SOURCE && self.count < MAX_KINDS) {
            (source, own)
        } else if counted(own.any()) || (!known.is_empty() && self.count < MAX_KINDS) {
            (source, own.any())
        } else {
            (Source::Many, own.any())
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
    fn starting(at: Timestamp, reason: &'static str, credential: Credential) -> Self {
        Self { reason, credential, until: at.plus_seconds(WINDOW_SECONDS), rest: 0, last: None }
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
    if credential == credential.any() {
        detail = detail.text("credentials", "many");
    }
    let entry = act.entry(credential.action(), credential.resource(), Outcome::Refused, detail);
    match credential.org() {
        Some(org) => entry.of(org),
        None => entry,
    }
    .spooled(call.uuid())
}
