//! When data past its time is removed: every night in any case, proved by a canary, which tells when it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use control::jobs::retention::{Retention, run};
use control::retention::Keeper;
use domain::retention::Class;
use domain::time::{Clock, Timestamp};
use live::meters::Meters;
use live::outbox::{Outbox, Settings};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::Store;
use store::retention::{Cause, RunState};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::digest::sha256_of_parts;

use crate::audit::{at, signing_keys};

const HOUR: i64 = 3_600;

/// A running job, and the hands of its clock.
struct World {
    store: Store,
    meters: Arc<Meters>,
    now: Arc<AtomicI64>,
    stop: watch::Sender<bool>,
    job: JoinHandle<()>,
    folder: TempDir,
}

impl World {
    /// At noon of the first day of a year.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("portcullis.db"), sha256_of_parts).await.unwrap();
        let now = Arc::new(AtomicI64::new(at(12 * HOUR).0));
        let hands = Arc::clone(&now);
        let keeper = Keeper {
            store: store.clone(),
            keys: Arc::new(signing_keys(1)),
            archives: folder.path().join("audit-archive"),
            clock: Clock::new(move || Timestamp(hands.load(Ordering::Relaxed))),
        };
        let (outbox, _reader) = Outbox::open(&folder.path().join("journal"), Settings::default()).unwrap();
        let meters = Arc::new(Meters::new());
        let (stop, stopped) = watch::channel(false);
        let job = Retention { keeper, outbox, meters: Arc::clone(&meters) };
        let job = tokio::spawn(run(job, stopped));
        Self { store, meters, now, stop, job, folder }
    }

    fn pass(&self, hours: i64) {
        self.now.fetch_add(hours * HOUR * 1_000_000, Ordering::Relaxed);
    }

    fn shows(&self, line: &str) -> bool {
        self.meters.render().unwrap().lines().any(|shown| shown == line)
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.job.await.unwrap();
        self.store.close().await;
    }
}

async fn eventually<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain for {what}");
}

#[tokio::test]
async fn every_class_is_gone_over_every_night_and_the_canary_leaves() {
    let world = World::new().await;
    let retention = || world.store.retention();
    let canary = || async { retention().newest_canary().await.unwrap() };
    eventually("the first canary", || async { canary().await == Some(at(12 * HOUR)) }).await;
    assert!(retention().newest_runs(9).await.unwrap().is_empty(), "it is no night");
    world.pass(25);
    eventually("the second canary", || async { canary().await == Some(at(37 * HOUR)) }).await;
    let done = || async { retention().open_runs().await.unwrap().is_empty() };
    eventually("the end of the runs", done).await;
    let runs = retention().newest_runs(99).await.unwrap();
    let leaving = Class::ALL.iter().filter(|class| class.leaves()).count();
    assert_eq!(runs.len(), leaving);
    assert!(runs.iter().all(|run| (run.cause, run.state) == (Cause::Nightly, RunState::Done)), "{runs:?}");
    let canaries = runs.iter().find(|run| run.class == "canaries").unwrap();
    assert_eq!(canaries.removed, 1, "that of the night before");
    eventually("the figures", || async {
        world.shows("portcullis_retention_removed_total{class=\"canaries\"} 1")
    })
    .await;
    assert!(world.shows("portcullis_retention_overdue 0"));
    world.end().await;
}

#[tokio::test]
async fn a_canary_that_does_not_leave_is_told_of() {
    let world = World::new().await;
    let planted = || async { world.store.retention().newest_canary().await.unwrap().is_some() };
    eventually("the first canary", planted).await;
    let options = SqliteConnectOptions::new().filename(world.folder.path().join("portcullis.db"));
    let database = SqlitePool::connect_with(options).await.unwrap();
    let stuck =
        "CREATE TRIGGER stuck BEFORE DELETE ON retention_canaries BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    sqlx::raw_sql(stuck).execute(&database).await.unwrap();
    world.pass(27);
    eventually("the alert", || async { world.shows("portcullis_retention_overdue 1") }).await;
    sqlx::raw_sql("DROP TRIGGER stuck").execute(&database).await.unwrap();
    database.close().await;
    world.pass(1);
    eventually("the end of the alert", || async { world.shows("portcullis_retention_overdue 0") }).await;
    world.end().await;
}
