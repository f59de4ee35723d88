//! One connection, and the provider behind it as far as one owner uses it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::id::ProviderKeyId;
use domain::money::Money;
use domain::pool::quota::{Load, Quotas, Used};
use domain::pool::{Cause, Chance, Fault, Health, Outage, Recent, Role, Standing, Told, Turned};
use domain::route::{Connection, Owner};
use domain::time::Timestamp;

use super::report::{Report, Seen, after};

/// Connections that fail together when their provider does. An owner's connections form groups of their own, so
/// that no tenant's bad keys make a provider look out for the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    owner: Owner,
    provider: Arc<str>,
    base_url: Arc<str>,
}

impl GroupKey {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            owner: connection.owner,
            provider: Arc::clone(&connection.provider),
            base_url: Arc::clone(&connection.base_url),
        }
    }
}

/// The provider of several connections.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: GroupKey,
    /// Whether the outage is on: read by every request, so that the lock is taken only then.
    out: AtomicBool,
    outage: Mutex<Outage>,
}

impl Group {
    pub(super) fn new(key: GroupKey) -> Arc<Self> {
        Arc::new(Self { key, out: AtomicBool::new(false), outage: Mutex::default() })
    }

    pub(super) fn is_out(&self) -> bool {
        self.out.load(Ordering::Acquire)
    }

    pub(super) fn suspects(&self, key: ProviderKeyId, fault: Fault, now: Timestamp) -> bool {
        lock(&self.outage).suspects(key, fault, now)
    }

    pub(super) fn begin_outage(&self, now: Timestamp, chance: Chance) {
        lock(&self.outage).begin(now, chance);
        self.out.store(true, Ordering::Release);
    }

    /// Whether the provider is back.
    pub(super) fn told(&self, told: Told, role: Role, now: Timestamp, chance: Chance) -> bool {
        let mut outage = lock(&self.outage);
        let back = outage.told(told, role, now, chance);
        if back {
            self.out.store(false, Ordering::Release);
        }
        back
    }

    fn end_outage(&self) {
        let mut outage = lock(&self.outage);
        *outage = Outage::default();
        self.out.store(false, Ordering::Release);
    }
}

/// What may go over a connection, and what did.
#[derive(Debug, Default)]
struct Metered {
    quotas: Quotas,
    used: Used,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: ProviderKeyId,
    pub(super) group: Arc<Group>,
    in_flight: AtomicU32,
    answered: AtomicU64,
    failed: AtomicU64,
    /// Until when a person has put it to rest, in microseconds.
    rests_until: AtomicI64,
    health: Mutex<Health>,
    metered: Mutex<Metered>,
    seen: Seen,
}

impl Member {
    pub(super) fn new(id: ProviderKeyId, group: Arc<Group>, now: Timestamp) -> Self {
        Self {
            id,
            group,
            in_flight: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            rests_until: AtomicI64::new(i64::MIN),
            health: Mutex::default(),
            metered: Mutex::default(),
            seen: Seen::new(now),
        }
    }

    /// Puts it to rest until then, or ends such a rest.
    pub(super) fn rest_until(&self, until: Option<Timestamp>) {
        self.rests_until.store(until.map_or(i64::MIN, |until| until.0), Ordering::Relaxed);
    }

    /// Gives it quotas; what went over it stays counted.
    pub(super) fn set_quotas(&self, quotas: Quotas) {
        lock(&self.metered).quotas = quotas;
    }

    /// Counts requests that are sent over it.
    pub(super) fn requests(&self, count: u32, now: Timestamp) {
        lock(&self.metered).used.requests(count, now);
    }

    /// Counts what a call on it used.
    pub(super) fn spent(&self, tokens: u64, cost: Money, now: Timestamp) {
        lock(&self.metered).used.spent(tokens, cost, now);
    }

