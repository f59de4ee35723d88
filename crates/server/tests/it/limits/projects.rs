//! The limits of a project, set in the admin API and met at the edge.

use domain::id::ProjectId;
use domain::role::OrgRole;
use serde_json::json;
use store::projects::NewProject;

use crate::chat::{ANSWER, request};
use crate::world::caller::Caller;
use crate::world::people::Api;
use crate::world::{World, eventually, fresh, generous};

/// Gives the World's project limits, as one who may.
async fn limit(world: &World, api: &Api, limits: serde_json::Value) {
    let path = format!("/api/v1/projects/{}", world.project);
    let changed = api.patch(&path, &json!({ "limits": limits }).to_string()).await.is(200);
    assert_eq!(changed["limits"], limits);
}

/// A key of another project of the same organization.
async fn key_elsewhere(world: &mut World) -> Caller {
    let new = NewProject {
        id: ProjectId::new(fresh()),
        org: world.org,
        name: "elsewhere".to_owned(),
        created_at: world.now(),
    };
    world.store().projects().create(&new, &world.act()).await.unwrap();
    let key = world.key_with(|key| key.project = new.id).await.0;
    Caller::new(world.caller.address, key)
}

/// How many of so many requests of one caller are let in; each of the others meets the limit of this name and value.
async fn let_in(caller: &Caller, requests: usize, which: &str, limit: &str) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        let answer = caller.get("/v1/models").await;
        if answer.status == 200 {
            passed += 1;
        } else {
            answer.is_error(429, "rate_limit_error", "rate_limited");
            assert!(answer.text().contains(&format!("({which}: {limit})")), "{}", answer.text());
            assert_eq!(answer.header("x-ratelimit-limit-requests"), Some(limit));
            assert!(answer.header("retry-after-ms").is_some());
        }
    }
    passed
}

#[tokio::test]
async fn a_project_has_one_limit_however_many_keys_it_has() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    let mut keys = vec![];
    for _ in 0..10 {
        keys.push(Caller::new(world.caller.address, world.key(generous()).await));
    }
    for key in &keys {
        assert_eq!(key.get("/v1/models").await.status, 200, "the key is known to the gate before the change");
    }
    limit(&world, &api, json!({"requests_per_minute": 20, "tokens_per_minute": null})).await;
    // What comes before the change is heard of counts in no window of the project; a refusal counts in none at all.
    eventually("the limit", || async { keys[0].get("/v1/models").await.status == 429 }).await;
    for key in &keys {
        assert_eq!(let_in(key, 3, "project_requests_per_minute", "20").await, 0);
    }
    let elsewhere = key_elsewhere(&mut world).await;
    assert_eq!(let_in(&elsewhere, 30, "none", "0").await, 30, "another project is not concerned");
    world.pass(std::time::Duration::from_millis(60_500));
    let mut passed = 0;
    for key in &keys {
        passed += let_in(key, 3, "project_requests_per_minute", "20").await;
    }
    assert_eq!(passed, 20);
    limit(&world, &api, json!({"requests_per_minute": null, "tokens_per_minute": null})).await;
    eventually("the end of the limit", || async { keys[0].get("/v1/models").await.status == 200 }).await;
    world.finish().await;
}

#[tokio::test]
async fn what_a_project_refuses_costs_its_organization_nothing() {
    let mut world = World::with(&[("limits.org_requests_per_minute", "30")]).await;
    let api = world.person(OrgRole::Owner).await.api;
    // Before the gate knows of it, so that all of its requests count.
    limit(&world, &api, json!({"requests_per_minute": 10, "tokens_per_minute": null})).await;
    world.restart().await;
    let own = Caller::new(world.caller.address, world.caller.key.clone());
    assert_eq!(let_in(&own, 50, "project_requests_per_minute", "10").await, 10);
    let elsewhere = key_elsewhere(&mut world).await;
    assert_eq!(let_in(&elsewhere, 50, "org_requests_per_minute", "30").await, 20);
    world.finish().await;
}

#[tokio::test]
async fn the_tokens_of_a_project_are_counted_over_its_keys() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    // The answer uses 12 tokens.
    limit(&world, &api, json!({"requests_per_minute": null, "tokens_per_minute": 20})).await;
    world.restart().await;
    for _ in 0..2 {
        world.caller.key = world.key(generous()).await;
        world.upstream.answers(ANSWER);
        assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    }
    world.usage(2).await;
    world.caller.key = world.key(generous()).await;
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(429, "rate_limit_error", "rate_limited");
    assert!(answer.text().contains("(project_tokens_per_minute: 20)"), "{}", answer.text());
    let wait: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    world.pass(std::time::Duration::from_millis(wait));
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "waiting as told is enough");
    world.finish().await;
}
