//! Neutral events, written as the stream that callers of this protocol expect. A block is begun when its first piece
//! comes, so that none is empty; a signature is held until its block ends, for nothing may follow it there.

use domain::chat::{self, Event, Finish, Growth, Opening, Reason, Signature};
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::whole::{Head, citation, ending};
use super::{MESSAGE_STOP, usage};
use crate::dialect::{Echo, WriteStream, carried_id};
use crate::failure::ErrorBody;
use crate::json::build::{self, ObjectWriter};

/// The writer of one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    /// The name and the model of the answer, where the upstream gives none.
    id: String,
    model: String,
    begun: bool,
    /// How many blocks have begun.
    blocks: u32,
    part: Part,
    /// The signature of the part that is open.
    signature: Option<Signature>,
    tokens: Option<Tokens>,
    finish: Option<Finish>,
}

/// The part that is open.
#[derive(Debug)]
enum Part {
    /// None, or one that this protocol has no block for.
    None,
    /// One whose block has not begun.
    Waiting(Opening),
    /// One whose block has begun.
    Begun { is_reasoning: bool },
}

impl StreamWriter {
    /// A stream of which nothing has been written.
    pub(crate) fn new(echo: &Echo<'_>) -> Self {
        Self {
            id: echo.id.to_owned(),
            model: echo.model.to_owned(),
            begun: false,
            blocks: 0,
            part: Part::None,
            signature: None,
            tokens: None,
            finish: None,
        }
    }
}

impl WriteStream for StreamWriter {
    fn write(&mut self, event: chat::Event, out: &mut Vec<u8>) {
        match event {
            Event::Began { id, model } => self.begin(id.as_deref(), model.as_deref(), out),
            Event::PartBegan { choice: 0, part, .. } => self.open(part, out),
            Event::PartGrew { choice: 0, by, .. } => self.grow(by, out),
            Event::PartEnded { choice: 0, .. } => self.close(out),
            Event::Finished { choice: 0, finish } => self.finish = Some(finish),
            Event::Used(tokens) => self.tokens = Some(tokens),
            // This protocol has one answer.
            Event::PartBegan { .. }
            | Event::PartGrew { .. }
            | Event::PartEnded { .. }
            | Event::Finished { .. } => {}
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.begin(None, None, out);
        self.close(out);
        let finish = self.finish.take().unwrap_or_else(|| Finish::new(Reason::Stop));
        let tokens = self.tokens.unwrap_or_default();
        event(out, "message_delta", |fields| {
            fields.object("delta", |fields| ending(fields, &finish));
            fields.object("usage", |fields| usage::write(fields, &tokens));
        });
        out.extend_from_slice(MESSAGE_STOP);
    }

    fn fail(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>) {
        super::write_error_event(error, 0, out);
    }
}

impl StreamWriter {
    fn begin(&mut self, id: Option<&str>, model: Option<&str>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let echo = Echo { id: &self.id, model: &self.model, created: 0, asks_usage: true, body: b"" };
        let tokens = self.tokens.unwrap_or_default();
        event(out, "message_start", |fields| {
            fields.object("message", |fields| {
                Head { id, model, echo }.write(fields, Vec::new());
                fields.raw("stop_reason", "null");
                fields.raw("stop_sequence", "null");
                fields.object("usage", |fields| usage::write(fields, &tokens));
            });
        });
    }

    fn open(&mut self, part: Opening, out: &mut Vec<u8>) {
        self.begin(None, None, out);
        self.close(out);
        match part {
            Opening::Foreign(foreign) if foreign.protocol == Protocol::Anthropic => {
                self.block_start(out, foreign.json.as_str().as_bytes());
                self.part = Part::Begun { is_reasoning: false };
            }
            Opening::Foreign(_) | Opening::Media(_) => {}
            part => self.part = Part::Waiting(part),
        }
    }

