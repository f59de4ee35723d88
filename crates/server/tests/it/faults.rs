//! Upstreams that are down, stall, lie or refuse: the exact answer, the retries, the fail-over, and nothing billed
//! that was not produced.

use std::time::Duration;

use domain::usage::{Outcome, UsageSource};

use crate::chat::{ANSWER, request};
use crate::world::upstream::{Step, Upstream};
use crate::world::{World, eventually};

const JSON: &str = "content-type: application/json\r\n";

/// The row of a call that failed and cost nothing.
async fn failed_free(world: &World, attempts: u8) {
    let row = world.only_usage().await;
    assert_eq!(
        (row.outcome, row.source, row.tokens.total()),
        (Outcome::Failed, UsageSource::None, 0),
        "{row:?}"
    );
    assert_eq!(
        (row.cost.nanos(), row.opened.trace.as_ref().unwrap().pace.attempts),
        (0, attempts),
        "{row:?}"
    );
}

#[tokio::test]
async fn an_upstream_that_is_down_is_a_provider_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let world = World::with(&[("egress.allow", &closed.to_string())]).await;
    world.add_connection("closed", "groq", closed, &["gone"]).await;
    eventually("the route", || async { world.caller.get("/v1/models/gone").await.status == 200 }).await;
    let answer = world.chat(&request("gone")).await;
    answer.is_error(502, "api_error", "provider_error");
    failed_free(&world, 3).await;
    world.finish().await;
}

