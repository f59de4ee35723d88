//! HTTP/2 under attack: every row of the abuse vectors with frames written by hand.

mod frames;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Notify;

use self::frames::*;
use crate::chat::{ANSWER, request};
use crate::vectors::{all_in_one_place, rows};
use crate::world::upstream::{Step, chunk, stream_head};
use crate::world::{PATIENCE, World, eventually};

/// Requests that an abuser may get through to the upstream before it is cut off.
const UPSTREAM_REQUESTS: usize = 100;
/// SETTINGS_INITIAL_WINDOW_SIZE
const INITIAL_WINDOW: u16 = 4;

#[tokio::test]
async fn every_row_is_run() {
    let mut run = String::new();
    for row in rows("http2_abuse") {
        let id = row["id"].as_str().unwrap();
        let world = World::start().await;
        if attack(&world, id.strip_prefix("http2_abuse-").unwrap()).await {
            run.push_str(&format!("\"{id}\" "));
        }
        // Whatever was done to it, the gate answers others at once.
        assert_eq!(world.caller.get("/healthz").await.text(), "ok", "{id}");
        assert!(world.upstream.received().len() <= UPSTREAM_REQUESTS, "{id}");
        world.finish().await;
    }
    run.push_str("\"http2_abuse-goaway-drain\"");
    all_in_one_place("http2_abuse", &[&run]);
}

/// Runs one row; false when it has a test of its own, or is listed.
async fn attack(world: &World, row: &str) -> bool {
    if let Some(head) = malformed(world, row) {
        assert_eq!(refused(world, &head).await, Some(PROTOCOL_ERROR), "{row}");
        return true;
    }
    match row {
        "rapid-reset" => rapid_reset(world).await,
        "madeyoureset-wu0" => {
            resets(world, &[], |stream| frame(WINDOW_UPDATE, 0, stream, &[0; 4])).await;
        }
        "madeyoureset-prio" => {
            let on_itself = |stream: u32| [&stream.to_be_bytes()[..], &[16]].concat();
            resets(world, &[], |stream| frame(PRIORITY, 0, stream, &on_itself(stream))).await;
        }
        "madeyoureset-cl" => {
            let length = [("content-length", "5")];
            resets(world, &length, |stream| frame(DATA, END_STREAM, stream, b"0123456789")).await;
        }
        "header-list" => header_list(world).await,
        "empty-data" => empty_data(world).await,
        "empty-headers" => empty_headers(world).await,
        "window-1" => window_by_the_byte(world).await,
        "cl-mismatch" => {
            let mut connection = open(world).await;
            let length = head(world, &[("content-length", "5")]);
            connection.send(HEADERS, END_HEADERS, 1, &length).await;
            connection.send(DATA, END_STREAM, 1, b"0123456789").await;
            assert_eq!(connection.refused(1).await, Some(PROTOCOL_ERROR));
        }
        "big-frame" => {
            let mut connection = open(world).await;
            connection.send(HEADERS, END_HEADERS, 1, &head(world, &[])).await;
            connection.send(DATA, END_STREAM, 1, &[b' '; 20_000]).await;
            assert_eq!(connection.farewell().await, Some(FRAME_SIZE_ERROR));
        }
        "unknown-frame" => unknown_frames(world).await,
        "goaway-drain" | "trailers-pseudo" => return false,
        other => panic!("no attack is known by the name {other}"),
    }
    true
}

/// The head of a row that is about nothing else.
fn malformed(world: &World, row: &str) -> Option<Vec<u8>> {
    let more = match row {
        "upper-name" => ("X-Foo", "1"),
        "conn-in-h2" => ("connection", "close"),
        "te-trailers" => ("te", "gzip"),
        "crlf-value" => ("x", "a\r\nb: c"),
        "pseudo-after" => (":scheme", "http"),
        "crlf-path" => return Some(get("/v1/models HTTP/1.1\r\nX: y")),
        "unknown-pseudo" => return Some([fields(&[(":foo", "x")]), get("/healthz")].concat()),
        _ => return None,
    };
    Some(head(world, &[more]))
}

async fn open(world: &World) -> Connection {
    Connection::open(world.caller.address, &[]).await
}

fn get(path: &str) -> Vec<u8> {
    fields(&[(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "gate")])
}

/// The head of a chat call, and more.
fn head(world: &World, more: &[(&str, &str)]) -> Vec<u8> {
    let bearer = format!("Bearer {}", world.caller.key);
    let call = fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/v1/chat/completions"),
        (":authority", "gate"),
        ("authorization", &bearer),
        ("content-type", "application/json"),
    ]);
    [call, fields(more)].concat()
}

async fn rapid_reset(world: &World) {
    let mut connection = open(world).await;
    for number in 0..10_000 {
        let stream = number * 2 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/v1/models"));
        bytes.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
        if !connection.write(&bytes).await || connection.closed {
            break;
        }
    }
    assert_eq!(connection.farewell().await, Some(ENHANCE_YOUR_CALM));
}

async fn empty_data(world: &World) {
    let mut connection = open(world).await;
    connection.send(HEADERS, END_HEADERS, 1, &head(world, &[])).await;
    let hundred = frame(DATA, 0, 1, b"").repeat(100);
    for _ in 0..1_000 {
        if !connection.write(&hundred).await || connection.closed {
            break;
        }
    }
    assert_eq!(connection.farewell().await, Some(ENHANCE_YOUR_CALM));
}

async fn empty_headers(world: &World) {
    let mut connection = open(world).await;
    let empty = fields(&[("", "")]).repeat(4_000);
    connection.send(HEADERS, 0, 1, &head(world, &[])).await;
    for _ in 0..24 {
        connection.send(CONTINUATION, 0, 1, &empty).await;
    }
    connection.send(CONTINUATION, END_HEADERS, 1, &empty).await;
    assert!(connection.refused(1).await.is_some());
}

