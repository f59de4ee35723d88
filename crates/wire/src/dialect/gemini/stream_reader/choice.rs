//! One of the answers of a stream: which of its parts is open, and what closes it.

use domain::chat::{Event, Finish, Growth, Opening, Signature};
use domain::protocol::Protocol;

use super::partial::{Leaf, Partial};
use crate::dialect::Stopped;
use crate::dialect::gemini::citations::Found;
use crate::dialect::gemini::made_id::Seed;
use crate::dialect::gemini::measure::Measure;
use crate::dialect::gemini::part::{Piece, Said};
use crate::dialect::gemini::said::Voice;
use crate::dialect::gemini::whole::{arguments, foreign, id, with_calls};
use crate::failure::UpstreamError;
use crate::json::look::{Kind, Object, Value};

/// The part that is open.
#[derive(Debug)]
enum Open {
    Nothing,
    Words(Voice),
    Call(Partial),
}

/// One of the answers.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) number: u32,
    pub(super) finish: Option<Finish>,
    /// Citations as they were last told; each report replaces the one before.
    pub(super) cited: Vec<Found>,
    /// Parts begun so far.
    parts: u32,
    open: Open,
    /// Whether the words that are open are signed: what follows is another part, for a signature holds for its own.
    is_signed: bool,
    measure: Measure,
    calls: bool,
}

impl Choice {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            finish: None,
            cited: Vec::new(),
            parts: 0,
            open: Open::Nothing,
            is_signed: false,
            measure: Measure::default(),
            calls: false,
        }
    }

    /// Whether it has said why it ends, with nothing left open that was to go on.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Takes in one part.
    pub(super) fn piece(
        &mut self,
        piece: Piece<'_>,
        value: Value<'_>,
        seed: Seed,
        ids: &mut Vec<String>,
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let signature = piece.signature.map(|value| Signature::new(Protocol::Gemini, value));
        match piece.said {
            Said::Text(text) => self.words(&text, Voice::Said, signature, out),
            Said::Thought(text) => self.words(&text, Voice::Thought, signature, out),
            Said::Media(mut media) => {
                media.signature = signature;
                self.begin(Opening::Media(media), out);
            }
            Said::Foreign(kind) => {
                self.begin(Opening::Foreign(foreign(kind, value)), out);
            }
            Said::Call(call) => self.call(&call, signature, seed, ids, out)?,
            Said::Response(_) | Said::Nothing => {}
        }
        Ok(())
    }

    fn words(&mut self, text: &str, voice: Voice, signature: Option<Signature>, out: &mut Vec<Event>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        let is_open = matches!(self.open, Open::Words(open) if open == voice);
        // A signature alone belongs to the words before it.
        if !is_open || self.is_signed && !text.is_empty() {
            let opening = match voice {
                Voice::Said => Opening::Text,
                Voice::Thought => Opening::Reasoning { id: None, redacted: false },
            };
            self.begin(opening, out);
            self.open = Open::Words(voice);
        }
        if !text.is_empty() {
            self.measure.push(text);
            self.grow(Growth::Text(text.to_owned()), out);
        }
        if let Some(signature) = signature {
            self.is_signed = true;
            self.grow(Growth::Signature(signature), out);
        }
    }

    fn call(
        &mut self,
        call: &Object<'_>,
        signature: Option<Signature>,
        seed: Seed,
        ids: &mut Vec<String>,
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let name = call.text("name").filter(|name| !name.is_empty());
        let goes_on = call.get("willContinue").and_then(Value::boolean).unwrap_or(false);
        let leaves = call.items("partialArgs");
        let mut text = Vec::new();
        if let Some(name) = name {
            let id = id(call, seed, ids);
            self.calls = true;
            self.begin(Opening::ToolCall { id, name: name.into_owned(), signature }, out);
            if let Some(arguments) = arguments(call).filter(|_| leaves.is_empty() && !goes_on) {
                text.extend_from_slice(arguments.as_bytes());
            } else {
                self.open = Open::Call(Partial::default());
            }
        } else if let (Open::Call(_), Some(signature)) = (&self.open, signature) {
            self.grow(Growth::Signature(signature), out);
        }
        if let Open::Call(partial) = &mut self.open {
            for leaf in leaves {
                grow(partial, &leaf.members(), &mut text)?;
            }
            if !goes_on {
                partial.finish(&mut text);
            }
        } else if name_is_missing(call) {
            // The end of a call that has ended already.
            return Ok(());
        }
        let text = String::from_utf8(text).unwrap_or_default();
        if !text.is_empty() {
            self.grow(Growth::Arguments(text), out);
        }
        if !goes_on {
            self.open = Open::Nothing;
            self.end_part(out);
        }
        Ok(())
    }

    /// Grows the text that is open, if one is.
    pub(super) fn grow_text(&mut self, by: Growth, out: &mut Vec<Event>) {
        if matches!(self.open, Open::Words(Voice::Said)) {
            self.grow(by, out);
        }
    }

    /// All has come: appends what was held back.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        self.close(out);
        if let Some(finish) = self.finish.take() {
            let finish = with_calls(finish, self.calls);
            out.push(Event::Finished { choice: self.number, finish });
        }
    }

    fn begin(&mut self, part: Opening, out: &mut Vec<Event>) {
        self.close(out);
        let is_over = matches!(part, Opening::Media(_) | Opening::Foreign(_));
        out.push(Event::PartBegan { choice: self.number, index: self.parts, part });
        if is_over {
            self.end_part(out);
        }
    }

    fn grow(&self, by: Growth, out: &mut Vec<Event>) {
        out.push(Event::PartGrew { choice: self.number, index: self.parts, by });
    }

    /// Ends the part that is open, if one is.
    fn close(&mut self, out: &mut Vec<Event>) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => return,
            Open::Words(Voice::Thought) => {}
            Open::Words(Voice::Said) => {
                for citation in std::mem::take(&mut self.cited) {
                    self.grow(Growth::Citation(citation.placed(&self.measure)), out);
                }
            }
            Open::Call(mut partial) => {
                let mut text = Vec::new();
                partial.finish(&mut text);
                if !text.is_empty() {
                    self.grow(Growth::Arguments(String::from_utf8(text).unwrap_or_default()), out);
                }
            }
        }
        self.end_part(out);
    }

    fn end_part(&mut self, out: &mut Vec<Event>) {
        out.push(Event::PartEnded { choice: self.number, index: self.parts });
        self.parts = self.parts.saturating_add(1);
        self.is_signed = false;
        self.measure = Measure::default();
    }
}

fn name_is_missing(call: &Object<'_>) -> bool {
    call.text("name").is_none_or(|name| name.is_empty())
}

fn grow(partial: &mut Partial, leaf: &Object<'_>, text: &mut Vec<u8>) -> Result<(), Stopped> {
    let path = leaf.text("jsonPath").unwrap_or_default();
    let string = leaf.text("stringValue");
    let plain = ["numberValue", "boolValue"].into_iter().find_map(|name| leaf.get(name));
    let value = match (&string, plain) {
        (Some(string), _) => Leaf::Text(string),
        (None, Some(value)) if matches!(value.kind(), Kind::Number | Kind::Bool) => Leaf::Plain(value.raw()),
        (None, None) if leaf.get("nullValue").is_some() => Leaf::Plain("null"),
        // It only says that more is to come.
        _ => return Ok(()),
    };
    partial.grow(&path, value, text).map_err(|_| {
        Stopped::Failed(UpstreamError {
            message: "the arguments of a tool call came out of order".to_owned(),
            ..UpstreamError::without_words()
        })
    })
}