#[tokio::test]
async fn a_destination_that_egress_does_not_allow_is_never_connected_to() {
    let world = World::with(&[("egress.allow", "127.0.0.1:1")]).await;
    world.chat(&request("gpt-test")).await.is_error(503, "api_error", "no_available_route");
    assert_eq!(world.upstream.connections(), 0);
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn server_errors_are_retried_twice_and_then_told() {
    let world = World::start().await;
    world.upstream.says(500, "", "boom").says(503, "retry-after: 0\r\n", "<html>").answers(ANSWER);
    let answer = world.chat(&request("gpt-test")).await;
    assert_eq!(
        (answer.status, answer.header("x-portcullis-attempts")),
        (200, Some("3")),
        "{}",
        answer.text()
    );
    for _ in 0..3 {
        world.upstream.says(500, JSON, r#"{"error":{"message":"internal: db-7.internal"}}"#);
    }
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(502, "api_error", "provider_error");
    assert!(!answer.text().contains("db-7"), "{}", answer.text());
    assert_eq!(world.upstream.received().len(), 6);
    assert_eq!(world.usage(2).await[1].outcome, Outcome::Failed);
    world.finish().await;
}

#[tokio::test]
async fn a_refused_provider_key_does_not_read_as_the_callers() {
    for status in [401, 403] {
        let world = World::start().await;
        let body = format!(
            r#"{{"error":{{"message":"Incorrect API key: {}","code":"invalid_api_key"}}}}"#,
            crate::world::PROVIDER_KEY
        );
        world.upstream.says(status, JSON, &body);
        let answer = world.chat(&request("gpt-test")).await;
        answer.is_error(502, "api_error", "provider_error");
        assert!(!answer.text().contains("API key"), "{}", answer.text());
        failed_free(&world, 1).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn the_callers_own_mistake_is_passed_on_in_the_upstreams_words() {
    let world = World::start().await;
    let body = r#"{"error":{"message":"Unsupported value: 'temperature' for org-AbCdEf1234567890.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#;
    world.upstream.says(400, JSON, body);
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(400, "invalid_request_error", "unsupported_value");
    assert_eq!(answer.json()["error"]["param"], "temperature");
    assert_eq!(answer.json()["error"]["message"], "Unsupported value: 'temperature' for ****.");
    assert_eq!(world.upstream.received().len(), 1, "not retried");
    failed_free(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn a_rate_limit_upstream_keeps_its_advice() {
    let world = World::start().await;
    world.upstream.says(429, "retry-after: 7\r\n", r#"{"error":{"message":"slow down org-secret123456"}}"#);
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(429, "rate_limit_error", "rate_limited");
    assert_eq!((answer.header("retry-after"), answer.header("retry-after-ms")), (Some("7"), Some("7000")));
    failed_free(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn another_connection_takes_over() {
    let second = Upstream::start().await;
    let allow = second.address.to_string();
    let world = World::with(&[("egress.allow", &allow)]).await;
    // The first connection is refused by the policy, the second answers.
    world.add_connection("spare", "openai", second.address, &["gpt-test"]).await;
    second.answers(ANSWER);
    eventually("the spare", || async { world.chat(&request("gpt-test")).await.status == 200 }).await;
    assert_eq!(second.received().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn stalling_upstreams_time_out() {
    let world = World::with(&[("timeouts.first_byte_ms", "150"), ("retries.per_target", "0")]).await;
    world.upstream.then(vec![Step::Hang]);
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(504, "api_error", "provider_timeout");
    failed_free(&world, 1).await;
    eventually("the upstream call to be cancelled", || async { world.upstream.hung_up().len() == 1 }).await;
    world.finish().await;

    let world = World::with(&[("timeouts.whole_ms", "300"), ("retries.per_target", "0")]).await;
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 500\r\n\r\n{{");
    world.upstream.then(vec![Step::Send(head.into_bytes()), Step::Hang]);
    world.chat(&request("gpt-test")).await.is_error(504, "api_error", "provider_timeout");
    failed_free(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn lying_upstreams_are_provider_errors() {
    let truncated = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5000\r\n\r\n{ANSWER}");
    let cases: [(&str, Vec<Step>); 7] = [
        ("garbage", vec![Step::Send(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()), Step::Close]),
        ("a status that is no number", vec![Step::Send(b"HTTP/1.1 abc\r\n\r\n".to_vec()), Step::Close]),
        ("no content", vec![Step::Send(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())]),
        (
            "a redirect",
            vec![Step::Send(
                b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n".to_vec(),
            )],
        ),
        ("html", vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>".to_vec())]),
        ("a truncated body", vec![Step::Send(truncated.into_bytes()), Step::Close]),
        (
            "compression nobody asked for",
            vec![Step::Send(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
            )],
        ),
    ];
    for (what, steps) in cases {
        let world = World::with(&[("retries.per_target", "0")]).await;
        world.upstream.then(steps);
        let answer = world.chat(&request("gpt-test")).await;
        assert_eq!(answer.status, 502, "{what}: {}", answer.text());
        answer.is_error(502, "api_error", "provider_error");
        failed_free(&world, 1).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_not_read_on() {
    let world = World::with(&[("answers.max_bytes", "65536"), ("retries.per_target", "0")]).await;
    world.upstream.says(200, JSON, &"x".repeat(100_000));
    world.chat(&request("gpt-test")).await.is_error(502, "api_error", "provider_error");
    failed_free(&world, 1).await;
    world.finish().await;
}

#[tokio::test]
async fn bytes_after_an_answer_reach_nobody() {
    let world = World::start().await;
    let smuggled = format!(
        "HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n{ANSWER}HTTP/1.1 200 OK\r\n{JSON}content-length: 4\r\n\r\nevil",
        ANSWER.len()
    );
    world.upstream.then(vec![Step::Send(smuggled.into_bytes())]).answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.text(), ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.text(), ANSWER);
    assert_eq!(world.upstream.connections(), 2, "the connection was not used again");
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn running_calls_finish_when_the_gate_is_told_to_stop() {
    let mut world = World::start().await;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let answer = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
    world.upstream.then(vec![Step::Wait(std::sync::Arc::clone(&gate)), Step::Send(answer.into_bytes())]);
    let caller = crate::world::caller::Caller::new(world.caller.address, world.caller.key.clone());
    let call = tokio::spawn(async move { caller.post("/v1/chat/completions", &request("gpt-test")).await });
    eventually("the call to arrive", || async { !world.upstream.received().is_empty() }).await;
    let (_, answer) = tokio::join!(world.restart(), async {
        tokio::task::yield_now().await;
        gate.notify_one();
        tokio::time::timeout(Duration::from_secs(5), call).await.unwrap().unwrap()
    });
    assert_eq!(answer.text(), ANSWER);
    assert_eq!(world.only_usage().await.outcome, Outcome::Complete);
    world.finish().await;
}
