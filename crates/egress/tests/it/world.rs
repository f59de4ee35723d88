//! Upstreams on loopback, resolvers that answer what a test wants, and clients for both.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use egress::{Answers, Client, Failed, Policy, Resolve, Settings, Target};
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A path and query that no error may ever show.
pub const SECRET: &str = "SECRET";

pub fn policy(allow: &[&str]) -> Policy {
    Policy::new(allow.iter().map(|text| text.parse().expect("a valid entry")).collect())
}

pub fn settings() -> Settings {
    Settings { connect_timeout: Duration::from_secs(20), ..Settings::default() }
}

pub fn client(allow: &[&str], answers: Vec<Vec<IpAddr>>) -> Client {
    let resolver = Arc::new(Scripted::new(answers));
    Client::with_resolver(Arc::new(policy(allow)), settings(), resolver).expect("a client")
}

pub fn get() -> Request<Full<Bytes>> {
    Request::new(Full::default())
}

/// Checks and calls `url` with the same list, and holds that no failure shows the URL's path or query.
pub async fn call(
    client: &Client,
    allow: &[&str],
    url: &str,
) -> Result<http::Response<egress::Body>, Failed> {
    let target = policy(allow).check(url)?;
    send(client, &target).await
}

pub async fn send(client: &Client, target: &Target) -> Result<http::Response<egress::Body>, Failed> {
    let answer = client.send(target, get()).await;
    if let Err(failed) = &answer {
        let mut text = format!("{failed} {failed:?}");
        let mut cause = failed.source();
        while let Some(current) = cause {
            text = format!("{text} {current} {current:?}");
            cause = current.source();
        }
        assert!(!text.contains(SECRET), "{text}");
    }
    answer
}

/// Gives one set of answers after another, and the last one from then on.
pub struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Scripted {
    pub fn new(answers: Vec<Vec<IpAddr>>) -> Self {
        Self { answers, asked: AtomicUsize::new(0) }
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Scripted {
    fn resolve<'a>(&'a self, _: &'a str) -> Answers<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len().saturating_sub(1));
        Box::pin(async move { self.answers.get(turn).cloned().ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// An upstream that answers every request with the same bytes and reports each request head it has read.
pub struct Upstream {
    pub address: SocketAddr,
    pub heads: mpsc::UnboundedReceiver<(SocketAddr, String)>,
}

impl Upstream {
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let (report, heads) = mpsc::unbounded_channel();
        let answer: Arc<[u8]> = answer.into().into();
        tokio::spawn(async move {
            while let Ok((socket, peer)) = listener.accept().await {
                tokio::spawn(serve(socket, peer, Arc::clone(&answer), report.clone()));
            }
        });
        Self { address, heads }
    }

    pub fn entry(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }
}

async fn serve(
    mut socket: TcpStream,
    peer: SocketAddr,
    answer: Arc<[u8]>,
    report: mpsc::UnboundedSender<(SocketAddr, String)>,
) {
    while let Some(head) = read_head(&mut socket).await {
        let closing = answer.windows(17).any(|window| window == b"connection: close") || answer.is_empty();
        // The test may be over, with nobody left to hear of it.
        let _ = report.send((peer, head));
        if socket.write_all(&answer).await.is_err() || closing {
            return;
        }
    }
}

/// Reads up to the end of one request head; `None` when the peer has gone.
pub async fn read_head(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).expect("text"))
}

/// Holds that nobody has connected to `listener` so far: the first peer it ever sees is our own.
pub async fn assert_untouched(listener: &TcpListener) {
    let own = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
    let (_, first) = listener.accept().await.expect("a peer");
    assert_eq!(first, own.local_addr().expect("an address"), "somebody connected before");
}
