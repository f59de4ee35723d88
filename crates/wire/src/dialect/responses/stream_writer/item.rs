//! The item of a streamed answer that is being written, and the events of its parts.

use domain::chat::{Citation, Json, Signature, ToolCall};

use super::super::items;
use crate::dialect::responses::event::event;
use crate::json::build::ObjectWriter;

/// The item that is open.
#[derive(Debug, Default)]
pub(super) enum Open {
    #[default]
    Nothing,
    Message(Message),
    Thought(Thought),
    Call(Call),
}

impl Open {
    /// How much of it is kept.
    pub(super) fn kept_bytes(&self) -> usize {
        match self {
            Open::Nothing => 0,
            Open::Message(message) => {
                let words = message.words.as_ref();
                message.content.len()
                    + words.map_or(0, |it| it.text.len() + it.annotations.len() + it.chances.len())
            }
            Open::Thought(thought) => thought.text.len(),
            Open::Call(call) => call.call.arguments.len(),
        }
    }
}

/// What words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Refusal,
}

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    id: String,
    /// The parts that are whole.
    content: Vec<u8>,
    /// How many those are: the place of the one that is open.
    parts: u32,
    words: Option<Words>,
}

/// The words that are being said.
#[derive(Debug)]
struct Words {
    kind: Kind,
    text: String,
    characters: u64,
    annotations: Vec<u8>,
    annotated: u32,
    chances: Vec<u8>,
}

impl Message {
    pub(super) fn new(id: String) -> Self {
        Self { id, content: Vec::new(), parts: 0, words: None }
    }

    pub(super) fn begin(&mut self, kind: Kind, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        self.end_part(index, sequence, out);
        let words = Words {
            kind,
            text: String::new(),
            characters: 0,
            annotations: Vec::new(),
            annotated: 0,
            chances: Vec::new(),
        };
        self.event("content_part.added", index, sequence, out, |data| words.write(data.place("part")));
        self.words = Some(words);
    }

    pub(super) fn grow(&mut self, text: &str, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        let Some(words) = &mut self.words else { return };
        words.text.push_str(text);
        words.characters = words.characters.saturating_add(items::characters(text));
        let kind = words.kind;
        let name = if kind == Kind::Text { "output_text.delta" } else { "refusal.delta" };
        self.event(name, index, sequence, out, |data| {
            data.text("delta", text);
            if kind == Kind::Text {
                data.raw("logprobs", "[]");
            }
        });
    }

    /// The chances come after their words, so that they get an event of their own.
    pub(super) fn weigh(&mut self, json: &Json, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        let Some(words) = self.words.as_mut().filter(|words| words.kind == Kind::Text) else { return };
        let chances = items::chances(json.as_str());
        if chances.is_empty() {
            return;
        }
        items::divide(&mut words.chances);
        words.chances.extend_from_slice(&chances);
        self.event("output_text.delta", index, sequence, out, |data| {
            data.text("delta", "");
            data.elements("logprobs", &chances);
        });
    }

    pub(super) fn cite(&mut self, citation: &Citation, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        let Some(words) = self.words.as_mut().filter(|words| words.kind == Kind::Text) else { return };
        let mut written = Vec::new();
        if !items::annotation(&mut written, citation, words.characters) {
            return;
        }
        items::divide(&mut words.annotations);
        words.annotations.extend_from_slice(&written);
        let place = words.annotated;
        words.annotated += 1;
        self.event("output_text.annotation.added", index, sequence, out, |data| {
            data.plain("annotation_index", place);
            data.place("annotation").extend_from_slice(&written);
        });
    }

