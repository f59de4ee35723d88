//! What several keys count in: the requests and tokens of a person, a project or an organization. There is no lock, for
//! one of them may be behind every request of an installation. Whose counts these are is not known here.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use super::super::shared::SharedWindow;
use super::super::{Refused, Unit};
use super::{Aging, MINUTE_MS, refused};

/// The counts.
#[derive(Debug, Default)]
pub(super) struct SharedCounts {
    requests: MadeOnce,
    tokens: MadeOnce,
    last_ms: AtomicI64,
}

/// A window that takes memory from when there first is a limit for it.
type MadeOnce = OnceLock<Box<SharedWindow>>;

/// A limit, and the name a refusal tells it by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) which: &'static str,
    pub(super) limit: u32,
}

impl Rule {
    /// The rule, if there is such a limit.
    pub(super) fn of(which: &'static str, limit: Option<u32>) -> Option<Self> {
        limit.map(|limit| Self { which, limit })
    }
}

impl SharedCounts {
    /// Counts a request, and gives the part of the window it was counted in; none where requests have no limit.
    pub(super) fn admit(
        &self,
        requests: Option<Rule>,
        tokens: Option<Rule>,
        now_ms: i64,
    ) -> Result<Option<i64>, Refused> {
        if requests.is_some() || tokens.is_some() {
            self.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        }
        if let Some(Rule { which, limit }) = tokens {
            let look = self.tokens.get_or_init(Box::default).look(now_ms, limit, MINUTE_MS);
            look.map_err(refused(which, Unit::Tokens, limit))?;
        }
        let Some(Rule { which, limit }) = requests else { return Ok(None) };
        let admitted = self.requests.get_or_init(Box::default).admit(now_ms, limit, MINUTE_MS);
        admitted.map(Some).map_err(refused(which, Unit::Requests, limit))
    }

    /// Undoes one count of a request that was refused elsewhere.
    pub(super) fn take_back(&self, counted_in: i64) {
        if let Some(requests) = self.requests.get() {
            requests.take_back(counted_in);
        }
    }

    /// Counts tokens, whatever their limit.
    pub(super) fn spend(&self, tokens: u32, now_ms: i64) {
        self.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        self.tokens.get_or_init(Box::default).add(now_ms, tokens, MINUTE_MS);
    }
}

impl Aging for SharedCounts {
    fn last_ms(&self) -> i64 {
        self.last_ms.load(Ordering::Relaxed)
    }
}
