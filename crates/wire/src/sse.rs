//! Event streams as the HTML standard frames them (section 9.2.6): where events end, and the fields of one
//! event. Works on bytes as they arrive, so that no border between reads matters. Refuses to know what an
//! event says.

use std::borrow::Cow;

use bytes::{Buf, Bytes};
use memchr::{memchr, memchr2};

use crate::tap::{Broken, MAX_EVENT_BYTES};

/// Where the data of a large event must have begun.
const HEAD_BYTES: usize = 256;

/// The byte order mark that may open a stream.
pub const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Finds the ends of events in a stream that is offered piece by piece.
#[derive(Debug, Default)]
pub struct Framer {
    in_line: bool,
    after_return: bool,
}

impl Framer {
    /// Looks in `bytes`, which follow those offered before, for the blank line that ends the current event,
    /// and gives the length up to and with that line. `None` when the event goes on.
    pub fn event_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = self.line_feed_owed(bytes);
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(line) = line_length(rest) else {
                self.in_line |= !rest.is_empty();
                return None;
            };
            let blank = line == 0 && !self.in_line;
            self.in_line = false;
            self.after_return = rest.get(line) == Some(&b'\r');
            at += line + 1;
            at += self.line_feed_owed(bytes.get(at..).unwrap_or_default());
            if blank {
                return Some(at);
            }
        }
    }

    /// Whether the last line end was a carriage return whose line feed, if it has one, is still to come.
    #[must_use]
    pub fn may_owe_line_feed(&self) -> bool {
        self.after_return
    }

    /// How many of `bytes` still belong to the line end before them: one when that was a carriage return and
    /// they begin with its line feed, else none.
    pub fn line_feed_owed(&mut self, bytes: &[u8]) -> usize {
        let Some(first) = bytes.first() else { return 0 };
        usize::from(std::mem::take(&mut self.after_return) && *first == b'\n')
    }
}

/// Where a stream stands with the byte order mark that may open it: how much of it has come, and all of it once that
/// question is settled.
#[derive(Debug, Default)]
pub(crate) struct Mark(usize);

impl Mark {
    /// Drops a byte order mark at the very start, and refuses what begins like a page or a plain JSON document.
    pub(crate) fn pass(&mut self, chunk: &mut Bytes) -> Result<(), Broken> {
        while let (Some(&expected), Some(&first)) = (BYTE_ORDER_MARK.get(self.0), chunk.first()) {
            if first == expected {
                self.0 += 1;
                chunk.advance(1);
            } else if self.0 == 0 && !matches!(first, b'<' | b'{' | b'[') {
                self.0 = BYTE_ORDER_MARK.len();
            } else {
                return Err(Broken::NotEvents);
            }
        }
        Ok(())
    }
}

/// Takes a stream apart into whole events, and never keeps more than one that is unfinished.
#[derive(Debug)]
pub(crate) struct Splitter {
    framer: Framer,
    partial: Vec<u8>,
    mark: Mark,
    most_bytes: usize,
}

impl Splitter {
    /// For a stream whose events have at most so many bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { framer: Framer::default(), partial: Vec::new(), mark: Mark::default(), most_bytes }
    }

    /// The next whole event, taken off the front of `chunk`; `None` when more bytes are needed for it.
    pub(crate) fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, Broken> {
        self.mark.pass(chunk)?;
        let end = self.framer.event_end(chunk);
        let more = chunk.split_to(end.unwrap_or(chunk.len()));
        if self.partial.is_empty() && end.is_some() {
            return if is_too_large(&more, self.most_bytes) {
                Err(Broken::EventTooLarge)
            } else {
                Ok(Some(more))
            };
        }
        self.partial.extend_from_slice(&more);
        if is_too_large(&self.partial, self.most_bytes) {
            return Err(Broken::EventTooLarge);
        }
        Ok(end.map(|_| Bytes::from(std::mem::take(&mut self.partial))))
    }

    /// What is left of an event that was never finished.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

/// How long the line is that begins `bytes`, where its end is among them.
fn line_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first() {
        // Every event has one that is empty.
        Some(b'\n' | b'\r') => Some(0),
        _ => memchr2(b'\n', b'\r', bytes),
    }
}

/// Whether what has come of an event is more than an event may have. Only data may have `most_bytes`: a comment, or a line
/// that is no field at all and never ends, needs no such room.
pub(crate) fn is_too_large(event: &[u8], most_bytes: usize) -> bool {
    if event.len() <= most_bytes.min(MAX_EVENT_BYTES) {
        return false;
    }
    let head = event.get(..HEAD_BYTES).unwrap_or(event);
    event.len() > most_bytes || !fields(head).any(|(name, _)| name == b"data")
}

/// The fields of one event, in order, comments left out. A line without a colon is a field without a value.
pub fn fields(event: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = event;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = line_length(rest).unwrap_or(rest.len());
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            match memchr(b':', line) {
                Some(0) => {}
                Some(colon) => {
                    let (name, value) = line.split_at(colon);
                    let value = value.get(1..).unwrap_or_default();
                    return Some((name, value.strip_prefix(b" ").unwrap_or(value)));
                }
                None if line.is_empty() => {}
                None => return Some((line, &[][..])),
            }
        }
        None
    })
}

/// What one event says: its type and its data, the lines of which are joined.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event<'e> {
    /// The last `event` field; empty when there is none.
    pub kind: &'e [u8],
    /// The data; `None` when there is no `data` field.
    pub data: Option<Cow<'e, [u8]>>,
}

impl<'e> Event<'e> {
    /// Reads the lines of one event.
    #[must_use]
    pub fn read(event: &'e [u8]) -> Self {
        let mut read = Event::default();
        for (name, value) in fields(event) {
            match (name, &mut read.data) {
                (b"event", _) => read.kind = value,
                (b"data", Some(data)) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                (b"data", none) => *none = Some(Cow::Borrowed(value)),
                _ => {}
            }
        }
        read
    }
}

#[cfg(test)]
mod tests;
