//! Whether data past its time leaves: what the canaries tell, and how the last run over each class ended.

use std::collections::HashSet;

use domain::time::Timestamp;
use store::ReadFailed;
use store::Store;
use store::retention::{Canary, GRACE_HOURS, Run, RunState};

use super::Check;
use crate::cmd::instant;

/// What the checks are called.
const NAME: &str = "retention";
/// The newest runs that are looked at: several nights of every class.
const RUNS: u32 = 200;
/// Seconds from one night to the next, with the time that a canary may be late.
const NIGHT_SECONDS: i64 = (24 + GRACE_HOURS) * 3_600;

pub(super) async fn examine(store: &Store, now: Timestamp, checks: &mut Vec<Check>) {
    match (canary(store, now).await, failed_runs(store).await) {
        (Ok(canary), Ok(runs)) => {
            checks.push(canary);
            checks.extend(runs.iter().map(failed));
        }
        (Err(failed), _) | (_, Err(failed)) => {
            checks.push(Check::fail(NAME, failed.to_string(), "Restore the database from a backup."));
        }
    }
}

async fn canary(store: &Store, now: Timestamp) -> Result<Check, ReadFailed> {
    let retention = store.retention();
    let newest = retention.newest_canary().await?;
    let is_missing = newest.is_some_and(|planted| planted.plus_seconds(NIGHT_SECONDS) < now);
    Ok(match retention.canary(now).await? {
        Canary::None => Check::ok(NAME, "no canary yet; the first `serve` plants one"),
        Canary::Well(planted) if !is_missing => {
            Check::ok(NAME, format!("the canary of {} was planted in time", instant::written(planted)))
        }
        // Nobody was there to remove it: that stops no start, and a start mends it.
        Canary::Well(_) | Canary::Overdue(_) if is_missing => {
            let last = newest.map(instant::written).unwrap_or_default();
            Check::warn(
                NAME,
                format!("it has not run since the canary of {last}"),
                "Start the gate with `portcullis serve`; where it serves, its log says why retention does not run.",
            )
        }
        Canary::Well(planted) | Canary::Overdue(planted) => Check::fail(
            NAME,
            format!("it runs, and the canary of {} is still there", instant::written(planted)),
            "`portcullis retention show` names the runs that failed, and the log of the gate says why.",
        ),
    })
}

/// The last run over each class, where it failed.
async fn failed_runs(store: &Store) -> Result<Vec<Run>, ReadFailed> {
    let mut seen = HashSet::new();
    let runs = store.retention().newest_runs(RUNS).await?;
    Ok(runs
        .into_iter()
        .filter(|run| seen.insert(run.class.clone()) && run.state == RunState::Failed)
        .collect())
}

fn failed(run: &Run) -> Check {
    let fault = run.fault.as_deref().unwrap_or("for a reason that was not kept");
    Check::fail(
        NAME,
        format!("the last run over {} of {} failed: {fault}", run.class, instant::written(run.created_at)),
        format!("Mend what it says, then ask for another with `portcullis retention run {}`.", run.class),
    )
}
