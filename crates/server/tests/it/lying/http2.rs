//! An upstream that speaks HTTP/2 over TLS and ends its connections in ways of that protocol.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use domain::usage::Outcome;
use h2::Reason;
use h2::server::SendResponse;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::GOOD;
use super::bytes::{ends_with_done, ends_with_error};
use crate::streams::REQUEST;
use crate::world::{World, eventually};

/// What the upstream does once a request has arrived.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// It announces the end of the connection in mid-stream, and finishes the stream.
    Goaway,
    /// It resets the stream at once, asking for calm.
    Calm,
    /// The same after the first event.
    CalmInStream,
    /// It ends the whole connection, asking for calm, with requests that it counts as begun.
    CalmAndGone,
}

struct Secured {
    address: SocketAddr,
    certificate: tempfile::NamedTempFile,
    connections: Arc<AtomicUsize>,
}

async fn start(manner: Manner) -> Secured {
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(issued.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut certificate = tempfile::NamedTempFile::new().unwrap();
    certificate.write_all(issued.cert.pem().as_bytes()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            tokio::spawn(async move { serve(acceptor.accept(socket).await.unwrap(), manner).await });
        }
    });
    Secured { address, certificate, connections }
}

async fn serve(socket: tokio_rustls::server::TlsStream<tokio::net::TcpStream>, manner: Manner) {
    let mut connection = h2::server::handshake(socket).await.unwrap();
    let (begun, mut begins) = mpsc::channel(1);
    let mut held = Vec::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((_, mut respond))) => match manner {
                    Manner::Calm => respond.send_reset(Reason::ENHANCE_YOUR_CALM),
                    Manner::CalmAndGone => {
                        // Dropping it would reset the stream first, for another reason.
                        held.push(respond);
                        connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                    }
                    Manner::Goaway | Manner::CalmInStream => {
                        tokio::spawn(answer(respond, manner, begun.clone()));
                    }
                },
                _ => return,
            },
            Some(()) = begins.recv() => connection.graceful_shutdown(),
        }
    }
}

async fn answer(mut respond: SendResponse<Bytes>, manner: Manner, begun: mpsc::Sender<()>) {
    let head = http::Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    let mut stream = respond.send_response(head, false).unwrap();
    let (first, rest) = GOOD.split_first().unwrap();
    stream.send_data(Bytes::from_static(first.as_bytes()), false).unwrap();
    if manner == Manner::CalmInStream {
        // The event has left once the caller's side has made room for more.
        stream.reserve_capacity(1);
        std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        tokio::task::yield_now().await;
        return stream.send_reset(Reason::ENHANCE_YOUR_CALM);
    }
    begun.send(()).await.unwrap();
    stream.send_data(Bytes::from(rest.concat()), true).unwrap();
    std::future::poll_fn(|context| stream.poll_reset(context)).await.ok();
}

async fn world(upstream: &Secured) -> World {
    let allow = upstream.address.to_string();
    let roots = upstream.certificate.path().display().to_string();
    let settings =
        [("egress.allow", allow.as_str()), ("egress.extra_roots", &roots), ("retries.per_target", "0")];
    let world = World::with(&settings).await;
    let address = upstream.address;
    world
        .add_connection_with("secured", |new| {
            new.base_url = format!("https://{address}/v1");
            new.serves = domain::route::Serves::Listed(vec!["secured".into()]);
        })
        .await;
    eventually("the connection to be known", || async {
        world.caller.get("/v1/models/secured").await.status == 200
    })
    .await;
    world
}

fn request() -> String {
    REQUEST.replace("gpt-test", "secured")
}

pub async fn goaway_in_mid_stream(id: &str) {
    let upstream = start(Manner::Goaway).await;
    let world = world(&upstream).await;
    for count in 1..=2 {
        let text = world.chat(&request()).await.text();
        assert!(ends_with_done(&text), "{id}: the stream that runs is finished: {text}");
        assert_eq!(
            upstream.connections.load(Ordering::Relaxed),
            count,
            "{id}: a new connection for the next"
        );
    }
    assert!(world.usage(2).await.iter().all(|row| row.outcome == Outcome::Complete), "{id}");
    world.finish().await;
}

pub async fn asked_for_calm(id: &str) {
    for manner in [Manner::Calm, Manner::CalmInStream] {
        let upstream = start(manner).await;
        let world = world(&upstream).await;
        let answer = world.chat(&request()).await;
        // Whether the event got away before the reset is the kernel's affair.
        if manner == Manner::CalmInStream && answer.status == 200 {
            assert!(ends_with_error(&answer.text()), "{id}: {}", answer.text());
        } else {
            answer.is_error(429, "rate_limit_error", "rate_limited");
        }
        let next = world.chat(&request()).await;
        next.is_error(429, "rate_limit_error", "rate_limited");
        assert_eq!(next.header("retry-after"), Some("300"), "{id}: the connection rests");
        assert_eq!(upstream.connections.load(Ordering::Relaxed), 1, "{id}");
        world.finish().await;
    }
    // The client library drops the reason for a request that the upstream counts as begun; what is left is a
    // connection that broke, and three of those are a rest, too.
    let upstream = start(Manner::CalmAndGone).await;
    let world = world(&upstream).await;
    for _ in 0..3 {
        world.chat(&request()).await.is_error(502, "api_error", "provider_error");
    }
    world.chat(&request()).await.is_error(503, "api_error", "no_available_route");
    assert_eq!(upstream.connections.load(Ordering::Relaxed), 3, "{id}");
    world.finish().await;
}
