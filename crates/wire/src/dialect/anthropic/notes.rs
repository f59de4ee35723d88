//! What the events of a stream say that is relayed as it came: counted, never kept.

use super::MESSAGE_STOP;
use super::payload::{Kind, Payload};
use super::usage::Reported;
use crate::dialect;
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};
use crate::tap::{Broken, Meter, Said};

/// The notes of one stream.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    usage: Reported,
    is_finished: bool,
}

impl dialect::Notes for Notes {
    fn note(&mut self, kind: &[u8], data: &[u8], meter: &mut Meter) -> Result<Said, Broken> {
        let (payload, kind) = read(kind, data)?;
        if payload.has_error || kind == Kind::Error {
            return Ok(Said::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        self.is_finished |= payload.is_finished;
        meter.speaks |= matches!(kind, Kind::BlockStart | Kind::BlockDelta);
        meter.output_bytes = meter.output_bytes.saturating_add(payload.text_bytes);
        if let Some(usage) = payload.usage {
            self.usage.correct(usage);
            meter.tokens = self.usage.tokens().or(meter.tokens);
            meter.advice = self.usage.advice().cloned();
        }
        Ok(if kind == Kind::Stop { Said::Done } else { Said::More })
    }

    fn finish_seen(&self) -> bool {
        self.is_finished
    }

    fn is_end(&self, kind: &[u8], data: &[u8]) -> bool {
        read(kind, data).is_ok_and(|(_, kind)| kind == Kind::Stop)
    }

    fn end_mark(&self) -> &'static [u8] {
        MESSAGE_STOP
    }

    fn end_is_an_event(&self) -> bool {
        true
    }
}

/// Reads one event; where its data does not say what it is, its name does.
fn read(kind: &[u8], data: &[u8]) -> Result<(Payload, Kind), Broken> {
    let mut payload = Payload::default();
    let shape = json::read_open(data, &mut payload);
    let Ok(Shape::Object { .. }) = shape else { return Err(Broken::NotJson) };
    let named = std::str::from_utf8(kind).map(Kind::of).unwrap_or_default();
    let kind = payload.kind.unwrap_or(named);
    Ok((payload, kind))
}
