//! Neutral events, written as the stream that callers of this protocol expect.

use std::collections::BTreeMap;

use domain::chat::{self, Event, Finish, Growth, Media, MediaKind, Opening, Source};
use domain::price::Tokens;

use super::thoughts::{self, Written};
use super::whole::{is_legacy, write_annotation, write_image, write_usage};
use super::{DONE, finish};
use crate::dialect::{Echo, WriteStream, carried_id};
use crate::failure::ErrorBody;
use crate::json::build::{self, ArrayWriter, ObjectWriter};

/// The writer of one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    id: String,
    model: String,
    created: u64,
    asks_usage: bool,
    /// Whether the caller asks in the older form, in which an answer holds one `function_call`.
    legacy: bool,
    tokens: Option<Tokens>,
    choices: BTreeMap<u32, Choice>,
}

/// What was written of one of the answers.
#[derive(Debug, Default)]
struct Choice {
    calls: usize,
    thoughts: usize,
    /// Characters of text so far.
    characters: u64,
    part: Part,
}

/// The part that is open.
#[derive(Debug, Default)]
enum Part {
    #[default]
    Unwritten,
    /// Text, and the characters before it.
    Text {
        from: u64,
    },
    Thought {
        index: usize,
        id: Option<String>,
        redacted: bool,
    },
    Refusal,
    Call {
        index: usize,
        empty: bool,
    },
}

impl StreamWriter {
    /// A stream of which nothing has been written.
    pub(crate) fn new(echo: &Echo<'_>) -> Self {
        Self {
            id: echo.id.to_owned(),
            model: echo.model.to_owned(),
            created: echo.created,
            asks_usage: echo.asks_usage,
            legacy: is_legacy(echo.body),
            tokens: None,
            choices: BTreeMap::new(),
        }
    }

