//! The change feed: what a person changed reaches the request path within a second, also when another process
//! wrote it.

use std::sync::Arc;
use std::time::Duration;

use domain::route::{Facts, Routes};
use live::snapshot::Snapshot;
use store::Store;
use tokio::sync::watch;

/// How often the feed is read. Revocation is promised within a second.
const INTERVAL: Duration = Duration::from_millis(250);

/// Reads the routing table anew: the catalogue's facts, the installation's own over them, the connections.
///
/// # Errors
/// The store's, when it cannot be read.
pub async fn routes(store: &Store, catalogue: &Facts) -> Result<Routes, store::ReadFailed> {
    let mut facts = catalogue.clone();
    store.models().lay_over(&mut facts).await?;
    Ok(Routes::build(store.provider_keys().connections().await?, facts))
}

/// Follows the feed from `seen` until `stop` turns true.
pub async fn run(
    store: Store,
    snapshot: Arc<Snapshot>,
    catalogue: Facts,
    mut seen: i64,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match apply(&store, &snapshot, &catalogue, seen).await {
            Ok(applied) => seen = applied,
            Err(failed) => tracing::error!(%failed, "the change feed cannot be read; trying again"),
        }
    }
}

async fn apply(
    store: &Store,
    snapshot: &Snapshot,
    catalogue: &Facts,
    seen: i64,
) -> Result<i64, store::ReadFailed> {
    let changes = store.changes().since(seen).await?;
    let Some(last) = changes.last() else { return Ok(seen) };
    let mut routes_changed = false;
    for change in &changes {
        match change.kind.as_str() {
            "route" => routes_changed = true,
            "key" => match change.subject.parse() {
                Ok(key) => snapshot.forget_key(key),
                Err(_) => snapshot.forget_all_keys(),
            },
            // A change of an organization, a project or something newer than this code may concern any key.
            _ => snapshot.forget_all_keys(),
        }
    }
    if routes_changed {
        snapshot.set_routes(routes(store, catalogue).await?);
    }
    Ok(last.seq)
}
