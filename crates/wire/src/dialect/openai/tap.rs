//! The relay of a streamed answer: whole events pass as the bytes they came in, and what they say is noted on
//! the way. Refuses to know the sockets on either side, and never keeps more than one unfinished event.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use domain::price::Tokens;
use domain::usage::Surface;

use super::failure::{UpstreamError, read_error};
use super::payload::Payload;
use crate::json::{self, Shape};
use crate::sse::{BYTE_ORDER_MARK, Event, Framer};

/// Bytes one event may have. Ordinary ones have a few hundred; pictures and whole tool calls in one event
/// need more. Memory is taken only as an unfinished event grows.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// What becomes of the chunk that holds usage and no choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// The caller asked for it.
    Keep,
    /// The gate asked for it, not the caller.
    Hide,
}

/// Where a stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// More may come.
    Running,
    /// `[DONE]` has passed. All that follows is dropped.
    Done,
    /// An error came in the stream, or the stream broke. All that follows is dropped.
    Failed,
}

/// Why a stream cannot be relayed any further. What came before has been handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An event is larger than [`MAX_EVENT_BYTES`].
    #[error("the upstream sent an event that is too large")]
    EventTooLarge,
    /// The data of an event is not a JSON object.
    #[error("the upstream sent an event that is not a JSON object")]
    NotJson,
    /// The bytes are no event stream: a page or a plain document.
    #[error("the upstream sent something other than an event stream")]
    NotEvents,
}

/// How the end of the upstream's bytes is to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The answer is complete. Where `missing_done` is set the upstream left out `[DONE]`, and whoever relays
    /// the stream must add it.
    Done {
        /// `[DONE]` has not passed.
        missing_done: bool,
    },
    /// Nothing says that the answer is complete.
    NoTerminal,
}

/// What becomes of one event.
enum Fate {
    Pass,
    Withhold,
}

/// The relay of one stream.
#[derive(Debug)]
pub struct Tap {
    usage_chunk: UsageChunk,
    state: State,
    broken: Option<Broken>,
    framer: Framer,
    /// Bytes of the byte order mark that have come; all of them once that question is settled.
    mark: usize,
    partial: Vec<u8>,
    passed_last: bool,
    events: u64,
    tokens: Option<Tokens>,
    output_bytes: u64,
    begun: u128,
    finished: u128,
    speaks: bool,
    error: Option<UpstreamError>,
}

impl Tap {
    /// The relay of a stream of which nothing has come yet.
    #[must_use]
    pub fn new(usage_chunk: UsageChunk) -> Self {
        Self {
            usage_chunk,
            state: State::Running,
            broken: None,
            framer: Framer::default(),
            mark: 0,
            partial: Vec::new(),
            passed_last: false,
            events: 0,
            tokens: None,
            output_bytes: 0,
            begun: 0,
            finished: 0,
            speaks: false,
            error: None,
        }
    }

    /// Takes the next bytes from the upstream and puts those that go to the caller into `out`: whole events
    /// only, byte for byte, without copying those that lie whole in `chunk`.
    ///
    /// Not handed on: a leading byte order mark, which clients trip over; events with empty data, which the
    /// official clients would read as JSON; the usage chunk under [`UsageChunk::Hide`]; an error event, which
    /// [`Tap::take_error`] gives instead and which ends the stream; all that follows `[DONE]`.
    ///
    /// # Errors
    /// [`Broken`], again at each later call.
    pub fn feed(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        self.relay(&mut chunk, out).inspect_err(|&broken| {
            self.state = State::Failed;
            self.broken = Some(broken);
            self.partial = Vec::new();
        })
    }

