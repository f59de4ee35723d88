//! How streams flow: at the reader's pace, within their clocks, in bounded memory, and with nothing of the
//! provider's account on them.

use std::sync::Arc;
use std::time::Duration;

use domain::usage::{Outcome, UsageSource};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio::sync::Notify;

use crate::chat::{ANSWER, request};
use crate::streams::{DONE, HELLO, REQUEST, STOP, USAGE, broken};
use crate::world::upstream::{Step, Upstream, chunk, stream_head};
use crate::world::{PATIENCE, World, eventually};

const COMMENT: &str = ": still there\n\n";
/// More than any test reads.
const ENDLESS: usize = 100_000_000;

#[tokio::test]
async fn endless_comments_do_not_outlast_the_clock_of_the_whole_call() {
    for first in [Some(HELLO), None] {
        let world = World::with(&[("timeouts.whole_ms", "400"), ("retries.per_target", "0")]).await;
        let mut steps = broken(first.as_slice(), Step::Flood(chunk(COMMENT.as_bytes()), ENDLESS));
        steps.push(Step::Hang);
        world.upstream.then(steps);
        let text = world.chat(REQUEST).await.text();
        assert!(text.contains("provider_timeout") && !text.contains("[DONE]"), "{:.300}", text);
        eventually("the upstream to be cancelled", || async { world.upstream.hung_up().len() == 1 }).await;
        let row = world.only_usage().await;
        let expect = if first.is_some() { Outcome::Cut } else { Outcome::Failed };
        assert_eq!(row.outcome, expect);
        world.finish().await;
    }
}

#[tokio::test]
async fn events_without_data_do_not_outlast_the_clock_of_the_first_byte() {
    let world = World::with(&[("timeouts.first_byte_ms", "300"), ("retries.per_target", "0")]).await;
    let mut steps = broken(&[], Step::Flood(chunk(b"data:\n\n"), ENDLESS));
    steps.push(Step::Hang);
    world.upstream.then(steps);
    world.chat(REQUEST).await.is_error(504, "api_error", "provider_timeout");
    assert_eq!(world.only_usage().await.outcome, Outcome::Failed);
    world.finish().await;
}

