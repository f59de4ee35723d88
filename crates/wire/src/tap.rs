//! The relay of a streamed answer: whole events pass as the bytes they came in, and what they say is noted on
//! the way. Refuses to know the sockets on either side, and never keeps more than one unfinished event.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use domain::price::Tokens;
use domain::protocol::Protocol;

use crate::answer::Advice;
use crate::dialect::{self, Notes as _};
use crate::failure::{UpstreamError, read_error};
use crate::sse::{Event, Framer, Mark, is_too_large};

/// Bytes one event may have. Ordinary ones have a few hundred; whole tool calls in one event need more. Memory is taken
/// only as an unfinished event grows, and one stream has one at most: this is all that a stream can hold on to.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The same where a protocol puts pictures or the whole answer into one event: Google's `inlineData`, the last event of
/// OpenAI's responses, `images` of those who speak OpenAI's chat completions. A picture of the largest models has up to
/// 10 MiB, in base64 a third more. Only data may be so large; see [`crate::sse`].
pub const MAX_LARGE_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// The bound for events of `protocol`.
pub(crate) fn most_event_bytes(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Anthropic | Protocol::Bedrock => MAX_EVENT_BYTES,
        Protocol::Chat | Protocol::Gemini | Protocol::Responses => MAX_LARGE_EVENT_BYTES,
    }
}

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
    /// The event that ends the answer has passed. All that follows is dropped.
    Done,
    /// An error came in the stream, or the stream broke. All that follows is dropped.
    Failed,
}

/// Why a stream cannot be relayed any further. What came before has been handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An event is larger than its protocol's bound.
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
    /// The answer is complete.
    Done {
        /// What the upstream left out at its end (`[DONE]`) and whoever relays the stream must add.
        owed: &'static [u8],
    },
    /// Nothing says that the answer is complete.
    NoTerminal,
}

/// What becomes of one event.
enum Fate {
    Pass,
    Withhold,
}

/// What the notes of one protocol make of an event.
#[derive(Debug)]
pub(crate) enum Said {
    /// It goes on.
    More,
    /// It holds usage and nothing else, asked for by the gate.
    UsageOnly,
    /// This was its end.
    Done,
    /// Something failed.
    Failed(UpstreamError),
}

/// What is counted of a stream.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The usage last reported. Reports are cumulative: the last one wins, and none is ever added to another.
    pub(crate) tokens: Option<Tokens>,
    /// The part of it that another model used.
    pub(crate) advice: Option<Advice>,
    /// Bytes of text, tool arguments and reasoning.
    pub(crate) output_bytes: u64,
    /// Whether the model has begun to speak.
    pub(crate) speaks: bool,
    /// The name under which the provider keeps the answer.
    pub(crate) kept_as: Option<String>,
}

/// The relay of one stream between an upstream and a caller of the same protocol.
#[derive(Debug)]
pub struct Tap {
    notes: dialect::AnyNotes,
    usage_chunk: UsageChunk,
    most_bytes: usize,
    state: State,
    broken: Option<Broken>,
    framer: Framer,
    mark: Mark,
    partial: Vec<u8>,
    passed_last: bool,
    events: u64,
    meter: Meter,
    error: Option<UpstreamError>,
}

impl Tap {
    /// The relay of a stream of which nothing has come yet.
    #[must_use]
    pub fn new(protocol: Protocol, usage_chunk: UsageChunk) -> Self {
        Self {
            notes: dialect::AnyNotes::of(protocol),
            usage_chunk,
            most_bytes: most_event_bytes(protocol),
            state: State::Running,
            broken: None,
            framer: Framer::default(),
            mark: Mark::default(),
            partial: Vec::new(),
            passed_last: false,
            events: 0,
            meter: Meter::default(),
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
        self.meter.tokens
    }

    /// The part of it that another model used.
    pub(crate) fn advice(&self) -> Option<&Advice> {
        self.meter.advice.as_ref()
    }

    /// Bytes of text, tool arguments and reasoning that have passed, for an estimate.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.meter.output_bytes
    }