    fn grow(&mut self, by: Growth, out: &mut Vec<u8>) {
        match by {
            Growth::Signature(signature) => {
                match &mut self.part {
                    // It must be known before the name of the call is written.
                    Part::Waiting(Opening::ToolCall { signature: kept, .. }) => *kept = Some(signature),
                    Part::Waiting(Opening::Reasoning { .. }) | Part::Begun { is_reasoning: true } => {
                        self.signature = Some(signature);
                    }
                    _ => {}
                }
            }
            Growth::Text(words) => self.delta(out, |is_reasoning, fields| {
                let (kind, name) =
                    if is_reasoning { ("thinking_delta", "thinking") } else { ("text_delta", "text") };
                fields.text("type", kind);
                fields.text(name, &words);
            }),
            Growth::Arguments(piece) => self.delta(out, |_, fields| {
                fields.text("type", "input_json_delta");
                fields.text("partial_json", &piece);
            }),
            Growth::Citation(cited) => {
                if let Some(json) = citation(&cited) {
                    self.delta(out, |_, fields| {
                        fields.text("type", "citations_delta");
                        fields.raw("citation", json);
                    });
                }
            }
            Growth::Logprobs(_) => {}
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        let signature = self.signature.take();
        match &self.part {
            Part::None => return,
            // Empty words are no block; a call without arguments is one, and so is a thought that is withheld.
            Part::Waiting(Opening::ToolCall { .. }) => self.begin_block(out, None),
            Part::Waiting(Opening::Reasoning { redacted, .. }) => match &signature {
                Some(withheld) if *redacted => self.begin_block(out, Some(withheld)),
                Some(_) => self.begin_block(out, None),
                None => self.part = Part::None,
            },
            Part::Waiting(_) => self.part = Part::None,
            Part::Begun { .. } => {}
        }
        let Part::Begun { is_reasoning } = std::mem::replace(&mut self.part, Part::None) else { return };
        let index = u64::from(self.blocks.saturating_sub(1));
        if let Some(signature) = signature.filter(|_| is_reasoning) {
            event(out, "content_block_delta", |fields| {
                fields.plain("index", index);
                fields.object("delta", |fields| {
                    fields.text("type", "signature_delta");
                    fields.text("signature", &signature.carried(Protocol::Anthropic));
                });
            });
        }
        event(out, "content_block_stop", |fields| fields.plain("index", index));
    }

    fn delta(&mut self, out: &mut Vec<u8>, write: impl FnOnce(bool, &mut ObjectWriter<'_>)) {
        if matches!(self.part, Part::Waiting(_)) {
            self.begin_block(out, None);
        }
        let Part::Begun { is_reasoning } = self.part else { return };
        let index = u64::from(self.blocks.saturating_sub(1));
        event(out, "content_block_delta", |fields| {
            fields.plain("index", index);
            fields.object("delta", |fields| write(is_reasoning, fields));
        });
    }

    /// Begins the block of the part that waits; `withheld` is what a thought without words is.
    fn begin_block(&mut self, out: &mut Vec<u8>, withheld: Option<&Signature>) {
        let Part::Waiting(part) = std::mem::replace(&mut self.part, Part::None) else { return };
        let is_reasoning = matches!(part, Opening::Reasoning { .. }) && withheld.is_none();
        let block = build::object_alone(|fields| match (&part, withheld) {
            (_, Some(signature)) => {
                fields.text("type", "redacted_thinking");
                fields.text("data", &signature.carried(Protocol::Anthropic));
            }
            (Opening::Reasoning { .. }, None) => {
                fields.text("type", "thinking");
                fields.text("thinking", "");
                fields.text("signature", "");
            }
            (Opening::ToolCall { id, name, signature }, None) => {
                fields.text("type", "tool_use");
                fields.text("id", &carried_id(id, signature.as_ref()));
                fields.text("name", name);
                fields.raw("input", "{}");
            }
            _ => {
                fields.text("type", "text");
                fields.text("text", "");
            }
        });
        self.block_start(out, &block);
        self.part = Part::Begun { is_reasoning };
    }

    fn block_start(&mut self, out: &mut Vec<u8>, block: &[u8]) {
        let index = u64::from(self.blocks);
        self.blocks = self.blocks.saturating_add(1);
        event(out, "content_block_start", |fields| {
            fields.plain("index", index);
            fields.raw("content_block", block);
        });
    }
}

/// Appends one event. JSON that was passed on may hold line ends between its words; in an event they would end the line.
fn event(out: &mut Vec<u8>, kind: &str, write: impl FnOnce(&mut ObjectWriter<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let start = out.len();
    build::object(out, |fields| {
        fields.text("type", kind);
        write(fields);
    });
    for byte in out.iter_mut().skip(start).filter(|byte| matches!(**byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    out.extend_from_slice(b"\n\n");
}
