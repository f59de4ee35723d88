//! What every request shares: handles and settings, all read-only or made for sharing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use domain::address::Block;
use domain::time::Clock;
use live::counters::Counters;
use live::incidents::Incidents;
use live::kept::Kept;
use live::meters::Meters;
use live::outbox::Outbox;
use live::pinned::Answers;
use live::pool::Pool;
use live::refusals::Refusals;
use live::snapshot::Snapshot;
use live::sources::Sources;
use tokio::sync::Semaphore;
use vault::digest::Pepper;
use vault::envelope::Vault;

use crate::batches::Ahead;
use crate::cors::Pages;
use crate::forwarded::Proxies;
use crate::inline::ProviderUrls;
use crate::listener::Capacity;
use crate::parting::Parting;
use crate::strangers::Strangers;
use crate::upstream::AccessTokens;

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
    /// How long a caller may take nothing of what it is sent.
    pub write: Duration,
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
    /// Requests a minute of organizations without limits of their own.
    pub org_requests_per_minute: u32,
    /// Requests a minute of one person over all keys of theirs, where the organization says nothing else.
    pub user_requests_per_minute: u32,
    /// How callers without a proven key are held off.
    pub strangers: Strangers,
    /// Silence on a stream after which a comment keeps the connection open.
    pub keep_alive: Duration,
    /// How many may come at once.
    pub capacity: Capacity,
}

/// What of the clouds is not in a connection. Nothing in a configuration changes it; a test puts stand-ins in its place.
#[derive(Debug, Clone)]
pub struct Clouds {
    /// Where Google exchanges the assertion of a service account for an access token.
    pub google_token_url: Arc<str>,
    /// The region of Amazon's that is signed for where the host of a connection names none; none means that such a
    /// connection is not used.
    pub aws_region: Option<Arc<str>>,
}

impl Default for Clouds {
    fn default() -> Self {
        Self { google_token_url: Arc::from(vault::service_account::TOKEN_URL), aws_region: None }
    }
}

/// The parts a gateway is made of; the binary joins them.
pub struct Parts {
    /// Keys and routes.
    pub snapshot: Arc<Snapshot>,
    /// Windows and slots.
    pub counters: Arc<Counters>,
    /// How the upstream connections do.
    pub pool: Arc<Pool>,
    /// What must happen after the answer.
    pub outbox: Outbox,
    /// Which connections keep the answers that requests go on from.
    pub answers: Arc<Answers>,
    /// The files and batches that providers keep.
    pub kept: Arc<Kept>,
    /// Refused credentials, for the audit trail.
    pub refusals: Arc<Refusals>,
    /// What befalls the connections, for the audit trail.
    pub incidents: Arc<Incidents>,
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
    /// Where a provider key that comes with a request may be sent.
    pub provider_urls: ProviderUrls,
    /// What of the clouds is not in a connection.
    pub clouds: Clouds,
    /// The proxies before the gate.
    pub proxies: Proxies,
    /// The web pages that may call from browsers.
    pub pages: Pages,
    /// Whom to tell of a weakness, as served at `/.well-known/security.txt`; none where nobody is named.
    pub security_txt: Option<Bytes>,
    /// Where callers may come from, whoever they are; an empty list is nowhere.
    pub allowed_ips: Vec<Block>,
    /// The time of day.
    pub clock: Clock,
    /// What an operator may set.
    pub settings: Settings,
}

/// The gate, shared by all requests.
pub struct Gateway {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) sources: Sources,
    pub(crate) pool: Arc<Pool>,
    pub(crate) outbox: Outbox,
    pub(crate) answers: Arc<Answers>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) ahead: Ahead,
    /// Taken by whoever looks after the batches that are not in the books.
    pub(crate) batches_watched: tokio::sync::Mutex<()>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) vault: ArcSwap<Vault>,
    pub(crate) pepper: Arc<Pepper>,
    pub(crate) egress: egress::Client,
    pub(crate) policy: Arc<egress::Policy>,
    pub(crate) provider_urls: ProviderUrls,
    pub(crate) clouds: Clouds,
    pub(crate) access_tokens: AccessTokens,
    pub(crate) proxies: Proxies,
    pub(crate) pages: Pages,
    pub(crate) security_txt: Option<Bytes>,
    pub(crate) allowed_ips: Vec<Block>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) parking: Semaphore,
    pub(crate) in_flight: Arc<Semaphore>,
    /// Tells streams that the time to finish is over.
    pub(crate) parting: Arc<Parting>,
    draining: AtomicBool,
}

impl Gateway {
    /// Joins the parts.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            snapshot,
            counters,
            pool,
            outbox,
            answers,
            kept,
            refusals,
            incidents,
            meters,
            vault,
            pepper,
            egress,
            policy,
            provider_urls,
            clouds,
            proxies,
            pages,
            security_txt,
            allowed_ips,
            clock,
            settings,
        } = parts;
        Arc::new(Self {
            snapshot,
            counters,
            sources: Sources::default(),
            pool,
            outbox,
            answers,
            kept,
            ahead: Ahead::default(),
            batches_watched: tokio::sync::Mutex::default(),
            refusals,
            incidents,
            meters,
            vault: ArcSwap::new(vault),
            pepper,
            egress,
            policy,
            provider_urls,
            clouds,
            access_tokens: AccessTokens::default(),
            proxies,
            pages,
            security_txt,
            allowed_ips,
            clock,
            settings,
            parking: Semaphore::new(settings.strangers.parked),
            in_flight: Arc::new(Semaphore::new(settings.capacity.in_flight)),
            parting: Arc::default(),
            draining: AtomicBool::new(false),
        })
    }

    /// Whether new calls can be served: not stopping, and able to record what a call costs.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.outbox.ready()
    }

    /// Opens provider keys with these encryption keys from now on; calls that run keep those they began with. The
    /// routes must hold what these keys open before this is called.
    pub fn use_vault(&self, vault: Arc<Vault>) {
        self.vault.store(vault);
        self.pool.reconsider_sealed();
    }

    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Ends the streams that still run, each with an event that says why.
    pub(crate) fn end_streams(&self) {
        self.parting.end();
    }
}
