//! The change feed: what a person changed reaches the request path within a second, also when another process
//! wrote it.

use std::sync::Arc;
use std::time::Duration;

use domain::route::{Facts, Routes};
use live::pool::Pool;
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

/// Follows the feed from the number in `applied` until `stop` turns true; `applied` shows how far it is.
pub async fn run(
    store: Store,
    snapshot: Arc<Snapshot>,
    pool: Arc<Pool>,
    catalogue: Facts,
    applied: watch::Sender<i64>,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let seen = *applied.borrow();
        match apply(&store, &snapshot, &pool, &catalogue, seen).await {
            Ok(now) if now > seen => drop(applied.send_replace(now)),
            Ok(_) => {}
            Err(failed) => tracing::error!(%failed, "the change feed cannot be read; trying again"),
        }
    }
}

async fn apply(
    store: &Store,
    snapshot: &Snapshot,
    pool: &Pool,
    catalogue: &Facts,
    seen: i64,
) -> Result<i64, store::ReadFailed> {
    let changes = store.changes().since(seen).await?;
    let Some(last) = changes.last() else { return Ok(seen) };
    let mut routes_changed = false;
    for change in &changes {
        match change.kind.as_str() {
            "route" => {
                routes_changed = true;
                // A person has looked at this connection: whatever was held against it is over.
                if let Ok(connection) = change.subject.parse() {
                    pool.pardon(connection);
                }
            }
            "key" => match change.subject.parse() {
                Ok(key) => snapshot.forget_key(key),
                Err(_) => snapshot.forget_all_keys(),
            },
            // A change of an organization, a project or something newer than this code may concern any key.
            _ => snapshot.forget_all_keys(),
        }
    }
    if routes_changed {
        let routes = routes(store, catalogue).await?;
        pool.adopt(&routes);
        snapshot.set_routes(routes);
    }
    Ok(last.seq)
}
