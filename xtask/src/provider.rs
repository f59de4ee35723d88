//! A scripted provider for measurements: whole answers, streams that begin and then say nothing, and streams that
//! have more than a reader takes. It answers on loopback and knows nothing of what is measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

/// The model whose streams begin and then say nothing until they are told to end.
pub const IDLE: &str = "idle";
/// The model whose streams send [`LONG_BYTES`] at once.
pub const LONG: &str = "long";
/// How much that is, about.
pub const LONG_BYTES: usize = 1 << 20;

/// Stack of a thread that reads one request.
const STACK_BYTES: usize = 64 << 10;
/// Content of one event of a long stream.
const EVENT_BYTES: usize = 16 << 10;

const STREAM_BEGIN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
    3d\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"begun\"}}]}\n\n\r\n";
const STREAM_END: &str = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
const MODELS: &str =
    r#"{"object":"list","data":[{"id":"idle","object":"model"},{"id":"long","object":"model"}]}"#;
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","model":"idle","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// A provider that serves until this process ends.
#[derive(Clone)]
pub struct Provider {
    /// Where it answers, without a path.
    pub url: String,
    idle: Arc<Mutex<Vec<TcpStream>>>,
    calls: Arc<AtomicUsize>,
}

impl Provider {
    /// Begins to serve.
    pub fn serve() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let provider = Self { url, idle: Arc::default(), calls: Arc::default() };
        let serving = provider.clone();
        std::thread::Builder::new().name("provider".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = serving.clone();
                let reader = std::thread::Builder::new().name("request".to_owned()).stack_size(STACK_BYTES);
                // A connection that breaks is the gate's business, and shows in its figures.
                let _ = reader.spawn(move || provider.answer(stream));
            }
        })?;
        Ok(provider)
    }

    /// How many calls to a model have come so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Answers the requests of one connection until one of them is a stream.
    fn answer(&self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = request(&mut reader)? {
            let lists = path.ends_with("/models");
            self.calls.fetch_add(usize::from(!lists), Ordering::Relaxed);
            if body.contains("\"stream\":true") {
                let mut stream = reader.into_inner();
                stream.write_all(STREAM_BEGIN.as_bytes())?;
                if body.contains("\"model\":\"long\"") {
                    return at_length(stream);
                }
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                return Ok(());
            }
            let answer = if lists { MODELS } else { ANSWER };
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            reader.get_mut().write_all((head + answer).as_bytes())?;
        }
        Ok(())
    }
}

fn at_length(mut stream: TcpStream) -> Result<()> {
    let content = "x".repeat(EVENT_BYTES);
    let event =
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n");
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    for _ in 0..LONG_BYTES / EVENT_BYTES {
        stream.write_all(chunk.as_bytes())?;
    }
    stream.write_all(STREAM_END.as_bytes())?;
    Ok(())
}

/// Path and body of the next request; none at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> Result<Option<(String, String)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut body = vec![0; length(reader)?];
    reader.read_exact(&mut body)?;
    Ok(Some((path, String::from_utf8(body)?)))
}

/// Reads the fields of a head and gives the length of what follows.
pub fn length(reader: &mut impl BufRead) -> Result<usize> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            None => return Ok(length),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?
            }
            Some(_) => {}
        }
    }
}
