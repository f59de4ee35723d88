//! What befalls provider keys and providers, on its way to the audit trail: each change of state at once, and further
//! ones of the same kind within a minute as one row with their count. However often an upstream changes its mind, it
//! writes two rows a minute for each of its keys and kinds. It knows neither HTTP nor where rows are kept.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Entry};
use domain::id::ProviderKeyId;
use domain::pool::{Told, Turned};
use domain::time::Timestamp;
use domain::usage::Event;
use uuid::Uuid;

use crate::outbox::Outbox;
use crate::pool::Change;

/// How long changes of one kind are counted into one row.
pub const WINDOW_SECONDS: i64 = 60;
/// By what name the program appears as the one who acted.
const ACTOR: &str = "key pool";

/// One change of a connection, and the call that brought it about.
#[derive(Debug, Clone)]
pub struct Incident<'a> {
    /// An identifier never seen before.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// The connection.
    pub connection: ProviderKeyId,
    /// The name a person gave it.
    pub name: &'a str,
    /// Its provider.
    pub provider: &'a str,
    /// What the attempt told.
    pub told: Told,
    /// What became of it.
    pub change: Change,
    /// The call, by our own name: one that the caller chose may not be kept for so long.
    pub request_id: &'a str,
}

/// The incidents of the current minutes.
pub struct Incidents {
    outbox: Outbox,
    /// Held for a few hundred nanoseconds, by calls that found a change. It has no more entries than there are
    /// connections, times the kinds of change.
    tallies: Mutex<HashMap<(ProviderKeyId, &'static str), Tally>>,
}

struct Tally {
    until: Timestamp,
    /// How many came after the one that was recorded at once, and the last of them.
    rest: u64,
    last: Option<Recorded>,
}

/// An incident as far as its row needs it.
struct Recorded {
    id: Uuid,
    act: Act,
    action: Action,
    connection: ProviderKeyId,
    detail: Detail,
}

impl Incidents {
    /// None so far; what is to be recorded goes into `outbox`.
    #[must_use]
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, tallies: Mutex::default() }
    }

    /// Records a change of state, or counts it when one of its kind was recorded in this minute. A rest that only goes
    /// on is no change.
    pub fn note(&self, incident: &Incident<'_>) {
        let Some(recorded) = Recorded::of(incident) else { return };
        let entries = self.count(recorded, incident.at);
        self.record(entries);
    }

    /// Records the counts of the minutes that have ended by `now`.
    pub fn sweep(&self, now: Timestamp) {
        let entries = self.take(|tally| tally.until <= now);
        self.record(entries);
    }

    /// Records every count, for an orderly stop.
    pub fn flush(&self) {
        let entries = self.take(|_| true);
        self.record(entries);
    }

    fn count(&self, recorded: Recorded, at: Timestamp) -> Vec<Entry> {
        let mut tallies = self.tallies();
        let kind = (recorded.connection, recorded.action.word());
        if let Some(tally) = tallies.get_mut(&kind)
            && at < tally.until
        {
            tally.rest = tally.rest.saturating_add(1);
            tally.last = Some(recorded);
            return vec![];
        }
        let ended = tallies.insert(kind, Tally::starting(at));
        ended.and_then(Tally::ended).into_iter().chain([recorded.row(1)]).collect()
    }

    fn take(&self, ended: impl Fn(&Tally) -> bool) -> Vec<Entry> {
        let taken = self.tallies().extract_if(|_, tally| ended(tally)).collect::<Vec<_>>();
        taken.into_iter().filter_map(|(_, tally)| tally.ended()).collect()
    }

    fn tallies(&self) -> MutexGuard<'_, HashMap<(ProviderKeyId, &'static str), Tally>> {
        // Nothing under this lock can stop half-way.
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, entries: Vec<Entry>) {
        for entry in entries {
            // Durable with the next sync: nothing waits for it, and a process that is killed loses nothing.
            if let Err(full) = self.outbox.append(&Event::Noted(entry)).map(drop) {
                tracing::error!(%full, "a change of a connection could not be recorded in the audit trail");
            }
        }
    }
}

impl Tally {
    fn starting(at: Timestamp) -> Self {
        Self { until: at.plus_seconds(WINDOW_SECONDS), rest: 0, last: None }
    }

    /// The row for those that came after the first; `None` when none did.
    fn ended(self) -> Option<Entry> {
        Some(self.last?.row(self.rest))
    }
}

impl Recorded {
    fn of(incident: &Incident<'_>) -> Option<Self> {
        let (action, rest_ms) = match incident.change {
            Change::Connection(Turned::StillFailing(_)) => return None,
            Change::Connection(Turned::Active) => (Action::PROVIDER_KEY_BACK, None),
            Change::Connection(Turned::Limited(ms) | Turned::Failing(ms)) => {
                (Action::PROVIDER_KEY_COOLDOWN, Some(ms))
            }
            Change::Connection(Turned::Exhausted(ms)) => (Action::PROVIDER_KEY_EXHAUSTED, Some(ms)),
            Change::Connection(Turned::Broken) => (Action::PROVIDER_KEY_BROKEN, None),
            Change::ProviderOut => (Action::PROVIDER_OUT, None),
            Change::ProviderBack => (Action::PROVIDER_BACK, None),
        };
        let mut detail = Detail::none().text("name", incident.name).text("provider", incident.provider);
        detail = detail.text("reason", incident.told.word());
        if let Some(rest_ms) = rest_ms {
            detail = detail.number("rest_ms", rest_ms);
        }
        let mut act = Act::new(Actor::system(ACTOR), incident.at);
        act.request_id = incident.request_id.to_owned();
        Some(Self { id: incident.id, act, action, connection: incident.connection, detail })
    }

    fn row(self, count: u64) -> Entry {
        let Self { id, act, action, connection, detail } = self;
        act.done(action, connection, detail.number("count", count)).spooled(id)
    }
}
