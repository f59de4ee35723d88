//! What every request shares: handles and settings, all read-only or made for sharing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::time::Clock;
use live::counters::Counters;
use live::meters::Meters;
use live::outbox::Outbox;
use live::snapshot::Snapshot;
use tokio::sync::Semaphore;
use vault::digest::Pepper;
use vault::envelope::Vault;

/// Most refusals that wait for their floor at once; beyond it a refused connection is closed without an answer.
const PARKED_REFUSALS: usize = 1_000;

/// The clocks of a call.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From accepting a connection, or the last answer, to the end of a request's head.
    pub header: Duration,
    /// For the whole request body.
    pub body: Duration,
    /// From sending the request upstream to the head of its answer.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub between_bytes: Duration,
    /// For the whole call.
    pub whole: Duration,
    /// How long running calls may go on once the gate is told to stop.
    pub drain: Duration,
}

/// What an operator may set.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The clocks.
    pub timeouts: Timeouts,
    /// Further attempts on one connection after the first.
    pub retries_per_target: u8,
    /// Largest whole (not streamed) answer that is read, in bytes.
    pub answer_bytes: usize,
    /// Silence on a stream after which a comment keeps the connection open.
    pub keep_alive: Duration,
}

/// The parts a gateway is made of; the binary joins them.
pub struct Parts {
    /// Keys and routes.
    pub snapshot: Arc<Snapshot>,
    /// Windows and slots.
    pub counters: Arc<Counters>,
    /// What must happen after the answer.
    pub outbox: Outbox,
    /// What is measured.
    pub meters: Arc<Meters>,
    /// Opens provider keys.
    pub vault: Arc<Vault>,
    /// Digests API keys.
    pub pepper: Arc<Pepper>,
    /// The way out.
    pub egress: egress::Client,
    /// Which ways out there are.
    pub policy: Arc<egress::Policy>,
    /// The time of day.
    pub clock: Clock,
    /// What an operator may set.
    pub settings: Settings,
}

/// The gate, shared by all requests.
pub struct Gateway {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbox: Outbox,
    pub(crate) meters: Arc<Meters>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) egress: egress::Client,
    pub(crate) policy: Arc<egress::Policy>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) parking: Semaphore,
    draining: AtomicBool,
}

impl Gateway {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { snapshot, counters, outbox, meters, vault, pepper, egress, policy, clock, settings } =
            parts;
        Arc::new(Self {
            snapshot,
            counters,
            outbox,
            meters,
            vault,
            pepper,
            egress,
            policy,
            clock,
            settings,
            parking: Semaphore::new(PARKED_REFUSALS),
            draining: AtomicBool::new(false),
        })
    }

    /// Whether new calls can be served: not stopping, and able to record what a call costs.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.outbox.ready()
    }

    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
