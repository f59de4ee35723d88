//! Connections that outlive a request: which one a request goes out on, and when another is opened instead. It never
//! sends a request twice of which anything may have been written.

pub(crate) mod connection;
mod handshake;
pub(crate) mod lane;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};

use crate::body::Body;
use crate::client::Settings;
use crate::connect::Connector;
use crate::failed::{Failed, Reached};
use crate::target::{Origin, Target};
use connection::Connection;
use handshake::Handshake;
use lane::{Bounds, Lane, Lead, Way, outcome};

/// The least time between two looks for connections that have been unused for too long.
const SWEEP_LEAST: Duration = Duration::from_millis(100);

/// The connections of all origins.
pub(crate) struct Pool {
    connector: Connector,
    handshake: Handshake,
    bounds: Bounds,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    lanes: HashMap<Origin, Arc<Lane>>,
    /// Whether a task looks after them.
    swept: bool,
}

/// Whether others may have used a connection before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Kept,
    Fresh,
}

impl Pool {
    pub(crate) fn new(settings: &Settings, connector: Connector) -> Arc<Self> {
        let bounds = Bounds { idle_timeout: settings.idle_timeout, max_idle: settings.max_idle_per_host };
        Arc::new(Self { connector, handshake: Handshake::new(), bounds, kept: Mutex::default() })
    }

    /// Sends `request` to `target`, on a connection that is there or on a new one.
    pub(crate) async fn send(
        self: &Arc<Self>,
        target: &Target,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Body>, Failed> {
        let lane = self.lane(target.origin());
        loop {
            let (mut connection, age) = self.connection(&lane, target.origin()).await?;
            let mut unanswered = match connection.send(target, request).await {
                Ok(response) => return Ok(connection.answered(response, lane)),
                Err(unanswered) => unanswered,
            };
            // Handed back means that not a byte of it was written: the upstream closed the connection while nobody
            // used it, and another may do. One that never served anybody tells of the upstream itself.
            request = match (unanswered.take_message(), age) {
                (Some(unsent), Age::Kept) => unsent,
                (Some(_), Age::Fresh) => return Err(Failed::broken(Reached::No, unanswered.into_error())),
                (None, _) => return Err(Failed::broken(Reached::Maybe, unanswered.into_error())),
            };
        }
    }

    async fn connection(&self, lane: &Arc<Lane>, origin: &Origin) -> Result<(Connection, Age), Failed> {
        loop {
            match lane.take(origin.scheme) {
                Way::Kept(connection) => return Ok((connection, Age::Kept)),
                Way::Wait(waiting) => outcome(waiting).await?,
                // Boxed because it is large and rare.
                Way::Open(lead) => {
                    let opened = Box::pin(self.open(lane, origin, lead)).await?;
                    return Ok((opened, Age::Fresh));
                }
            }
        }
    }

    async fn open(&self, lane: &Lane, origin: &Origin, lead: Option<Lead>) -> Result<Connection, Failed> {
        let opened = match self.connector.open(origin).await {
            Ok(stream) => self.handshake.shake(stream).await,
            Err(failed) => Err(failed),
        };
        match opened {
            Ok(connection) => {
                lane.opened(&connection);
                drop(lead);
                Ok(connection)
            }
            Err(failed) => {
                if let Some(lead) = lead {
                    lead.fail(failed.clone());
                }
                Err(failed)
            }
        }
    }

    fn lane(self: &Arc<Self>, origin: &Origin) -> Arc<Lane> {
        let mut kept = self.kept();
        if let Some(lane) = kept.lanes.get(origin) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(self.bounds));
        kept.lanes.insert(origin.clone(), Arc::clone(&lane));
        if !kept.swept {
            kept.swept = true;
            let sweeper = Sweeper(Arc::downgrade(self));
            tokio::spawn(sweeper.run((self.bounds.idle_timeout / 2).max(SWEEP_LEAST)));
        }
        lane
    }

    /// Closes what has been unused for too long and forgets origins of which nothing is left. False when nothing is
    /// left at all.
    fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut kept = self.kept();
        kept.lanes.retain(|_, lane| {
            let holds = lane.sweep(now);
            // Nobody else can come to hold it: it is found only here.
            holds || Arc::strong_count(lane) > 1
        });
        kept.swept = !kept.lanes.is_empty();
        kept.swept
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps a pool as long as it is there and holds anything.
struct Sweeper(Weak<Pool>);

impl Sweeper {
    async fn run(mut self, interval: Duration) {
        loop {
            sleep(interval).await;
            match self.0.upgrade() {
                Some(pool) if pool.sweep() => {}
                Some(_) | None => break,
            }
        }
        // The pool knows, and may have another sweeper already.
        self.0 = Weak::new();
    }
}

impl Drop for Sweeper {
    /// The runtime ended before the pool, which another may use on.
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.kept().swept = false;
        }
    }
}
