//! Turns, written as the items of `input`.

use domain::chat::tool_id::Grammar;
use domain::chat::{Json, Media, MediaKind, Part, Reasoning, Role, Source, Text, ToolResult, Turn};
use domain::protocol::Protocol;

use crate::dialect::names::Names;
use crate::dialect::responses::items::summary_part;
use crate::json::build::{ObjectWriter, object, push_raw};
use crate::json::push_text;

/// The items so far.
pub(super) struct Items {
    written: Vec<u8>,
    tool_ids: Grammar,
}

impl Items {
    pub(super) fn new(tool_ids: Grammar) -> Self {
        Self { written: vec![b'['], tool_ids }
    }

    pub(super) fn into_array(mut self) -> Vec<u8> {
        self.written.push(b']');
        self.written
    }

    /// Adds the items of one turn, in order; words and pictures that follow each other are one message.
    pub(super) fn turn(&mut self, turn: &Turn, dropped: &mut Names) {
        if turn.name.is_some() {
            dropped.add("name");
        }
        let mut content = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) => {
                    note_text(text, dropped);
                    content.push(part);
                }
                Part::Media(media) => {
                    note_media(media, dropped);
                    content.push(part);
                }
                Part::Refusal(_) => content.push(part),
                Part::Foreign(foreign) if foreign.protocol != Protocol::Responses => {
                    dropped.add("server_tools")
                }
                Part::Reasoning(thought) if !returns(thought) => {
                    if !thought.text.is_empty() {
                        dropped.add("reasoning");
                    }
                }
                other => {
                    self.message(turn.role, &mut content);
                    self.item(other, dropped);
                }
            }
        }
        self.message(turn.role, &mut content);
    }

    /// The place where the next item is to be written.
    fn next(&mut self) -> &mut Vec<u8> {
        if self.written.len() > 1 {
            self.written.push(b',');
        }
        &mut self.written
    }

    fn message(&mut self, role: Role, content: &mut Vec<&Part>) {
        let content = std::mem::take(content);
        if content.is_empty() {
            return;
        }
        let role_word = match role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        object(self.next(), |item| {
            item.text("type", "message");
            item.text("role", role_word);
            match &content[..] {
                // The plainest form is the one that all servers take, without an id for what the model said, too.
                [Part::Text(Text { text, citations, .. })] if citations.is_empty() => {
                    item.text("content", text)
                }
                _ => item.array("content", |list| {
                    let write = if role == Role::Assistant { said } else { told };
                    content.iter().for_each(|part| write(list.place(), part));
                }),
            }
        });
    }

    fn item(&mut self, part: &Part, dropped: &mut Names) {
        let grammar = self.tool_ids;
        match part {
            Part::Reasoning(thought) => object(self.next(), |item| reasoning(item, thought)),
            Part::ToolCall(call) => {
                if call.cache.is_some() {
                    dropped.add("cache_control");
                }
                object(self.next(), |item| {
                    item.text("type", "function_call");
                    item.text("call_id", &grammar.fit(&call.id));
                    item.text("name", &call.name);
                    item.text("arguments", &call.arguments);
                });
            }
            Part::ToolResult(result) => {
                note_result(result, dropped);
                object(self.next(), |item| {
                    item.text("type", "function_call_output");
                    item.text("call_id", &grammar.fit(&result.id));
                    match &result.parts[..] {
                        [] => item.text("output", ""),
                        [Part::Text(text)] => item.text("output", &text.text),
                        parts => item
                            .array("output", |list| parts.iter().for_each(|part| told(list.place(), part))),
                    }
                });
            }
            Part::Foreign(foreign) => push_raw(self.next(), foreign.json.as_str()),
            Part::Text(_) | Part::Media(_) | Part::Refusal(_) => {}
        }
    }
}

/// Whether a thought may go back: only to who made it.
fn returns(thought: &Reasoning) -> bool {
    thought.signature.as_ref().is_some_and(|signature| signature.of(Protocol::Responses).is_some())
}

fn note_text(text: &Text, dropped: &mut Names) {
    if text.cache.is_some() {
        dropped.add("cache_control");
    }
}

fn note_media(media: &Media, dropped: &mut Names) {
    if media.cache.is_some() {
        dropped.add("cache_control");
    }
}

fn note_result(result: &ToolResult, dropped: &mut Names) {
    if result.cache.is_some() {
        dropped.add("cache_control");
    }
    if result.is_error {
        dropped.add("is_error");
    }
    for part in &result.parts {
        match part {
            Part::Text(text) => note_text(text, dropped),
            Part::Media(media) => note_media(media, dropped),
            Part::Foreign(_) => dropped.add("server_tools"),
            _ => {}
        }
    }
}

fn reasoning(item: &mut ObjectWriter<'_>, thought: &Reasoning) {
    item.text("type", "reasoning");
    item.text_if("id", thought.id.as_deref());
    item.array("summary", |summary| {
        if !thought.text.is_empty() {
            summary_part(summary.place(), &thought.text);
        }
    });
    let value = thought.signature.as_ref().and_then(|signature| signature.of(Protocol::Responses));
    item.text_if("encrypted_content", value);
}

/// A part of what the model said.
fn said(out: &mut Vec<u8>, part: &Part) {
    object(out, |content| match part {
        Part::Text(text) => {
            content.text("type", "output_text");
            content.text("text", &text.text);
            let own = text.citations.iter().filter_map(|citation| match &citation.native {
                Some((Protocol::Responses, json)) => Some(json),
                _ => None,
            });
            content.list("annotations", own.map(Json::as_str));
        }
        Part::Refusal(text) => {
            content.text("type", "refusal");
            content.text("refusal", text);
        }
        _ => {}
    });
}

/// A part of what the model is told.
fn told(out: &mut Vec<u8>, part: &Part) {
    object(out, |content| match part {
        Part::Text(Text { text, .. }) | Part::Refusal(text) => {
            content.text("type", "input_text");
            content.text("text", text);
        }
        Part::Media(media) if media.kind == MediaKind::Image => {
            content.text("type", "input_image");
            content.text("detail", media.detail.as_deref().unwrap_or("auto"));
            match &media.source {
                Source::Uploaded(id) => content.text("file_id", id),
                Source::Url(address) => content.text("image_url", address),
                Source::Data { media_type, base64 } => data_address(content, "image_url", media_type, base64),
            }
        }
        Part::Media(media) => {
            content.text("type", "input_file");
            match &media.source {
                Source::Uploaded(id) => content.text("file_id", id),
                Source::Url(address) => content.text("file_url", address),
                Source::Data { media_type, base64 } => {
                    // The protocol demands a file's name beside its bytes.
                    let end = media_type.rsplit(['/', '.', '+']).next().unwrap_or_default();
                    let made = format!("document.{end}");
                    content.text("filename", media.name.as_deref().unwrap_or(&made));
                    data_address(content, "file_data", media_type, base64);
                }
            }
        }
        _ => {}
    });
}

fn data_address(content: &mut ObjectWriter<'_>, name: &str, media_type: &str, base64: &str) {
    push_text(content.place(name), &format!("data:{media_type};base64,{base64}"));
}
