//! The admin API: what its routes stand on, and the order in which a request passes through it. Its routes see of the
//! books only what their rule gives them; where it listens is not known here.

pub mod access;
pub mod arrival;
pub(crate) mod authenticate;
pub mod caller;
pub mod cookies;
mod credential;
pub mod csrf;
mod edge;
mod framing;
mod gate;
mod idempotency;
pub mod json;
pub mod openapi;
mod pace;
pub mod page;
pub mod problem;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use domain::address::Block;
use domain::limit::Limits;
use domain::time::Clock;
use live::meters::Meters;
use live::outbox::Outbox;
use live::pool::Pool;
use live::refusals::Refusals;
use live::sources::Sources;
use store::{NotReady, Store};
use tokio::sync::Semaphore;
use uuid::Uuid;
use vault::access_token::AccessKeys;
use vault::digest::Pepper;
use vault::mac::MacKey;
use vault::signing::SigningKeys;

use crate::login::Desk;
use crate::provider_keys::Upstreams;
use crate::routes;
use pace::Pace;
use problem::Problem;

/// Most requests at once; more are told to come back.
const MAX_IN_FLIGHT: u32 = 256;
/// Most refusals that wait for their time at once.
const MAX_PARKED: usize = 1_000;

/// Tells the address of a caller from its connection's and its headers: trusted proxies are the installation's matter.
pub type ClientOf = Arc<dyn Fn(IpAddr, &HeaderMap) -> IpAddr + Send + Sync>;

/// What the API stands on.
pub struct Parts {
    /// The books.
    pub store: Store,
    /// What is measured.
    pub meters: Arc<Meters>,
    /// How the upstream connections do.
    pub pool: Arc<Pool>,
    /// How much waits to be posted.
    pub outbox: Outbox,
    /// Refused credentials, for the audit trail.
    pub refusals: Arc<Refusals>,
    /// Digests tokens.
    pub pepper: Arc<Pepper>,
    /// Signs and verifies access tokens.
    pub access: AccessKeys,
    /// Marks what a caller carries for us and must not change.
    pub mac: MacKey,
    /// Sign what is exported of the audit trail.
    pub audit: Arc<SigningKeys>,
    /// Where people prove who they are.
    pub desk: Desk,
    /// The ways to upstreams.
    pub upstreams: Upstreams,
    /// Whose address a request comes from.
    pub client_of: ClientOf,
    /// The time of day.
    pub clock: Clock,
    /// Settings.
    pub settings: Settings,
}

/// What becomes of the pages of organizations that come over plain HTTP from another machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnprotectedPages {
    /// They are listed like any other.
    Allowed,
    /// They are not listed: the gate would not let them in.
    Refused,
}

/// Settings of the API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests of one caller in any 60 seconds.
    pub caller_requests_per_minute: u32,
    /// Requests of one address to endpoints that anybody may call, in any 60 seconds.
    pub public_requests_per_minute: u32,
    /// Failed credentials of one address in any 60 seconds.
    pub failures_per_minute: u32,
    /// Where callers may come from; an empty list is nowhere.
    pub allowed_ips: Vec<Block>,
    /// The limits of keys that are given none of their own.
    pub key_limits: Limits,
    /// Requests a minute of organizations without limits of their own.
    pub org_requests_per_minute: u32,
    /// The origins of our own pages, such as `https://gate.example`.
    pub origins: Vec<String>,
    /// What becomes of pages over plain HTTP.
    pub unprotected_pages: UnprotectedPages,
    /// Whether cookies are for TLS alone.
    pub cookies_secure: bool,
    /// Whom to tell of a weakness, as served at `/.well-known/security.txt`; none where nobody is named.
    pub security_txt: Option<String>,
}

/// The API's ground. Cloning it is cheap.
#[derive(Clone)]
pub struct Api(Arc<Ground>);

struct Ground {
    parts: Parts,
    /// Failed credentials by address.
    strangers: Sources,
    /// Calls of public endpoints by address.
    visitors: Sources,
    /// Calls by whoever is logged in.
    pace: Pace,
    /// Requests at once.
    places: Arc<Semaphore>,
    /// Refusals that wait for their time.
    parked: Semaphore,
}

async fn described() -> Result<([(HeaderName, &'static str); 1], &'static str), Problem> {
    let text = openapi::served().map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text))
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Api")
    }
}

impl Api {
    /// An API on this ground.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Ground {
            parts,
            strangers: Sources::default(),
            visitors: Sources::default(),
            pace: Pace::default(),
            places: Arc::new(Semaphore::new(usize::try_from(MAX_IN_FLIGHT).unwrap_or(usize::MAX))),
            parked: Semaphore::new(MAX_PARKED),
        }))
    }

    /// All paths of the admin listener. From outside in: an identity for the request and what every answer carries;
    /// then, around each route, who calls, how often, with what body, and whether it did so before.
    pub fn router(&self) -> Router {
        routes::all()
            .mount(self)
            .merge(routes::health::router(self))
            .route("/api/openapi.json", get(described))
            .fallback(async || Problem::not_found())
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(from_fn_with_state(self.clone(), edge::enter))
            .with_state(self.clone())
    }

    /// Waits for the requests that still run, though their callers may have gone.
    pub async fn drain(&self) {
        // It fails only when the places are closed, which nobody does.
        let _ = self.0.places.acquire_many(MAX_IN_FLIGHT).await;
    }

    /// Settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// Where upstream connections are kept.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.parts.pool
    }

    /// The ways to upstreams.
    #[must_use]
    pub fn upstreams(&self) -> &Upstreams {
        &self.0.parts.upstreams
    }

    /// Digests tokens.
    #[must_use]
    pub fn pepper(&self) -> &Pepper {
        &self.0.parts.pepper
    }

    /// Signs access tokens.
    #[must_use]
    pub fn access_keys(&self) -> &AccessKeys {
        &self.0.parts.access
    }

    /// Sign what is exported of the audit trail.
    #[must_use]
    pub fn signing_keys(&self) -> &Arc<SigningKeys> {
        &self.0.parts.audit
    }

    /// Marks what a caller carries for us and must not change.
    #[must_use]
    pub fn mac(&self) -> &MacKey {
        &self.0.parts.mac
    }

    /// Where people prove who they are.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.0.parts.desk
    }

    /// The time of day.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    /// A fresh identifier.
    ///
    /// # Errors
    /// [`Problem`] when the system has no random bytes.
    pub fn fresh(&self) -> Result<Uuid, Problem> {
        vault::entropy::uuid_v7(self.clock().now()).map_err(Problem::unavailable)
    }

    /// What is measured, as it stands.
    pub(crate) fn metrics(&self) -> Result<String, fmt::Error> {
        let parts = &self.0.parts;
        parts.meters.set_backlog(parts.outbox.backlog());
        parts.meters.set_pool(&parts.pool.census());
        parts.meters.render()
    }

    /// Whether the store serves what requests need, and the outbox takes records.
    pub(crate) async fn ready(&self) -> Result<bool, NotReady> {
        self.store().ready().await?;
        Ok(self.0.parts.outbox.ready())
    }

    /// The books. Not for routes: theirs come with who calls.
    fn store(&self) -> &Store {
        &self.0.parts.store
    }
}
