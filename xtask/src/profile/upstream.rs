//! The upstream of a profile: whole answers, and streams of which each event is sent when it is asked for, so that the
//! gate takes every event by itself however slow it is. It knows nothing of what is counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

use crate::provider::length;

const ANSWER: &str = include_str!("../../../bench/answer.json");
const EVENT: &str = include_str!("../../../bench/event.sse");
const MODELS: &str = r#"{"object":"list","data":[{"id":"bench","object":"model"}]}"#;
const STREAM_BEGIN: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const STREAM_END: &str = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";

/// What a stream does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It sends an event.
    Event,
    /// It ends.
    End,
}

/// An upstream that serves until this process ends.
pub struct Upstream {
    /// Where it answers, without a path.
    pub url: String,
    /// Tells the one open stream what to do.
    pub steps: Sender<Step>,
}

impl Upstream {
    /// Begins to serve.
    pub fn serve() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (steps, taken) = channel();
        let taken = Arc::new(Mutex::new(taken));
        std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                let connection = std::thread::Builder::new().name("connection".to_owned());
                // A connection that breaks off is told by the exchange that waits for it.
                let _ = connection.spawn(move || answer(stream, &taken));
            }
        })?;
        Ok(Self { url, steps })
    }
}

fn answer(stream: TcpStream, steps: &Mutex<Receiver<Step>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let lists = line.starts_with("GET ");
        let mut body = vec![0; length(&mut reader)?];
        reader.read_exact(&mut body)?;
        line.clear();
        let body = String::from_utf8(body)?;
        if body.contains("\"stream\":true") {
            reader.get_mut().write_all(STREAM_BEGIN.as_bytes())?;
            let steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
            while steps.recv().context("nobody steps")? == Step::Event {
                let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
                reader.get_mut().write_all(chunk.as_bytes())?;
            }
            reader.get_mut().write_all(STREAM_END.as_bytes())?;
            continue;
        }
        let answer = if lists { MODELS } else { ANSWER.trim_end() };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        reader.get_mut().write_all((head + answer).as_bytes())?;
    }
    Ok(())
}
