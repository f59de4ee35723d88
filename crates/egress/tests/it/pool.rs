//! Which connection a request goes out on: when one is used again, when never, and how many there are.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use egress::{Answers, Body, Client, Failed, Reached, Resolve, Settings};
use http::{Response, Version};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, spawn_blocking, yield_now};

use crate::secured::Secured;
use crate::world::{self, Upstream, client, policy, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

async fn ask(client: &Client, upstream: &Upstream) -> Response<Body> {
    world::call(client, &[&upstream.entry()], &upstream.url("/")).await.expect("an answer")
}

async fn read(answer: Response<Body>) {
    answer.into_body().collect().await.expect("a body");
}

/// The connection that the next of the requests came on.
async fn peer(upstream: &mut Upstream) -> SocketAddr {
    upstream.heads.recv().await.expect("a request").0
}

#[tokio::test]
async fn a_connection_serves_again_if_and_only_if_its_answer_allows_it() {
    let check = async |answer: &str, again: bool| {
        let mut upstream = Upstream::answering(answer).await;
        let client = client(&[&upstream.entry()], Vec::new());
        for _ in 0..2 {
            read(ask(&client, &upstream).await).await;
        }
        assert_eq!(peer(&mut upstream).await == peer(&mut upstream).await, again, "{answer}");
    };
    check(OK, true).await;
    check("HTTP/1.1 204 No Content\r\n\r\n", true).await;
    check("HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true).await;
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", true).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: te, Close\r\n\r\n", false).await;
    check("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", false).await;
    check("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n", false).await;
    // Two readers could disagree where this one ends.
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        false,
    )
    .await;
}

#[tokio::test]
async fn the_last_byte_of_a_known_length_frees_the_connection() {
    let mut upstream = Upstream::answering(OK).await;
    let client = client(&[&upstream.entry()], Vec::new());
    let mut body = ask(&client, &upstream).await.into_body();
    let frame = body.frame().await.expect("a frame").expect("data");
    assert_eq!(frame.into_data().expect("data"), "ok");
    read(ask(&client, &upstream).await).await;
    assert_eq!(peer(&mut upstream).await, peer(&mut upstream).await);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_answer_that_was_not_read_to_its_end_frees_nothing() {
    for answer in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok",
        OK,
    ] {
        let mut upstream = Upstream::answering(answer).await;
        let client = client(&[&upstream.entry()], Vec::new());
        for _ in 0..2 {
            drop(ask(&client, &upstream).await);
        }
        assert_ne!(peer(&mut upstream).await, peer(&mut upstream).await, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_the_upstream_closed_is_not_missed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let entry = listener.local_addr().expect("an address").to_string();
    let ((was_read, reads), (closed, closes)) = (channel(), channel());
    let upstream = spawn_blocking(move || {
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().expect("a peer");
            assert_ne!(socket.read(&mut [0; 1_024]).expect("a request"), 0);
            socket.write_all(OK.as_bytes()).expect("written");
            reads.recv().expect("a reader");
            drop(socket);
            closed.send(()).expect("a caller");
        }
    });
    let client = client(&[&entry], Vec::new());
    for _ in 0..2 {
        let answer = world::call(&client, &[&entry], &format!("http://{entry}/")).await.expect("an answer");
        read(answer).await;
        was_read.send(()).expect("the upstream");
        // This holds up the connection's own task too: the next request goes out before it sees the end.
        closes.recv().expect("the upstream");
        yield_now().await;
    }
    upstream.await.expect("two connections");
}

#[tokio::test]
async fn a_request_of_which_anything_was_read_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let entry = listener.local_addr().expect("an address").to_string();
    let upstream = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a peer");
        read_head(&mut socket).await.expect("a request");
        socket.write_all(OK.as_bytes()).await.expect("written");
        socket.read_u8().await.expect("the first byte of the second request");
        drop(socket);
        listener
    });
    let client = client(&[&entry], Vec::new());
    let url = format!("http://{entry}/");
    read(world::call(&client, &[&entry], &url).await.expect("an answer")).await;
    let failed = world::call(&client, &[&entry], &url).await.expect_err("no answer");
    assert!(matches!(failed, Failed::Broken { reached: Reached::Maybe, .. }), "{failed:?}");
    world::assert_untouched(&upstream.await.expect("the listener")).await;
}

