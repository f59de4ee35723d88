//! Credentials: one answer for every failure, no sooner than the floor, and changes that reach the gate in time.

use std::time::{Duration, Instant};

use domain::scope::KeyState;
use domain::time::Timestamp;

use crate::chat::{ANSWER, request};
use crate::world::{World, eventually, generous};

const FLOOR: Duration = Duration::from_millis(80);

#[tokio::test]
async fn every_bad_credential_gets_the_same_answer_no_sooner_than_the_floor() {
    let mut world = World::start().await;
    let good = world.caller.key.clone();
    let now = world.now();
    let (disabled, disabled_id) = world.key_with(|_| {}).await;
    let (revoked, revoked_id) = world.key_with(|_| {}).await;
    let expired = world.key_with(|new| new.expires_at = Some(Timestamp(now.0 - 1))).await.0;
    world.store().keys().set_state(disabled_id, KeyState::Disabled, &world.act()).await.unwrap();
    world.store().keys().set_state(revoked_id, KeyState::Revoked, &world.act()).await.unwrap();
    let operator = world.operator_token().await;
    let wrong_secret = format!("{}{}", &good[..good.len() - 1], if good.ends_with('0') { '1' } else { '0' });
    let unknown = format!("pc_live_{}", "z".repeat(52));
    let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
    let cases = [
        ("missing", String::new()),
        ("malformed", bearer("sk-1234")),
        ("basic", format!("authorization: Basic {good}\r\n")),
        ("unknown", bearer(&unknown)),
        ("wrong secret", bearer(&wrong_secret)),
        ("disabled", bearer(&disabled)),
        ("revoked", bearer(&revoked)),
        ("expired", bearer(&expired)),
        ("operator", bearer(&operator)),
        ("cookie", format!("cookie: key={good}\r\n")),
        ("two", format!("{}x-api-key: {unknown}\r\n", bearer(&good))),
    ];
    world.caller.key = String::new();
    let mut bodies = vec![];
    for (what, headers) in &cases {
        let headers = format!("{headers}content-type: application/json\r\nx-request-id: same\r\n");
        let answer = world.caller.post_with("/v1/chat/completions", &headers, &request("gpt-test")).await;
        answer.is_error(401, "invalid_request_error", "invalid_api_key");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        assert!(answer.took >= FLOOR, "{what} was refused after {:?}", answer.took);
        bodies.push(answer.text());
    }
    for path in
        ["/v1/chat/completions?key=", "/v1/chat/completions?api_key=", "/v1/chat/completions?access_token="]
    {
        let path = format!("{path}{good}");
        let answer = world
            .caller
            .post_with(&path, "content-type: application/json\r\nx-request-id: same\r\n", "{}")
            .await;
        answer.is_error(401, "invalid_request_error", "invalid_api_key");
        bodies.push(answer.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let logged = world.logged();
    for reason in
        ["missing", "malformed", "misplaced", "unknown", "wrong_kind", "disabled", "revoked", "expired"]
    {
        assert!(logged.contains(&format!("reason=\"{reason}\"")), "the log does not say {reason}");
    }
    assert!(world.upstream.received().is_empty());
    world.caller.key = good;
    world.finish().await;
}

#[tokio::test]
async fn good_credentials_pay_no_floor_in_every_place() {
    let mut world = World::start().await;
    let key = std::mem::take(&mut world.caller.key);
    for header in
        ["authorization: Bearer", "Authorization: bearer", "x-api-key:", "api-key:", "x-goog-api-key:"]
    {
        world.upstream.answers(ANSWER);
        let headers = format!("{header} {}\r\ncontent-type: application/json\r\n", key.to_uppercase());
        let answer = world.caller.post_with("/v1/chat/completions", &headers, &request("gpt-test")).await;
        assert_eq!(answer.status, 200, "{header}: {}", answer.text());
    }
    world.usage(5).await;
    world.caller.key = key;
    world.finish().await;
}

#[tokio::test]
async fn a_revocation_reaches_the_gate_within_a_second() {
    let mut world = World::start().await;
    let (key, id) = world.key_with(|_| {}).await;
    world.caller.key = key;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.store().keys().set_state(id, KeyState::Revoked, &world.act()).await.unwrap();
    let revoked = Instant::now();
    eventually("the refusal", || async { world.caller.get("/v1/models").await.status == 401 }).await;
    assert!(revoked.elapsed() < Duration::from_secs(1) + FLOOR, "took {:?}", revoked.elapsed());
    assert!(
        world.store().keys().set_state(id, KeyState::Active, &world.act()).await.is_err(),
        "revocation is final"
    );
    world.finish().await;
}

#[tokio::test]
async fn a_suspended_organization_is_refused_and_let_in_again() {
    let world = World::start().await;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.store().orgs().set_state(world.org, store::orgs::OrgState::Suspended, &world.act()).await.unwrap();
    eventually("the refusal", || async { world.caller.get("/v1/models").await.status == 401 }).await;
    world.store().orgs().set_state(world.org, store::orgs::OrgState::Active, &world.act()).await.unwrap();
    eventually("the return", || async { world.caller.get("/v1/models").await.status == 200 }).await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_expires_by_the_clock_though_it_is_cached() {
    let mut world = World::start().await;
    let at = world.now().plus_seconds(30);
    world.caller.key = world.key_with(|new| new.expires_at = Some(at)).await.0;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.caller.get("/v1/models").await.status, 401);
    world.finish().await;
}

#[tokio::test]
async fn limits_hold_and_say_when_to_return() {
    let mut world = World::start().await;
    let mut limits = generous();
    limits.requests_per_minute = 3;
    world.caller.key = world.key(limits).await;
    for remaining in ["2", "1", "0"] {
        let answer = world.caller.get("/v1/models").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some(remaining));
    }
    let answer = world.caller.get("/v1/models").await;
    answer.is_error(429, "rate_limit_error", "rate_limited");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("0"));
    let wait: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    world.pass(Duration::from_millis(wait));
    assert_eq!(world.caller.get("/v1/models").await.status, 200, "waiting as told is enough");
    world.finish().await;
}

