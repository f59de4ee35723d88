//! A stream of events of a maker of pictures, of speech or of transcripts: events pass as they are, and the last one says
//! what was used.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::price::Tokens;
use domain::usage::Surface;

use super::answer::Payload;
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};
use crate::sse::{Event, Splitter};
use crate::tap::{Broken, Ending, MAX_LARGE_EVENT_BYTES, State};

/// The data that ends a stream where the upstream sends one.
const END: &[u8] = b"[DONE]";

/// The relay of one stream.
#[derive(Debug)]
pub(crate) struct Events {
    surface: Surface,
    splitter: Splitter,
    state: State,
    broken: Option<Broken>,
    events: u64,
    output_bytes: u64,
    tokens: Option<Tokens>,
    sound_ms: Option<u64>,
    error: Option<UpstreamError>,
}

impl Events {
    /// One of which nothing has come yet.
    pub(crate) fn new(surface: Surface) -> Self {
        Self {
            surface,
            splitter: Splitter::new(MAX_LARGE_EVENT_BYTES),
            state: State::Running,
            broken: None,
            events: 0,
            output_bytes: 0,
            tokens: None,
            sound_ms: None,
            error: None,
        }
    }

    pub(crate) fn feed(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        while self.state == State::Running {
            let taken = self.splitter.next(&mut chunk).and_then(|event| match event {
                None => Ok(None),
                Some(event) => self.note(&event).map(|passes| Some((event, passes))),
            });
            match taken {
                Ok(Some((event, true))) => out.push_back(event),
                Ok(Some((_, false))) => {}
                Ok(None) => break,
                Err(broken) => {
                    self.state = State::Failed;
                    self.broken = Some(broken);
                    return Err(broken);
                }
            }
        }
        Ok(())
    }

    /// Notes what one event says; gives whether it is handed on.
    fn note(&mut self, event: &[u8]) -> Result<bool, Broken> {
        let Event { kind, data } = Event::read(event);
        let Some(data) = data else { return Ok(true) };
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(false);
        }
        if data == END {
            self.state = State::Done;
            return Ok(true);
        }
        let mut payload = Payload::default();
        match json::read_open(data, &mut payload) {
            Ok(Shape::Object { .. }) => {}
            _ => return Err(Broken::NotJson),
        }
        if kind == b"error" || payload.has_error || payload.kind == "error" {
            self.state = State::Failed;
            self.error = Some(read_error(data).unwrap_or_else(UpstreamError::without_words));
            return Ok(false);
        }
        self.events += 1;
        if payload.kind.ends_with(".delta") {
            self.output_bytes = self.output_bytes.saturating_add(payload.text_bytes);
        }
        if payload.kind.ends_with(".completed") || payload.kind.ends_with(".done") {
            self.tokens = payload.usage.tokens(self.surface).or(self.tokens);
            self.sound_ms = payload.usage.sound_ms.or(self.sound_ms);
            self.state = State::Done;
        }
        Ok(true)
    }

    pub(crate) fn end(&mut self) -> Ending {
        match self.state {
            State::Done => Ending::Done { owed: b"" },
            State::Running | State::Failed => {
                self.state = State::Failed;
                Ending::NoTerminal
            }
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    pub(crate) fn sound_ms(&self) -> Option<u64> {
        self.sound_ms
    }

    pub(crate) fn output_bytes(&self) -> u64 {
        self.output_bytes
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn take_error(&mut self) -> Option<UpstreamError> {
        self.error.take()
    }
}
