//! The change feed: what a person changed reaches the request path within a second, also when another process
//! wrote it.

use std::sync::Arc;
use std::time::Duration;

use domain::pool::quota::DAY_MS;
use domain::route::{Facts, Routes};
use domain::time::Timestamp;
use live::pool::Pool;
use live::snapshot::{ForeignKeys, Snapshot};
use store::Store;
use tokio::sync::watch;

/// How often the feed is read. Revocation is promised within a second.
const INTERVAL: Duration = Duration::from_millis(250);

/// Reads everything that is not looked up key by key.
///
/// # Errors
/// The store's, when it cannot be read.
pub async fn fill(
    store: &Store,
    snapshot: &Snapshot,
    pool: &Pool,
    catalogue: &Facts,
) -> Result<(), store::ReadFailed> {
    let routes = routes(store, catalogue).await?;
    pool.adopt(&routes);
    snapshot.set_routes(routes);
    snapshot.set_origins(store.orgs().all_origins().await?);
    snapshot.set_foreign_keys(foreign_keys(store).await?);
    Ok(())
}

/// Counts what went over the connections in the last day: their quotas outlive a restart. What still waits to be posted is
/// not among it.
///
/// # Errors
/// The store's, when it cannot be read.
pub async fn recall(store: &Store, pool: &Pool, now: Timestamp) -> Result<(), store::ReadFailed> {
    let day_ago = Timestamp(now.0.saturating_sub(i64::from(DAY_MS) * 1_000));
    for spent in store.usage().spent_since(day_ago).await? {
        pool.recall(spent.provider_key, spent.calls, spent.tokens, spent.cost, spent.at);
    }
    Ok(())
}

async fn foreign_keys(store: &Store) -> Result<ForeignKeys, store::ReadFailed> {
    Ok(match store.keys().any_imported().await? {
        true => ForeignKeys::LookedUp,
        false => ForeignKeys::Refused,
    })
}

/// Reads the routing table anew: the catalogue's facts, the installation's own over them, the connections.
///
/// # Errors
/// The store's, when it cannot be read.
async fn routes(store: &Store, catalogue: &Facts) -> Result<Routes, store::ReadFailed> {
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
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return Ok(seen) };
    // Old changes are removed. What was missed may concern any key and any connection.
    let missed = first.seq > seen.saturating_add(1);
    if missed {
        tracing::warn!(seen, first = first.seq, "changes were missed: everything is read anew");
        snapshot.forget_all_keys();
        pool.pardon_all();
    }
    let (mut routes_changed, mut orgs_changed, mut keys_changed) = (missed, missed, missed);
    for change in &changes {
        match change.kind.as_str() {
            "route" => {
                routes_changed = true;
                // A person has looked at this connection: whatever was held against it is over.
                if let Ok(connection) = change.subject.parse() {
                    pool.pardon(connection);
                }
            }
            "key" => {
                keys_changed = true;
                match change.subject.parse() {
                    Ok(key) => snapshot.forget_key(key),
                    Err(_) => snapshot.forget_all_keys(),
                }
            }
            // A change of an organization, a project or something newer than this code may concern any key.
            _ => {
                orgs_changed = true;
                snapshot.forget_all_keys();
            }
        }
    }
    if routes_changed {
        let routes = routes(store, catalogue).await?;
        pool.adopt(&routes);
        snapshot.set_routes(routes);
    }
    if orgs_changed {
        snapshot.set_origins(store.orgs().all_origins().await?);
    }
    if keys_changed {
        snapshot.set_foreign_keys(foreign_keys(store).await?);
    }
    Ok(last.seq)
}

#[cfg(test)]
mod tests;
