//! A caller: HTTP/1.1 over a plain socket, so that a test can send anything and see every byte of the answer.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::PATIENCE;

pub struct Caller {
    pub address: SocketAddr,
    pub key: String,
    pub bearer: bool,
    transcript: Mutex<Vec<u8>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    pub took: Duration,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Checks an error in OpenAI's envelope.
    #[track_caller]
    pub fn is_error(&self, status: u16, kind: &str, code: &str) -> &Self {
        let json = self.json();
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(json["error"]["type"], kind, "{json}");
        assert_eq!(json["error"]["code"], code, "{json}");
        assert!(json["error"]["message"].is_string(), "{json}");
        let id = self.header("x-request-id").expect("a request id");
        assert_eq!(json["request_id"], id, "{json}");
        assert_eq!(self.header("request-id"), Some(id));
        let later = status >= 500 || status == 429;
        assert_eq!(self.header("x-should-retry"), (!later).then_some("false"), "{}", self.head);
        assert_eq!(self.header("retry-after").is_some(), later, "{}", self.head);
        assert_eq!(self.header("retry-after-ms").is_some(), later, "{}", self.head);
        self
    }
}

impl Caller {
    pub fn new(address: SocketAddr, key: String) -> Self {
        Self { address, key, bearer: true, transcript: Mutex::default() }
    }

    /// Everything this caller ever received.
    pub fn transcript(&self) -> Vec<u8> {
        self.transcript.lock().unwrap().clone()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw(self.request("GET", path, "", "").as_bytes()).await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.post_with(path, "content-type: application/json\r\n", body).await
    }

    pub async fn post_with(&self, path: &str, headers: &str, body: &str) -> Answer {
        self.raw(self.request("POST", path, headers, body).as_bytes()).await
    }

    /// The text of a request that closes its connection.
    pub fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let key = if self.key.is_empty() {
            String::new()
        } else {
            format!("authorization: Bearer {}\r\n", self.key)
        };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n{key}{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends these bytes and reads the answer to the end of the connection.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        let started = std::time::Instant::now();
        let mut stream = self.open(bytes).await;
        let mut all = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all))
            .await
            .expect("an answer in time")
            .unwrap();
        self.transcript.lock().unwrap().extend_from_slice(&all);
        let took = started.elapsed();
        let end = all.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = all[end + 4..].to_vec();
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        Answer { status, head, body: if chunked { unchunk(&body) } else { body }, took }
    }

    /// Sends these bytes and leaves the connection to the test.
    pub async fn open(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A refusal may come before the whole request was taken.
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// Opens a stream and reads until `mark` has arrived.
    pub async fn open_until(&self, path: &str, body: &str, mark: &str) -> TcpStream {
        let request = self.request("POST", path, "content-type: application/json\r\n", body);
        let mut stream = self.open(request.as_bytes()).await;
        let mut seen = Vec::new();
        let read = async {
            while !seen.windows(mark.len()).any(|window| window == mark.as_bytes()) {
                let mut piece = [0; 4096];
                let count = stream.read(&mut piece).await.unwrap();
                assert!(count > 0, "closed before {mark}: {}", String::from_utf8_lossy(&seen));
                seen.extend_from_slice(&piece[..count]);
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("the mark in time");
        self.transcript.lock().unwrap().extend_from_slice(&seen);
        stream
    }
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
    whole
}
