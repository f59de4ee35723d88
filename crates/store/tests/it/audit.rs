//! The audit trail: a row with every change and no row without one, in a chain, append-only.

use domain::audit::action::Action;
use domain::audit::chain::Walk;
use domain::audit::detail::Detail;
use domain::audit::{Act, Actor, Entry};
use domain::scope::KeyState;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::audit::{AuditFilter, Head};
use store::orgs::{NewOrg, OrgState};
use store::switch::Switch;
use uuid::Uuid;

use crate::world::{World, act, at, hash, key, open, org, project};

/// The trail, proved on the way.
async fn trail(world: &World) -> Vec<Entry> {
    let mut walk = Walk::new(hash);
    let links = world.store.audit().fitting(&AuditFilter::default(), 0).await.unwrap();
    links.iter().for_each(|link| walk.step(link).unwrap());
    links.into_iter().map(|link| link.entry).collect()
}

async fn told(world: &World) -> Vec<String> {
    trail(world).await.into_iter().map(|entry| format!("{} {}", entry.action, entry.resource)).collect()
}

/// Runs SQL beside the store; gives the refusal.
async fn meddle(world: &World, sql: &'static str) -> Option<String> {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(world.file())).await.unwrap();
    let failed = sqlx::raw_sql(sql).execute(&pool).await.err().map(|error| error.to_string());
    pool.close().await;
    failed
}

#[tokio::test]
async fn every_change_leaves_its_row_in_order() {
    let world = World::new().await;
    world.key(1).await;
    let store = &world.store;
    store.keys().set_state(key(1), KeyState::Revoked, &act(4)).await.unwrap();
    store.projects().set_state(project(1), Switch::Disabled, &act(5)).await.unwrap();
    store.orgs().set_state(org(1), OrgState::Suspended, &act(6)).await.unwrap();
    let expect = [
        format!("org.create {}", org(1)),
        format!("project.create {}", project(1)),
        format!("key.create {}", key(1)),
        format!("key.revoke {}", key(1)),
        format!("project.disable {}", project(1)),
        format!("org.suspend {}", org(1)),
    ];
    assert_eq!(told(&world).await, expect);
    let rows = trail(&world).await;
    assert_eq!(rows[5].actor, Actor::operator_cli("tester"));
    assert_eq!((rows[5].at, rows[5].outcome.as_str()), (at(6), "done"));
    assert_eq!(rows[5].detail, "{\"name\":\"org 1\"}");
    assert!(rows[2].detail.contains("\"prefix\":\"00000001\""), "{}", rows[2].detail);
}

#[tokio::test]
async fn what_fails_leaves_none() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let twin = NewOrg { id: org(1), name: "acme".to_owned(), created_at: at(1) };
    assert!(world.store.orgs().create(&twin, &act(2)).await.is_err());
    assert!(world.store.orgs().set_state(org(9), OrgState::Suspended, &act(2)).await.is_err());
    assert!(world.store.operator_tokens().remove(Uuid::from_u128(1), &act(2)).await.is_err());
    assert_eq!(told(&world).await.len(), 1);
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_is_not_made() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let stop = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END";
    assert_eq!(meddle(&world, stop).await, None);
    let refused = world.store.orgs().set_state(org(1), OrgState::Suspended, &act(2)).await.unwrap_err();
    assert!(refused.to_string().contains("no room"), "{refused}");
    assert_eq!(world.store.orgs().get("acme").await.unwrap().state, OrgState::Active);
    let new = NewOrg { id: org(2), name: "bolt".to_owned(), created_at: at(1) };
    assert!(world.store.orgs().create(&new, &act(2)).await.is_err());
    assert_eq!(world.store.orgs().list().await.unwrap().len(), 1);
    assert_eq!(world.store.changes().latest().await.unwrap(), 0, "the request path hears of nothing either");
}

#[tokio::test]
async fn rows_and_heads_are_append_only() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let head =
        Head { seq: 1, this: vec![1; 32], signed_at: at(3), key_id: "k".to_owned(), signature: vec![2; 64] };
    world.store.audit().keep_head(&head).await.unwrap();
    for sql in [
        "UPDATE audit SET detail = '{}'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
        "UPDATE audit_heads SET seq = 2",
        "DELETE FROM audit_heads",
        "INSERT OR REPLACE INTO audit_heads SELECT * FROM audit_heads",
    ] {
        let refused = meddle(&world, sql).await.unwrap_or_default();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    assert_eq!(told(&world).await.len(), 1);
    let heads = world.store.audit().heads(0).await.unwrap();
    assert_eq!(heads.iter().map(|kept| kept.head.clone()).collect::<Vec<_>>(), [Some(head)]);
    assert_eq!(world.store.audit().covered().await.unwrap(), 1);
}

#[tokio::test]
async fn rows_of_the_outbox_are_posted_once_with_their_place() {
    let world = World::new().await;
    let row = |number: u128| {
        let act = Act::new(Actor::anonymous(None), at(1));
        act.done(Action::KEY_REFUSED, "credential", Detail::none().number("count", 1))
            .spooled(Uuid::from_u128(number))
    };
    let usage = world.store.usage();
    usage.post_with_audit(&[], &[row(1), row(2)], &[(0, 1, 100)]).await.unwrap();
    usage.post_with_audit(&[], &[row(2), row(3), row(3)], &[(0, 1, 200)]).await.unwrap();
    let events: Vec<String> = trail(&world).await.into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, [1u128, 2, 3].map(|number| Uuid::from_u128(number).simple().to_string()));
    assert_eq!(usage.positions().await.unwrap(), [(0, 1, 200)]);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_leaves_a_gap_for_ever() {
    let world = World::new().await;
    for number in 1..=3 {
        world.org(number, &format!("org {number}")).await;
    }
    assert_eq!(
        meddle(&world, "DROP TRIGGER audit_is_not_removed; DELETE FROM audit WHERE seq = 3").await,
        None
    );
    assert_eq!(world.store.audit().highest().await.unwrap(), 3);
    assert_eq!(world.store.audit().end().await.unwrap().unwrap().0, 2);
    world.org(4, "org 4").await;
    assert_eq!(world.store.audit().end().await.unwrap().unwrap().0, 4, "row 3 stays missing");
}

#[tokio::test]
async fn rows_are_found_by_what_they_tell() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    let count = async |filter: AuditFilter| world.store.audit().newest(&filter, 10).await.unwrap().len();
    let any = AuditFilter::default;
    assert_eq!(count(any()).await, 6);
    assert_eq!(count(AuditFilter { action: Some("key.create".to_owned()), ..any() }).await, 2);
    assert_eq!(count(AuditFilter { resource: Some(org(2).to_string()), ..any() }).await, 1);
    assert_eq!(count(AuditFilter { until: Some(at(0)), ..any() }).await, 0);
    let newest = world.store.audit().newest(&any(), 2).await.unwrap();
    assert_eq!(newest.iter().map(|link| link.seq).collect::<Vec<_>>(), [6, 5]);
}

#[tokio::test]
async fn many_writers_make_one_chain() {
    let world = World::new().await;
    let other = open(&world.folder).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=40u128 {
        let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
        tasks.spawn(async move {
            let new = NewOrg { id: org(number), name: format!("org {number}"), created_at: at(1) };
            store.orgs().create(&new, &act(1)).await.unwrap();
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(told(&world).await.len(), 40);
}
