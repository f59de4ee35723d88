//! What is kept of one origin: connections that serve one request at a time and are unused, the one that serves all,
//! and who opens it. It opens none itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::{Connection, Http1, Http2};
use crate::failed::Failed;
use crate::target::Scheme;

/// How many unused connections are kept of one origin, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) idle_timeout: Duration,
    pub(crate) max_idle: usize,
}

/// The connections to one origin.
pub(crate) struct Lane {
    bounds: Bounds,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Those that serve one request at a time, the longest unused first.
    idle: VecDeque<Unused<Http1>>,
    /// The one that serves any number of requests.
    shared: Option<Unused<Http2>>,
    /// Tells how it goes with a connection that may come to be shared.
    opening: Option<Waiting>,
    /// Whether the last connection served one request at a time, so that each request needs one of its own.
    one_each: bool,
}

struct Unused<Sender> {
    sender: Sender,
    since: Instant,
}

/// Ends when a connection is open, with what went wrong if it did.
pub(crate) type Waiting = watch::Receiver<Option<Failed>>;

/// How a request gets a connection.
pub(crate) enum Way {
    /// There is one.
    Kept(Connection),
    /// Somebody opens one that may do for all.
    Wait(Waiting),
    /// The request opens its own; with a lead when others wait for it.
    Open(Option<Lead>),
}

/// The right to open the connection that others wait for. Dropped, it lets them look again.
pub(crate) struct Lead {
    lane: Arc<Lane>,
    tell: watch::Sender<Option<Failed>>,
}

impl Lane {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, kept: Mutex::default() }
    }

    /// How the next request gets its connection.
    pub(super) fn take(self: &Arc<Self>, scheme: Scheme) -> Way {
        let now = Instant::now();
        let mut kept = self.kept();
        if let Some(shared) = &mut kept.shared {
            if !shared.sender.is_closed() && self.bounds.keeps(shared, now) {
                shared.since = now;
                return Way::Kept(Connection::Shared(shared.sender.clone()));
            }
            kept.shared = None;
        }
        if let Some(sender) = kept.take_idle(self.bounds, now) {
            return Way::Kept(Connection::Alone(sender));
        }
        if let Some(waiting) = &kept.opening {
            return Way::Wait(waiting.clone());
        }
        // Only TLS can negotiate a protocol with shared connections.
        if scheme == Scheme::Http || kept.one_each {
            return Way::Open(None);
        }
        let (tell, waiting) = watch::channel(None);
        kept.opening = Some(waiting);
        Way::Open(Some(Lead { lane: Arc::clone(self), tell }))
    }

    /// Learns from a new connection, and keeps it for others if it can be shared.
    pub(super) fn opened(&self, connection: &Connection) {
        let mut kept = self.kept();
        match connection {
            Connection::Alone(_) => kept.one_each = true,
            Connection::Shared(sender) => {
                kept.one_each = false;
                // One is enough: a second ends with the request that opened it.
                if kept.shared.as_ref().is_none_or(|shared| shared.sender.is_closed()) {
                    kept.shared = Some(Unused { sender: sender.clone(), since: Instant::now() });
                }
            }
        }
    }

    /// Takes back a connection whose answer has ended.
    pub(crate) fn give(&self, sender: Http1) {
        if sender.is_closed() {
            return;
        }
        let unused = Unused { sender, since: Instant::now() };
        let mut kept = self.kept();
        kept.idle.push_back(unused);
        if kept.idle.len() > self.bounds.max_idle {
            kept.idle.pop_front();
        }
    }

    /// Closes what has been unused for too long. False when nothing is left.
    pub(super) fn sweep(&self, now: Instant) -> bool {
        let mut kept = self.kept();
        kept.idle.retain(|unused| self.bounds.keeps(unused, now) && !unused.sender.is_closed());
        let keeps = |shared: &Unused<Http2>| self.bounds.keeps(shared, now) && !shared.sender.is_closed();
        if !kept.shared.as_ref().is_some_and(keeps) {
            kept.shared = None;
        }
        kept.shared.is_some() || !kept.idle.is_empty() || kept.opening.is_some()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// The connection that was used last: it is the least likely to have been closed meanwhile, and the others can
    /// grow old.
    fn take_idle(&mut self, bounds: Bounds, now: Instant) -> Option<Http1> {
        for index in (0..self.idle.len()).rev() {
            let unused = self.idle.get(index)?;
            if !bounds.keeps(unused, now) {
                // Those before it have waited for even longer.
                self.idle.drain(..=index);
                return None;
            }
            if unused.sender.is_ready() {
                return self.idle.remove(index).map(|unused| unused.sender);
            }
            // One that is open but not ready is about to be: its own task has not seen the end of the answer yet.
            if unused.sender.is_closed() {
                self.idle.remove(index);
            }
        }
        None
    }
}

impl Bounds {
    fn keeps<Sender>(self, unused: &Unused<Sender>, now: Instant) -> bool {
        now.saturating_duration_since(unused.since) < self.idle_timeout
    }
}

impl Lead {
    /// Tells those who wait that there is no connection.
    pub(super) fn fail(self, failed: Failed) {
        self.tell.send_replace(Some(failed));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.lane.kept().opening = None;
    }
}

/// Waits until somebody else's connection is open, or its opening was given up.
pub(super) async fn outcome(mut waiting: Waiting) -> Result<(), Failed> {
    match waiting.wait_for(Option::is_some).await {
        Ok(failed) => failed.as_ref().map_or(Ok(()), |failed| Err(failed.clone())),
        // Nothing went wrong.
        Err(_) => Ok(()),
    }
}
