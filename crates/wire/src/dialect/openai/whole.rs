//! Whole answers: from this protocol to the neutral form and back.

mod message;
mod written;

use domain::chat::{self, Choice, Reason};
use domain::usage::Surface;

use super::payload::Payload;
use super::{finish, sources, thoughts};
use crate::answer::Malformed;
use crate::dialect::Echo;
use crate::json;
use crate::json::look::{Object, Value};

pub(super) use message::{citation, picture, signature_beside, thinking_text, tool_call_arguments};
pub(super) use written::{is_legacy, write_annotation, write_image, write_usage};

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn decode_answer(body: &[u8]) -> Result<chat::Answer, Malformed> {
    let answer = Value::read(body).ok_or(Malformed::NotJson)?.object().ok_or(Malformed::NotAnAnswer)?;
    let choices = answer.get("choices").and_then(Value::items).ok_or(Malformed::NotAnAnswer)?;
    let mut payload = Payload::default();
    json::read_open(body, &mut payload).map_err(|_| Malformed::NotJson)?;
    if payload.has_error {
        return Err(Malformed::NotAnAnswer);
    }
    let id = answer.words("id");
    let name = id.clone().unwrap_or_else(|| fingerprint(body));
    let sources = sources::read(&answer);
    let choice = |(&value, number): (&Value<'_>, usize)| choice(value, &name, number, &sources);
    Ok(chat::Answer {
        choices: choices.iter().zip(0..).map(choice).collect(),
        model: answer.words("model"),
        tokens: payload.tokens(Surface::Chat),
        service_tier: answer.text("service_tier").map(|tier| tier.into_owned()),
        id,
    })
}

/// One choice. A filtered one may have no message at all.
fn choice(value: Value<'_>, answer: &str, number: usize, sources: &[chat::Citation]) -> Choice {
    let choice = value.object().unwrap_or_default();
    let message = choice.object("message").unwrap_or_default();
    let parts = message::parts(&message, &format!("{answer}_{number}"), sources);
    let calls = parts.iter().any(|part| matches!(part, chat::Part::ToolCall(_)));
    Choice { finish: Some(read_finish(&choice, calls)), logprobs: logprobs(&choice), parts }
}

/// A name for an answer that has none, the same whenever the same bytes come (64-bit FNV-1a).
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = bytes.iter().fold(BASIS, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// Why a choice ended, by its members.
pub(super) fn read_finish(choice: &Object<'_>, calls: bool) -> chat::Finish {
    let (word, native) = (choice.text("finish_reason"), choice.text("native_finish_reason"));
    let mut finish = finish::read(word.as_deref(), native.as_deref(), calls);
    // vLLM names the stop text that was met.
    if finish.reason == Reason::Stop {
        finish.stop_sequence = choice.text("stop_reason").map(|met| met.into_owned());
    }
    finish
}

/// The chances of the words of a choice or of a piece of it.
pub(super) fn logprobs(choice: &Object<'_>) -> Option<chat::Json> {
    choice.get("logprobs").filter(|found| found.is_object() && found.raw() != "{}").map(Value::json)
}

/// Writes an answer as a caller of this protocol expects it.
#[must_use]
pub fn encode_answer(answer: &chat::Answer, echo: &Echo<'_>) -> Vec<u8> {
    written::write(answer, echo)
}

#[cfg(test)]
mod tests;
