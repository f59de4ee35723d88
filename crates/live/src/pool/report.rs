//! How one connection stands, as a person wants to read it: in which state, why, since when. States change by
//! themselves as time passes, so a change is dated when it is first seen, or when the rest before it ended.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use domain::pool::quota::Quota;
use domain::pool::{Cause, Standing, Told};
use domain::time::Timestamp;

/// The state of a connection in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In service.
    Active,
    /// In service and near the end of a quota that was set for it: used last.
    NearLimit,
    /// At rest, or about to be tried again after one.
    Cooldown,
    /// At rest because a quota is used up: the one behind its key, or one that was set for it.
    Exhausted,
    /// Out of service until a person tests or enables it.
    Broken,
}

impl State {
    /// The word in answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Active => "active",
            State::NearLimit => "near_limit",
            State::Cooldown => "cooldown",
            State::Exhausted => "exhausted",
            State::Broken => "broken",
        }
    }
}

/// How a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// In which state.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why: what an attempt told, whose doing it is, or which quota; none while it is in service and far from all.
    pub reason: Option<&'static str>,
    /// When its rest ends.
    pub until: Option<Timestamp>,
    /// Calls on it now.
    pub in_flight: u32,
    /// Attempts that were answered since the gate began.
    pub answered: u64,
    /// Attempts that failed since the gate began.
    pub failed: u64,
}

/// A standing without what changes with every moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Active,
    NearLimit,
    ProbeDue,
    Limit,
    Quota,
    OwnQuota,
    Faults,
    Outage,
    Person,
    Broken,
}

impl Kind {
    fn of(standing: Standing) -> Self {
        match standing {
            Standing::Active => Kind::Active,
            Standing::NearLimit(_) => Kind::NearLimit,
            Standing::ProbeDue => Kind::ProbeDue,
            Standing::Cooling { cause: Cause::Limit, .. } => Kind::Limit,
            Standing::Cooling { cause: Cause::Quota, .. } => Kind::Quota,
            Standing::Cooling { cause: Cause::OwnQuota(_), .. } => Kind::OwnQuota,
            Standing::Cooling { cause: Cause::Faults, .. } => Kind::Faults,
            Standing::Cooling { cause: Cause::Outage, .. } => Kind::Outage,
            Standing::Cooling { cause: Cause::Person, .. } => Kind::Person,
            Standing::Broken => Kind::Broken,
        }
    }

    fn state(self) -> State {
        match self {
            Kind::Active => State::Active,
            Kind::NearLimit => State::NearLimit,
            Kind::Quota | Kind::OwnQuota => State::Exhausted,
            Kind::Broken => State::Broken,
            Kind::ProbeDue | Kind::Limit | Kind::Faults | Kind::Outage | Kind::Person => State::Cooldown,
        }
    }
}

/// What was seen of a connection's states.
#[derive(Debug)]
pub(super) struct Seen {
    /// The last [`Kind`]: compared by every request, so that the lock is taken only for a change.
    kind: AtomicU8,
    change: Mutex<Changed>,
}

#[derive(Debug, Clone, Copy)]
struct Changed {
    since: Timestamp,
    until: Option<Timestamp>,
    told: Option<Told>,
}

impl Seen {
    pub(super) fn new(now: Timestamp) -> Self {
        let change = Mutex::new(Changed { since: now, until: None, told: None });
        Self { kind: AtomicU8::new(Kind::Active as u8), change }
    }

    /// Remembers what turned it.
    pub(super) fn told(&self, told: Told) {
        self.change.lock().unwrap_or_else(PoisonError::into_inner).told = Some(told);
    }

    /// Takes in how it stands now.
    pub(super) fn note(&self, standing: Standing, now: Timestamp) {
        let kind = Kind::of(standing) as u8;
        if self.kind.load(Ordering::Relaxed) == kind {
            return;
        }
        let mut change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        if self.kind.swap(kind, Ordering::Relaxed) == kind {
            return;
        }
        change.since = change.until.filter(|until| *until < now).unwrap_or(now);
        change.until = None;
        if let Standing::Cooling { remaining_ms, .. } = standing {
            change.until = Some(after(now, remaining_ms));
        }
    }

    /// The state, its date and its reason.
    pub(super) fn read(
        &self,
        standing: Standing,
        now: Timestamp,
    ) -> (State, Timestamp, Option<&'static str>) {
        self.note(standing, now);
        let change = *self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = Kind::of(standing);
        let reason = match kind {
            Kind::Active => None,
            Kind::NearLimit | Kind::OwnQuota => quota_of(standing).map(Quota::word),
            Kind::Person => Some("put_to_rest"),
            Kind::Outage => Some("provider_out"),
            Kind::ProbeDue => Some("to_be_tried"),
            Kind::Limit | Kind::Quota | Kind::Faults | Kind::Broken => change.told.map(Told::word),
        };
        (kind.state(), change.since, reason)
    }
}

/// The quota that a standing is about.
fn quota_of(standing: Standing) -> Option<Quota> {
    match standing {
        Standing::NearLimit(quota) | Standing::Cooling { cause: Cause::OwnQuota(quota), .. } => Some(quota),
        _ => None,
    }
}

/// The moment so many milliseconds later.
pub(super) fn after(now: Timestamp, ms: u64) -> Timestamp {
    let micros = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    Timestamp(now.0.saturating_add(micros))
}
