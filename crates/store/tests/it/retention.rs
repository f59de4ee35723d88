//! How long data is kept, and that what is past its time leaves: in bounded batches, across a restart, and from the
//! file as well as from the tables.

use domain::id::{JobId, UserId};
use domain::retention::{Class, NotTaken, Range, Term};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::retention::{BATCH, Canary, Cause, Run, RunState, SettingRefused, Whose};
use store::usage::UsageFilter;
use uuid::Uuid;

use crate::world::{World, act, at, call, digest, key, new_key, open, org};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn job(number: u128) -> JobId {
    JobId::new(Uuid::from_u128(number))
}

fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

/// Runs SQL beside the store.
async fn plant(world: &World, sql: String) {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(world.file())).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    pool.close().await;
}

async fn count(world: &World, table: &str) -> i64 {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(world.file())).await.unwrap();
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

/// Goes over a class as of `seconds`; how many rows are gone in how many batches.
pub async fn go_over(world: &World, class: Class, number: u128, seconds: i64) -> Run {
    let retention = world.store.retention();
    let run = retention.begin(job(number), class, Cause::Due, at(seconds), None).await.unwrap();
    while retention.remove_batch(&run, at(seconds)).await.unwrap() {}
    retention.finish(run.id, &act(seconds)).await.unwrap()
}

async fn traced(world: &World) -> Vec<u128> {
    let mut calls = world.store.usage().list(&UsageFilter::default(), 1_000, None).await.unwrap();
    calls.retain(|call| call.opened.trace.is_some());
    calls.iter().rev().map(|call| call.opened.call.uuid().as_u128()).collect()
}

#[tokio::test]
async fn traces_leave_by_the_time_that_holds_for_them() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    plant(
        &world,
        format!(
            "INSERT INTO users (id, email, state, operator, not_before, created_at) \
             VALUES ('{}', 'a@example.com', 'active', FALSE, 0, 0)",
            user(5)
        ),
    )
    .await;
    let mut private = new_key(3);
    (private.org, private.project, private.user) = (org(2), crate::world::project(2), Some(user(5)));
    world.store.keys().insert(&private, &act(1)).await.unwrap();
    // Calls 1 and 2 of organization 1, 3 and 4 of organization 2, 5 and 6 of the same with the key of a person, 7 of
    // an organization that is not there: the odd ones an hour before the even ones.
    let calls: Vec<_> = (1..=7u128)
        .map(|number| {
            let mut call = call(number);
            let (tenant, used) = match number {
                1 | 2 => (1, 1),
                3 | 4 => (2, 2),
                5 | 6 => (2, 3),
                _ => (9, 9),
            };
            (call.opened.org, call.opened.key) = (org(tenant), key(used));
            call.opened.started_at = at(if number % 2 == 1 { 0 } else { HOUR });
            call
        })
        .collect();
    world.store.usage().post(&calls, &[]).await.unwrap();
    let settings = world.store.retention().settings();
    settings.set(Class::TRACES, Whose::Installation, Some(3), &act(1)).await.unwrap();
    settings.set(Class::TRACES, Whose::Org(org(2)), Some(5), &act(1)).await.unwrap();
    settings.set(Class::TRACES, Whose::User(user(5)), Some(1), &act(1)).await.unwrap();
    let check = async |number, seconds, removed, expect: &[u128]| {
        assert_eq!(world.store.retention().is_due(Class::TRACES, at(seconds)).await.unwrap(), removed > 0);
        assert_eq!(go_over(&world, Class::TRACES, number, seconds).await.removed, removed, "{seconds}");
        assert_eq!(traced(&world).await, expect, "{seconds}");
    };
    check(1, HOUR - 1, 0, &[1, 3, 5, 7, 2, 4, 6]).await;
    check(2, HOUR, 1, &[1, 3, 7, 2, 4, 6]).await;
    check(3, 2 * HOUR, 1, &[1, 3, 7, 2, 4]).await;
    check(4, 3 * HOUR, 2, &[3, 2, 4]).await;
    check(5, 5 * HOUR - 1, 1, &[3, 4]).await;
    // Who wants nothing kept loses what is there.
    settings.set(Class::TRACES, Whose::Org(org(2)), Some(0), &act(2)).await.unwrap();
    check(6, 5 * HOUR - 1, 2, &[]).await;
    assert_eq!(
        world.store.usage().list(&UsageFilter::default(), 99, None).await.unwrap().len(),
        7,
        "the books stay"
    );
    assert_eq!(world.store.usage().post(&calls, &[]).await.unwrap(), 0);
    assert_eq!(traced(&world).await, [], "posting again brings nothing back");
}

