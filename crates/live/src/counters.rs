//! Counters of live limits: one decision per request, one contract for every back-end. It knows keys by their
//! identifier only, and nothing of HTTP.

mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::id::KeyId;
use domain::limit::Limits;
use domain::time::Timestamp;

use memory::Memory;

/// The counters of every key.
#[derive(Debug)]
pub struct Counters {
    backend: Backend,
}

/// Where the counts are kept.
#[derive(Debug)]
enum Backend {
    Memory(Memory),
}

/// A request that was let in. It holds its place among the concurrent requests of the key until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives its place among the concurrent requests away"]
pub struct Admitted {
    /// Requests per minute the key may make.
    pub limit: u32,
    /// Requests that may still follow in this minute.
    pub remaining: u32,
    /// Milliseconds until the minute's window is certainly empty.
    pub reset_ms: u64,
    slot: Slot,
}

/// A request that was not let in. It was counted nowhere.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
#[error("over the limit of {limit} ({which})")]
pub struct Refused {
    /// The limit that refused: `requests_per_minute`, `burst` or `concurrency`.
    pub which: &'static str,
    /// Its value.
    pub limit: u32,
    /// Milliseconds after which a retry may pass.
    pub retry_after_ms: u64,
    /// Milliseconds until that limit is certainly free again.
    pub reset_ms: u64,
}

impl Counters {
    /// Counters in this process.
    #[must_use]
    pub fn memory() -> Self {
        Self { backend: Backend::Memory(Memory::default()) }
    }

    /// Counts one request of `key` at `now` against all of its limits, or against none.
    ///
    /// # Errors
    /// [`Refused`] with the first limit that is exhausted.
    pub async fn admit(
        self: &Arc<Self>,
        key: KeyId,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Admitted, Refused> {
        match &self.backend {
            Backend::Memory(memory) => memory.admit(key, limits, now),
        }
    }
}

/// One place among the concurrent requests of a key.
#[derive(Debug)]
struct Slot(Arc<AtomicU32>);

impl Slot {
    /// Takes a place; the caller has checked under its lock that one is free.
    fn take(in_flight: &Arc<AtomicU32>) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(in_flight))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admitted {
    /// Requests of the key in flight, this one included.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.slot.0.load(Ordering::Relaxed)
    }
}
