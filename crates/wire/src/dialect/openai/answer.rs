//! A whole answer of an upstream: what was used, how much was written, whether it is an answer at all.

use domain::price::Tokens;
use domain::usage::Surface;

use super::failure::{UpstreamError, read_error};
use super::payload::Payload;
use crate::json::{self, Shape};

/// The facts of one answer. The body itself is relayed as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What the provider says was used; `None` when it says nothing, or nothing that adds up.
    pub tokens: Option<Tokens>,
    /// Bytes of text, tool arguments and reasoning, for an estimate.
    pub output_bytes: u64,
    /// The error that came in place of an answer.
    pub error: Option<UpstreamError>,
}

/// Not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not one JSON text.
    #[error("the upstream's answer is not JSON")]
    NotJson,
    /// JSON without choices, embeddings or an error.
    #[error("the upstream's answer holds neither output nor an error")]
    NotAnAnswer,
}

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
        Surface::Chat | Surface::Completions => payload.choices.is_some(),
        Surface::Embeddings => payload.has_data,
    };
    let error = if payload.has_error {
        Some(read_error(body).unwrap_or_else(UpstreamError::without_words))
    } else if answered {
        None
    } else {
        Some(read_error(body).ok_or(Malformed::NotAnAnswer)?)
    };
    Ok(Answer { tokens: payload.tokens(surface), output_bytes: payload.text_bytes, error })
}

#[cfg(test)]
mod tests;