#[tokio::test]
async fn clients_and_threads_apart_share_no_connection() {
    let mut upstream = Upstream::answering(OK).await;
    let together = client(&[&upstream.entry()], Vec::new());
    let apart = together.apart();
    let mut peers = Vec::new();
    for client in [&together, &together.clone(), &apart, &apart.clone()] {
        read(ask(client, &upstream).await).await;
        peers.push(peer(&mut upstream).await);
    }
    let (elsewhere, runtime) = (apart.clone(), Handle::current());
    let target = policy(&[&upstream.entry()]).check(&upstream.url("/")).expect("a permitted URL");
    spawn_blocking(move || {
        runtime
            .block_on(async move { read(world::send(&elsewhere, &target).await.expect("an answer")).await });
    })
    .await
    .expect("an answer");
    peers.push(peer(&mut upstream).await);
    read(ask(&apart, &upstream).await).await;
    peers.push(peer(&mut upstream).await);
    assert_eq!(peers[0], peers[1]);
    assert_eq!(peers[2], peers[3]);
    assert_eq!(peers[2], peers[5]);
    assert_ne!(peers[0], peers[2]);
    assert_ne!(peers[0], peers[4]);
    assert_ne!(peers[2], peers[4]);
}

fn client_with(settings: Settings, upstream: &Upstream) -> Client {
    Client::new(Arc::new(policy(&[&upstream.entry()])), settings).expect("a client")
}

#[tokio::test]
async fn no_more_unused_connections_are_kept_than_allowed() {
    for (allowed, kept) in [(0, 0), (1, 1), (2, 2), (3, 3), (512, 3)] {
        let mut upstream = Upstream::answering(OK).await;
        let settings = Settings { max_idle_per_host: allowed, ..world::settings() };
        let client = client_with(settings, &upstream);
        let mut rounds = Vec::new();
        for _ in 0..2 {
            let mut answers = Vec::new();
            let mut peers = Vec::new();
            for _ in 0..3 {
                answers.push(ask(&client, &upstream).await);
                peers.push(peer(&mut upstream).await);
            }
            for answer in answers {
                read(answer).await;
            }
            rounds.push(peers);
        }
        let again = rounds[1].iter().filter(|peer| rounds[0].contains(peer)).count();
        assert_eq!(again, kept, "{allowed} allowed");
    }
}

#[tokio::test]
async fn the_connection_used_last_is_used_next() {
    let mut upstream = Upstream::answering(OK).await;
    let client = client(&[&upstream.entry()], Vec::new());
    let answers = [ask(&client, &upstream).await, ask(&client, &upstream).await];
    let peers = [peer(&mut upstream).await, peer(&mut upstream).await];
    let [first, second] = answers;
    read(second).await;
    read(first).await;
    read(ask(&client, &upstream).await).await;
    assert_eq!(peer(&mut upstream).await, peers[0]);
}

#[tokio::test]
async fn a_connection_unused_for_too_long_is_closed_without_another_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
    let entry = listener.local_addr().expect("an address").to_string();
    let settings = Settings { idle_timeout: Duration::from_millis(20), ..world::settings() };
    let client = Client::new(Arc::new(policy(&[&entry])), settings).expect("a client");
    let url = format!("http://{entry}/");
    // The second time shows that a pool that held nothing for a while is looked after again.
    for _ in 0..2 {
        let upstream = async {
            let (mut socket, _) = listener.accept().await.expect("a peer");
            read_head(&mut socket).await.expect("a request");
            socket.write_all(OK.as_bytes()).await.expect("written");
            socket.read(&mut [0; 1]).await.expect("the end")
        };
        let caller = async { read(world::call(&client, &[&entry], &url).await.expect("an answer")).await };
        let (rest, ()) = tokio::join!(upstream, caller);
        assert_eq!(rest, 0);
    }
}