    /// Ends the part that is open, if one is.
    pub(super) fn end_part(&mut self, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        let Some(words) = self.words.take() else { return };
        match words.kind {
            Kind::Text => self.event("output_text.done", index, sequence, out, |data| {
                data.text("text", &words.text);
                data.elements("logprobs", &words.chances);
            }),
            Kind::Refusal => self.event("refusal.done", index, sequence, out, |data| {
                data.text("refusal", &words.text);
            }),
        }
        self.event("content_part.done", index, sequence, out, |data| words.write(data.place("part")));
        items::divide(&mut self.content);
        words.write(&mut self.content);
        self.parts += 1;
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, status: &str) {
        items::message(out, &self.id, status, &self.content);
    }

    fn event(
        &self,
        name: &str,
        index: u32,
        sequence: &mut u64,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        item_event(name, &self.id, index, sequence, out, |data| {
            data.plain("content_index", self.parts);
            fill(data);
        });
    }
}

impl Words {
    fn write(&self, out: &mut Vec<u8>) {
        match self.kind {
            Kind::Text => items::text(out, &self.text, &self.annotations, &self.chances),
            Kind::Refusal => items::refusal(out, &self.text),
        }
    }
}

/// A thought; what is told of it is the one part of its summary.
#[derive(Debug)]
pub(super) struct Thought {
    id: String,
    redacted: bool,
    text: String,
    carried: Option<String>,
}

impl Thought {
    pub(super) fn new(id: String, redacted: bool) -> Self {
        Self { id, redacted, text: String::new(), carried: None }
    }

    pub(super) fn grow(&mut self, text: &str, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        if self.text.is_empty() {
            self.event("reasoning_summary_part.added", index, sequence, out, |data| {
                items::summary_part(data.place("part"), "");
            });
        }
        self.text.push_str(text);
        self.event("reasoning_summary_text.delta", index, sequence, out, |data| data.text("delta", text));
    }

    pub(super) fn sign(&mut self, signature: &Signature) {
        self.carried = items::carried(Some(signature), self.redacted);
    }

    pub(super) fn end(&self, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        if self.text.is_empty() {
            return;
        }
        self.event("reasoning_summary_text.done", index, sequence, out, |data| data.text("text", &self.text));
        self.event("reasoning_summary_part.done", index, sequence, out, |data| {
            items::summary_part(data.place("part"), &self.text);
        });
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        items::reasoning(out, &self.id, &self.text, self.carried.as_deref());
    }

    fn event(
        &self,
        name: &str,
        index: u32,
        sequence: &mut u64,
        out: &mut Vec<u8>,
        fill: impl FnOnce(&mut ObjectWriter<'_>),
    ) {
        item_event(name, &self.id, index, sequence, out, |data| {
            data.plain("summary_index", 0);
            fill(data);
        });
    }
}

/// The call of a function.
#[derive(Debug)]
pub(super) struct Call {
    id: String,
    call: ToolCall,
}

impl Call {
    pub(super) fn new(item: String, id: String, name: String, signature: Option<Signature>) -> Self {
        Self { id: item, call: ToolCall { id, name, arguments: String::new(), signature, cache: None } }
    }

    pub(super) fn grow(&mut self, text: &str, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        self.call.arguments.push_str(text);
        item_event("function_call_arguments.delta", &self.id, index, sequence, out, |data| {
            data.text("delta", text);
        });
    }

    /// Tells the arguments whole; none are an empty object.
    pub(super) fn end(&mut self, index: u32, sequence: &mut u64, out: &mut Vec<u8>) {
        if self.call.arguments.is_empty() {
            self.grow("{}", index, sequence, out);
        }
        item_event("function_call_arguments.done", &self.id, index, sequence, out, |data| {
            data.text("name", &self.call.name);
            data.text("arguments", &self.call.arguments);
        });
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, status: &str) {
        items::call(out, &self.id, status, &self.call);
    }
}

/// An event that speaks of an item.
fn item_event(
    name: &str,
    id: &str,
    index: u32,
    sequence: &mut u64,
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut ObjectWriter<'_>),
) {
    let number = *sequence;
    *sequence += 1;
    event(out, &format!("response.{name}"), number, |data| {
        data.text("item_id", id);
        data.plain("output_index", index);
        fill(data);
    });
}