#[tokio::test]
async fn the_request_path_learns_for_how_long_traces_are_kept() {
    let world = World::new().await;
    world.key(1).await;
    let check = async |expect| {
        let found = world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap();
        assert_eq!(found.trace_hours, expect);
    };
    let settings = world.store.retention().settings();
    check(0).await;
    let seen = world.store.changes().latest().await.unwrap();
    settings.set(Class::TRACES, Whose::Installation, Some(48), &act(1)).await.unwrap();
    assert!(world.store.changes().latest().await.unwrap() > seen);
    check(48).await;
    settings.set(Class::TRACES, Whose::Org(org(1)), Some(0), &act(1)).await.unwrap();
    check(0).await;
    settings.set(Class::TRACES, Whose::Org(org(1)), None, &act(1)).await.unwrap();
    check(48).await;
}

#[tokio::test]
async fn only_what_a_class_takes_is_set_and_only_for_who_is_there() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    let settings = world.store.retention().settings();
    let refused =
        async |class, whose, keep| settings.set(class, whose, Some(keep), &act(1)).await.unwrap_err();
    let Term::Set(range) = Class::TRACES.term() else { panic!("traces have a range") };
    assert!(matches!(
        refused(Class::TRACES, Whose::Installation, range.most + 1).await,
        SettingRefused::NotTaken(NotTaken::Bounds { range: Range { most: 2_160, .. }, .. })
    ));
    assert!(matches!(
        refused(Class::AUDIT, Whose::Org(org(1)), 13).await,
        SettingRefused::NotTaken(NotTaken::Level { .. })
    ));
    assert!(matches!(
        refused(Class::BOOKS, Whose::Installation, 1).await,
        SettingRefused::NotTaken(NotTaken::Fixed("books"))
    ));
    assert!(matches!(refused(Class::TRACES, Whose::Org(org(9)), 1).await, SettingRefused::NotFound));
    assert!(matches!(refused(Class::TRACES, Whose::User(user(9)), 1).await, SettingRefused::NotFound));
    let own = world.store.of(domain::tenant::Tenant::of_verified_member(org(1)));
    for foreign in [Whose::Org(org(2)), Whose::Org(org(9)), Whose::Installation, Whose::User(user(9))] {
        let refused = own.retention().set(Class::TRACES, foreign, Some(1), &act(1)).await.unwrap_err();
        assert!(matches!(refused, SettingRefused::NotFound), "{foreign:?}");
    }
    settings.set(Class::TRACES, Whose::Org(org(2)), Some(7), &act(1)).await.unwrap();
    own.retention().set(Class::TRACES, Whose::Org(org(1)), Some(9), &act(1)).await.unwrap();
    let seen: Vec<u32> = own.retention().all().await.unwrap().iter().map(|setting| setting.keep).collect();
    assert_eq!(seen, [9], "the settings of another are not seen");
    assert_eq!(world.store.retention().settings().all().await.unwrap().len(), 2);
}

