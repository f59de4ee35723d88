//! What the gate wants to know of an answer that is relayed as it came: to a conversation, to a count of tokens, or
//! embeddings.

use super::payload::Payload;
use crate::answer::{Answer, Malformed};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when the body is not JSON, or neither an answer nor an error.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let mut payload = Payload::default();
    let shape = json::read_open(body, &mut payload).map_err(|_| Malformed::NotJson)?;
    let is_object = matches!(shape, Shape::Object { .. });
    let answered = is_object && (payload.begun != 0 || payload.blocked || payload.answers_other);
    let error = if payload.has_error {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if answered {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    Ok(Answer { tokens: payload.tokens(), output_bytes: payload.text_bytes, error, ..Answer::default() })
}
