//! Whole answers: from this protocol to the neutral form and back.

use std::collections::HashMap;

use domain::chat::{self, Choice, Citation, Finish, Part, Reason, Reasoning, Text, ToolCall};
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::decode::blocks;
use super::usage::{self, Reported};
use super::{answer, stop};
use crate::answer::Malformed;
use crate::dialect::field::Fields;
use crate::dialect::names::Names;
use crate::dialect::{Echo, carried_id};
use crate::json::build::{self, ObjectWriter};
use crate::request::Unreadable;

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn decode_answer(body: &[u8]) -> Result<chat::Answer, Malformed> {
    let facts = answer::read_answer(body)?;
    if facts.error.is_some() {
        return Err(Malformed::NotAnAnswer);
    }
    let message = Fields::read(body).map_err(|_| Malformed::NotAnAnswer)?;
    message_of(&message, facts.tokens).map_err(|_| Malformed::NotAnAnswer)
}

fn message_of(message: &Fields<'_>, tokens: Option<Tokens>) -> Result<chat::Answer, Unreadable> {
    let mut parts = Vec::new();
    for block in message.items("content")? {
        blocks::read(&block, &mut HashMap::new(), &mut Names::default(), &mut parts)?;
    }
    let stop_sequence = message.text("stop_sequence")?;
    let finish = message.text("stop_reason")?.map(|word| stop::read(&word, stop_sequence));
    let usage = message.object("usage")?;
    Ok(chat::Answer {
        id: message.text("id")?,
        model: message.text("model")?,
        choices: vec![Choice { parts, finish, logprobs: None }],
        tokens,
        service_tier: usage.map(|usage| usage.text("service_tier")).transpose()?.flatten(),
    })
}

/// Writes an answer as a caller of this protocol expects it. It has place for one choice.
#[must_use]
pub fn encode_answer(answer: &chat::Answer, echo: &Echo<'_>) -> Vec<u8> {
    let choice = answer.choices.first();
    let content = choice.map(|choice| choice.parts.iter().filter_map(block).collect()).unwrap_or_default();
    let finish = choice.and_then(|choice| choice.finish.clone()).unwrap_or_else(|| Finish::new(Reason::Stop));
    build::object_alone(|fields| {
        let head = Head { id: answer.id.as_deref(), model: answer.model.as_deref(), echo: *echo };
        head.write(fields, content);
        ending(fields, &finish);
        fields.object("usage", |fields| {
            usage::write(fields, &answer.tokens.unwrap_or_default());
            let known = |tier: &&str| matches!(*tier, "standard" | "priority" | "batch");
            fields.text("service_tier", answer.service_tier.as_deref().filter(known).unwrap_or("standard"));
        });
    })
}

/// The members that open an answer, whole or streamed.
pub(super) struct Head<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) model: Option<&'a str>,
    pub(super) echo: Echo<'a>,
}

impl Head<'_> {
    /// Writes them, with the content that is there.
    pub(super) fn write(&self, fields: &mut ObjectWriter<'_>, content: Vec<Vec<u8>>) {
        fields.text("id", self.id.unwrap_or(self.echo.id));
        fields.text("type", "message");
        fields.text("role", "assistant");
        fields.text("model", self.model.unwrap_or(self.echo.model));
        fields.list("content", content);
    }
}

/// Writes why an answer ended.
pub(super) fn ending(fields: &mut ObjectWriter<'_>, finish: &Finish) {
    let word = stop::word(finish);
    let met = finish.stop_sequence.as_deref().filter(|_| word == "stop_sequence");
    fields.text("stop_reason", word);
    fields.text_or_null("stop_sequence", met);
}

/// A part as a block; none for what this protocol's answers have no block for.
fn block(part: &Part) -> Option<Vec<u8>> {
    match part {
        Part::Text(words) if words.text.is_empty() => None,
        Part::Text(words) => Some(text(words)),
        Part::Refusal(words) if words.is_empty() => None,
        Part::Refusal(words) => Some(text(&Text { text: words.clone(), ..Text::default() })),
        Part::Reasoning(thought) => reasoning(thought),
        Part::ToolCall(call) => Some(tool_use(call)),
        Part::Foreign(foreign) if foreign.protocol == Protocol::Anthropic => {
            Some(foreign.json.as_str().as_bytes().to_vec())
        }
        Part::Foreign(_) | Part::Media(_) | Part::ToolResult(_) => None,
    }
}

fn text(words: &Text) -> Vec<u8> {
    let citations: Vec<Vec<u8>> = words.citations.iter().filter_map(citation).collect();
    build::object_alone(|fields| {
        fields.text("type", "text");
        fields.text("text", &words.text);
        if !citations.is_empty() {
            fields.list("citations", citations);
        }
    })
}

/// A citation; one of another protocol as a place on the web, if it names one.
pub(super) fn citation(citation: &Citation) -> Option<Vec<u8>> {
    if let Some((Protocol::Anthropic, json)) = &citation.native {
        return Some(json.as_str().as_bytes().to_vec());
    }
    let url = citation.url.as_deref()?;
    Some(build::object_alone(|fields| {
        fields.text("type", "web_search_result_location");
        fields.text("cited_text", citation.quoted.as_deref().unwrap_or_default());
        fields.text("encrypted_index", "");
        fields.text_or_null("title", citation.title.as_deref());
        fields.text("url", url);
    }))
}

fn reasoning(thought: &Reasoning) -> Option<Vec<u8>> {
    let signature = thought.signature.as_ref().map(|signature| signature.carried(Protocol::Anthropic));
    if thought.text.is_empty() && signature.is_none() {
        return None;
    }
    let signature = signature.unwrap_or_default();
    Some(build::object_alone(|fields| {
        if thought.redacted {
            fields.text("type", "redacted_thinking");
            fields.text("data", &signature);
        } else {
            fields.text("type", "thinking");
            fields.text("thinking", &thought.text);
            fields.text("signature", &signature);
        }
    }))
}

fn tool_use(call: &ToolCall) -> Vec<u8> {
    build::object_alone(|fields| {
        fields.text("type", "tool_use");
        fields.text("id", &carried_id(&call.id, call.signature.as_ref()));
        fields.text("name", &call.name);
        // Arguments that were cut off cannot be said but in a stream.
        fields.raw("input", crate::json::look::object(&call.arguments).unwrap_or("{}"));
    })
}

/// The usage an event reports, if it does.
pub(super) fn reported(raw: &str) -> Option<Reported> {
    let mut reported = Reported::default();
    crate::json::read_open(raw.as_bytes(), &mut reported).ok()?;
    Some(reported)
}

#[cfg(test)]
mod tests;
