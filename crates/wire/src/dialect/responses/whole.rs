//! Whole answers: from this protocol to the neutral form and back.

use std::borrow::Cow;

use domain::chat::{Answer, Choice, Json, Media, MediaKind, Part, Source, Text};

use super::ended::{Seen, Standing};
use super::envelope::Envelope;
use super::items;
use super::{output, usage};
use crate::answer::Malformed;
use crate::dialect::Echo;
use crate::json::look::Value;

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none, or one that is not finished or failed.
pub fn decode_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let members = Value::read(body).ok_or(Malformed::NotJson)?.object().ok_or(Malformed::NotAnAnswer)?;
    let text = |name: &str| members.text(name).map(Cow::into_owned);
    let status = text("status").unwrap_or_else(|| "completed".to_owned());
    if !matches!(status.as_str(), "completed" | "incomplete") {
        return Err(Malformed::NotAnAnswer);
    }
    let list = members.get("output").and_then(Value::items).ok_or(Malformed::NotAnAnswer)?;
    let id = text("id");
    let (mut parts, mut chances) = (Vec::new(), String::new());
    for (index, item) in list.into_iter().enumerate() {
        output::parts(item, || made_call_id(id.as_deref(), index), &mut parts, &mut chances);
    }
    let reason = members.object("incomplete_details").and_then(|it| it.text("reason").map(Cow::into_owned));
    let finish = Seen::of(&parts).finish(&status, reason);
    let logprobs = (!chances.is_empty()).then(|| Json::new(items::chat_chances(&chances)));
    Ok(Answer {
        id,
        model: text("model"),
        choices: vec![Choice { parts, finish: Some(finish), logprobs }],
        tokens: members.get("usage").and_then(|reported| usage::tokens(reported.raw())),
        service_tier: text("service_tier"),
    })
}

/// A name for a call that came without one.
pub(super) fn made_call_id(answer: Option<&str>, index: impl std::fmt::Display) -> String {
    format!("call_{}_{index}", answer.unwrap_or("unnamed"))
}

/// Writes an answer as a caller of this protocol expects it. Of several answers it can hold the first.
#[must_use]
pub fn encode_answer(answer: &Answer, echo: &Echo<'_>) -> Vec<u8> {
    let mut envelope = Envelope::new(echo);
    envelope.answers(answer.id.as_deref(), answer.model.as_deref());
    let nothing = Choice::default();
    let choice = answer.choices.first().unwrap_or(&nothing);
    let standing = Standing::of(choice.finish.as_ref(), Seen::of(&choice.parts).refused());
    let chances = choice.logprobs.as_ref().map(|json| items::chances(json.as_str())).unwrap_or_default();
    let mut output =
        Output { envelope: &envelope, written: Vec::new(), content: Vec::new(), index: 0, chances };
    for part in &choice.parts {
        output.add(part);
    }
    // A message that was cut is one; what came before it is whole.
    output.end_message(standing.word());
    let items = output.written;
    let mut out = Vec::new();
    envelope.write(&mut out, standing, &items, answer.tokens.as_ref(), answer.service_tier.as_deref());
    out
}

/// The items so far.
struct Output<'e> {
    envelope: &'e Envelope,
    written: Vec<u8>,
    /// The parts of the message that is being written.
    content: Vec<u8>,
    index: u32,
    /// The chances of all words, which go with the first of them.
    chances: Vec<u8>,
}

impl Output<'_> {
    fn add(&mut self, part: &Part) {
        match part {
            Part::Text(words) => self.text(words),
            Part::Refusal(words) => {
                items::divide(&mut self.content);
                items::refusal(&mut self.content, words);
            }
            Part::Reasoning(thought) => {
                let made = self.next_id("rs");
                let id = thought.id.as_deref().filter(|id| id.starts_with("rs_")).unwrap_or(&made);
                let carried = items::carried_of(thought);
                items::reasoning(&mut self.written, id, &thought.text, carried.as_deref());
            }
            Part::ToolCall(call) => {
                let id = self.next_id("fc");
                items::call(&mut self.written, &id, "completed", call);
            }
            Part::Media(Media { kind: MediaKind::Image, source: Source::Data { base64, .. }, .. }) => {
                let id = self.next_id("ig");
                items::picture(&mut self.written, &id, "completed", Some(base64));
            }
            // What another provider's own tools did is not for the caller; sound and films have no place.
            Part::Media(_) | Part::Foreign(_) | Part::ToolResult(_) => {}
        }
    }

    fn text(&mut self, words: &Text) {
        let mut annotations = Vec::new();
        for citation in &words.citations {
            let mut written = Vec::new();
            if items::annotation(&mut written, citation, items::characters(&words.text)) {
                items::divide(&mut annotations);
                annotations.extend_from_slice(&written);
            }
        }
        items::divide(&mut self.content);
        let chances = std::mem::take(&mut self.chances);
        items::text(&mut self.content, &words.text, &annotations, &chances);
    }

    /// Ends the message before the next item, and gives that its name.
    fn next_id(&mut self, prefix: &str) -> String {
        self.end_message("completed");
        items::divide(&mut self.written);
        let id = self.envelope.item_id(prefix, self.index);
        self.index += 1;
        id
    }

    fn end_message(&mut self, status: &str) {
        if self.content.is_empty() {
            return;
        }
        let content = std::mem::take(&mut self.content);
        items::divide(&mut self.written);
        let id = self.envelope.item_id("msg", self.index);
        self.index += 1;
        items::message(&mut self.written, &id, status, &content);
    }
}
