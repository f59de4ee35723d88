//! The framing of Amazon's event streams (`application/vnd.amazon.eventstream`): binary messages with a length, headers, a
//! payload and two checksums. Works on bytes as they arrive, and never keeps more than one unfinished message. Refuses to
//! know what a message says.

use std::borrow::Cow;

use bytes::{Buf, Bytes};

use crate::sse;
use crate::tap::Broken;

/// Total length, length of the headers, and the checksum of both.
const PRELUDE_BYTES: usize = 12;
/// A checksum.
const SUM_BYTES: usize = 4;
/// The most that the format allows for headers.
const MAX_HEADER_BYTES: usize = 128 * 1024;

/// Takes a stream apart into whole messages.
#[derive(Debug)]
pub struct Frames {
    most_bytes: usize,
    partial: Vec<u8>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its `:event-type`, or its `:exception-type` or `:error-code` behind `exception:`.
    pub kind: String,
    /// Its payload.
    pub payload: Bytes,
}

impl Frame {
    /// The message in the form in which streams of lines give theirs.
    pub(crate) fn event(&self) -> sse::Event<'_> {
        sse::Event { kind: self.kind.as_bytes(), data: Some(Cow::Borrowed(&self.payload)) }
    }

    /// Reads a message whose length has been checked.
    fn read(message: &Bytes, header_bytes: usize) -> Option<Self> {
        let body = message.len().checked_sub(SUM_BYTES)?;
        let (summed, sum) = (message.get(..body)?, message.get(body..)?);
        if crc32fast::hash(summed).to_be_bytes() != sum {
            return None;
        }
        let headers = Headers::read(message.get(PRELUDE_BYTES..PRELUDE_BYTES + header_bytes)?)?;
        let payload = message.slice(PRELUDE_BYTES + header_bytes..body);
        Some(match headers.message {
            b"exception" => Self::failure(headers.exception, payload),
            b"error" => Self::failure(headers.code, said(headers.words)),
            b"" | b"event" => Self { kind: lossless(headers.event)?, payload },
            // Another type of message is an event of which nothing is known.
            _ => Self { kind: String::new(), payload },
        })
    }

    fn failure(kind: &[u8], payload: Bytes) -> Self {
        let kind = format!("exception:{}", String::from_utf8_lossy(kind));
        // A failure without words is one all the same.
        let payload = if payload.trim_ascii().is_empty() { Bytes::from_static(b"{}") } else { payload };
        Self { kind, payload }
    }
}

impl Frames {
    /// For a stream whose messages have at most so many bytes.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, partial: Vec::new() }
    }

    /// The next whole message, taken off the front of `chunk`; `None` when more bytes are needed for it.
    ///
    /// # Errors
    /// [`Broken`] when a message is too large or its checksums are wrong.
    pub fn next(&mut self, chunk: &mut Bytes) -> Result<Option<Frame>, Broken> {
        if self.partial.is_empty() && chunk.len() >= PRELUDE_BYTES {
            let (total, headers) = prelude(chunk, self.most_bytes)?;
            if chunk.len() >= total {
                return Frame::read(&chunk.split_to(total), headers).map(Some).ok_or(Broken::NotEvents);
            }
        }
        self.take(chunk, PRELUDE_BYTES);
        if self.partial.len() < PRELUDE_BYTES {
            return Ok(None);
        }
        let (total, headers) = prelude(&self.partial, self.most_bytes)?;
        self.take(chunk, total);
        if self.partial.len() < total {
            return Ok(None);
        }
        let message = Bytes::from(std::mem::take(&mut self.partial));
        Frame::read(&message, headers).map(Some).ok_or(Broken::NotEvents)
    }

    /// Takes from `chunk` what is missing to `wanted` bytes.
    fn take(&mut self, chunk: &mut Bytes, wanted: usize) {
        let missing = wanted.saturating_sub(self.partial.len()).min(chunk.len());
        self.partial.extend_from_slice(&chunk.split_to(missing));
    }
}

/// The length of the message that begins `bytes`, and of its headers.
fn prelude(bytes: &[u8], most_bytes: usize) -> Result<(usize, usize), Broken> {
    let mut fields = bytes.get(..PRELUDE_BYTES).ok_or(Broken::NotEvents)?;
    let summed = crc32fast::hash(fields.get(..PRELUDE_BYTES - SUM_BYTES).unwrap_or_default());
    let mut number = || usize::try_from(fields.get_u32()).unwrap_or(usize::MAX);
    let (total, headers, sum) = (number(), number(), number());
    if usize::try_from(summed) != Ok(sum) {
        return Err(Broken::NotEvents);
    }
    if total > most_bytes || headers > MAX_HEADER_BYTES {
        return Err(Broken::EventTooLarge);
    }
    if total < PRELUDE_BYTES + headers + SUM_BYTES {
        return Err(Broken::NotEvents);
    }
    Ok((total, headers))
}

/// The headers that matter; empty where they are absent.
#[derive(Default)]
struct Headers<'m> {
    message: &'m [u8],
    event: &'m [u8],
    exception: &'m [u8],
    code: &'m [u8],
    words: &'m [u8],
}

impl<'m> Headers<'m> {
    fn read(mut rest: &'m [u8]) -> Option<Self> {
        let mut headers = Self::default();
        while let Some((&length, after)) = rest.split_first() {
            let (name, after) = after.split_at_checked(usize::from(length))?;
            let (&kind, after) = after.split_first()?;
            let (value, after) = value(kind, after)?;
            rest = after;
            match name {
                b":message-type" => headers.message = value,
                b":event-type" => headers.event = value,
                b":exception-type" => headers.exception = value,
                b":error-code" => headers.code = value,
                b":error-message" => headers.words = value,
                _ => {}
            }
        }
        Some(headers)
    }
}

/// The value of a header of this type, and what follows it.
fn value(kind: u8, rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        6 | 7 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        9 => (16, rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn lossless(text: &[u8]) -> Option<String> {
    String::from_utf8(text.to_vec()).ok()
}

/// The words of a failure that has no payload, in the form of one that has.
fn said(words: &[u8]) -> Bytes {
    let words = String::from_utf8_lossy(words);
    serde_json::json!({ "message": words }).to_string().into()
}

#[cfg(test)]
pub(super) mod tests;
