//! The anchor: signs the end of the audit trail at the start and then every hour.

use std::sync::Arc;
use std::time::Duration;

use domain::time::{Clock, Timestamp};
use store::Store;
use tokio::sync::watch;
use vault::signing::SigningKeys;

use crate::audit::head;

/// Time between two heads.
pub const INTERVAL_SECONDS: i64 = 60 * 60;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Pause after a head that could not be signed.
const RETRY_SECONDS: i64 = 60;

/// Signs until `stop` turns true. The last head, after the last row, is signed by whoever stops the process.
pub async fn run(store: Store, keys: Arc<SigningKeys>, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut due = Timestamp(i64::MIN);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let now = clock.now();
        if now < due {
            continue;
        }
        due = match head::sign(&store, &keys, now).await {
            Ok(_) => now.plus_seconds(INTERVAL_SECONDS),
            Err(failed) => {
                tracing::error!(%failed, "the head of the audit trail could not be signed; trying again");
                now.plus_seconds(RETRY_SECONDS)
            }
        };
    }
}
