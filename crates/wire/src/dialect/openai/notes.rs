//! What the chunks of a stream say: counted, never kept.

use domain::usage::Surface;

use super::DONE;
use super::payload::Payload;
use crate::dialect::{self, DONE_MARK};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};
use crate::tap::{Broken, Meter, Said};

/// The notes of one stream.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    begun: u128,
    finished: u128,
}

impl dialect::Notes for Notes {
    fn note(&mut self, _kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken> {
        if data == DONE_MARK {
            return Ok(Said::Done);
        }
        let mut payload = Payload::default();
        let shape = json::read_open(data, &mut payload);
        if payload.has_error {
            return Ok(Said::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        let Ok(Shape::Object { .. }) = shape else { return Err(Broken::NotJson) };
        self.begun |= payload.begun;
        self.finished |= payload.finished;
        meter.speaks |= payload.speaks;
        meter.output_bytes = meter.output_bytes.saturating_add(payload.text_bytes);
        meter.tokens = payload.tokens(Surface::Chat).or(meter.tokens);
        Ok(if payload.is_usage_only() { Said::UsageOnly } else { Said::More })
    }

    fn finish_seen(&self) -> bool {
        self.begun != 0 && self.begun == self.finished
    }

    fn is_end(&self, _kind: &[u8], data: &[u8]) -> bool {
        data == DONE_MARK
    }

    fn end_mark(&self) -> &'static [u8] {
        DONE
    }

    fn end_is_an_event(&self) -> bool {
        false
    }
}