    /// Where the stream stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The usage last reported. Reports are cumulative: the last one wins, and none is ever added to another.
    #[must_use]
    pub fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }

    /// Bytes of text, tool arguments and reasoning that have passed, for an estimate.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output_bytes
    }

    /// Events with data that have come, `[DONE]` and errors left out.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether any choice has shown a role or text.
    #[must_use]
    pub fn started(&self) -> bool {
        self.speaks
    }

    /// Whether any choice has said why it finished.
    #[must_use]
    pub fn finish_seen(&self) -> bool {
        self.finished != 0
    }

    /// The error that came in the stream, once.
    pub fn take_error(&mut self) -> Option<UpstreamError> {
        self.error.take()
    }

    /// Whether all that was handed on ends with a whole event, so that a comment may be put after it. It does
    /// not when the line feed of the last line end may still come; a part of an event is never handed on.
    #[must_use]
    pub fn at_event_boundary(&self) -> bool {
        !self.framer.may_owe_line_feed()
    }

    /// Says how the upstream's end is to be understood.
    ///
    /// The answer is complete when `[DONE]` came, even where its blank line is missing, or when nothing of an
    /// event is left over and every choice that was begun has given its finish reason: several providers end
    /// so.
    pub fn end(&mut self) -> Ending {
        match self.state {
            State::Done => return Ending::Done { missing_done: false },
            State::Failed => return Ending::NoTerminal,
            State::Running => {}
        }
        let tail = std::mem::take(&mut self.partial);
        let said_done = Event::read(&tail).data.is_some_and(|data| is_done(&data));
        let nothing_left = tail.iter().all(u8::is_ascii_whitespace);
        let all_finished = self.begun != 0 && self.begun == self.finished;
        if said_done || (nothing_left && all_finished) {
            self.state = State::Done;
            return Ending::Done { missing_done: true };
        }
        self.state = State::Failed;
        Ending::NoTerminal
    }

    fn relay(&mut self, chunk: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        self.pass_mark(chunk)?;
        if self.partial.is_empty() {
            let owed = chunk.split_to(self.framer.line_feed_owed(chunk));
            if self.passed_last {
                hand_on(owed, out);
            }
        } else {
            self.complete_partial(chunk, out)?;
        }
        self.relay_whole(chunk, out)
    }

    /// Drops a byte order mark at the very start, and refuses what begins like a page or a plain JSON
    /// document.
    fn pass_mark(&mut self, chunk: &mut Bytes) -> Result<(), Broken> {
        while let (Some(&expected), Some(&first)) = (BYTE_ORDER_MARK.get(self.mark), chunk.first()) {
            if first == expected {
                self.mark += 1;
                chunk.advance(1);
            } else if self.mark == 0 && !matches!(first, b'<' | b'{' | b'[') {
                self.mark = BYTE_ORDER_MARK.len();
            } else {
                return Err(Broken::NotEvents);
            }
        }
        Ok(())
    }

    /// Adds to the event that earlier bytes began, and judges it once it is whole.
    fn complete_partial(&mut self, chunk: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        let end = self.framer.event_end(chunk);
        let more = chunk.split_to(end.unwrap_or(chunk.len()));
        if self.partial.len() + bounded_bytes(&more) > MAX_EVENT_BYTES {
            return Err(Broken::EventTooLarge);
        }
        self.partial.extend_from_slice(&more);
        if end.is_some() {
            let event = std::mem::take(&mut self.partial);
            if let Fate::Pass = self.judge(&event)? {
                hand_on(Bytes::from(event), out);
            }
        }
        Ok(())
    }

    /// Hands on the events that lie whole in `chunk`, neighbours in one slice, and keeps the rest.
    fn relay_whole(&mut self, chunk: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        let mut whole = 0;
        while self.state == State::Running {
            let rest = chunk.get(whole..).unwrap_or_default();
            let Some(length) = self.framer.event_end(rest) else { break };
            let event = rest.get(..length).unwrap_or_default();
            let too_large = bounded_bytes(event) > MAX_EVENT_BYTES;
            let fate = if too_large { Err(Broken::EventTooLarge) } else { self.judge(event) };
            match fate {
                Ok(Fate::Pass) => whole += length,
                Ok(Fate::Withhold) => {
                    hand_on(chunk.split_to(whole), out);
                    chunk.advance(length);
                    whole = 0;
                }
                Err(broken) => {
                    hand_on(chunk.split_to(whole), out);
                    return Err(broken);
                }
            }
        }
        hand_on(chunk.split_to(whole), out);
        if self.state == State::Running {
            if chunk.len() > MAX_EVENT_BYTES {
                return Err(Broken::EventTooLarge);
            }
            self.partial.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn judge(&mut self, event: &[u8]) -> Result<Fate, Broken> {
        let fate = self.note(event)?;
        self.passed_last = matches!(fate, Fate::Pass);
        Ok(fate)
    }

    /// Notes what one event says.
    fn note(&mut self, event: &[u8]) -> Result<Fate, Broken> {
        let Event { kind, data } = Event::read(event);
        let Some(data) = data else {
            // Comments and blank lines keep a connection awake; a page that is none of these shows by its
            // first byte.
            let is_page = matches!(event.trim_ascii_start().first(), Some(b'<' | b'{'));
            return if is_page { Err(Broken::NotEvents) } else { Ok(Fate::Pass) };
        };
        let data = data.trim_ascii();
        if data.is_empty() {
            return Ok(Fate::Withhold);
        }
        if is_done(data) {
            self.state = State::Done;
            return Ok(Fate::Pass);
        }
        let mut payload = Payload::default();
        let shape = json::read_open(data, &mut payload);
        if payload.has_error || kind == b"error" {
            self.state = State::Failed;
            self.error = Some(read_error(data).unwrap_or_else(UpstreamError::without_words));
            return Ok(Fate::Withhold);
        }
        let Ok(Shape::Object { .. }) = shape else { return Err(Broken::NotJson) };
        self.events += 1;
        self.begun |= payload.begun;
        self.finished |= payload.finished;
        self.speaks |= payload.speaks;
        self.output_bytes = self.output_bytes.saturating_add(payload.text_bytes);
        self.tokens = payload.tokens(Surface::Chat).or(self.tokens);
        let hidden = self.usage_chunk == UsageChunk::Hide && payload.is_usage_only();
        Ok(if hidden { Fate::Withhold } else { Fate::Pass })
    }
}

/// The bytes at the end of an event that count for its bound: not the line feed of its last line end, which may as
/// well come when the event has been handed on already.
fn bounded_bytes(event: &[u8]) -> usize {
    event.len() - usize::from(event.ends_with(b"\r\n"))
}

fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

fn hand_on(bytes: Bytes, out: &mut VecDeque<Bytes>) {
    if !bytes.is_empty() {
        out.push_back(bytes);
    }
}

#[cfg(test)]
mod tests;
