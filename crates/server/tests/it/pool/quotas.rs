//! Quotas that a person sets for a connection: counted by what goes over it, across restarts, and told of.

use std::time::Duration;

use domain::pool::quota::Quotas;
use domain::route::Serves;
use serde_json::{Value, json};
use store::edit::Edit;
use store::provider_keys::ProviderKeyChange;

use super::{call, known, without_retries};
use crate::chat::{ANSWER, request};
use crate::world::people::Api;
use crate::world::{World, eventually};

async fn main_path(world: &World) -> String {
    format!("/api/v1/provider-keys/{}", world.store().provider_keys().get("main").await.unwrap().id)
}

/// Sets quotas and waits until the gate counts by them: until it knows a connection that was made after.
async fn limit(world: &mut World, api: &Api, quotas: Value) -> String {
    let path = main_path(world).await;
    let changed = api.patch(&path, &json!({ "quotas": quotas }).to_string()).await.is(200);
    for (quota, allowed) in quotas.as_object().unwrap() {
        assert_eq!(&changed["quotas"][quota], allowed, "{changed}");
    }
    world.add_connection_with("mark", |new| new.serves = Serves::Listed(vec!["mark".to_owned()])).await;
    known(world, 2).await;
    path
}

async fn state(api: &Api, path: &str) -> (String, Value) {
    let state = api.get(path).await.is(200)["state"].clone();
    (state["word"].as_str().unwrap().to_owned(), state["reason"].clone())
}

fn told(word: &str, reason: &str) -> (String, Value) {
    (word.to_owned(), if reason.is_empty() { Value::Null } else { reason.into() })
}

#[tokio::test]
async fn a_connection_near_its_quota_comes_last_and_rests_at_its_end() {
    let mut world = World::start().await;
    let api = world.operator().await.api;
    let path = limit(&mut world, &api, json!({ "requests_per_minute": 5 })).await;
    for (calls, word, reason) in
        [(3, "active", ""), (1, "near_limit", "requests_per_minute"), (1, "exhausted", "requests_per_minute")]
    {
        for _ in 0..calls {
            world.upstream.answers(ANSWER);
            assert_eq!(call(&world).await.0, 200);
        }
        assert_eq!(state(&api, &path).await, told(word, reason));
    }
    let refused = world.chat(&request("gpt-test")).await;
    refused.is_error(503, "api_error", "no_available_route");
    let delay: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((55..=61).contains(&delay), "{delay}");
    assert_eq!(world.upstream.received().len(), 5, "the provider is not asked");
    world.pass(Duration::from_secs(61));
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    assert_eq!(state(&api, &path).await, told("active", ""));
    world.finish().await;
}

#[tokio::test]
async fn what_calls_use_counts_when_they_end_and_outlives_a_restart() {
    for (quotas, reason) in [
        (json!({ "tokens_per_day": 1 }), "tokens_per_day"),
        (json!({ "requests_per_day": 1 }), "requests_per_day"),
    ] {
        let mut world = World::start().await;
        let api = world.operator().await.api;
        let path = limit(&mut world, &api, quotas).await;
        world.upstream.answers(ANSWER);
        assert_eq!((call(&world).await.0, call(&world).await.0), (200, 503));
        world.usage(2).await;
        world.restart().await;
        let api = world.operator().await.api;
        assert_eq!(call(&world).await.0, 503, "{reason}");
        assert_eq!(state(&api, &path).await, told("exhausted", reason));
        let change = ProviderKeyChange { quotas: Edit::Set(Quotas::default()), ..Default::default() };
        let id = world.store().provider_keys().get("main").await.unwrap().id;
        world.store().provider_keys().update(id, &change, &world.act()).await.unwrap();
        eventually("room", || async {
            world.upstream.answers(ANSWER);
            call(&world).await.0 == 200
        })
        .await;
        world.finish().await;
    }
}

#[tokio::test]
async fn each_attempt_is_a_request() {
    let mut world = World::start().await;
    let api = world.operator().await.api;
    let path = limit(&mut world, &api, json!({ "requests_per_minute": 2 })).await;
    world.upstream.says(500, "", "").answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    assert_eq!(world.upstream.received().len(), 2);
    assert_eq!(state(&api, &path).await, told("exhausted", "requests_per_minute"));
    world.finish().await;
}

#[tokio::test]
async fn quotas_that_let_nothing_pass_are_refused_with_their_field() {
    let mut world = without_retries().await;
    let api = world.operator().await.api;
    let path = main_path(&world).await;
    for (quotas, field) in [
        (json!({ "requests_per_minute": 0 }), "quotas.requests_per_minute"),
        (json!({ "tokens_per_day": 0 }), "quotas.tokens_per_day"),
        (json!({ "tokens_per_day": -1 }), "quotas.tokens_per_day"),
        (json!({ "spend_per_day_nanos": 0 }), "quotas.spend_per_day_nanos"),
        (json!({ "spend_per_day_nanos": 1_500_000 }), "quotas.spend_per_day_nanos"),
        (json!({ "spend_per_day_nanos": 4_294_967_296_000_000_i64 }), "quotas.spend_per_day_nanos"),
        (json!({ "per_hour": 1 }), "quotas.per_hour"),
    ] {
        let refused = api.patch(&path, &json!({ "quotas": quotas }).to_string()).await;
        assert_eq!(refused.is_problem(422, "validation_failed").json()["field"], field, "{quotas}");
    }
    let set = json!({ "quotas": { "spend_per_day_nanos": 12_500_000_000_i64 } }).to_string();
    let changed = api.patch(&path, &set).await.is(200);
    assert_eq!(changed["quotas"]["spend_per_day_nanos"], 12_500_000_000_i64);
    assert_eq!(changed["quotas"]["requests_per_day"], Value::Null);
    let kept = api.patch(&path, r#"{"priority":7}"#).await.is(200);
    assert_eq!(kept["quotas"], changed["quotas"], "what is absent stays");
    world.finish().await;
}
