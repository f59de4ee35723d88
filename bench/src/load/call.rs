//! One caller: a connection that is kept, and the same chat request over and over.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::events::Events;
use super::options::Options;

/// A prompt of about 1 KB is these words so many times.
const WORDS: &str = "Tell me about the gate and the wall. ";
const REPEATED: usize = 28;
/// A connection between two requests of one caller is gone at most so often before that is a fault.
const ATTEMPTS: u32 = 2;

/// Whom to ask, and what.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    expected: StatusCode,
    answer: Answer,
}

/// What form an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Whole,
    Stream,
}

/// What was seen of an answer.
pub struct Seen {
    /// When the first bytes of its body came.
    pub first: Instant,
    /// Events, if it was a stream.
    pub events: u64,
}

impl Target {
    /// Takes `--address`, `--path`, `--bearer`, `--headers` (a JSON object), `--model` and `--expect` (a status).
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn read(options: &mut Options) -> Result<Self> {
        let (address, path): (SocketAddr, String) = (options.take("address")?, options.take("path")?);
        let (bearer, model, headers): (String, String, String) =
            (options.take("bearer")?, options.take("model")?, options.take("headers")?);
        let mut request = Request::post(path)
            .header(header::HOST, address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {bearer}"))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in serde_json::from_str::<BTreeMap<String, String>>(&headers)? {
            request = request.header(name, value);
        }
        let request = request.body(Full::default())?;
        let empty = Self { address, request, expected: options.take("expect")?, answer: Answer::Whole };
        Ok(empty.asking(&model))
    }

    /// The same, for another model.
    #[must_use]
    pub fn asking(&self, model: &str) -> Self {
        let answer = if model.starts_with("sse-") { Answer::Stream } else { Answer::Whole };
        let body = serde_json::json!({
            "model": model,
            "stream": answer == Answer::Stream,
            "messages": [{"role": "user", "content": WORDS.repeat(REPEATED)}],
        });
        let mut asking = Self { answer, ..self.clone() };
        *asking.request.body_mut() = Full::new(Bytes::from(body.to_string()));
        asking
    }
}

/// One caller.
pub struct Caller {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Caller {
    /// Not connected yet.
    pub fn of(target: &Target) -> Self {
        Self { target: target.clone(), sender: None }
    }

    /// Makes a call and reads the answer to its end; `begun` is told when its first bytes are there.
    ///
    /// # Errors
    /// For another status than the one expected, and an answer that breaks off.
    pub async fn call(&mut self, begun: impl FnOnce()) -> Result<Seen> {
        let response = self.send().await?;
        if response.status() != self.target.expected {
            bail!("answered with {}", response.status());
        }
        let mut body = response.into_body();
        let (mut first, mut events) = (None, Events::default());
        let mut begun = Some(begun);
        while let Some(frame) = body.frame().await {
            let Ok(piece) = frame?.into_data() else { continue };
            first.get_or_insert_with(Instant::now);
            if let Some(begun) = begun.take() {
                begun();
            }
            if self.target.answer == Answer::Stream {
                events.read(&piece);
            }
        }
        if self.target.answer == Answer::Stream && !events.ended {
            bail!("a stream broke off after {} events", events.count);
        }
        Ok(Seen { first: first.unwrap_or_else(Instant::now), events: events.count })
    }

    async fn send(&mut self) -> Result<http::Response<Incoming>> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (kept, request) = (self.sender.is_some(), self.target.request.clone());
            match self.connected().await?.send_request(request).await {
                Ok(response) => return Ok(response),
                // A server may close a connection while nothing is on it.
                Err(_) if kept && attempt < ATTEMPTS => self.sender = None,
                Err(failed) => {
                    self.sender = None;
                    return Err(failed.into());
                }
            }
        }
    }

    /// Connects, unless it is.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        let kept = match self.sender.take() {
            Some(mut sender) => sender.ready().await.is_ok().then_some(sender),
            None => None,
        };
        let sender = match kept {
            Some(sender) => sender,
            None => {
                let stream = TcpStream::connect(self.target.address).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        Ok(self.sender.insert(sender))
    }
}
