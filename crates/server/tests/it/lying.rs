//! Every row of `tests/vectors/upstream_stream.jsonl` through the edge: what a provider may send that is not what it
//! should be, what the caller gets of it, and what is booked.

mod bytes;
mod http2;

use std::sync::Arc;
use std::time::Duration;

use domain::usage::{Outcome, UsageSource};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Notify;

use self::bytes::assert_free;
use crate::chat::{ANSWER, request};
use crate::streams::{DONE, HELLO, REQUEST, STOP, USAGE, broken};
use crate::world::upstream::{Step, Upstream, chunk, stream_head};
use crate::world::{PROVIDER_KEY, World, eventually, generous};

const JSON: &str = "content-type: application/json\r\n";

/// One line of the file.
struct Row {
    id: String,
    input: Value,
    expect: Value,
}

fn rows() -> Vec<Row> {
    let row = |mut row: Value| {
        let id = row["id"].as_str().unwrap().to_owned();
        Row { id, input: row["input"].take(), expect: row["expect"].take() }
    };
    crate::vectors::rows("upstream_stream").into_iter().map(row).collect()
}

/// Runs the rows whose identifiers begin so, which are this many.
async fn check(start: &str, count: usize) {
    let rows: Vec<Row> = rows().into_iter().filter(|row| row.id.starts_with(start)).collect();
    assert_eq!(rows.len(), count, "rows that begin with {start}");
    for row in rows {
        match row.input["provider_bytes"].as_str() {
            Some(bytes) => bytes::check(&row, bytes).await,
            None => check_scene(&row).await,
        }
    }
}

#[test]
fn every_row_is_run_by_one_of_the_tests_below() {
    let scenes = |row: &Row| row.input["provider_bytes"].is_null();
    assert_eq!(rows().len(), 35);
    assert_eq!(rows().iter().filter(|row| scenes(row)).count(), 18);
    let starts = ["upstream-h-", "upstream-n-"];
    assert!(
        rows()
            .iter()
            .filter(|row| scenes(row))
            .all(|row| starts.iter().any(|start| row.id.starts_with(start)))
    );
}

#[tokio::test]
async fn what_an_upstream_sends_as_a_stream() {
    for row in rows() {
        if let Some(bytes) = row.input["provider_bytes"].as_str() {
            bytes::check(&row, bytes).await;
        }
    }
}

#[tokio::test]
async fn how_an_upstream_answers() {
    check("upstream-h-", 12).await;
}

#[tokio::test]
async fn how_an_upstreams_connection_ends() {
    check("upstream-n-", 6).await;
}

/// A World with a second, less preferred upstream.
async fn with_spare(settings: &[(&str, &str)]) -> (World, Upstream) {
    let spare = Upstream::start().await;
    let also = spare.address.to_string();
    let all = [&[("egress.also", also.as_str()), ("retries.per_target", "0")], settings].concat();
    let world = World::with(&all).await;
    let address = spare.address;
    world
        .add_connection_with("spare", |new| {
            new.base_url = format!("http://{address}/v1");
            new.priority = 200;
            new.serves = domain::route::Serves::Listed(vec!["gpt-test".into(), "spare-mark".into()]);
        })
        .await;
    eventually("the spare to be known", || async {
        world.caller.get("/v1/models/spare-mark").await.status == 200
    })
    .await;
    (world, spare)
}

fn raw(text: &str) -> Vec<Step> {
    vec![Step::Send(text.as_bytes().to_vec()), Step::Close]
}

