//! Sound on its way: bytes in no framing, which pass as they come. Only the upstream's end tells that they are all there.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::tap::{Ending, State};

/// A stream of sound.
#[derive(Debug)]
pub(crate) struct Sound {
    media_type: &'static str,
    bytes: u64,
    state: State,
}

impl Sound {
    /// One of which nothing has come yet.
    pub(crate) fn new(media_type: &'static str) -> Self {
        Self { media_type, bytes: 0, state: State::Running }
    }

    pub(crate) fn feed(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        if !chunk.is_empty() {
            self.bytes = self.bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            out.push_back(chunk);
        }
    }

    pub(crate) fn end(&mut self) -> Ending {
        if self.bytes == 0 || self.state == State::Failed {
            self.state = State::Failed;
            return Ending::NoTerminal;
        }
        self.state = State::Done;
        Ending::Done { owed: b"" }
    }

    pub(crate) fn media_type(&self) -> &'static str {
        self.media_type
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn started(&self) -> bool {
        self.bytes > 0
    }
}