    /// Events with data that have come, `[DONE]` and errors left out.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether any choice has shown a role or text.
    #[must_use]
    pub fn started(&self) -> bool {
        self.meter.speaks
    }

    /// Whether any choice has said why it finished.
    #[must_use]
    pub fn finish_seen(&self) -> bool {
        self.notes.finish_seen()
    }

    /// The name under which the provider keeps the answer, where its protocol has that and it does.
    #[must_use]
    pub fn kept_as(&self) -> Option<&str> {
        self.meter.kept_as.as_deref()
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

    /// Says how the upstream's end is to be understood, and puts the last event into `out` where its blank line is missing.
    ///
    /// The answer is complete when its last event came, even where its blank line is missing, or when nothing of an
    /// event is left over and every choice that was begun has given its finish reason: several providers end
    /// so.
    pub fn end(&mut self, out: &mut VecDeque<Bytes>) -> Ending {
        match self.state {
            State::Done => return Ending::Done { owed: b"" },
            State::Failed => return Ending::NoTerminal,
            State::Running => {}
        }
        let tail = std::mem::take(&mut self.partial);
        let nothing_left = tail.iter().all(u8::is_ascii_whitespace);
        let last = Event::read(&tail);
        let said_done = last.data.is_some_and(|data| self.notes.is_end(last.kind, data.trim_ascii()));
        if said_done && self.notes.end_is_an_event() {
            return self.end_with(tail, out);
        }
        if said_done || (nothing_left && self.notes.finish_seen()) {
            self.state = State::Done;
            return Ending::Done { owed: self.notes.end_mark() };
        }
        self.state = State::Failed;
        Ending::NoTerminal
    }

    /// The last event, which has all but its blank line, is handed on with one.
    fn end_with(&mut self, mut last: Vec<u8>, out: &mut VecDeque<Bytes>) -> Ending {
        let Ok(Fate::Pass) = self.judge(&last) else {
            self.state = State::Failed;
            return Ending::NoTerminal;
        };
        // A line feed after a return would belong to it.
        let missing: &[u8] = if last.ends_with(b"\n") { b"\n" } else { b"\n\n" };
        last.extend_from_slice(missing);
        hand_on(last.into(), out);
        self.state = State::Done;
        Ending::Done { owed: b"" }
    }

    fn relay(&mut self, chunk: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        self.mark.pass(chunk)?;
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

    /// Adds to the event that earlier bytes began, and judges it once it is whole.
    fn complete_partial(&mut self, chunk: &mut Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        let end = self.framer.event_end(chunk);
        let more = chunk.split_to(end.unwrap_or(chunk.len()));
        self.partial.extend_from_slice(&more);
        if is_too_large(bounded(&self.partial), self.most_bytes) {
            return Err(Broken::EventTooLarge);
        }
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
            let too_large = is_too_large(bounded(event), self.most_bytes);
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
            if is_too_large(chunk, self.most_bytes) {
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
        let said = match kind {
            b"error" => Said::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)),
            _ => self.notes.note(kind, data, &mut self.meter)?,
        };
        match said {
            Said::Failed(error) => {
                self.state = State::Failed;
                self.error = Some(error);
                return Ok(Fate::Withhold);
            }
            Said::Done => {
                self.state = State::Done;
                self.events += u64::from(self.notes.end_is_an_event());
            }
            Said::More | Said::UsageOnly => self.events += 1,
        }
        let hidden = self.usage_chunk == UsageChunk::Hide && matches!(said, Said::UsageOnly);
        Ok(if hidden { Fate::Withhold } else { Fate::Pass })
    }
}

/// The bytes of an event that count for its bound: not the line feed of its last line end, which may as
/// well come when the event has been handed on already.
fn bounded(event: &[u8]) -> &[u8] {
    match event.strip_suffix(b"\n") {
        Some(bounded) if bounded.ends_with(b"\r") => bounded,
        _ => event,
    }
}

fn hand_on(bytes: Bytes, out: &mut VecDeque<Bytes>) {
    if !bytes.is_empty() {
        out.push_back(bytes);
    }
}

#[cfg(test)]
mod tests;