async fn check_scene(row: &Row) {
    let id = row.id.as_str();
    match id {
        "upstream-h-204" => fails(id, raw("HTTP/1.1 204 No Content\r\n\r\n")).await,
        "upstream-h-403" => fails(id, raw("HTTP/1.1 403 X\r\ncontent-length: 0\r\n\r\n")).await,
        "upstream-h-600" => fails(id, raw("HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n")).await,
        "upstream-h-status-garbage" => fails(id, raw("HTTP/1.1 abc\r\n\r\n")).await,
        "upstream-h-400" => a_callers_mistake(id).await,
        "upstream-h-401" => a_refused_key(id).await,
        "upstream-h-429" => rests_and_falls_back(row).await,
        "upstream-h-502" => {
            falls_back(
                id,
                raw("HTTP/1.1 502 X\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"),
                &[],
            )
            .await;
        }
        "upstream-h-server" => only_our_headers(id).await,
        "upstream-h-te-cl" => both_framings(id).await,
        "upstream-h-extra-bytes" => extra_bytes(id).await,
        "upstream-h-early-response" => an_early_answer(id).await,
        "upstream-n-rst-after-headers" => {
            fails(id, vec![Step::Send(stream_head()), Step::Reset]).await;
        }
        "upstream-n-rst-mid" => breaks_off(id, Step::Reset).await,
        "upstream-n-fin-mid" => breaks_off(id, Step::Close).await,
        "upstream-n-hang-headers" => {
            falls_back(id, vec![Step::Hang], &[("timeouts.first_byte_ms", "200")]).await
        }
        "upstream-n-h2-goaway" => http2::goaway_in_mid_stream(id).await,
        "upstream-n-h2-enhance" => http2::asked_for_calm(id).await,
        _ => panic!("{id} has no test"),
    }
}

/// The caller gets 502 and nothing is booked, for a stream as for a whole answer.
async fn fails(id: &str, steps: Vec<Step>) {
    for body in [REQUEST.to_owned(), request("gpt-test")] {
        let world = World::with(&[("retries.per_target", "0")]).await;
        world.upstream.then(steps.clone());
        world.chat(&body).await.is_error(502, "api_error", "provider_error");
        assert_free(id, &world.only_usage().await);
        world.finish().await;
    }
}

async fn a_callers_mistake(id: &str) {
    let world = World::start().await;
    let body = format!(
        r#"{{"error":{{"message":"bad value, key {PROVIDER_KEY}","type":"invalid_request_error","code":"bad"}}}}"#
    );
    world.upstream.says(400, JSON, &body);
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(400, "invalid_request_error", "bad");
    assert!(!answer.text().contains("PLANTED"), "{id}: {}", answer.text());
    assert_free(id, &world.only_usage().await);
    world.finish().await;
}

async fn a_refused_key(id: &str) {
    let world = World::start().await;
    world.upstream.says(401, JSON, r#"{"error":{"message":"Incorrect API key provided"}}"#);
    world.chat(&request("gpt-test")).await.is_error(502, "api_error", "provider_error");
    assert_free(id, &world.only_usage().await);
    world.chat(&request("gpt-test")).await.is_error(503, "api_error", "no_available_route");
    assert_eq!(world.upstream.received().len(), 1, "{id}: the key is out of service");
    world.finish().await;
}

async fn falls_back(id: &str, steps: Vec<Step>, settings: &[(&str, &str)]) {
    let (world, spare) = with_spare(settings).await;
    world.upstream.then(steps);
    spare.answers(ANSWER);
    let answer = world.chat(&request("gpt-test")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER), "{id}");
    let settled = world.only_usage().await;
    let attempts = settled.opened.trace.as_ref().unwrap().pace.attempts;
    assert_eq!((attempts, settled.tokens.total()), (2, 12), "{id}: one answer is booked");
    world.finish().await;
}

async fn rests_and_falls_back(row: &Row) {
    let id = row.id.as_str();
    let rest = Duration::from_secs(row.expect["cooldown_s"].as_u64().unwrap());
    let (world, spare) = with_spare(&[]).await;
    world.upstream.says(429, "retry-after: 7\r\n", "");
    spare.answers(ANSWER).answers(ANSWER);
    for _ in 0..2 {
        assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "{id}");
    }
    assert_eq!(world.upstream.received().len(), 1, "{id}");
    world.pass(rest);
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "{id}");
    assert_eq!(world.upstream.received().len(), 2, "{id}");
    world.finish().await;
}