/// Rows of every class, one past its time at `NOW` and one not.
fn planted(ended: i64, young: i64) -> Vec<String> {
    let person = user(5);
    let mut all = vec![format!(
        "INSERT INTO users (id, email, state, operator, not_before, created_at) \
         VALUES ('{person}', 'a@example.com', 'active', FALSE, 0, 0)"
    )];
    for (name, seconds) in [("old", ended), ("young", young)] {
        let micros = at(seconds).0;
        all.extend([
            format!(
                "INSERT INTO logins (id, user_id, created_at, seen_at, proved_at, expires_at, ends_at, ip, user_agent) \
                 VALUES ('{name}', '{person}', 0, 0, 0, {micros}, {micros}, '', '')"
            ),
            format!("INSERT INTO refresh_tokens (digest, login_id, created_at) VALUES ('{name}', '{name}', 0)"),
            format!("INSERT INTO login_failures VALUES ('{name}', '[]', 0, 0, {micros})"),
            format!("INSERT INTO mailed_tokens VALUES ('{name}', 'reset', '{person}', 'x', 0, {micros})"),
            format!(
                "INSERT INTO invitations (id, purpose, prefix, digest, state, created_at, expires_at) \
                 VALUES ('{name}', 'operator', 'p', '{name}', 'pending', 0, {micros})"
            ),
            format!(
                "INSERT INTO idempotency (actor, org, name, request, created_at) VALUES ('a', '', '{name}', x'00', {micros})"
            ),
            format!(
                "INSERT INTO retention_runs VALUES ('{}', 'traces', 'due', 'done', 0, 0, 0, 0, {micros}, NULL)",
                job(u128::try_from(seconds).unwrap() + 1_000)
            ),
            format!("INSERT INTO audit_verifications VALUES ('{name}', 'whole', 1, 1, 0, NULL, 0, {micros})"),
            format!("INSERT INTO pinned_answers VALUES ('o', CAST('{name}' AS BLOB), 'c', {micros})"),
            format!("INSERT INTO files (org, project, name, removed_at) VALUES ('o', 'p', '{name}', {micros})"),
            format!(
                "INSERT INTO batches VALUES ('{name}', 'o', 'p', 'k', {micros}, NULL, 'c', 'platform', 'openai', 'f', \
                 'chat', 'm', 1, 1, 'free', NULL, 'v', TRUE)"
            ),
            format!("INSERT INTO retention_canaries VALUES ({micros})"),
        ]);
    }
    all
}

#[tokio::test]
async fn every_class_loses_what_is_past_its_time_and_nothing_else() {
    let check = async |class: Class, keep_seconds: i64, tables: &[&str], removed: u64| {
        let world = World::new().await;
        let (end, now) = (1_000, 1_000 + keep_seconds);
        for sql in planted(end, end + 1) {
            plant(&world, sql).await;
        }
        let before: Vec<i64> = vec![2; tables.len()];
        let rows = async || {
            let mut rows = vec![];
            for table in tables {
                rows.push(count(&world, table).await);
            }
            rows
        };
        assert_eq!(rows().await, before);
        let retention = world.store.retention();
        assert!(!retention.is_due(class, at(now - 1)).await.unwrap(), "{class:?}");
        assert!(retention.is_due(class, at(now)).await.unwrap(), "{class:?}");
        let run = go_over(&world, class, 1, now).await;
        assert_eq!((run.removed, run.state), (removed, RunState::Done), "{class:?}");
        let young: Vec<i64> =
            tables.iter().map(|table| if *table == "retention_runs" { 2 } else { 1 }).collect();
        assert_eq!(rows().await, young, "{class:?}");
        assert!(!retention.is_due(class, at(now)).await.unwrap(), "{class:?}");
        assert!(retention.is_due(class, at(now + 1)).await.unwrap(), "{class:?}");
    };
    check(Class::LOGINS, 30 * DAY, &["logins", "refresh_tokens"], 2).await;
    check(Class::LOGIN_FAILURES, DAY, &["login_failures"], 1).await;
    check(Class::MAILED_TOKENS, DAY, &["mailed_tokens"], 1).await;
    check(Class::INVITATIONS, 30 * DAY, &["invitations"], 1).await;
    check(Class::PINNED, 30 * DAY, &["pinned_answers", "files"], 2).await;
    check(Class::BATCHES, 90 * DAY, &["batches"], 1).await;
    check(Class::IDEMPOTENCY, DAY, &["idempotency"], 1).await;
    // The run itself is a run as well.
    check(Class::RUNS, 90 * DAY, &["retention_runs", "audit_verifications"], 2).await;
    check(Class::CANARIES, DAY, &["retention_canaries"], 1).await;
}

