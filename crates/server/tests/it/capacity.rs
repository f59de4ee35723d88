//! How much, how many and how slow: the rows of the limit vectors through the edge, connections, requests in
//! flight, and callers that stall.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::chat::{ANSWER, request};
use crate::vectors::{all_in_one_place, rows};
use crate::world::upstream::{Step, chunk, stream_head};
use crate::world::{PATIENCE, World, eventually};

const JSON: &str = "content-type: application/json\r\n";
const LEAST: &str = r#"{"model":"gpt-test","messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test]
async fn the_limit_vectors_hold_through_the_edge() {
    let world = World::start().await;
    let mut run = String::new();
    for row in rows("http_limits") {
        let id = row["id"].as_str().unwrap();
        let Some(sent) = whole_request(&world, &row["input"]) else { continue };
        run.push_str(&format!("\"{id}\" "));
        let before = world.upstream.received().len();
        world.upstream.answers(ANSWER);
        let answer = world.caller.raw(&sent).await;
        let verdict = row["expect"]["verdict"].as_str().unwrap();
        let expected: u16 = match verdict.strip_prefix("reject_") {
            Some(status) => status.parse().unwrap(),
            None => 200,
        };
        assert_eq!(answer.status, expected, "{id}: {}", answer.text());
        let passed = world.upstream.received().len() - before;
        assert_eq!(passed, usize::from(expected == 200), "{id}");
    }
    // These have tests of their own, named here; `cargo xtask abuse` runs the first two at the size the rows give.
    for (row, _test) in [
        ("http_limits-slow-headers-many", "callers_that_send_slowly_are_cut_and_disturb_nobody"),
        ("http_limits-slow-read-many", "readers_that_stop_are_cut_and_the_call_ends"),
        ("http_limits-tls-old", "tls::plain_http_and_old_versions_are_refused"),
    ] {
        run.push_str(&format!("\"{row}\" "));
    }
    all_in_one_place("http_limits", &[&run]);
    world.finish().await;
}

/// The request that a row describes, when it is about one whole request.
fn whole_request(world: &World, input: &Value) -> Option<Vec<u8>> {
    let count = |name: &str| usize::try_from(input[name].as_u64().unwrap()).unwrap();
    let post = |headers: &str, body: &str| {
        world.caller.request("POST", "/v1/chat/completions", headers, body).into_bytes()
    };
    let with = |members: String| post(JSON, &format!("{},{members}}}", LEAST.strip_suffix('}').unwrap()));
    if let Some(patch) = input["body_patch"].as_object() {
        let members: Vec<String> = patch.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        return Some(with(members.join(",")));
    }
    if let Some(coding) = input["headers"]["Content-Encoding"].as_str() {
        let body = input["body_b64"].as_str().unwrap();
        return Some(post(&format!("{JSON}content-encoding: {coding}\r\n"), body));
    }
    Some(match input["gen"].as_str()? {
        "json_pad" => {
            let mut body = LEAST.to_owned().into_bytes();
            body.resize(count("bytes"), b' ');
            let body = String::from_utf8(body).unwrap();
            match input["headers"]["Content-Length"].as_str() {
                Some(lie) => {
                    let head = String::from_utf8(post(JSON, "")).unwrap();
                    (head.replace("content-length: 0", &format!("content-length: {lie}")) + &body)
                        .into_bytes()
                }
                None if input["framing"] == "chunked" => {
                    let head = String::from_utf8(post(JSON, "")).unwrap();
                    let mut bytes =
                        head.replace("content-length: 0", "transfer-encoding: chunked").into_bytes();
                    body.as_bytes().chunks(60_000).for_each(|piece| bytes.extend(chunk(piece)));
                    bytes.extend(chunk(b""));
                    bytes
                }
                None => post(JSON, &body),
            }
        }
        "gzip_zeros_twice" => post(&format!("{JSON}content-encoding: gzip, gzip\r\n"), "\u{1f}"),
        "headers" => {
            let own = String::from_utf8(post(JSON, LEAST)).unwrap().lines().count() - 3;
            let more = "x-more: 1\r\n".repeat(count("count") - own);
            post(&format!("{JSON}{more}"), LEAST)
        }
        "array" => {
            let items = vec!["\"x\""; count("count")].join(",");
            with(format!("\"{}\":[{items}]", input["field"].as_str().unwrap()))
        }
        "repeat" => post(JSON, &LEAST.replace("hi", &input["unit"].as_str().unwrap().repeat(count("count")))),
        _ => return None,
    })
}

