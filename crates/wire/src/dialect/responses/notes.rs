//! What the events of a stream say that is relayed as it came: counted, never kept.

use super::payload::{Kind, Payload};
use crate::dialect::{self, DONE_MARK};
use crate::failure::{UpstreamError, read_error};
use crate::json::look::Value;
use crate::json::{self, Shape};
use crate::tap::{Broken, Meter, Said};

/// The notes of one stream.
#[derive(Debug, Default)]
pub(crate) struct Notes {}

impl dialect::Notes for Notes {
    fn note(&mut self, _kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken> {
        if data == DONE_MARK {
            // Some servers add it out of habit; it proves nothing.
            return Ok(Said::More);
        }
        let mut payload = Payload::default();
        let Ok(Shape::Object { .. }) = json::read_open(data, &mut payload) else {
            return Err(Broken::NotJson);
        };
        meter.tokens = payload.body.tokens().or(meter.tokens);
        meter.kept_as = payload.body.kept_as().or(meter.kept_as.take());
        let said = match payload.kind {
            Kind::Delta => payload.delta_bytes,
            Kind::ItemAdded => payload.item_bytes,
            Kind::Over => return Ok(Said::Done),
            Kind::Failed => return Ok(Said::Failed(failure(data))),
            Kind::Error => {
                return Ok(Said::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
            }
            Kind::Other => return Ok(Said::More),
        };
        meter.speaks = true;
        meter.output_bytes = meter.output_bytes.saturating_add(said);
        Ok(Said::More)
    }

    fn finish_seen(&self) -> bool {
        // Only the last event says that the answer is whole, and it ends the stream.
        false
    }

    fn is_end(&self, _kind: &[u8], data: &[u8]) -> bool {
        let mut payload = Payload::default();
        json::read_open(data, &mut payload).is_ok() && payload.kind == Kind::Over
    }

    fn end_mark(&self) -> &'static [u8] {
        b""
    }

    fn end_is_an_event(&self) -> bool {
        true
    }
}

/// The error in an event whose answer failed.
pub(super) fn failure(data: &[u8]) -> UpstreamError {
    let response = Value::read(data).and_then(|event| event.get("response"));
    response
        .and_then(|response| read_error(response.raw().as_bytes()))
        .unwrap_or_else(UpstreamError::without_words)
}
