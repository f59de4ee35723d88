//! What the gate wants to know of an answer that is relayed as it came.

use super::payload::Body;
use crate::answer::{Answer, Malformed};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when the body is not JSON, or neither an answer nor an error.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let mut facts = Body::default();
    let shape = json::read_open(body, &mut facts).map_err(|_| Malformed::NotJson)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Malformed::NotAnAnswer);
    }
    let error = if facts.has_error {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if facts.has_output {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    Ok(Answer {
        tokens: facts.tokens(),
        advice: None,
        output_bytes: facts.text_bytes,
        kept_as: facts.kept_as(),
        error,
    })
}
