//! The relay of a stream between an upstream of one protocol and a caller of another: each event is read into the neutral
//! form and written out again before the next one is looked at. Refuses to know the sockets on either side, and never keeps
//! more than one unfinished event.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::chat::{self, Growth};
use domain::price::Tokens;
use domain::protocol::Protocol;

use crate::dialect::{self, DONE_MARK, Echo, ReadStream, Stopped, WriteStream, bedrock};
use crate::failure::{ErrorBody, UpstreamError};
use crate::sse::{Event, Splitter};
use crate::tap::{Broken, Ending, Meter, State, most_event_bytes};

/// How the upstream's bytes are cut into events.
#[derive(Debug)]
enum Framing {
    Lines(Splitter),
    Frames(bedrock::Frames),
}

/// The relay of one stream.
#[derive(Debug)]
pub struct Translator {
    framing: Framing,
    reader: Box<dyn ReadStream>,
    writer: Box<dyn WriteStream>,
    state: State,
    broken: Option<Broken>,
    events: u64,
    meter: Meter,
    error: Option<UpstreamError>,
    /// Room for the events that one event of the upstream becomes; empty between them.
    neutral: Vec<chat::Event>,
}

impl Translator {
    /// The relay of a stream of which nothing has come yet.
    #[must_use]
    pub fn new(upstream: Protocol, caller: Protocol, echo: &Echo<'_>) -> Self {
        let most = most_event_bytes(upstream);
        Self {
            framing: match upstream {
                Protocol::Bedrock => Framing::Frames(bedrock::Frames::new(most)),
                _ => Framing::Lines(Splitter::new(most)),
            },
            reader: dialect::reader(upstream),
            writer: dialect::writer(caller, echo),
            state: State::Running,
            broken: None,
            events: 0,
            meter: Meter::default(),
            error: None,
            neutral: Vec::new(),
        }
    }

    /// Takes the next bytes from the upstream and puts what the caller gets for them into `out`.
    ///
    /// # Errors
    /// [`Broken`], again at each later call.
    pub fn feed(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        let mut written = Vec::new();
        let fed = self.translate(&mut chunk, &mut written);
        hand_on(written, out);
        fed.inspect_err(|&broken| {
            self.state = State::Failed;
            self.broken = Some(broken);
        })
    }

    /// Where the stream stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The usage last reported.
    #[must_use]
    pub fn tokens(&self) -> Option<Tokens> {
        self.meter.tokens
    }

    /// Bytes of text, tool arguments and reasoning that have passed, for an estimate.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.meter.output_bytes
    }

    /// Events of the upstream that have come, `[DONE]`, errors and what could not be read left out.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether the model has begun to speak.
    #[must_use]
    pub fn started(&self) -> bool {
        self.meter.speaks
    }

    /// The error that came in the stream, once.
    pub fn take_error(&mut self) -> Option<UpstreamError> {
        self.error.take()
    }

    /// Says how the upstream's end is to be understood, and puts what the caller still gets into `out`.
    pub fn end(&mut self, out: &mut VecDeque<Bytes>) -> Ending {
        match self.state {
            State::Done => return Ending::Done { owed: b"" },
            State::Failed => return Ending::NoTerminal,
            State::Running => {}
        }
        let mut written = Vec::new();
        if let Framing::Lines(splitter) = &mut self.framing {
            let rest = splitter.rest();
            // A last event whose blank line is missing counts, if it can be read.
            if !rest.trim_ascii().is_empty() && self.take_in(&Event::read(&rest), &mut written).is_err() {
                self.state = State::Failed;
            }
        }
        if self.state == State::Running {
            let mut neutral = std::mem::take(&mut self.neutral);
            let complete = self.reader.end(&mut neutral);
            self.write(&mut neutral, &mut written);
            if complete {
                self.writer.finish(&mut written);
            }
            self.state = if complete { State::Done } else { State::Failed };
        }
        hand_on(written, out);
        if self.state == State::Done { Ending::Done { owed: b"" } } else { Ending::NoTerminal }
    }

    /// The event that tells the caller of a failure in mid-stream.
    #[must_use]
    pub fn fail(&mut self, error: &ErrorBody<'_>) -> Bytes {
        let mut written = Vec::new();
        self.writer.fail(error, &mut written);
        written.into()
    }

    fn translate(&mut self, chunk: &mut Bytes, written: &mut Vec<u8>) -> Result<(), Broken> {
        while self.state == State::Running {
            match &mut self.framing {
                Framing::Lines(splitter) => {
                    let Some(event) = splitter.next(chunk)? else { break };
                    self.take_in(&Event::read(&event), written)?;
                }
                Framing::Frames(frames) => {
                    let Some(frame) = frames.next(chunk)? else { break };
                    self.take_in(&frame.event(), written)?;
                }
            }
        }
        Ok(())
    }

    fn take_in(&mut self, event: &Event<'_>, written: &mut Vec<u8>) -> Result<(), Broken> {
        let Some(data) = event.data.as_deref().map(<[u8]>::trim_ascii).filter(|data| !data.is_empty()) else {
            return Ok(());
        };
        let event = Event { kind: event.kind, data: Some(data.into()) };
        let mut neutral = std::mem::take(&mut self.neutral);
        let read = self.reader.read(&event, &mut neutral);
        self.write(&mut neutral, written);
        match read {
            Ok(()) => {
                self.events += u64::from(data != DONE_MARK);
                if self.reader.is_over() {
                    self.writer.finish(written);
                    self.state = State::Done;
                }
                Ok(())
            }
            Err(Stopped::Broken(broken)) => Err(broken),
            // An error is no event: what began with one has not begun.
            Err(Stopped::Failed(error)) => {
                self.state = State::Failed;
                self.error = Some(error);
                Ok(())
            }
        }
    }

    /// Writes the events, and gives their room back.
    fn write(&mut self, neutral: &mut Vec<chat::Event>, written: &mut Vec<u8>) {
        for event in neutral.drain(..) {
            self.note(&event);
            self.writer.write(event, written);
        }
        self.neutral = std::mem::take(neutral);
    }

    fn note(&mut self, event: &chat::Event) {
        let bytes = match event {
            chat::Event::Used(tokens) => {
                self.meter.tokens = Some(*tokens);
                return;
            }
            chat::Event::PartGrew { by: Growth::Text(text) | Growth::Arguments(text), .. } => text.len(),
            chat::Event::PartBegan { part: chat::Opening::ToolCall { name, .. }, .. } => name.len(),
            chat::Event::PartBegan { .. } => 0,
            _ => return,
        };
        self.meter.speaks = true;
        self.meter.output_bytes =
            self.meter.output_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

fn hand_on(written: Vec<u8>, out: &mut VecDeque<Bytes>) {
    if !written.is_empty() {
        out.push_back(written.into());
    }
}

#[cfg(test)]
mod rows;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
