//! What this process has done about batches that the store may not show yet: the journal is posted a moment later.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::id::CallId;
use domain::time::Timestamp;

/// How long something is remembered that the store does not show as open, in milliseconds.
const REMEMBERED_MS: u64 = 60 * 60 * 1_000;

/// Batches by their calls, and when it was done.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    named: Mutex<HashMap<CallId, Timestamp>>,
    booked: Mutex<HashMap<CallId, Timestamp>>,
}

impl Ahead {
    /// A batch was given its name.
    pub(super) fn name(&self, call: CallId, at: Timestamp) {
        lock(&self.named).insert(call, at);
    }

    /// Whether it was.
    pub(super) fn is_named(&self, call: CallId) -> bool {
        lock(&self.named).contains_key(&call)
    }

    /// A batch was put into the books.
    pub(super) fn book(&self, call: CallId, at: Timestamp) {
        lock(&self.booked).insert(call, at);
    }

    /// Whether it was.
    pub(super) fn is_booked(&self, call: CallId) -> bool {
        lock(&self.booked).contains_key(&call)
    }

    /// Forgets what the store has come to know: of what it does not show as open only the newest is kept.
    pub(super) fn forget(&self, open: &HashSet<CallId>, now: Timestamp) {
        for done in [&self.named, &self.booked] {
            lock(done).retain(|call, at| open.contains(call) || now.millis_since(*at) < REMEMBERED_MS);
        }
    }
}

fn lock(done: &Mutex<HashMap<CallId, Timestamp>>) -> MutexGuard<'_, HashMap<CallId, Timestamp>> {
    done.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_is_open_or_new_is_remembered() {
        let (ahead, hour) = (Ahead::default(), Timestamp(0).plus_seconds(3_600));
        let [open, old, new] = [1, 2, 3].map(|number| CallId::new(Uuid::from_u128(number)));
        for (call, at) in [(open, Timestamp(0)), (old, Timestamp(0)), (new, Timestamp(1))] {
            ahead.name(call, at);
            ahead.book(call, at);
        }
        ahead.forget(&HashSet::from([open]), hour);
        assert_eq!([open, old, new].map(|call| ahead.is_named(call)), [true, false, true]);
        assert_eq!([open, old, new].map(|call| ahead.is_booked(call)), [true, false, true]);
    }
}
