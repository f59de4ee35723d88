//! What the events of a stream say that is relayed as it came: counted, never kept.

use super::payload::Payload;
use crate::dialect;
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};
use crate::tap::{Broken, Meter, Said};

/// The notes of one stream. Google marks no end: a stream is complete when every candidate has said why it finished, or
/// the prompt was refused.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    begun: u128,
    finished: u128,
    blocked: bool,
}

impl Notes {
    fn take_in(&mut self, payload: &Payload) {
        self.begun |= payload.begun;
        self.finished |= payload.finished;
        self.blocked |= payload.blocked;
    }

    fn is_complete(&self) -> bool {
        if self.begun == 0 { self.blocked } else { self.begun == self.finished }
    }
}

impl dialect::Notes for Notes {
    fn note(&mut self, _kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken> {
        let mut payload = Payload::default();
        let shape = json::read_open(data, &mut payload);
        if payload.has_error {
            return Ok(Said::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        let Ok(Shape::Object { .. }) = shape else { return Err(Broken::NotJson) };
        self.take_in(&payload);
        meter.speaks |= payload.speaks;
        meter.output_bytes = meter.output_bytes.saturating_add(payload.text_bytes);
        meter.tokens = payload.tokens().or(meter.tokens);
        Ok(Said::More)
    }

    fn finish_seen(&self) -> bool {
        self.is_complete()
    }

    fn is_end(&self, _kind: &[u8], data: &[u8]) -> bool {
        let mut payload = Payload::default();
        if json::read_open(data, &mut payload).is_err() || payload.has_error {
            return false;
        }
        let mut after = Self { begun: self.begun, finished: self.finished, blocked: self.blocked };
        after.take_in(&payload);
        after.is_complete()
    }

    fn end_mark(&self) -> &'static [u8] {
        b""
    }

    fn end_is_an_event(&self) -> bool {
        true
    }
}
