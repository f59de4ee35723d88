//! The admin listener at its bounds: slow heads, many connections, ambiguous framing, TLS.

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cli::Place;
use crate::tls::{connect_to, issue};
use crate::world::caller::Caller;
use crate::world::meddling::meddle;
use crate::world::{PATIENCE, World, eventually};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n";

/// What comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // Whether it is closed or reset does not matter.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn opened(world: &World, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(world.admin()).await.unwrap();
    // A connection that is turned away may be gone before it was written to.
    let _ = stream.write_all(bytes).await;
    stream
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_cut() {
    let world = World::with(&[("timeouts.header_ms", "100")]).await;
    for slow in [&b""[..], b"GET /metrics HTTP/1.1\r\nhost: ga"] {
        let mut stream = opened(&world, slow).await;
        let said = rest(&mut stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    let mut idle = opened(&world, HEALTH).await;
    let said = rest(&mut idle).await;
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with("\r\n\r\nok"), "{said}");
    world.finish().await;
}

#[tokio::test]
async fn what_has_two_readings_is_refused_and_closed() {
    let world = World::start().await;
    for (request, expect) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET http://gate/healthz HTTP/1.1\r\nhost: gate\r\n\r\n", 400),
        ("POST /healthz HTTP/1.1\r\nhost: gate\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
        // One reading is taken of a body in chunks, and nothing is read after it.
        ("POST /healthz HTTP/1.1\r\nhost: gate\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 405),
        (
            "GET /metrics HTTP/1.1\r\nhost: gate\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            401,
        ),
        (
            "GET /metrics HTTP/1.1\r\nhost: gate\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
            401,
        ),
    ] {
        let again = "GET /healthz HTTP/1.1\r\nhost: gate\r\n\r\n";
        let mut stream = opened(&world, [request, again].concat().as_bytes()).await;
        let said = rest(&mut stream).await;
        assert!(said.starts_with(&format!("HTTP/1.1 {expect} ")), "{request}: {said}");
        assert!(said.contains("\r\ncontent-type: application/problem+json\r\n"), "{said}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{said}");
        assert!(said.contains("\r\nx-content-type-options: nosniff\r\n"), "{said}");
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "one answer, then the end: {said}");
    }
    let header = "x-filler: 1\r\n".repeat(101);
    let mut stream = opened(&world, format!("GET /healthz HTTP/1.1\r\n{header}\r\n").as_bytes()).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "));
    world.finish().await;
}

#[tokio::test]
async fn bodies_in_chunks_are_taken_within_the_bounds_of_others() {
    let mut world = World::start().await;
    let person = world.person(domain::role::OrgRole::Member).await;
    let caller = Caller::new(world.admin(), person.token.clone());
    let chunked = |body: &str| {
        let head = caller.request("POST", "/api/v1/projects", "content-type: application/json\r\n", "");
        let head = head.replace("content-length: 0", "transfer-encoding: chunked");
        let (first, rest) = body.split_at(body.len() / 2);
        let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len());
        format!("{head}{}{}0\r\n\r\n", chunk(first), chunk(rest))
    };
    let made = caller.raw(chunked(r#"{"name":"in pieces"}"#).as_bytes()).await;
    assert_eq!(made.is(201)["name"], "in pieces");
    caller.raw(chunked("{\"name\":").as_bytes()).await.is_problem(400, "invalid_request");
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1 << 20));
    let mut stream = opened(&world, chunked(&large).as_bytes()).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    world.finish().await;
}

#[tokio::test]
async fn tables_that_cannot_be_read_are_not_ready() {
    let world = World::start().await;
    let admin = Caller::new(world.admin(), String::new());
    assert_eq!(admin.get("/readyz").await.text(), "ready");
    meddle(&world.database(), "ALTER TABLE models RENAME TO elsewhere").await;
    let broken = admin.get("/readyz").await;
    assert_eq!((broken.status, broken.text().as_str()), (503, "the store cannot serve requests"));
    assert!(world.logged().contains("no such table"), "{}", world.logged());
    meddle(&world.database(), "ALTER TABLE elsewhere RENAME TO models").await;
    assert_eq!(admin.get("/readyz").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_are_closed() {
    let world = World::start().await;
    let mut held = Vec::new();
    for _ in 0..control::admin::MAX_CONNECTIONS {
        let mut stream = opened(&world, HEALTH).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    let mut stream = opened(&world, HEALTH).await;
    assert_eq!(rest(&mut stream).await, "", "closed without an answer");
    assert!(world.logged().contains("connections to the admin listener are turned away"));
    // Places are free a moment after their connections were closed.
    let served = async || {
        let mut stream = opened(&world, HEALTH).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.is_ok() && &first == b"HTTP/1.1 200"
    };
    drop(held.pop());
    eventually("a place", served).await;
    drop(held);
    eventually("all places", served).await;
    world.finish().await;
}

#[tokio::test]
async fn tls_is_spoken_and_the_certificate_follows_its_file() {
    let folder = TempDir::new().unwrap();
    let first = issue(folder.path());
    let place = Place::installed();
    let setting = |name: &str, value: &str| ["--set".to_owned(), format!("admin_tls.{name}={value}")];
    let file = |name: &str| folder.path().join(name).display().to_string();
    let settings = [
        setting("certificate", &file("gate.pem")),
        setting("key", &file("gate.key")),
        setting("reload_ms", "10"),
    ];
    let settings: Vec<&str> = settings.iter().flatten().map(String::as_str).collect();
    let gate = place.serve(&settings).await;
    let mut stream = connect_to(gate.admin, &first, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream.write_all(HEALTH).await.unwrap();
    let mut answer = vec![0; 1_024];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");

    let mut plain = TcpStream::connect(gate.admin).await.unwrap();
    plain.write_all(HEALTH).await.unwrap();
    assert!(!rest(&mut plain).await.contains("HTTP"));

    let second = issue(folder.path());
    eventually("the second certificate", async || connect_to(gate.admin, &second, &[]).await.is_ok()).await;
    assert!(connect_to(gate.admin, &first, &[]).await.is_err());
    assert!(gate.end(rustix::process::Signal::TERM).await.success());
}

#[test]
fn in_production_only_tls_opens_it_to_other_machines() {
    let folder = TempDir::new().unwrap();
    issue(folder.path());
    let place = Place::installed().with("PORTCULLIS_ENVIRONMENT", "production");
    let key = folder.path().join("gate.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let open = ["config", "check", "--set", "listen.admin=0.0.0.0:8081"];
    assert!(place.fails(&open).contains("[admin_tls]"));
    let certificate = format!("admin_tls.certificate={}", folder.path().join("gate.pem").display());
    let half = [&open[..], &["--set", &certificate]].concat();
    assert!(place.fails(&half).contains("admin_tls.key"));
    place.ok(&[&half[..], &["--set", &format!("admin_tls.key={}", key.display())]].concat());
}
