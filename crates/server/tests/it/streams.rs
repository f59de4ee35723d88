//! Streams: bytes pass event by event, usage is counted whether or not the caller asked, and an upstream that lies,
//! stops or stalls never looks like success.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::usage::{Outcome, UsageSource};
use tokio::io::AsyncReadExt as _;
use tokio::sync::Notify;

use crate::world::upstream::{Step, chunk, stream_head};
use crate::world::{World, eventually};

pub const HELLO: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"}}]}\n\n";
pub const STOP: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}}\n\n";
pub const DONE: &str = "data: [DONE]\n\n";
pub const REQUEST: &str =
    r#"{"model":"gpt-test","stream":true,"messages":[{"role":"user","content":"PLANTED-prompt-text"}]}"#;

/// Steps of a stream that is broken off after these events.
pub fn broken(events: &[&str], last: Step) -> Vec<Step> {
    let mut steps = vec![Step::Send(stream_head())];
    steps.extend(events.iter().map(|event| Step::Send(chunk(event.as_bytes()))));
    steps.push(last);
    steps
}

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn a_stream_passes_unchanged_and_usage_is_asked_for_and_hidden() {
    let world = World::start().await;
    world.upstream.streams(&[HELLO, STOP, USAGE, DONE]);
    let answer = world.chat(REQUEST).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let text = answer.text();
    let (events, comment) = text.split_at(text.find(": x-portcullis").expect("the cost"));
    assert_eq!(events, format!("{HELLO}{STOP}{DONE}"));
    assert_eq!(comment, ": x-portcullis-cost-usd 0\n\n");
    assert_eq!(world.upstream.only_received().json()["stream_options"]["include_usage"], true);
    let row = world.only_usage().await;
    assert_eq!((row.tokens.input, row.tokens.output, row.source), (5, 1, UsageSource::Provider));
    assert_eq!((row.outcome, row.opened.trace.unwrap().streamed), (Outcome::Complete, true));
    world.finish().await;
}

#[tokio::test]
async fn usage_is_shown_to_those_who_ask() {
    let world = World::start().await;
    world.upstream.streams(&[HELLO, STOP, USAGE, DONE]);
    let body =
        REQUEST.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let answer = world.chat(&body).await;
    assert!(answer.text().starts_with(&format!("{HELLO}{STOP}{USAGE}{DONE}")), "{}", answer.text());
    assert_eq!(
        String::from_utf8(world.upstream.only_received().body).unwrap(),
        body,
        "nothing is spliced in"
    );
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn connections_are_used_again_after_a_stream() {
    let world = World::start().await;
    // From one connection: each thread that serves some has a pool of its own.
    let last = world.caller.request("POST", "/v1/chat/completions", JSON, REQUEST);
    let others = last.replace("connection: close\r\n", "").repeat(4);
    for _ in 0..5 {
        world.upstream.streams(&[HELLO, STOP, USAGE, DONE]);
    }
    let mut answers = String::new();
    world.caller.open((others + &last).as_bytes()).await.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 5, "{answers}");
    world.usage(5).await;
    assert_eq!(world.upstream.connections(), 1);
    world.finish().await;
}

#[tokio::test]
async fn events_leave_as_they_come() {
    let world = World::start().await;
    let gate = Arc::new(Notify::new());
    let mut steps = broken(&[HELLO], Step::Wait(Arc::clone(&gate)));
    steps.extend([STOP, USAGE, DONE].map(|event| Step::Send(chunk(event.as_bytes()))));
    steps.push(Step::Send(chunk(b"")));
    world.upstream.then(steps);
    // The first event arrives while the upstream still waits for the test.
    let stream = world.caller.open_until("/v1/chat/completions", REQUEST, "Hello").await;
    gate.notify_one();
    assert_eq!(world.only_usage().await.outcome, Outcome::Complete);
    drop(stream);
    world.finish().await;
}

#[tokio::test]
async fn no_terminal_event_is_never_a_success() {
    let cases: [(&str, Step); 3] = [
        ("a clean end without a terminal event", Step::Send(chunk(b""))),
        ("a closed connection", Step::Close),
        ("a reset connection", Step::Reset),
    ];
    for (what, last) in cases {
        let world = World::start().await;
        world.upstream.then(broken(&[HELLO, HELLO], last));
        let answer = world.chat(REQUEST).await;
        assert_eq!(answer.status, 200, "{what}");
        let text = answer.text();
        let event =
            text.strip_prefix(&format!("{HELLO}{HELLO}data: ")).unwrap_or_else(|| panic!("{what}: {text}"));
        let error: serde_json::Value = serde_json::from_str(event.trim_end()).expect(what);
        assert_eq!(error["error"]["code"], "provider_error", "{what}: {error}");
        assert!(!text.contains("[DONE]"), "{what}");
        let row = world.only_usage().await;
        assert_eq!((row.outcome, row.source), (Outcome::Cut, UsageSource::Estimated), "{what}");
        assert_eq!(row.tokens.output, 3, "{what}: ten bytes came");
        world.finish().await;
    }
}

