//! A provider key that comes with the request: used for that call, at its provider's address, and nowhere to be found
//! afterwards.

use domain::role::OrgRole;
use domain::usage::{Outcome, RouteMode};

use crate::chat::{ANSWER, request};
use crate::world::caller::Answer;
use crate::world::{World, eventually, log_everything};

const MODEL: &str = "openai/gpt-of-mine";

/// A World whose organization lets its calls bring keys, and such a key.
async fn open() -> (World, String) {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDinlinekey0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    owner.patch("/api/v1/org", r#"{"inline_keys":"allowed"}"#).await.is(200);
    // A key that cannot be one tells whether the gate has learnt of it, and asks nobody.
    eventually("the leave", || async { bring(&world, "nonsense", "", MODEL).await.status == 400 }).await;
    (world, secret)
}

async fn bring(world: &World, secret: &str, headers: &str, model: &str) -> Answer {
    let headers =
        format!("content-type: application/json\r\nx-portcullis-provider-key: {secret}\r\n{headers}");
    world.caller.post_with("/v1/chat/completions", &headers, &request(model)).await
}

#[tokio::test]
async fn a_key_that_is_brought_serves_its_call_and_nothing_else() {
    log_everything();
    let (mut world, secret) = open().await;
    world.upstream.answers(ANSWER).answers(ANSWER);
    let answer = bring(&world, &secret, "", MODEL).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER));
    assert_eq!(answer.header("x-portcullis-route-mode"), Some("byok"));
    assert_eq!(answer.header("x-portcullis-provider"), Some("openai"));
    let asked = world.upstream.only_received();
    assert!(asked.head.contains(&format!("authorization: Bearer {secret}")), "{}", asked.head);
    assert!(!asked.head.to_ascii_lowercase().contains("x-portcullis"), "{}", asked.head);
    assert_eq!(asked.json()["model"], "gpt-of-mine");
    let named = bring(&world, &secret, "x-portcullis-provider: openai\r\n", "gpt-of-mine").await;
    assert_eq!(named.status, 200);

    let rows = world.usage(2).await;
    for row in rows {
        assert_eq!((row.route_mode, row.provider_key), (Some(RouteMode::Byok), None));
        assert_eq!((row.provider.as_str(), row.model.as_str()), ("openai", "gpt-of-mine"));
    }
    assert_eq!(world.store().provider_keys().list().await.unwrap().len(), 1);
    for (place, bytes) in world.sinks().await {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{place} holds the key");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_stream_may_bring_its_key() {
    let (world, secret) = open().await;
    world.upstream.streams(&[
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    ]);
    let headers = format!("content-type: application/json\r\nx-portcullis-provider-key: {secret}\r\n");
    let body = format!(r#"{{"model":"{MODEL}","stream":true,"messages":[{{"role":"user","content":"x"}}]}}"#);
    let answer = world.caller.post_with("/v1/chat/completions", &headers, &body).await;
    assert!(answer.status == 200 && answer.text().contains("[DONE]"), "{}", answer.text());
    assert_eq!(world.only_usage().await.route_mode, Some(RouteMode::Byok));
    world.finish().await;
}

#[tokio::test]
async fn an_organization_must_allow_it() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDinlinekey0123456789");
    let answer = bring(&world, &secret, "", MODEL).await;
    answer.is_error(403, "permission_error", "forbidden");
    assert_eq!(world.upstream.connections(), 0);
    let (admin, member) = (world.person(OrgRole::Admin).await.api, world.person(OrgRole::Member).await.api);
    member.patch("/api/v1/org", r#"{"inline_keys":"allowed"}"#).await.is_problem(403, "forbidden");
    admin.patch("/api/v1/org", r#"{"inline_keys":"allowed"}"#).await.is(200);
    eventually("the leave", || async {
        world.upstream.forget().answers(ANSWER);
        bring(&world, &secret, "", MODEL).await.status == 200
    })
    .await;
    let shown = admin.patch("/api/v1/org", r#"{"inline_keys":"refused"}"#).await.is(200);
    assert_eq!(shown["inline_keys"], "refused");
    eventually("its end", || async { bring(&world, &secret, "", MODEL).await.status == 403 }).await;
    world.finish().await;
}

#[tokio::test]
async fn what_its_provider_says_against_it_is_the_callers_to_cure() {
    let (world, secret) = open().await;
    for status in [401, 403] {
        world.upstream.says(status, "", &format!("bad key {secret}"));
        let answer = bring(&world, &secret, "", "openai/gpt-test").await;
        answer.is_error(400, "invalid_request_error", "invalid_request");
        assert!(answer.text().contains("does not accept the key"), "{}", answer.text());
    }
    for _ in 0..4 {
        world.upstream.says(500, "", "").says(500, "", "").says(500, "", "");
        assert_eq!(bring(&world, &secret, "", "openai/gpt-test").await.status, 502);
    }
    let asked = world.upstream.received();
    assert!(asked.iter().all(|call| call.head.contains(&secret)), "no other key stands in");
    world.upstream.forget().answers(ANSWER).answers(ANSWER);
    assert_eq!(bring(&world, &secret, "", "openai/gpt-test").await.status, 200, "nothing is held against it");
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "nor against the installation's");
    let rows = world.audit_rows().await;
    assert!(!rows.iter().any(|row| row.action.starts_with("provider_key.b")), "{rows:#?}");
    let failed = world.usage(8).await.iter().filter(|row| row.outcome == Outcome::Failed).count();
    assert_eq!(failed, 6);
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anybody_is_asked() {
    let (mut world, secret) = open().await;
    let refused = async |secret: &str, headers: &str, model: &str| {
        let answer = bring(&world, secret, headers, model).await;
        answer.is_error(400, "invalid_request_error", "invalid_request");
        assert!(!answer.text().contains("PLANTED"), "{}", answer.text());
    };
    refused("gsk_0123456789", "", MODEL).await;
    refused("sk-ant-0123456789", "", MODEL).await;
    refused(&secret, "", "gpt-of-mine").await;
    refused(&secret, "", "nobody/gpt-of-mine").await;
    refused(&secret, "x-portcullis-provider: nobody\r\n", "gpt-of-mine").await;
    refused(&secret, "x-portcullis-provider: ollama\r\n", "gpt-of-mine").await;
    refused(&secret, "x-portcullis-provider: openai_compatible\r\n", "gpt-of-mine").await;
    refused(&secret, "x-portcullis-provider: openai\r\nx-portcullis-provider: groq\r\n", MODEL).await;
    refused(&secret, &format!("x-portcullis-provider-key: {secret}\r\n"), MODEL).await;
    let alone = "content-type: application/json\r\nx-portcullis-provider: openai\r\n";
    let answer = world.caller.post_with("/v1/chat/completions", alone, &request("gpt-test")).await;
    answer.is_error(400, "invalid_request_error", "invalid_request");
    let (bound, _) = world.key_with(|new| new.models = vec!["gpt-test".to_owned()]).await;
    world.caller.key = bound;
    bring(&world, &secret, "", MODEL).await.is_error(403, "permission_error", "model_not_allowed");
    assert_eq!(world.upstream.connections(), 0);
    world.finish().await;
}