#[tokio::test]
async fn concurrency_is_bounded_and_slots_return() {
    use crate::world::upstream::Step;
    let mut world = World::start().await;
    let mut limits = generous();
    limits.concurrent = 1;
    world.caller.key = world.key(limits).await;
    world.upstream.then(vec![Step::Hang]);
    let text = world.caller.request(
        "POST",
        "/v1/chat/completions",
        "content-type: application/json\r\n",
        &request("gpt-test"),
    );
    let held = world.caller.open(text.as_bytes()).await;
    eventually("the call to arrive", || async { !world.upstream.received().is_empty() }).await;
    world.chat(&request("gpt-test")).await.is_error(429, "rate_limit_error", "rate_limited");
    drop(held);
    world.usage(1).await;
    world.upstream.answers(ANSWER);
    eventually("the slot", || async { world.caller.get("/v1/models").await.status == 200 }).await;
    world.finish().await;
}

#[tokio::test]
async fn the_admin_listener_shows_metrics_to_operators_alone() {
    let mut world = World::start().await;
    world.upstream.answers(ANSWER);
    world.chat(&request("gpt-test")).await;
    world.only_usage().await;
    let mut admin = crate::world::caller::Caller::new(world.admin(), String::new());
    assert_eq!(admin.get("/healthz").await.status, 200);
    assert_eq!(admin.get("/readyz").await.status, 200);
    let refused = admin.get("/metrics").await;
    assert!(refused.status == 401 && refused.took >= FLOOR);
    admin.key = world.caller.key.clone();
    assert_eq!(admin.get("/metrics").await.status, 401, "an API key is no operator token");
    admin.key = world.operator_token().await;
    let metrics = admin.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let line = r#"portcullis_requests_total{surface="chat",outcome="complete",status="2xx"} 1"#;
    assert!(metrics.text().contains(line), "{}", metrics.text());
    assert_eq!(world.caller.get("/metrics").await.status, 404, "not on the public listener");
    world.finish().await;
}
