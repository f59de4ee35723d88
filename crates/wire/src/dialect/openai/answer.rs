//! A whole answer of an upstream: what was used, how much was written, whether it is an answer at all.

use domain::usage::Surface;

use super::payload::Payload;
use crate::answer::{Answer, Malformed};
use crate::failure::{UpstreamError, read_error};
use crate::json::{self, Shape};

/// Reads an answer to `surface` that came with a status of success.
///
/// # Errors
/// [`Malformed`] when the body is not JSON, or neither an answer nor an error.
pub fn read_answer(surface: Surface, body: &[u8]) -> Result<Answer, Malformed> {
    let mut payload = Payload::default();
    let shape = json::read_open(body, &mut payload).map_err(|_| Malformed::NotJson)?;
    if !matches!(shape, Shape::Object { .. }) {
        return Err(Malformed::NotAnAnswer);
    }
    let answered = match surface {
        Surface::Embeddings | Surface::EmbedContent => payload.has_data,
        _ => payload.choices.is_some(),
    };
    let error = if payload.has_error {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if answered {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    Ok(Answer {
        tokens: payload.tokens(surface),
        output_bytes: payload.text_bytes,
        error,
        ..Answer::default()
    })
}

#[cfg(test)]
mod tests;
