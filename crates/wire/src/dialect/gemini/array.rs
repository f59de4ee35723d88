//! The stream of a caller who did not ask for events (`alt=sse`): Google answers such a one with a JSON array, of which
//! each element is what an event would say. Knows nothing of what is in the events.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::sse::{Event, Splitter};
use crate::tap::{Broken, MAX_LARGE_EVENT_BYTES};

/// Turns the events of a caller's stream, however they were made, into the elements of an array.
#[derive(Debug)]
pub struct JsonArray {
    splitter: Splitter,
    is_empty: bool,
}

impl Default for JsonArray {
    fn default() -> Self {
        Self { splitter: Splitter::new(MAX_LARGE_EVENT_BYTES), is_empty: true }
    }
}

impl JsonArray {
    /// Takes the next bytes of the stream of events and puts those of the array into `out`. Comments vanish.
    ///
    /// # Errors
    /// [`Broken`] when they are no events, which the relay before this has seen already.
    pub fn feed(&mut self, mut chunk: Bytes, out: &mut VecDeque<Bytes>) -> Result<(), Broken> {
        let mut written = Vec::new();
        while let Some(event) = self.splitter.next(&mut chunk)? {
            let event = Event::read(&event);
            let data = event.data.as_deref().map(<[u8]>::trim_ascii).unwrap_or_default();
            if !data.is_empty() {
                written.extend_from_slice(if self.is_empty { b"[" } else { b",\r\n" });
                written.extend_from_slice(data);
                self.is_empty = false;
            }
        }
        if !written.is_empty() {
            out.push_back(written.into());
        }
        Ok(())
    }

    /// What ends the array, after an error, too.
    #[must_use]
    pub fn end(&self) -> &'static [u8] {
        if self.is_empty { b"[]" } else { b"]" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expect: &str) {
        for size in 1..=stream.len().max(1) {
            let mut array = JsonArray::default();
            let mut out = VecDeque::new();
            for chunk in stream.as_bytes().chunks(size) {
                array.feed(Bytes::copy_from_slice(chunk), &mut out).unwrap();
            }
            let mut all: Vec<u8> = out.into_iter().flatten().collect();
            all.extend_from_slice(array.end());
            assert_eq!(String::from_utf8(all).unwrap(), expect, "{size}");
        }
    }

    #[test]
    fn events_become_elements() {
        check("", "[]");
        check("data: {\"a\":1}\r\n\r\n", "[{\"a\":1}]");
        check(
            "data: {\"a\":\"é\"}\r\n\r\n: still here\r\n\r\ndata:{\"b\":2}\n\n",
            "[{\"a\":\"é\"},\r\n{\"b\":2}]",
        );
    }
}