#[tokio::test]
async fn an_error_after_comments_alone_is_still_a_status_and_another_connection_takes_over() {
    let spare = Upstream::start().await;
    let world =
        World::with(&[("egress.also", &spare.address.to_string()), ("retries.per_target", "0")]).await;
    let address = spare.address;
    world
        .add_connection_with("spare", |new| {
            new.base_url = format!("http://{address}/v1");
            new.priority = 200;
        })
        .await;
    for _ in 0..100 {
        world.upstream.streams(&[COMMENT, COMMENT, "data: {\"error\":{\"message\":\"busy\"}}\n\n"]);
        spare.streams(&[COMMENT, HELLO, STOP, USAGE, DONE]);
    }
    eventually("the spare", || async {
        let answer = world.chat(REQUEST).await;
        answer.status == 200 && answer.text().starts_with(&format!("{COMMENT}{HELLO}{STOP}{DONE}"))
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn an_event_may_be_large_but_not_without_bounds() {
    let event = |bytes: usize| {
        let text = "x".repeat(bytes);
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let large = event(300 << 10);
    let world = World::start().await;
    world.upstream.streams(&[HELLO, &large, STOP, USAGE, DONE]);
    assert!(world.chat(REQUEST).await.text().starts_with(&format!("{HELLO}{large}{STOP}{DONE}")));
    world.upstream.streams(&[HELLO, &event(17 << 20), STOP, USAGE, DONE]);
    let text = world.chat(REQUEST).await.text();
    let error = text.strip_prefix(HELLO).expect("what came before");
    assert!(error.contains("provider_error") && error.len() < 1_000, "{error:.300}");
    let rows = world.usage(2).await;
    assert_eq!((rows[1].outcome, rows[1].source), (Outcome::Cut, UsageSource::Estimated));
    world.finish().await;
}

#[tokio::test]
async fn a_compressed_stream_is_refused() {
    let world = World::with(&[("retries.per_target", "0")]).await;
    let headers = "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n";
    world.upstream.says(200, headers, "\u{1f}\u{8b}\u{8}");
    world.chat(REQUEST).await.is_error(502, "api_error", "provider_error");
    assert_eq!(world.only_usage().await.outcome, Outcome::Failed);
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_does_not_read_stops_the_upstream() {
    const PIECE: usize = 32 << 10;
    let world = World::start().await;
    let event = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(PIECE)
    );
    world.upstream.then(broken(&[HELLO], Step::Flood(chunk(event.as_bytes()), ENDLESS)));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut caller = socket.connect(world.caller.address).await.unwrap();
    let text =
        world.caller.request("POST", "/v1/chat/completions", "content-type: application/json\r\n", REQUEST);
    tokio::io::AsyncWriteExt::write_all(&mut caller, text.as_bytes()).await.unwrap();
    // The flood has stopped once nothing more was taken for a while.
    let (mut taken, mut quiet) = (0, 0);
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while quiet < 15 || taken == 0 {
        ticks.tick().await;
        let now = world.upstream.flooded();
        quiet = if now == taken { quiet + 1 } else { 0 };
        taken = now;
        assert!(taken < 64 << 20, "the upstream got rid of {taken} bytes that nobody reads");
    }
    // Reading on sets it going again.
    let mut piece = vec![0; 1 << 20];
    let reading = async {
        while world.upstream.flooded() == taken {
            assert!(caller.read(&mut piece).await.unwrap() > 0);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the upstream goes on");
    drop(caller);
    assert_eq!(world.only_usage().await.outcome, Outcome::Cancelled);
    world.finish().await;
}

#[tokio::test]
async fn an_idle_stream_is_kept_awake_by_comments() {
    let world = World::with(&[("timeouts.keep_alive_ms", "30")]).await;
    let gate = Arc::new(Notify::new());
    let mut steps = broken(&[HELLO], Step::Wait(Arc::clone(&gate)));
    steps.extend([STOP, USAGE, DONE].map(|event| Step::Send(chunk(event.as_bytes()))));
    steps.push(Step::Send(chunk(b"")));
    world.upstream.then(steps);
    let mut stream = world
        .caller
        .open_until("/v1/chat/completions", REQUEST, ": keep-alive\n\n\r\nE\r\n: keep-alive\n\n")
        .await;
    gate.notify_one();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("data: [DONE]\n\n"));
    assert_eq!(world.only_usage().await.outcome, Outcome::Complete);
    world.finish().await;
}

/// What an accepted answer may carry.
const PASSED_DOWN: [&str; 18] = [
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "request-id",
    "strict-transport-security",
    "transfer-encoding",
    "x-accel-buffering",
    "x-content-type-options",
    "x-portcullis-attempts",
    "x-portcullis-cost-usd",
    "x-portcullis-model",
    "x-portcullis-provider",
    "x-portcullis-route-mode",
    "x-request-id",
    // Whom browsers may hand it to.
    "vary",
    // The caller's own limits.
    "x-ratelimit-",
];

#[tokio::test]
async fn nothing_of_the_providers_head_is_passed_down_or_kept() {
    let theirs = "server: cloudflare\r\nx-powered-by: Express\r\nx-request-id: req_theirs\r\nopenai-organization: org-theirs\r\n\
                  openai-project: proj_theirs\r\nset-cookie: __cf_bm=theirs; path=/\r\nx-ratelimit-limit-requests: 424242\r\n\
                  x-ratelimit-remaining-tokens: 424242\r\nalt-svc: h3=\":443\"\r\nvia: theirs\r\n";
    let world = World::start().await;
    let json = format!("{theirs}content-type: application/json; theirs=1\r\n");
    world.upstream.says(200, &json, ANSWER);
    let head = String::from_utf8(stream_head()).unwrap().replace("\r\n\r\n", &format!("\r\n{theirs}\r\n"));
    let mut steps = vec![Step::Send(head.into_bytes())];
    steps.extend([HELLO, STOP, USAGE, DONE, ""].map(|event| Step::Send(chunk(event.as_bytes()))));
    world.upstream.then(steps);
    for body in [request("gpt-test"), REQUEST.to_owned()] {
        let answer = world.chat(&body).await;
        assert_eq!(answer.status, 200);
        for line in answer.head.lines().skip(1) {
            let (name, value) = line.split_once(": ").unwrap();
            let passes = PASSED_DOWN.iter().any(|allowed| {
                name.eq_ignore_ascii_case(allowed) || (allowed.ends_with('-') && name.starts_with(allowed))
            });
            assert!(passes && !value.contains("theirs") && value != "424242", "{line}");
        }
    }
    let second = world.upstream.received().remove(1);
    assert!(!second.head.to_ascii_lowercase().contains("cookie"), "{}", second.head);
    world.usage(2).await;
    world.finish().await;
}