    /// How it stands, its provider included.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let standing = self.standing_of_both(now);
        self.seen.note(standing, now);
        standing
    }

    /// The same as a person wants to read it.
    pub(super) fn report(&self, now: Timestamp) -> Report {
        let standing = self.standing_of_both(now);
        let (state, since, reason) = self.seen.read(standing, now);
        let until = match standing {
            Standing::Cooling { remaining_ms, .. } => Some(after(now, remaining_ms)),
            Standing::Active | Standing::NearLimit(_) | Standing::ProbeDue | Standing::Broken => None,
        };
        let in_flight = self.in_flight();
        let (answered, failed) = (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        Report { state, since, reason, until, in_flight, answered, failed }
    }

    /// Counts an attempt by what it told.
    pub(super) fn count(&self, told: Told) {
        match told {
            Told::Works => self.answered.fetch_add(1, Ordering::Relaxed),
            Told::Nothing => 0,
            _ => self.failed.fetch_add(1, Ordering::Relaxed),
        };
    }

    fn standing_of_both(&self, now: Timestamp) -> Standing {
        let rests_until = Timestamp(self.rests_until.load(Ordering::Relaxed));
        if now < rests_until {
            let remaining_ms = rests_until.millis_since(now).max(1);
            return Standing::Cooling { remaining_ms, cause: Cause::Person };
        }
        let own = lock(&self.health).standing(now);
        if matches!(own, Standing::Broken | Standing::Cooling { .. }) {
            return own;
        }
        let load = {
            let mut metered = lock(&self.metered);
            let Metered { quotas, used } = &mut *metered;
            used.load(quotas, now)
        };
        if let Load::Full { quota, remaining_ms } = load {
            return Standing::Cooling { remaining_ms, cause: Cause::OwnQuota(quota) };
        }
        let standing = if self.group.is_out() { lock(&self.group.outage).standing(now) } else { own };
        match (standing, load) {
            (Standing::Active, Load::Near(quota)) => Standing::NearLimit(quota),
            (standing, _) => standing,
        }
    }

    /// Takes the probe that is due: of the provider, of the connection. `None` when another call took it.
    pub(super) fn begin_probe(&self, now: Timestamp) -> Option<(Role, Role)> {
        if self.group.is_out() {
            let mut outage = lock(&self.group.outage);
            return (outage.standing(now) == Standing::ProbeDue).then(|| {
                outage.begin_probe();
                (Role::Probe, Role::Ordinary)
            });
        }
        let mut health = lock(&self.health);
        (health.standing(now) == Standing::ProbeDue).then(|| {
            health.begin_probe();
            (Role::Ordinary, Role::Probe)
        })
    }

    pub(super) fn told(&self, told: Told, role: Role, now: Timestamp, chance: Chance) -> Option<Turned> {
        let turned = lock(&self.health).told(told, role, now, chance);
        if turned.is_some() {
            self.seen.told(told);
        }
        turned
    }

    pub(super) fn forgive(&self, fault: Fault, since: Timestamp) {
        lock(&self.health).forgive(fault, since);
    }

    pub(super) fn reconsider(&self) {
        lock(&self.health).reconsider();
    }

    pub(super) fn pardon(&self) {
        *lock(&self.health) = Health::default();
        self.group.end_outage();
    }

    /// The probes of a call that told nothing.
    pub(super) fn give_up(&self, provider: Role, own: Role) {
        // Neither the time nor chance matters to a probe that is given up.
        if own == Role::Probe {
            self.told(Told::Nothing, own, Timestamp::default(), Chance(0));
        }
        if provider == Role::Probe {
            self.group.told(Told::Nothing, provider, Timestamp::default(), Chance(0));
        }
    }

    pub(super) fn recent(&self) -> Recent {
        lock(&self.health).recent()
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The fault that may be the whole provider's.
pub(super) fn fault_of(told: Told) -> Option<Fault> {
    match told {
        Told::Failed(fault) => Some(fault),
        Told::Unauthorized | Told::Forbidden => Some(Fault::Refused),
        Told::Works | Told::Rest(_) | Told::Exhausted | Told::Sealed | Told::Nothing => None,
    }
}

/// What is behind these locks is whole between any two statements, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
