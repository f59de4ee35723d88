//! When data past its time is removed: whenever something is due, whenever somebody asks, and every night in any case,
//! when a canary is planted that must be gone the night after. It also has the journal begin anew, so that what was
//! posted leaves the disk.

use std::sync::Arc;
use std::time::Duration;

use domain::retention::Class;
use domain::time::Timestamp;
use live::meters::Meters;
use live::outbox::Outbox;
use store::ReadFailed;
use store::retention::{Canary, Cause};
use tokio::sync::watch;

use crate::retention::{Keeper, NotRemoved, Worked};

/// How often the clock is looked at, and whether somebody asked for a run.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked whether anything is due: how late a row can leave.
pub const LOOK_SECONDS: i64 = 60;
/// How long a record that was posted may stay in the journal.
pub const JOURNAL_SECONDS: i64 = 15 * 60;
/// Pause after a failure.
const RETRY_SECONDS: i64 = 60;
/// The hour of the night, in UTC.
const NIGHT_HOUR: i64 = 3;
const HOUR_SECONDS: i64 = 3_600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
const MICROS: i64 = 1_000_000;

/// What the job works with.
pub struct Retention {
    /// Removes.
    pub keeper: Keeper,
    /// Holds what was posted until it begins anew.
    pub outbox: Outbox,
    /// Shows what was removed, and whether the canary lives too long.
    pub meters: Arc<Meters>,
}

/// What comes next, and when.
struct Due {
    look: Timestamp,
    journal: Timestamp,
    /// Not before this instant, after a failure.
    again: Timestamp,
    /// The write-ahead log still holds what was removed.
    unscrubbed: bool,
    overdue: bool,
}

/// Runs until `stop` turns true. A run that is under way then goes on with the next start.
pub async fn run(job: Retention, stop: watch::Receiver<bool>) {
    let begin = job.keeper.clock.now();
    let mut due = Due {
        look: begin,
        journal: begin.plus_seconds(JOURNAL_SECONDS),
        again: begin,
        unscrubbed: false,
        overdue: false,
    };
    let mut stopped = stop.clone();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        let now = job.keeper.clock.now();
        if now >= due.journal {
            job.outbox.begin_anew();
            due.journal = now.plus_seconds(JOURNAL_SECONDS);
        }
        if now < due.again {
            continue;
        }
        if let Err(failed) = job.tick(&mut due, now, &stop).await {
            tracing::error!(%failed, "data past its time cannot be removed; trying again");
            due.again = now.plus_seconds(RETRY_SECONDS);
        }
    }
}

/// The last night that began before `now`.
fn last_night(now: Timestamp) -> Timestamp {
    let (night, day) = (NIGHT_HOUR * HOUR_SECONDS * MICROS, DAY_SECONDS * MICROS);
    let into_it = now.0.saturating_sub(night).rem_euclid(day);
    Timestamp(now.0.saturating_sub(into_it))
}

impl Retention {
    async fn tick(
        &self,
        due: &mut Due,
        now: Timestamp,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), NotRemoved> {
        let retention = self.keeper.store.retention();
        if now >= due.look {
            due.look = now.plus_seconds(LOOK_SECONDS);
            self.look(now).await?;
            due.overdue = self.ask_canary(now, due.overdue).await?;
        }
        let mut removed = false;
        for run in retention.open_runs().await? {
            match self.keeper.work_off(&run, stop).await? {
                Worked::Done(ended) => {
                    self.meters.removed(&ended.class, ended.removed);
                    removed |= ended.removed > 0;
                }
                Worked::GivenUp(_) => {}
                Worked::Paused => return Ok(()),
            }
        }
        if removed {
            due.unscrubbed = true;
            due.overdue = self.ask_canary(now, due.overdue).await?;
        }
        if due.unscrubbed && retention.scrub().await? {
            due.unscrubbed = false;
        }
        Ok(())
    }

    /// Begins a run over each class of which something is due, and over every class when it is night.
    async fn look(&self, now: Timestamp) -> Result<(), NotRemoved> {
        let retention = self.keeper.store.retention();
        let open = retention.open_runs().await?;
        let newest = retention.newest_canary().await?;
        let is_night = newest.is_some_and(|planted| planted < last_night(now));
        for class in Class::ALL.iter().filter(|class| class.leaves()) {
            if open.iter().any(|run| run.class == class.word()) {
                continue;
            }
            if is_night {
                self.keeper.begin(*class, Cause::Nightly, None).await?;
            } else if self.keeper.is_due(*class, now).await? {
                self.keeper.begin(*class, Cause::Due, None).await?;
            }
        }
        if is_night || newest.is_none() {
            // Last, so that a night that was interrupted comes again.
            retention.plant_canary(now).await?;
        }
        Ok(())
    }

    /// Shows what the canaries tell, and says so once when one lives too long.
    async fn ask_canary(&self, now: Timestamp, was_overdue: bool) -> Result<bool, ReadFailed> {
        let canary = self.keeper.store.retention().canary(now).await?;
        let (overdue, planted) = match canary {
            Canary::None => return Ok(false),
            Canary::Well(planted) => (false, planted),
            Canary::Overdue(planted) => (true, planted),
        };
        self.meters.set_canary(u64::from(overdue), planted);
        if overdue && !was_overdue {
            tracing::error!(planted_at_us = planted.0, "retention does not work: a canary outlived its time");
        }
        Ok(overdue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_begins_at_three() {
        let check = |seconds, expect| {
            let night = last_night(Timestamp(0).plus_seconds(seconds));
            assert_eq!(night, Timestamp(0).plus_seconds(expect), "{seconds}");
        };
        check(3 * HOUR_SECONDS, 3 * HOUR_SECONDS);
        check(3 * HOUR_SECONDS - 1, 3 * HOUR_SECONDS - DAY_SECONDS);
        check(3 * HOUR_SECONDS + DAY_SECONDS - 1, 3 * HOUR_SECONDS);
        check(10 * DAY_SECONDS, 9 * DAY_SECONDS + 3 * HOUR_SECONDS);
    }
}