async fn unknown_frames(world: &World) {
    let mut connection = open(world).await;
    let thousand = frame(0xfa, 0, 0, b"x").repeat(1_000);
    for _ in 0..100 {
        assert!(connection.write(&thousand).await);
    }
    connection.send(HEADERS, END_HEADERS | END_STREAM, 1, &get("/healthz")).await;
    assert!(connection.until(|frame| frame.stream == 1 && frame.ends()).await.is_some());
}

/// Opens up to a thousand streams, each followed by what makes the gate reset it, until the gate has enough.
async fn resets(world: &World, more: &[(&str, &str)], fault: impl Fn(u32) -> Vec<u8>) {
    let mut connection = open(world).await;
    for number in 0..1_000 {
        let stream = number * 2 + 1;
        let mut bytes = frame(HEADERS, END_HEADERS, stream, &head(world, more));
        bytes.extend(fault(stream));
        if !connection.write(&bytes).await || connection.closed {
            break;
        }
    }
    assert!(matches!(connection.farewell().await, Some(ENHANCE_YOUR_CALM | PROTOCOL_ERROR)));
}

/// How a request with this head is refused.
async fn refused(world: &World, head: &[u8]) -> Option<u32> {
    let mut connection = open(world).await;
    connection.send(HEADERS, END_HEADERS | END_STREAM, 1, head).await;
    let code = connection.refused(1).await;
    assert!(world.upstream.received().is_empty());
    code
}

async fn header_list(world: &World) {
    let stream = TcpStream::connect(world.caller.address).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    for (bytes, count, expected) in [(66_000, 1, 431), (10, 101, 431), (10, 90, 200)] {
        let mut request = http::Request::get("http://gate/healthz").body(()).unwrap();
        for number in 0..count {
            let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
            request.headers_mut().insert(name, "a".repeat(bytes).parse().unwrap());
        }
        let mut ready = sender.ready().await.unwrap();
        let answer = ready.send_request(request, true).unwrap().0;
        sender = ready;
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap().unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{count} headers of {bytes} bytes");
    }
    driver.abort();
}

/// An answer that is let through byte by byte costs little, and others are not kept waiting.
async fn window_by_the_byte(world: &World) {
    let answer = ANSWER.replace("Hello", &"x".repeat(5_000));
    world.upstream.answers(&answer);
    let mut connection = Connection::open(world.caller.address, &[(INITIAL_WINDOW, 0)]).await;
    connection.send(HEADERS, END_HEADERS, 1, &head(world, &[])).await;
    connection.send(DATA, END_STREAM, 1, request("gpt-test").as_bytes()).await;
    let mut received = Vec::new();
    let started = Instant::now();
    for count in 0..answer.len() {
        assert!(connection.send(WINDOW_UPDATE, 0, 1, &1u32.to_be_bytes()).await);
        if count % 500 == 0 {
            assert_eq!(world.caller.get("/healthz").await.text(), "ok");
        }
    }
    while received.len() < answer.len() {
        let frame = connection.until(|frame| frame.kind == DATA).await.expect("more data");
        received.extend(frame.payload);
    }
    assert_eq!(String::from_utf8(received).unwrap(), answer);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

const STREAM_PIECE: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

#[tokio::test]
async fn a_stop_lets_streams_finish() {
    let world = World::start().await;
    let gate = Arc::new(Notify::new());
    world.upstream.then(vec![
        Step::Send(stream_head()),
        Step::Send(chunk(STREAM_PIECE)),
        Step::Wait(Arc::clone(&gate)),
        Step::Send(chunk(b"data: [DONE]\n\n")),
        Step::Send(chunk(b"")),
    ]);
    let mut connection = open(&world).await;
    start_stream(&world, &mut connection).await;
    connection.until(|frame| frame.kind == DATA).await.expect("the first piece");
    let rest = async {
        assert_eq!(connection.farewell().await, Some(NO_ERROR), "a friendly farewell");
        gate.notify_one();
        let mut text = Vec::new();
        while let Some(frame) = connection.next().await {
            if frame.kind == DATA {
                text.extend_from_slice(&frame.payload);
            }
            if frame.ends() {
                break;
            }
        }
        String::from_utf8(text).unwrap()
    };
    let ((), rest) = tokio::join!(world.finish(), rest);
    assert!(rest.contains("[DONE]"), "{rest}");
}

#[tokio::test]
async fn a_stream_that_nobody_takes_is_cut() {
    let world = World::with(&[("timeouts.write_ms", "300")]).await;
    let mut steps = vec![Step::Send(stream_head())];
    steps.extend((0..50).map(|_| Step::Send(chunk(STREAM_PIECE))));
    steps.push(Step::Hang);
    world.upstream.then(steps);
    // The window is shut: the socket is read, the stream is not.
    let mut connection = Connection::open(world.caller.address, &[(INITIAL_WINDOW, 0)]).await;
    start_stream(&world, &mut connection).await;
    let started = Instant::now();
    assert!(connection.until(|frame| frame.kind == DATA).await.is_none(), "data without a window");
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    eventually("the upstream to be left", || async { world.upstream.hung_up().len() == 1 }).await;
    assert_eq!(world.only_usage().await.outcome, domain::usage::Outcome::Cancelled);
    world.finish().await;
}

async fn start_stream(world: &World, connection: &mut Connection) {
    connection.send(HEADERS, END_HEADERS, 1, &head(world, &[])).await;
    let body = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    connection.send(DATA, END_STREAM, 1, body.as_bytes()).await;
}
