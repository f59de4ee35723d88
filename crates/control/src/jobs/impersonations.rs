//! Records the end of logins as somebody else that nobody ended: their time passed, or the operator's own login is over.
//! They are worth nothing from that moment on; this is for those who read the audit trail.

use std::time::Duration;

use domain::audit::{Act, Actor};
use domain::time::Clock;
use store::Store;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// What the job is called in the audit trail.
const NAME: &str = "impersonations";
/// How often it looks.
const INTERVAL_SECONDS: i64 = 15;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Works until `stop` turns true.
pub async fn run(store: Store, clock: Clock, mut stop: watch::Receiver<bool>) {
    let mut due = clock.now();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let now = clock.now();
        if now < due {
            continue;
        }
        due = now.plus_seconds(INTERVAL_SECONDS);
        let act = Act::new(Actor::system(NAME), now);
        if let Err(failed) = store.logins().end_lapsed_impersonations(&act).await {
            tracing::error!(%failed, "the end of an impersonation could not be recorded; trying again");
        }
    }
}
