//! HTTP/1 on the wire: every row of the smuggling vectors over a raw socket, and what every answer carries.

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::chat::{ANSWER, request};
use crate::vectors::{all_in_one_place, rows};
use crate::world::{PATIENCE, World, eventually};

/// What came back over one connection.
struct Reply {
    /// The final statuses, in order.
    statuses: Vec<u16>,
    interim: Vec<u16>,
    closed: bool,
}

/// Reads the first answer, and on to the end of the connection when that is to come.
async fn read(what: &str, stream: &mut TcpStream, to_the_end: bool) -> Reply {
    let mut bytes = Vec::new();
    let mut closed = false;
    let reading = async {
        while !closed && (to_the_end || parse(&bytes).0.is_empty()) {
            let mut piece = [0; 4096];
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                _ => closed = true,
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, reading).await.is_ok();
    assert!(in_time, "{what}: neither an answer nor the end in time: {:?}", String::from_utf8_lossy(&bytes));
    let (statuses, interim) = parse(&bytes);
    Reply { statuses, interim, closed }
}

/// The statuses of all whole answers; every answer here has a length or no body.
fn parse(mut bytes: &[u8]) -> (Vec<u16>, Vec<u16>) {
    let (mut last, mut interim) = (vec![], vec![]);
    while let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.parse().unwrap());
        if bytes.len() < end + 4 + length {
            break;
        }
        bytes = &bytes[end + 4 + length..];
        if status < 200 { interim.push(status) } else { last.push(status) }
    }
    (last, interim)
}

/// Characters up to U+00FF are single bytes on the wire.
fn on_the_wire(raw: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for letter in raw.chars() {
        match u8::try_from(u32::from(letter)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[tokio::test]
async fn the_smuggling_vectors_hold_on_the_wire() {
    let world = World::start().await;
    // The rows count the bytes of a body whose model is `m`.
    world.add_connection("rows", "openai", world.upstream.address, &["m"]).await;
    eventually("the model of the rows", || async {
        world.caller.get("/v1/models").await.text().contains("openai/m")
    })
    .await;
    let mut run = String::new();
    for row in rows("http_smuggling") {
        let (id, expect) = (row["id"].as_str().unwrap(), &row["expect"]);
        run.push_str(&format!("\"{id}\" "));
        let raw = row["input"]["raw"].as_str().unwrap().replace("{KEY}", &world.caller.key);
        let verdict = expect["verdict"].as_str().unwrap();
        let allowed: Vec<u64> = match (expect["status"].as_array(), verdict) {
            (Some(listed), _) => listed.iter().map(|status| status.as_u64().unwrap()).collect(),
            (None, "accept_or_400") => vec![200, 400],
            (None, "h2_preface_or_400") => vec![400],
            (None, other) => panic!("{id}: unknown verdict {other}"),
        };
        world.upstream.answers(ANSWER);
        let before = world.upstream.received().len();
        let mut stream = world.caller.open(&on_the_wire(&raw)).await;
        let closes = expect["connection"] == "close";
        let reply = read(id, &mut stream, closes).await;
        // One answer and no second one: what followed the request at fault was not taken for a request.
        let [status] = reply.statuses[..] else { panic!("{id}: {:?}", reply.statuses) };
        assert!(allowed.contains(&u64::from(status)), "{id}: {status}, not one of {allowed:?}");
        assert!(!closes || reply.closed, "{id}: the connection stays open");
        if let Some(interim) = expect["interim"].as_array() {
            assert_eq!(interim.len(), reply.interim.len(), "{id}");
        }
        let received = &world.upstream.received()[before..];
        assert_eq!(received.len(), usize::from(status == 200), "{id}: {received:#?}");
        let lines: Vec<(String, String)> = received
            .iter()
            .flat_map(|request| request.head.lines().skip(1))
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        if let Some(name) = expect["upstream_must_not_contain"].as_str() {
            assert!(lines.iter().all(|(found, _)| *found != name.to_ascii_lowercase()), "{id}: {lines:?}");
        }
        if let Some(value) = expect["upstream_must_not_contain_value"].as_str() {
            let value = value.replace("{KEY}", &world.caller.key);
            assert!(lines.iter().all(|(_, found)| *found != value), "{id}: {lines:?}");
        }
    }
    all_in_one_place("http_smuggling", &[&run]);
    world.finish().await;
}

#[tokio::test]
async fn trailers_are_no_headers() {
    let world = World::start().await;
    world.upstream.answers(ANSWER);
    let body = request("gpt-test");
    let key = &world.caller.key;
    let chunked = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gate\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\nauthorization: Bearer {key}\r\n\r\n",
        body.len()
    );
    world.caller.raw(chunked.as_bytes()).await.is_error(401, "invalid_request_error", "invalid_api_key");
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_refused_request_is_the_last_on_its_connection() {
    let world = World::start().await;
    let next = "GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n";
    let check = |first: &'static str, status: u16| {
        let world = &world;
        async move {
            let mut stream = world.caller.open(format!("{first}{next}").as_bytes()).await;
            let reply = read(first, &mut stream, true).await;
            assert_eq!(reply.statuses, [status], "{first}");
        }
    };
    check("GET http://gate/healthz HTTP/1.1\r\nhost: gate\r\n\r\n", 400).await;
    check("CONNECT gate:80 HTTP/1.1\r\nhost: gate\r\n\r\n", 405).await;
    check("GET /healthz HTTP/1.1\r\nhost: gate\r\nexpect: more\r\n\r\n", 400).await;
    check("GET /healthz HTTP/1.1\nhost: gate\r\n\r\n", 400).await;
    check("GET /healthz HTTP/1.1\r\nhost: gate\r\nx: a\n\r\n", 400).await;
    check("POST /nothing HTTP/1.1\r\nhost: gate\r\ncontent-length: 100000\r\n\r\nabc", 404).await;
    let long = format!("GET /healthz?{} HTTP/1.1\r\nhost: gate\r\n\r\n", "a".repeat(9_000));
    let mut stream = world.caller.open(format!("{long}{next}").as_bytes()).await;
    assert_eq!(read("a row", &mut stream, true).await.statuses, [414]);
    world.finish().await;
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_order() {
    let world = World::start().await;
    let row = "GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\nGET /nothing HTTP/1.1\r\nhost: gate\r\n\r\n\
               GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n";
    let mut stream = world.caller.open(row.as_bytes()).await;
    assert_eq!(read("a row", &mut stream, true).await.statuses, [200, 404, 200]);
    world.finish().await;
}

#[tokio::test]
async fn every_answer_is_protected() {
    let world = World::start().await;
    world.upstream.answers(ANSWER).streams(&["data: [DONE]\n\n"]);
    let stream = request("gpt-test").replacen('{', "{\"stream\":true,", 1);
    let answers = [
        world.chat(&request("gpt-test")).await,
        world.caller.get("/healthz").await,
        world.caller.get("/nothing").await,
        world.caller.get("/v1/models").await,
    ];
    for answer in &answers {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{}", answer.head);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.head);
        assert_eq!(answer.header("server"), None, "{}", answer.head);
        assert_eq!(answer.header("strict-transport-security"), None, "{}", answer.head);
    }
    let streamed = world.chat(&stream).await;
    assert_eq!(streamed.header("cache-control"), Some("no-cache"), "{}", streamed.head);
    assert_eq!(streamed.header("x-content-type-options"), Some("nosniff"), "{}", streamed.head);
    world.finish().await;
}