#[tokio::test]
async fn one_source_has_its_share_of_the_connections_and_no_more() {
    let world = World::with(&[("network.max_connections_per_address", "3")]).await;
    let is_open = |mut stream: TcpStream| async move {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n").await.is_ok()
            && stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0)
    };
    let connect = || async { TcpStream::connect(world.caller.address).await.unwrap() };
    let mut held = [connect().await, connect().await, connect().await];
    for stream in &mut held {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
    }
    assert!(!is_open(connect().await).await, "a fourth was let in");
    let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    assert!(
        is_open(elsewhere.connect(world.caller.address).await.unwrap()).await,
        "another source is shut out"
    );
    drop(held);
    eventually("room again", || async { is_open(connect().await).await }).await;
    world.finish().await;
}

#[tokio::test]
async fn the_house_has_room_for_so_many_connections() {
    let world = World::with(&[("network.max_connections", "2")]).await;
    let held = [world.caller.open(b"G").await, world.caller.open(b"G").await];
    let mut third = world.caller.open(b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n").await;
    let read = tokio::time::timeout(PATIENCE, third.read(&mut [0; 64])).await.unwrap();
    assert!(!read.is_ok_and(|count| count > 0), "a third was let in");
    drop(held);
    eventually("room again", || async {
        let mut stream =
            world.caller.open(b"GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n").await;
        stream.read(&mut [0; 64]).await.is_ok_and(|count| count > 0)
    })
    .await;
    world.finish().await;
}

#[tokio::test]
async fn beyond_its_capacity_the_gate_sheds_and_stays_healthy() {
    let world = World::with(&[("network.max_in_flight", "1")]).await;
    let gate = Arc::new(Notify::new());
    world.upstream.then(vec![
        Step::Send(stream_head()),
        Step::Send(chunk(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")),
        Step::Wait(Arc::clone(&gate)),
        Step::Send(chunk(b"data: [DONE]\n\n")),
        Step::Send(chunk(b"")),
    ]);
    let body = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    let mut stream = world.caller.open_until("/v1/chat/completions", &body, "\"a\"").await;
    let shed = world.chat(&request("gpt-test")).await;
    shed.is_error(503, "api_error", "unavailable");
    // Nothing was looked at: a wrong key gets the same answer.
    let listed = world.caller.get("/v1/models").await;
    listed.is_error(503, "api_error", "unavailable");
    assert_eq!(world.caller.get("/healthz").await.text(), "ok");
    assert_eq!(world.caller.get("/readyz").await.text(), "ready");
    gate.notify_one();
    let mut rest = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("[DONE]"), "{rest}");
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn callers_that_send_slowly_are_cut_and_disturb_nobody() {
    let settings = [("timeouts.header_ms", "400"), ("network.max_connections_per_address", "2000")];
    let world = World::with(&settings).await;
    let mut slow = Vec::new();
    // Nothing at all, the beginning of either protocol, and heads that do not end.
    for beginning in
        ["", "P", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nx: "]
    {
        for _ in 0..200 {
            slow.push(world.caller.open(beginning.as_bytes()).await);
        }
    }
    assert_eq!(world.caller.get("/healthz").await.text(), "ok");
    let ends = slow.into_iter().map(|mut stream| {
        tokio::spawn(async move {
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        })
    });
    for end in ends.collect::<Vec<_>>() {
        let answer = tokio::time::timeout(PATIENCE, end).await.expect("the end in time").unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    world.finish().await;
}

#[tokio::test]
async fn readers_that_stop_are_cut_and_the_call_ends() {
    let world = World::with(&[("timeouts.write_ms", "300")]).await;
    let piece =
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n", "x".repeat(60_000));
    let body = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut steps = vec![Step::Send(stream_head())];
        steps.extend((0..400).map(|_| Step::Send(chunk(piece.as_bytes()))));
        world.upstream.then(steps);
        readers.push(world.caller.open_until("/v1/chat/completions", &body, "data: ").await);
    }
    // None of them reads on. Each is cut, and with it its call: the upstream feels it.
    eventually("the calls to end", || async { world.upstream.hung_up().len() == 20 }).await;
    let rows = world.usage(20).await;
    assert!(rows.iter().all(|row| row.outcome == domain::usage::Outcome::Cancelled), "{rows:#?}");
    assert_eq!(world.caller.get("/healthz").await.text(), "ok");
    world.finish().await;
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_not_cut() {
    let world = World::with(&[("timeouts.write_ms", "400")]).await;
    let gate = Arc::new(Notify::new());
    world.upstream.then(vec![
        Step::Send(stream_head()),
        Step::Send(chunk(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n")),
        Step::Wait(Arc::clone(&gate)),
        Step::Send(chunk(b"data: [DONE]\n\n")),
        Step::Send(chunk(b"")),
    ]);
    let body = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    let mut stream = world.caller.open_until("/v1/chat/completions", &body, "\"a\"").await;
    // The provider is silent for longer than a reader may be; the reader has taken all there was.
    tokio::time::timeout(Duration::from_millis(900), stream.read(&mut [0; 64])).await.unwrap_err();
    gate.notify_one();
    let mut rest = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
    assert!(rest.contains("[DONE]"), "{rest}");
    world.only_usage().await;
    world.finish().await;
}
