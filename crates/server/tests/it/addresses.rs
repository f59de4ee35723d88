//! From where callers may come: the lists of the installation, of an organization and of a key, each of which must hold
//! the address, and none of which may be told from an unknown key.

use std::time::{Duration, Instant};

use domain::address::Block;
use domain::role::OrgRole;
use serde_json::Value;
use store::audit::AuditFilter;

use crate::chat::ANSWER;
use crate::keys::call;
use crate::world::caller::Answer;
use crate::world::{World, eventually};

/// Calls with this key from this address, as the World's proxy says.
async fn from(world: &mut World, key: &str, address: &str) -> Answer {
    world.upstream.answers(ANSWER);
    let headers = format!("authorization: Bearer {key}\r\nx-forwarded-for: {address}\r\n");
    call(world, "/v1/chat/completions", &headers).await
}

async fn check(world: &mut World, key: &str, address: &str, expect: u16) {
    let answer = from(world, key, address).await;
    assert_eq!(answer.status, expect, "{address}: {}", answer.text());
}

/// The true reasons of the refusals that are recorded, once there are `count`.
async fn reasons(world: &World, count: usize) -> Vec<String> {
    let filter = AuditFilter { action: Some("key.refused".to_owned()), ..AuditFilter::default() };
    let rows = async || world.store().audit().fitting(&filter, 0).await.unwrap();
    eventually("the refusals", async || rows().await.len() >= count).await;
    let detail = |detail: &str| serde_json::from_str::<Value>(detail).unwrap()["reason"].clone();
    rows().await.iter().map(|link| detail(&link.entry.detail).as_str().unwrap().to_owned()).collect()
}

fn blocks(blocks: &[&str]) -> Option<Vec<Block>> {
    Some(blocks.iter().map(|block| block.parse().unwrap()).collect())
}

#[tokio::test]
async fn the_installation_says_where_callers_come_from() {
    let settings =
        [("network.trusted_proxies", "127.0.0.1"), ("network.allowed_ips", "192.0.2.0/24, 2001:db8::/32")];
    let mut world = World::with(&settings).await;
    let key = world.caller.key.clone();
    for inside in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8:1::1"] {
        check(&mut world, &key, inside, 200).await;
    }
    let outside = from(&mut world, &key, "198.51.100.7").await;
    let unknown = format!("pc_live_{}", "z".repeat(52));
    let stranger = from(&mut world, &unknown, "192.0.2.7").await;
    assert_eq!((outside.status, outside.text()), (401, stranger.text()));
    assert!(outside.took >= Duration::from_millis(80));
    assert_eq!(reasons(&world, 2).await, ["ip_not_allowed_here", "unknown"]);
    assert_eq!(world.caller.get("/healthz").await.status, 200, "health is no secret");
    world.usage(3).await;
    world.finish().await;
}

#[tokio::test]
async fn the_admin_listener_has_a_list_of_its_own() {
    let settings =
        [("network.trusted_proxies", "127.0.0.1"), ("network.admin_allowed_ips", "127.0.0.1, 192.0.2.0/24")];
    let mut world = World::with(&settings).await;
    let person = world.person(OrgRole::Owner).await;
    for (address, status) in [("192.0.2.7", 200), ("198.51.100.7", 403), ("127.0.0.1", 200)] {
        let api = person.api.with(&format!("x-forwarded-for: {address}\r\n"));
        assert_eq!(api.get("/api/v1/me").await.status, status, "{address}");
        assert_eq!(api.get("/api/openapi.json").await.status, status, "{address}");
        assert_eq!(api.get("/healthz").await.status, 200, "health is no secret");
    }
    let elsewhere = world.api("").with("x-forwarded-for: 198.51.100.7\r\n");
    elsewhere.get("/api/v1/me").await.is_problem(403, "forbidden");
    // The gate itself is for everybody.
    let key = world.caller.key.clone();
    check(&mut world, &key, "198.51.100.7", 200).await;
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn an_empty_list_of_the_installation_is_nowhere() {
    let mut world = World::with(&[("network.allowed_ips", "")]).await;
    let key = world.caller.key.clone();
    check(&mut world, &key, "127.0.0.1", 401).await;
    assert_eq!(reasons(&world, 1).await, ["ip_not_allowed_here"]);
    world.finish().await;
}

#[tokio::test]
async fn lists_of_organizations_and_keys_change_while_the_gate_serves() {
    let mut world = World::with(&[("network.trusted_proxies", "127.0.0.1")]).await;
    let (key, id) = world.key_with(|new| new.allowed_ips = blocks(&["192.0.2.0/24", "203.0.113.9"])).await;
    let other = world.caller.key.clone();
    let org = world.org;
    check(&mut world, &key, "192.0.2.7", 200).await;
    check(&mut world, &other, "198.51.100.7", 200).await;

    let told = Instant::now();
    let list = blocks(&["192.0.2.0/24"]);
    world.store().orgs().set_allowed_ips(org, list.as_deref(), &world.act()).await.unwrap();
    becomes(&mut world, &other, "198.51.100.7", 401).await;
    assert!(told.elapsed() < Duration::from_secs(5), "took {:?}", told.elapsed());
    check(&mut world, &other, "192.0.2.7", 200).await;
    check(&mut world, &key, "192.0.2.7", 200).await;
    check(&mut world, &key, "203.0.113.9", 401).await;

    world.store().keys().set_allowed_ips(id, Some(&[]), &world.act()).await.unwrap();
    becomes(&mut world, &key, "192.0.2.7", 401).await;
    check(&mut world, &other, "192.0.2.7", 200).await;

    world.store().keys().set_allowed_ips(id, None, &world.act()).await.unwrap();
    becomes(&mut world, &key, "192.0.2.7", 200).await;
    world.store().orgs().set_allowed_ips(org, Some(&[]), &world.act()).await.unwrap();
    becomes(&mut world, &key, "192.0.2.7", 401).await;
    world.store().orgs().set_allowed_ips(org, None, &world.act()).await.unwrap();
    becomes(&mut world, &other, "198.51.100.7", 200).await;
    let reasons = reasons(&world, 3).await;
    for reason in ["ip_not_allowed_by_org", "ip_not_allowed"] {
        assert!(reasons.iter().any(|found| found == reason), "{reason} is missing in {reasons:?}");
    }
    world.finish().await;
}

/// Calls until the answer has this status.
async fn becomes(world: &mut World, key: &str, address: &str, expect: u16) {
    let patience = Instant::now() + crate::world::PATIENCE;
    while from(world, key, address).await.status != expect {
        assert!(Instant::now() < patience, "{address} does not become {expect}");
    }
}