#[tokio::test]
async fn an_unused_connection_is_too_old_at_its_time_out() {
    let mut upstream = Upstream::answering(OK).await;
    let client = client_with(Settings { idle_timeout: Duration::ZERO, ..world::settings() }, &upstream);
    for _ in 0..2 {
        read(ask(&client, &upstream).await).await;
    }
    assert_ne!(peer(&mut upstream).await, peer(&mut upstream).await);
}

/// What `count` requests at the same time, in two rounds, are answered by, and over how many connections.
async fn rounds(count: usize, alpn: &[u8]) -> (Version, usize) {
    let upstream = Secured::answering_together(count, &["llm.example"], &[alpn]).await;
    let client = upstream.client("llm.example", &upstream.certificate_pem);
    let entry = upstream.entry("llm.example");
    let target = policy(&[&entry]).check(&format!("https://{entry}/")).expect("a permitted URL");
    let mut version = None;
    for _ in 0..2 {
        let mut calls = JoinSet::new();
        for _ in 0..count {
            let (client, target) = (client.clone(), target.clone());
            calls.spawn(async move {
                let answer = world::send(&client, &target).await.expect("an answer");
                let version = answer.version();
                read(answer).await;
                version
            });
        }
        for spoken in calls.join_all().await {
            assert_eq!(*version.get_or_insert(spoken), spoken);
        }
    }
    (version.expect("a call"), upstream.accepted.load(Ordering::SeqCst))
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_http2_connection() {
    assert_eq!(rounds(20, b"h2").await, (Version::HTTP_2, 1));
}

#[tokio::test]
async fn requests_at_the_same_time_have_an_http1_connection_each() {
    assert_eq!(rounds(5, b"http/1.1").await, (Version::HTTP_11, 5));
}

#[tokio::test]
async fn who_waits_for_a_connection_learns_why_there_is_none() {
    let upstream = Secured::start(&["llm.example"], &[b"h2"]).await;
    let client = upstream.client("llm.example", "");
    let entry = upstream.entry("llm.example");
    let target = policy(&[&entry]).check(&format!("https://{entry}/")).expect("a permitted URL");
    let (one, other) = tokio::join!(world::send(&client, &target), world::send(&client, &target));
    assert!(matches!((&one, &other), (Err(Failed::Tls(_)), Err(Failed::Tls(_)))), "{one:?} {other:?}");
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 1);
    // The next request tries again.
    assert!(world::send(&client, &target).await.is_err());
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 2);
}

/// A resolver whose first answer never comes.
#[derive(Default)]
struct SilentAtFirst(AtomicUsize);

impl Resolve for SilentAtFirst {
    fn resolve<'a>(&'a self, _: &'a str) -> Answers<'a> {
        let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move {
            if first { std::future::pending().await } else { Ok(vec![IpAddr::from([127, 0, 0, 1])]) }
        })
    }
}

#[tokio::test]
async fn who_waits_for_a_connection_opens_it_when_the_other_leaves() {
    let upstream = Secured::start(&["llm.example"], &[b"h2"]).await;
    let entry = upstream.entry("llm.example");
    let roots = upstream.certificate_pem.clone().into_bytes();
    let settings = Settings { extra_roots_pem: roots, ..world::settings() };
    let resolver = Arc::new(SilentAtFirst::default());
    let client = Client::with_resolver(Arc::new(policy(&[&entry])), settings, Arc::clone(&resolver) as _)
        .expect("a client");
    let target = policy(&[&entry]).check(&format!("https://{entry}/")).expect("a permitted URL");
    let mut leaves = Box::pin(world::send(&client, &target));
    let mut waits = Box::pin(world::send(&client, &target));
    tokio::select! {
        biased;
        answer = &mut leaves => panic!("{answer:?}"),
        answer = &mut waits => panic!("{answer:?}"),
        () = yield_now() => {}
    }
    assert_eq!(resolver.0.load(Ordering::SeqCst), 1);
    drop(leaves);
    assert_eq!(waits.await.expect("an answer").version(), Version::HTTP_2);
    assert_eq!(upstream.accepted.load(Ordering::SeqCst), 1);
}
