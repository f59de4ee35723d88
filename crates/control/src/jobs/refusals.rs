//! Closes the minutes of refused credentials and of changes of connections: what was counted in them goes to the audit
//! trail.

use std::sync::Arc;
use std::time::Duration;

use domain::time::Clock;
use live::incidents::Incidents;
use live::refusals::Refusals;
use tokio::sync::watch;

/// How often it is looked whether a minute has ended.
const TICK: Duration = Duration::from_secs(1);

/// Sweeps until `stop` turns true. What is counted then is recorded by whoever stops the process, before the outbox is
/// emptied.
pub async fn run(
    refusals: Arc<Refusals>,
    incidents: Arc<Incidents>,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                refusals.sweep(clock.now());
                incidents.sweep(clock.now());
            }
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