    fn chunk(&self, out: &mut Vec<u8>, usage: Option<&Tokens>, choices: impl FnOnce(&mut ArrayWriter<'_>)) {
        out.extend_from_slice(b"data: ");
        build::object(out, |root| {
            root.text("id", &self.id);
            root.text("object", "chat.completion.chunk");
            root.plain("created", self.created);
            root.text("model", &self.model);
            root.array("choices", choices);
            match usage {
                Some(tokens) => root.object("usage", |usage| write_usage(usage, tokens)),
                // Who asked for usage finds the member in every chunk.
                None if self.asks_usage => root.null("usage"),
                None => {}
            }
        });
        out.extend_from_slice(b"\n\n");
    }

    fn choice_chunk(
        &self,
        number: u32,
        out: &mut Vec<u8>,
        delta: impl FnOnce(&mut ObjectWriter<'_>),
        logprobs: Option<&chat::Json>,
        finish: Option<&Finish>,
    ) {
        self.chunk(out, None, |choices| {
            choices.object(|choice| {
                choice.plain("index", number);
                choice.object("delta", delta);
                match logprobs {
                    Some(logprobs) => choice.raw("logprobs", logprobs.as_str()),
                    None => choice.null("logprobs"),
                }
                match finish {
                    Some(finish) => finish::write(choice, finish, self.legacy),
                    None => choice.null("finish_reason"),
                }
            });
        });
    }

    fn delta(&self, number: u32, out: &mut Vec<u8>, delta: impl FnOnce(&mut ObjectWriter<'_>)) {
        self.choice_chunk(number, out, delta, None, None);
    }

    /// The state of a choice, whose first chunk, with the role, is written if it was not.
    fn choice(&mut self, number: u32, out: &mut Vec<u8>) -> &mut Choice {
        if !self.choices.contains_key(&number) {
            self.delta(number, out, |delta| {
                delta.text("role", "assistant");
                delta.text("content", "");
                delta.null("refusal");
            });
        }
        self.choices.entry(number).or_default()
    }

    fn begin_part(&mut self, number: u32, opening: &Opening, out: &mut Vec<u8>) {
        let choice = self.choice(number, out);
        choice.part = match opening {
            Opening::Text => Part::Text { from: choice.characters },
            Opening::Refusal => Part::Refusal,
            Opening::Reasoning { id, redacted } => {
                choice.thoughts += 1;
                Part::Thought { index: choice.thoughts - 1, id: id.clone(), redacted: *redacted }
            }
            Opening::ToolCall { .. } => {
                choice.calls += 1;
                Part::Call { index: choice.calls - 1, empty: true }
            }
            Opening::Media(_) | Opening::Foreign(_) => Part::Unwritten,
        };
        match (opening, &choice.part) {
            (Opening::ToolCall { id, name, signature }, &Part::Call { index, .. }) => {
                let id = carried_id(id, signature.as_ref());
                self.write_call(number, index, out, |call| call.text("id", &id), Some(name), "");
            }
            (Opening::Media(media), _) => self.write_media(number, media, out),
            // What the provider runs itself is no call for the caller.
            _ => {}
        }
    }

    /// A piece of a call. In the older form there is one call, and it has neither number nor id.
    fn write_call(
        &self,
        number: u32,
        index: usize,
        out: &mut Vec<u8>,
        head: impl FnOnce(&mut ObjectWriter<'_>),
        name: Option<&str>,
        arguments: &str,
    ) {
        let function = |function: &mut ObjectWriter<'_>| {
            function.text_if("name", name);
            function.text("arguments", arguments);
        };
        if self.legacy {
            if index == 0 {
                self.delta(number, out, |delta| delta.object("function_call", function));
            }
            return;
        }
        self.delta(number, out, |delta| {
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.plain("index", index);
                    head(call);
                    if name.is_some() {
                        call.text("type", "function");
                    }
                    call.object("function", function);
                });
            });
        });
    }

    fn write_media(&self, number: u32, media: &Media, out: &mut Vec<u8>) {
        match (media.kind, &media.source) {
            (MediaKind::Image, _) => {
                self.delta(number, out, |delta| delta.array("images", |images| write_image(images, media)));
            }
            (MediaKind::Audio, Source::Data { base64, .. }) => self.delta(number, out, |delta| {
                delta.object("audio", |audio| {
                    audio.text("id", &format!("audio_{}", self.id));
                    audio.text("data", base64);
                    audio.plain("expires_at", self.created);
                    audio.text("transcript", "");
                });
            }),
            _ => {}
        }
    }

    fn grow(&mut self, number: u32, by: &Growth, out: &mut Vec<u8>) {
        let choice = self.choice(number, out);
        match (&mut choice.part, by) {
            (Part::Text { .. }, Growth::Text(text)) => {
                let more = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                choice.characters = choice.characters.saturating_add(more);
                self.delta(number, out, |delta| delta.text("content", text));
            }
            (Part::Text { from }, Growth::Citation(citation)) => {
                let (from, to) = (*from, choice.characters);
                if citation.url.is_some() {
                    self.delta(number, out, |delta| {
                        delta.array("annotations", |list| write_annotation(list, citation, from, to));
                    });
                }
            }
            (Part::Text { .. }, Growth::Signature(signature)) => {
                // Among the pieces of thoughts it has a number of its own, so that it is joined to none of them.
                choice.thoughts += 1;
                let index = choice.thoughts - 1;
                self.delta(number, out, |delta| {
                    delta.array("reasoning_details", |list| thoughts::write_said(list, signature, index));
                });
            }
            (Part::Refusal, Growth::Text(text)) => {
                self.delta(number, out, |delta| delta.text("refusal", text));
            }
            (Part::Text { .. } | Part::Refusal, Growth::Logprobs(logprobs)) => {
                self.choice_chunk(number, out, |_| {}, Some(logprobs), None);
            }
            (Part::Thought { index, id, redacted }, by) => {
                // Clients that join pieces join their strings, so the name is said once.
                let (index, id, redacted) = (*index, id.take(), *redacted);
                let piece = Written { text: None, signature: None, id: id.as_deref(), redacted, index };
                self.write_thought(number, by, piece, out);
            }
            (Part::Call { index, empty }, Growth::Arguments(arguments)) => {
                *empty = false;
                let index = *index;
                self.write_call(number, index, out, |_| {}, None, arguments);
            }
            _ => {}
        }
    }

    /// A piece of a thought: its words plainly, and in the form in which they can be sent back with what proves them.
    fn write_thought<'t>(&self, number: u32, by: &'t Growth, piece: Written<'t>, out: &mut Vec<u8>) {
        let piece = match by {
            Growth::Text(text) => Written { text: Some(text), ..piece },
            Growth::Signature(signature) => Written { signature: Some(signature), ..piece },
            _ => return,
        };
        self.delta(number, out, |delta| {
            delta.text_if("reasoning_content", piece.text);
            delta.array("reasoning_details", |list| thoughts::write(list, piece));
        });
    }
}

impl WriteStream for StreamWriter {
    fn write(&mut self, event: Event, out: &mut Vec<u8>) {
        match event {
            Event::Began { id, model } => {
                if let Some(id) = id.filter(|id| !id.is_empty()) {
                    self.id = id;
                }
                if let Some(model) = model.filter(|model| !model.is_empty()) {
                    self.model = model;
                }
            }
            Event::PartBegan { choice, part, .. } => self.begin_part(choice, &part, out),
            Event::PartGrew { choice, by, .. } => self.grow(choice, &by, out),
            Event::PartEnded { choice, .. } => {
                if let Part::Call { index, empty: true } = std::mem::take(&mut self.choice(choice, out).part)
                {
                    self.write_call(choice, index, out, |_| {}, None, "{}");
                }
            }
            Event::Finished { choice, finish } => {
                self.choice(choice, out);
                self.choice_chunk(choice, out, |_| {}, None, Some(&finish));
            }
            Event::Used(tokens) => self.tokens = Some(tokens),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(tokens) = self.tokens.filter(|_| self.asks_usage) {
            self.chunk(out, Some(&tokens), |_| {});
        }
        out.extend_from_slice(DONE);
    }

    fn fail(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>) {
        super::write_error_event(error, 0, out);
    }
}

#[cfg(test)]
mod tests;
