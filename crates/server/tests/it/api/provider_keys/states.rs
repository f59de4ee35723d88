//! How provider keys do, and what people do about it: another secret, a test, a rest, a look at what a provider offers.

use std::time::Duration;

use domain::role::OrgRole;
use serde_json::{Value, json};

use super::{KEYS, OWN, made, new_key};
use crate::chat::{ANSWER, request};
use crate::world::people::Api;
use crate::world::{World, eventually};

const LIST: &str = r#"{"object":"list","data":[{"id":"gpt-test","object":"model"},{"id":"gpt-other"}]}"#;

async fn state(api: &Api, path: &str) -> (String, Value) {
    let state = api.get(path).await.is(200)["state"].clone();
    (state["word"].as_str().unwrap().to_owned(), state["reason"].clone())
}

/// Calls until the upstream was asked with this secret.
async fn is_sent(world: &World, secret: &str) {
    eventually("a call with the secret", || async {
        world.upstream.answers(ANSWER);
        world.chat(&request("gpt-test")).await;
        let bearer = format!("authorization: Bearer {secret}");
        world.upstream.received().last().is_some_and(|last| last.head.contains(&bearer))
    })
    .await;
}

#[tokio::test]
async fn another_secret_takes_the_place_of_the_first() {
    let mut world = World::start().await;
    let (first, second) =
        (world.plant("sk-PLANTEDfirstsecret0123456789"), world.plant("sk-PLANTEDsecondsecret9876543210"));
    let owner = world.person(OrgRole::Owner).await.api;
    let path = made(&owner, KEYS, &new_key("ours", &first)).await;
    is_sent(&world, &first).await;
    let rotated = owner.post(&format!("{path}/rotate"), &format!(r#"{{"secret":"{second}"}}"#)).await.is(200);
    assert_eq!(rotated["masked"], "sk-P…3210");
    is_sent(&world, &second).await;
    let bad = r#"{"secret":"gsk_0123456789"}"#;
    owner.post(&format!("{path}/rotate"), bad).await.is_problem(422, "validation_failed");
    let kept = world.store().provider_keys().get("ours").await.unwrap();
    let bind = control::provider_keys::bind(kept.id, kept.owner);
    assert!(world.vault().open(kept.sealed.as_deref().unwrap(), &bind).is_ok());
    let elsewhere = control::provider_keys::bind(kept.id, domain::route::Owner::Platform);
    assert!(world.vault().open(kept.sealed.as_deref().unwrap(), &elsewhere).is_err(), "bound to its owner");
    world.finish().await;
}

#[tokio::test]
async fn a_test_tells_what_the_provider_says_and_brings_back_what_works() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDtestsecret0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    let path = made(&owner, KEYS, &new_key("ours", &secret)).await;
    let test = format!("{path}/test");
    let check = async |fault: &str| {
        let told = owner.post(&test, "").await.is(200);
        assert_eq!((&told["works"], &told["fault"]), (&json!(false), &json!(fault)), "{told}");
        assert!(told["detail"].is_string() && told["models"].is_null(), "{told}");
    };
    eventually("the key in the pool", || async {
        world.upstream.says(401, "", "");
        world.chat(&request("gpt-test")).await;
        state(&owner, &path).await == ("broken".to_owned(), json!("unauthorized"))
    })
    .await;
    world.upstream.forget();
    world.upstream.says(401, "", &format!("no {secret}"));
    check("refused").await;
    world.upstream.says(429, "", "");
    check("limited").await;
    world.upstream.says(404, "", "");
    check("no_list").await;
    world.upstream.answers("[]");
    check("failed").await;
    assert_eq!(state(&owner, &path).await.0, "broken");
    world.upstream.answers(LIST);
    let told = owner.post(&test, "").await.is(200);
    assert_eq!(told, json!({"works": true, "fault": null, "detail": null, "models": 2}));
    let asked = world.upstream.received().pop().unwrap();
    assert!(asked.head.starts_with("GET /v1/models "), "{}", asked.head);
    assert!(asked.head.contains(&format!("authorization: Bearer {secret}")), "{}", asked.head);
    eventually("the key back in service", || async { state(&owner, &path).await.0 == "active" }).await;
    let tests = world.audit_rows().await.iter().filter(|row| row.action == "provider_key.test").count();
    assert_eq!(tests, 5);
    world.finish().await;
}

#[tokio::test]
async fn a_person_puts_a_key_to_rest_and_ends_it() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let id = world.store().provider_keys().get("main").await.unwrap().id;
    let (path, rest) = (format!("{KEYS}/{id}"), format!("{KEYS}/{id}/cooldown"));
    let shown = operator.post(&rest, r#"{"seconds":120}"#).await.is(200);
    assert_eq!(
        (&shown["state"]["word"], &shown["state"]["reason"]),
        (&json!("cooldown"), &json!("put_to_rest"))
    );
    eventually("the rest", || async {
        world.upstream.answers(ANSWER);
        let answer = world.chat(&request("gpt-test")).await;
        answer.status == 503 && answer.header("retry-after").is_some()
    })
    .await;
    assert_eq!(state(&operator, &path).await, ("cooldown".to_owned(), json!("put_to_rest")));
    world.restart().await;
    let operator = world.operator().await.api;
    assert_eq!(world.chat(&request("gpt-test")).await.status, 503, "it outlives the process");
    let shown = operator.post(&rest, r#"{"seconds":0}"#).await.is(200);
    assert_eq!(shown["state"]["word"], "active");
    let works = || async { world.chat(&request("gpt-test")).await.status == 200 };
    eventually("the end of the rest", works).await;

    operator.post(&rest, r#"{"seconds":60}"#).await.is(200);
    eventually("the rest", || async { world.chat(&request("gpt-test")).await.status == 503 }).await;
    world.pass(Duration::from_secs(60));
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "it ends by itself");
    operator.post(&rest, r#"{"seconds":2592001}"#).await.is_problem(422, "validation_failed");
    world.finish().await;
}

#[tokio::test]
async fn a_rest_ended_by_a_person_is_over_whatever_it_was_for() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let id = world.store().provider_keys().get("main").await.unwrap().id;
    let path = format!("{KEYS}/{id}");
    world.upstream.says(429, "retry-after: 600\r\n", "");
    assert_eq!(world.chat(&request("gpt-test")).await.status, 429);
    let shown = operator.get(&path).await.is(200);
    assert_eq!(
        (&shown["state"]["word"], &shown["state"]["reason"]),
        (&json!("cooldown"), &json!("asks_for_rest"))
    );
    assert!(shown["state"]["until"].is_string() && shown["counts"]["failed"] == 1, "{shown}");
    operator.post(&format!("{path}/cooldown"), r#"{"seconds":0}"#).await.is(200);
    eventually("the end of the rest", || async {
        world.upstream.answers(ANSWER);
        world.chat(&request("gpt-test")).await.status == 200
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn what_a_provider_offers_is_told_and_nothing_is_kept() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDlooksecret0123456789");
    let member = world.person(OrgRole::Member).await.api;
    let discover = format!("{KEYS}/discover");
    let body = json!({"provider": "openai", "secret": secret}).to_string();
    world.upstream.says(200, "content-type: application/json\r\nx-ratelimit-limit-requests: 500\r\n", LIST);
    let told = member.post(&discover, &body).await.is(200);
    let expect =
        json!({"models": ["gpt-test", "gpt-other"], "requests_per_minute": 500, "tokens_per_minute": null});
    assert_eq!(told, expect);
    world.upstream.says(401, "", &format!("wrong key {secret}"));
    let refused = member.post(&discover, &body).await;
    refused.is_problem(422, "validation_failed");
    assert_eq!(refused.json()["field"], "secret");
    assert!(!refused.text().contains("PLANTED"), "{}", refused.text());
    world.upstream.says(500, "", "");
    assert_eq!(member.post(&discover, &body).await.json()["field"], "base_url");
    assert_eq!(world.store().provider_keys().list().await.unwrap().len(), 1);
    assert_eq!(member.get(OWN).await.is(200)["data"], json!([]));
    world.finish().await;
}