#[tokio::test]
async fn a_run_is_bounded_batch_by_batch_and_goes_on_after_a_restart() {
    let world = World::new().await;
    world.key(1).await;
    let many = u128::from(BATCH) * 2 + 10;
    let calls: Vec<_> = (1..=many).map(call).collect();
    world.store.usage().post(&calls, &[]).await.unwrap();
    let now = at(i64::try_from(many).unwrap());
    let retention = world.store.retention();
    let run = retention.begin(job(1), Class::TRACES, Cause::Asked, now, Some(&act(1))).await.unwrap();
    assert!(retention.remove_batch(&run, now).await.unwrap());
    assert_eq!(count(&world, "traces").await, i64::from(BATCH) + 10);
    world.store.close().await;
    // What comes after it began is for another run, whenever this one ends.
    let again = World { store: open(&world.folder).await, folder: world.folder };
    again.store.usage().post(&[call(many + 1)], &[]).await.unwrap();
    let retention = again.store.retention();
    let [found] = &retention.open_runs().await.unwrap()[..] else { panic!("one run goes on") };
    assert_eq!((found.removed, found.batches, found.class.as_str()), (u64::from(BATCH), 1, "traces"));
    while retention.remove_batch(found, now).await.unwrap() {}
    let ended = retention.finish(found.id, &act(9)).await.unwrap();
    assert_eq!(
        (ended.removed, ended.batches, ended.state),
        (u64::try_from(many).unwrap(), 3, RunState::Done)
    );
    assert_eq!(traced(&again).await, [many + 1]);
    assert!(retention.open_runs().await.unwrap().is_empty());
    let told = again.store.audit().newest(&store::audit::AuditFilter::default(), 2).await.unwrap();
    let told: Vec<_> =
        told.iter().map(|row| (row.entry.action.as_str(), row.entry.detail.as_str())).collect();
    assert!(
        matches!(told[..], [("retention.run", removed), ("retention.run", asked)]
        if removed.contains("\"removed\":1010") && asked.contains("asked")),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_has_left_is_in_no_file() {
    let world = World::new().await;
    world.key(1).await;
    let many = 3_000u128;
    let planted: Vec<_> = (1..=many)
        .map(|number| {
            let mut call = call(number);
            call.opened.trace.as_mut().unwrap().request_id =
                format!("PLANTED-request-{}", number * 7_919 % many);
            call
        })
        .collect();
    world.store.usage().post(&planted, &[]).await.unwrap();
    let found = || {
        let mut found = vec![];
        for name in ["portcullis.db", "portcullis.db-wal"] {
            let bytes = std::fs::read(world.folder.path().join(name)).unwrap_or_default();
            let places = bytes.windows(15).enumerate().filter(|(_, window)| *window == b"PLANTED-request");
            found.extend(places.map(|(place, _)| (name, place / 4_096, place % 4_096)));
        }
        found
    };
    assert!(!found().is_empty());
    // Half of them leave, then the rest.
    let half = i64::try_from(many / 2).unwrap();
    assert_eq!(go_over(&world, Class::TRACES, 1, half).await.removed, half.unsigned_abs());
    assert_eq!(go_over(&world, Class::TRACES, 2, 2 * half).await.removed, half.unsigned_abs());
    assert!(world.store.retention().scrub().await.unwrap());
    assert_eq!(found(), []);
}

#[tokio::test]
async fn a_canary_tells_when_nothing_leaves() {
    let world = World::new().await;
    let retention = world.store.retention();
    let check =
        async |seconds, expect| assert_eq!(retention.canary(at(seconds)).await.unwrap(), expect, "{seconds}");
    check(0, Canary::None).await;
    retention.plant_canary(at(0)).await.unwrap();
    check(26 * HOUR, Canary::Well(at(0))).await;
    check(26 * HOUR + 1, Canary::Overdue(at(0))).await;
    retention.plant_canary(at(DAY)).await.unwrap();
    assert_eq!(retention.newest_canary().await.unwrap(), Some(at(DAY)));
    check(26 * HOUR + 1, Canary::Overdue(at(0))).await;
    go_over(&world, Class::CANARIES, 1, DAY).await;
    check(26 * HOUR + 1, Canary::Well(at(DAY))).await;
}