async fn only_our_headers(id: &str) {
    let world = World::start().await;
    let headers = format!("{JSON}server: theirs\r\nx-powered-by: theirs\r\nx-request-id: theirs\r\n");
    world.upstream.says(200, &headers, ANSWER);
    let answer = world.chat(&request("gpt-test")).await;
    assert!(answer.status == 200 && !answer.head.contains("theirs"), "{id}: {}", answer.head);
    world.finish().await;
}

/// Two calls after each other: what the first left behind reaches nobody, because its connection is not used again.
async fn not_used_again(id: &str, first: Vec<u8>) {
    let world = World::start().await;
    world.upstream.then(vec![Step::Send(first)]).answers(ANSWER);
    for _ in 0..2 {
        let answer = world.chat(&request("gpt-test")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER), "{id}");
    }
    assert_eq!(world.upstream.connections(), 2, "{id}");
    world.finish().await;
}

async fn both_framings(id: &str) {
    let body = [chunk(ANSWER.as_bytes()), chunk(b"")].concat();
    let head = format!(
        "HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        body.len()
    );
    not_used_again(id, [head.into_bytes(), body].concat()).await;
}

async fn extra_bytes(id: &str) {
    let length = ANSWER.len();
    let smuggled = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 4\r\n\r\nevil");
    let text = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {length}\r\n\r\n{ANSWER}{smuggled}");
    not_used_again(id, text.into_bytes()).await;
}

/// An upstream that answers when it has seen the head and reads no body.
async fn an_early_answer(id: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(8).unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut start = [0; 16];
            stream.read_exact(&mut start).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {}\r\n\r\n{ANSWER}", ANSWER.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            seen.lock().unwrap().push(stream);
        }
    });
    let mut world = World::with(&[("egress.also", &address.to_string()), ("retries.per_target", "0")]).await;
    world
        .add_connection_with("early", |new| {
            new.base_url = format!("http://{address}/v1");
            new.serves = domain::route::Serves::Listed(vec!["early".into()]);
        })
        .await;
    eventually("the connection to be known", || async {
        world.caller.get("/v1/models/early").await.status == 200
    })
    .await;
    world.caller.key = world.key(domain::limit::Limits { body_bytes: 32 << 20, ..generous() }).await;
    let body =
        format!(r#"{{"model":"early","messages":[{{"role":"user","content":"{}"}}]}}"#, "x".repeat(8 << 20));
    for count in 1..=2 {
        let answer = world.chat(&body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, ANSWER), "{id}");
        assert_eq!(connections.lock().unwrap().len(), count, "{id}: not used again");
    }
    world.finish().await;
}

async fn breaks_off(id: &str, last: Step) {
    let world = World::start().await;
    let word = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let (word, fiftieth) = (word("four"), word("last"));
    let events = [[word.as_str(); 49].as_slice(), &[&fiftieth]].concat();
    let gate = Arc::new(Notify::new());
    // A reset takes along what is still under way, so it waits until all has arrived.
    let mut steps = broken(&events, Step::Wait(Arc::clone(&gate)));
    steps.extend([Step::Send(b"5\r\ndata".to_vec()), last]);
    world.upstream.then(steps);
    let mut stream = world.caller.open_until("/v1/chat/completions", REQUEST, "last").await;
    gate.notify_one();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("provider_error") && !rest.contains("[DONE]"), "{id}: {rest}");
    let settled = world.only_usage().await;
    assert_eq!((settled.outcome, settled.source), (Outcome::Cut, UsageSource::Estimated), "{id}");
    assert_eq!(settled.tokens.output, 50, "{id}: as many as came");
    assert_eq!(world.upstream.received().len(), 1, "{id}: nothing is tried again after the first byte");
    world.finish().await;
}

/// What a good stream consists of.
pub const GOOD: [&str; 4] = [HELLO, STOP, USAGE, DONE];
