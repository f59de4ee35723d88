//! What the gate wants to know of an answer that is relayed as it came.

use super::payload::{Kind, Payload};
use super::usage::Reported;
use crate::answer::{Answer, Malformed};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let mut payload = Payload::default();
    let shape = json::read_open(body, &mut payload).map_err(|_| Malformed::NotJson)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Malformed::NotAnAnswer);
    }
    let error = if payload.has_error || payload.kind == Some(Kind::Error) {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if payload.has_content {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    let tokens = payload.usage.as_ref().and_then(Reported::tokens);
    let advice = payload.usage.as_ref().and_then(Reported::advice).cloned();
    Ok(Answer { tokens, advice, output_bytes: payload.text_bytes, error, ..Answer::default() })
}
