//! What keeps an installation in order: removes what is past its time, records what ended by itself, and proves the audit
//! trail when somebody asks. It only joins the parts.

use std::path::PathBuf;
use std::sync::Arc;

use control::jobs::impersonations;
use control::jobs::prove::{self, Prover};
use control::jobs::retention::{self, Retention};
use control::retention::Keeper;
use domain::time::Clock;
use live::meters::Meters;
use live::outbox::Outbox;
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::signing::SigningKeys;

/// What the jobs stand on.
pub struct Parts {
    /// The books.
    pub store: Store,
    /// Sign archives of the audit trail and verify it.
    pub keys: Arc<SigningKeys>,
    /// Where archives of the audit trail are kept.
    pub archives: PathBuf,
    /// Holds what was posted until it begins anew.
    pub outbox: Outbox,
    /// Shows what was removed.
    pub meters: Arc<Meters>,
    /// The time of day.
    pub clock: Clock,
}

/// Starts the jobs; they run until `stop` turns true.
#[must_use]
pub fn start(parts: Parts, stop: &watch::Receiver<bool>) -> [JoinHandle<()>; 3] {
    let Parts { store, keys, archives, outbox, meters, clock } = parts;
    let prover = Prover {
        store: store.clone(),
        keys: Arc::clone(&keys),
        archives: archives.clone(),
        clock: clock.clone(),
    };
    let ends = impersonations::run(store.clone(), clock.clone(), stop.clone());
    let keeper = Keeper { store, keys, archives, clock };
    let job = Retention { keeper, outbox, meters };
    [
        tokio::spawn(retention::run(job, stop.clone())),
        tokio::spawn(prove::run(prover, stop.clone())),
        tokio::spawn(ends),
    ]
}
