//! A scripted upstream: a TCP server that keeps what it receives and sends what the test wrote, byte for byte, so
//! that it can stall, lie and stop anywhere.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// One thing the upstream does.
#[derive(Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes so many times, or until nobody takes them any more.
    Flood(Vec<u8>, usize),
    /// Sends these bytes one by one, each in a packet of its own.
    Drip(Vec<u8>),
    /// Waits until the test opens the gate.
    Wait(Arc<Notify>),
    /// Sends nothing more and waits for the peer to close.
    Hang,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Shared {
    scripts: Mutex<VecDeque<Vec<Step>>>,
    received: Mutex<Vec<Received>>,
    hung_up: Mutex<Vec<Instant>>,
    connections: Mutex<usize>,
    flooded: AtomicUsize,
}

#[derive(Clone)]
pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let shared = Arc::clone(&upstream.shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *shared.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        upstream
    }

    /// Adds what the next request meets.
    pub fn then(&self, steps: Vec<Step>) -> &Self {
        self.shared.scripts.lock().unwrap().push_back(steps);
        self
    }

    /// The next request gets this JSON with status 200.
    pub fn answers(&self, json: &str) -> &Self {
        self.says(200, "content-type: application/json\r\n", json)
    }

    /// The next request gets this status, these header lines and this body.
    pub fn says(&self, status: u16, headers: &str, body: &str) -> &Self {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        self.then(vec![Step::Send((head + body).into_bytes())])
    }

    /// The next request gets these events as a stream that ends well.
    pub fn streams(&self, events: &[&str]) -> &Self {
        let mut steps = vec![Step::Send(stream_head())];
        steps.extend(events.iter().map(|event| Step::Send(chunk(event.as_bytes()))));
        steps.push(Step::Send(chunk(b"")));
        self.then(steps)
    }

    /// Drops what was scripted and not asked for.
    pub fn forget(&self) -> &Self {
        self.shared.scripts.lock().unwrap().clear();
        self
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    pub fn only_received(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:#?}");
        received.remove(0)
    }

    /// When peers closed on a hanging upstream.
    pub fn hung_up(&self) -> Vec<Instant> {
        self.shared.hung_up.lock().unwrap().clone()
    }

    /// Bytes that floods have got rid of.
    pub fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::Relaxed)
    }

    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }
}

/// The head of a stream with chunked framing.
pub fn stream_head() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()
}

/// One chunk of a chunked body; an empty one ends it.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", bytes.len()).into_bytes();
    framed.extend_from_slice(bytes);
    framed.extend_from_slice(b"\r\n");
    framed
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut buffer).await {
        shared.received.lock().unwrap().push(received);
        let script = shared.scripts.lock().unwrap().pop_front();
        let script = script.unwrap_or_else(|| vec![Step::Send(unscripted())]);
        for step in script {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(&bytes).await.is_err() {
                        shared.hung_up.lock().unwrap().push(Instant::now());
                        return;
                    }
                }
                Step::Flood(bytes, times) => {
                    for _ in 0..times {
                        if stream.write_all(&bytes).await.is_err() {
                            shared.hung_up.lock().unwrap().push(Instant::now());
                            return;
                        }
                        shared.flooded.fetch_add(bytes.len(), Ordering::Relaxed);
                    }
                }
                Step::Drip(bytes) => {
                    stream.set_nodelay(true).unwrap();
                    for byte in bytes {
                        stream.write_all(&[byte]).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
                Step::Wait(gate) => gate.notified().await,
                Step::Hang => {
                    let mut rest = [0; 1024];
                    while matches!(stream.read(&mut rest).await, Ok(count) if count > 0) {}
                    shared.hung_up.lock().unwrap().push(Instant::now());
                    return;
                }
                Step::Close => return,
                Step::Reset => {
                    stream.set_zero_linger().unwrap();
                    return;
                }
            }
        }
    }
}

fn unscripted() -> Vec<u8> {
    let body = r#"{"error":{"message":"the test scripted no answer"}}"#;
    format!("HTTP/1.1 418 X\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub(super) async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned))
                .map_or(0, |length| length.trim().parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some(Received { head, body });
            }
        }
        let mut piece = [0; 16 * 1024];
        match stream.read(&mut piece).await {
            Ok(count) if count > 0 => buffer.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}
