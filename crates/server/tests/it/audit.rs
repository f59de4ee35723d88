//! The audit trail of a running gate: refused credentials with their true reason, counted and not flooded, and signed
//! heads. That the whole trail is proved is an invariant of every World.

use std::time::Duration;

use domain::audit::Entry;
use domain::scope::KeyState;
use serde_json::Value;
use store::audit::AuditFilter;

use crate::world::caller::Caller;
use crate::world::{World, eventually};

/// The rows of refused credentials, oldest first, once there are `count`.
async fn refusals(world: &World, count: usize) -> Vec<Entry> {
    let filter = AuditFilter { action: Some("key.refused".to_owned()), ..AuditFilter::default() };
    let rows = async || world.store().audit().fitting(&filter, 0).await.unwrap();
    eventually(&format!("{count} refusals"), async || rows().await.len() >= count).await;
    let rows: Vec<Entry> = rows().await.into_iter().map(|link| link.entry).collect();
    assert_eq!(rows.len(), count, "{rows:#?}");
    rows
}

fn detail(entry: &Entry) -> (String, u64) {
    let detail: Value = serde_json::from_str(&entry.detail).unwrap();
    (detail["reason"].as_str().unwrap().to_owned(), detail["count"].as_u64().unwrap())
}

#[tokio::test]
async fn a_refusal_is_recorded_with_its_true_reason_and_where_it_came_from() {
    let mut world = World::start().await;
    let (revoked, id) = world.key_with(|_| {}).await;
    world.store().keys().set_state(id, KeyState::Revoked, &world.act()).await.unwrap();
    let headers = format!(
        "authorization: Bearer {revoked}\r\nx-request-id: mine-1\r\nuser-agent: probe/1 {revoked}\r\n"
    );
    let good = std::mem::take(&mut world.caller.key);
    let request = world.caller.request("GET", "/v1/models", &headers, "");
    assert_eq!(world.caller.raw(request.as_bytes()).await.status, 401);
    let row = refusals(&world, 1).await.remove(0);
    assert_eq!(detail(&row), ("revoked".to_owned(), 1));
    assert_eq!((row.actor.kind.as_str(), row.actor.prefix.as_str()), ("anonymous", &revoked[8..16]));
    assert_eq!((row.request_id.as_str(), row.ip.as_str()), ("mine-1", "127.0.0.1"));
    assert_eq!(row.user_agent, format!("probe/1 pc_l…{}", &revoked[56..]));
    world.caller.key = good;
    world.finish().await;
}

#[tokio::test]
async fn repeated_refusals_are_one_row_more_when_their_minute_ends() {
    let mut world = World::start().await;
    let good = std::mem::replace(&mut world.caller.key, format!("pc_live_{}", "z".repeat(52)));
    for _ in 0..12 {
        assert_eq!(world.caller.get("/v1/models").await.status, 401);
    }
    let first = refusals(&world, 1).await.remove(0);
    assert_eq!((detail(&first), first.actor.prefix.as_str()), (("unknown".to_owned(), 1), "zzzzzzzz"));
    world.pass(Duration::from_secs(60));
    assert_eq!(detail(&refusals(&world, 2).await[1]), ("unknown".to_owned(), 11));
    world.caller.key = String::new();
    assert_eq!(world.caller.get("/v1/models").await.status, 401);
    assert_eq!(world.caller.get("/v1/models").await.status, 401);
    assert_eq!(detail(&refusals(&world, 3).await[2]), ("missing".to_owned(), 1));
    // What is still counted when the gate stops is recorded before it has stopped.
    world.restart().await;
    assert_eq!(detail(&refusals(&world, 4).await[3]), ("missing".to_owned(), 1));
    world.caller.key = good;
    world.finish().await;
}

#[tokio::test]
async fn a_refused_operator_token_is_recorded_as_well() {
    let world = World::start().await;
    let admin = Caller::new(world.admin(), world.caller.key.clone());
    assert_eq!(admin.get("/metrics").await.status, 401);
    let row = refusals(&world, 1).await.remove(0);
    assert_eq!((detail(&row), row.ip.as_str()), (("wrong_kind".to_owned(), 1), "127.0.0.1"));
    assert_eq!(row.actor.prefix, world.caller.key[8..16]);
    world.finish().await;
}

#[tokio::test]
async fn the_end_of_the_trail_is_signed_at_the_start_every_hour_and_at_the_stop() {
    let mut world = World::start().await;
    let covered = async |world: &World| world.store().audit().covered().await.unwrap();
    let end = async |world: &World| world.store().audit().end().await.unwrap().unwrap().0;
    eventually("the first head", async || covered(&world).await == end(&world).await).await;
    world.key_with(|_| {}).await;
    assert!(covered(&world).await < end(&world).await);
    world.pass(Duration::from_secs(60 * 60));
    eventually("the next head", async || covered(&world).await == end(&world).await).await;
    world.key_with(|_| {}).await;
    world.restart().await;
    let heads = world.store().audit().heads(0).await.unwrap();
    assert_eq!(heads.len(), 3);
    world.finish().await;
}