#[tokio::test]
async fn an_error_inside_a_stream_ends_it_without_the_upstreams_words() {
    let world = World::start().await;
    let error = "data: {\"error\":{\"message\":\"account sk-PLANTED-provider-key-0123456789 is out\"}}\n\n";
    world.upstream.streams(&[HELLO, error, DONE]);
    let text = world.chat(REQUEST).await.text();
    assert!(text.starts_with(HELLO) && text.contains("provider_error") && !text.contains("[DONE]"), "{text}");
    assert_eq!(world.only_usage().await.outcome, Outcome::Cut);
    world.finish().await;
}

#[tokio::test]
async fn an_error_before_the_first_event_is_a_status_and_costs_nothing() {
    let world = World::with(&[("retries.per_target", "0")]).await;
    world.upstream.streams(&["data: {\"error\":{\"message\":\"overloaded\",\"code\":529}}\n\n"]);
    world.chat(REQUEST).await.is_error(502, "api_error", "provider_error");
    let row = world.only_usage().await;
    assert_eq!((row.outcome, row.tokens.total(), row.source), (Outcome::Failed, 0, UsageSource::None));
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_a_stream_is_refused() {
    let cases = [
        ("html", "content-type: text/event-stream\r\n", "<html>502</html>"),
        ("json", "content-type: application/json\r\n", "{\"choices\":[]}"),
        ("nothing", "content-type: text/event-stream\r\n", ""),
    ];
    for (what, headers, body) in cases {
        let world = World::with(&[("retries.per_target", "0")]).await;
        world.upstream.says(200, headers, body);
        let answer = world.chat(REQUEST).await;
        assert_eq!(answer.status, 502, "{what}: {}", answer.text());
        assert_eq!(world.only_usage().await.outcome, Outcome::Failed, "{what}");
        world.finish().await;
    }
}

#[tokio::test]
async fn an_endless_line_is_cut_off_in_bounded_memory() {
    let world = World::with(&[("retries.per_target", "0")]).await;
    let mut steps = vec![Step::Send(stream_head())];
    steps.extend((0..64).map(|_| Step::Send(chunk(&[b'a'; 16 * 1024]))));
    world.upstream.then(steps);
    assert_eq!(world.chat(REQUEST).await.status, 502);
    assert_eq!(world.only_usage().await.outcome, Outcome::Failed);
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_cancels_the_upstream_and_pays_for_what_came() {
    let world = World::start().await;
    world.upstream.then(broken(&[HELLO, HELLO, HELLO, HELLO], Step::Hang));
    let stream = world.caller.open_until("/v1/chat/completions", REQUEST, "Hello").await;
    let left = Instant::now();
    drop(stream);
    let row = world.only_usage().await;
    assert_eq!((row.outcome, row.source), (Outcome::Cancelled, UsageSource::Estimated));
    assert!(row.tokens.output >= 1 && row.tokens.input >= 1, "{row:?}");
    eventually("the upstream's connection to close", || async { !world.upstream.hung_up().is_empty() }).await;
    let took = world.upstream.hung_up()[0].duration_since(left);
    assert!(took < Duration::from_millis(100), "cancelled after {took:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_pays_for_the_input() {
    let world = World::start().await;
    world.upstream.then(vec![Step::Hang]);
    let request =
        world.caller.request("POST", "/v1/chat/completions", "content-type: application/json\r\n", REQUEST);
    let stream = world.caller.open(request.as_bytes()).await;
    eventually("the call to arrive upstream", || async { !world.upstream.received().is_empty() }).await;
    drop(stream);
    let row = world.only_usage().await;
    assert_eq!((row.outcome, row.source, row.tokens.output), (Outcome::Cancelled, UsageSource::Estimated, 0));
    assert!(row.tokens.input > 0);
    world.finish().await;
}

#[tokio::test]
async fn a_silent_stream_is_cut_by_the_clock_between_bytes() {
    let world = World::with(&[("timeouts.between_bytes_ms", "150")]).await;
    world.upstream.then(broken(&[HELLO], Step::Hang));
    let text = world.chat(REQUEST).await.text();
    assert!(text.contains("provider_timeout") && !text.contains("[DONE]"), "{text}");
    assert_eq!(world.only_usage().await.outcome, Outcome::Cut);
    world.finish().await;
}

#[tokio::test]
async fn a_finished_answer_without_its_last_mark_is_completed() {
    let world = World::start().await;
    world.upstream.streams(&[HELLO, STOP, USAGE]);
    let text = world.chat(REQUEST).await.text();
    assert!(text.starts_with(&format!("{HELLO}{STOP}{DONE}")), "{text}");
    assert_eq!(world.only_usage().await.outcome, Outcome::Complete);
    world.finish().await;
}
