//! Neutral events, written as the stream that callers of this protocol expect: every event by its name and its number,
//! every item begun and ended, the whole answer at the end.

mod item;

use domain::chat::{Event, Finish, Growth, MediaKind, Opening, Source};
use domain::price::Tokens;

use super::ended::{Seen, Standing};
use super::envelope::Envelope;
use super::items;
use crate::dialect::responses::event::event;
use crate::dialect::{Echo, WriteStream};
use crate::failure::ErrorBody;
use item::{Call, Message, Open, Thought};

/// Bytes of an answer that are kept for its last event, which holds all of it. A larger event would be more than any
/// reader of this protocol here takes in.
const MAX_KEPT_BYTES: usize = crate::tap::MAX_LARGE_EVENT_BYTES;

/// What a caller is told whose answer grows beyond that.
const TOO_LONG: ErrorBody<'_> = ErrorBody {
    status: 502,
    message: "The answer is longer than this protocol can tell.",
    kind: "api_error",
    param: None,
    code: "provider_error",
    request_id: "",
};

/// The writer of one stream.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    envelope: Envelope,
    /// The number of the next event.
    sequence: u64,
    began: bool,
    over: bool,
    /// The items that are whole, divided by commas.
    items: Vec<u8>,
    /// The place of the item that is open, or of the next one.
    index: u32,
    open: Open,
    seen: Seen,
    finish: Option<Finish>,
    tokens: Option<Tokens>,
}

impl StreamWriter {
    /// A stream of which nothing has been written.
    pub(crate) fn new(echo: &Echo<'_>) -> Self {
        Self {
            envelope: Envelope::new(echo),
            sequence: 0,
            began: false,
            over: false,
            items: Vec::new(),
            index: 0,
            open: Open::Nothing,
            seen: Seen::default(),
            finish: None,
            tokens: None,
        }
    }

    /// The number of the event that is written next.
    fn number(&mut self) -> u64 {
        let number = self.sequence;
        self.sequence += 1;
        number
    }

    /// Tells that the answer begins, if that is still to be told.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        for kind in ["response.created", "response.in_progress"] {
            let number = self.number();
            event(out, kind, number, |data| {
                self.envelope.write(data.place("response"), Standing::InProgress, b"", None, None);
            });
        }
    }

    fn part_began(&mut self, part: Opening, out: &mut Vec<u8>) {
        match part {
            Opening::Text => self.words_begin(item::Kind::Text, out),
            Opening::Refusal => {
                self.seen.refusal();
                self.words_begin(item::Kind::Refusal, out);
            }
            Opening::Reasoning { id, redacted } => {
                self.end_item("completed", out);
                let id = id.filter(|id| id.starts_with("rs_"));
                let id = id.unwrap_or_else(|| self.envelope.item_id("rs", self.index));
                self.item_event("added", out, |item| items::reasoning(item, &id, "", None));
                self.open = Open::Thought(Thought::new(id, redacted));
            }
            Opening::ToolCall { id, name, signature } => {
                self.seen.call();
                self.end_item("completed", out);
                let call = Call::new(self.envelope.item_id("fc", self.index), id, name, signature);
                self.item_event("added", out, |item| call.write(item, "in_progress"));
                self.open = Open::Call(call);
            }
            Opening::Media(media) => {
                let (MediaKind::Image, Source::Data { base64, .. }) = (media.kind, media.source) else {
                    return;
                };
                self.end_item("completed", out);
                let id = self.envelope.item_id("ig", self.index);
                self.item_event("added", out, |item| items::picture(item, &id, "in_progress", None));
                self.item_done(out, |item| items::picture(item, &id, "completed", Some(&base64)));
            }
            // What another provider's own tools did is not for the caller.
            Opening::Foreign(_) => {}
        }
    }

    /// Begins a part of a message, and the message where none is open.
    fn words_begin(&mut self, kind: item::Kind, out: &mut Vec<u8>) {
        if !matches!(self.open, Open::Message(_)) {
            self.end_item("completed", out);
            let id = self.envelope.item_id("msg", self.index);
            self.item_event("added", out, |item| items::message(item, &id, "in_progress", b""));
            self.open = Open::Message(Message::new(id));
        }
        if let Open::Message(message) = &mut self.open {
            message.begin(kind, self.index, &mut self.sequence, out);
        }
    }

    fn part_grew(&mut self, by: Growth, out: &mut Vec<u8>) {
        let (index, sequence) = (self.index, &mut self.sequence);
        match (&mut self.open, by) {
            (Open::Message(message), Growth::Text(text)) => message.grow(&text, index, sequence, out),
            (Open::Message(message), Growth::Citation(citation)) => {
                message.cite(&citation, index, sequence, out)
            }
            (Open::Message(message), Growth::Logprobs(json)) => message.weigh(&json, index, sequence, out),
            (Open::Thought(thought), Growth::Text(text)) => thought.grow(&text, index, sequence, out),
            (Open::Thought(thought), Growth::Signature(signature)) => thought.sign(&signature),
            (Open::Call(call), Growth::Arguments(text)) => call.grow(&text, index, sequence, out),
            _ => {}
        }
    }

    fn part_ended(&mut self, out: &mut Vec<u8>) {
        match &mut self.open {
            // More words may follow in the same message.
            Open::Message(message) => message.end_part(self.index, &mut self.sequence, out),
            Open::Thought(_) | Open::Call(_) => self.end_item("completed", out),
            Open::Nothing => {}
        }
    }

    /// Ends the item that is open.
    fn end_item(&mut self, status: &str, out: &mut Vec<u8>) {
        let (index, sequence) = (self.index, &mut self.sequence);
        match std::mem::take(&mut self.open) {
            Open::Nothing => {}
            Open::Message(mut message) => {
                message.end_part(index, sequence, out);
                self.item_done(out, |item| message.write(item, status));
            }
            Open::Thought(thought) => {
                thought.end(index, sequence, out);
                self.item_done(out, |item| thought.write(item));
            }
            Open::Call(mut call) => {
                call.end(index, sequence, out);
                self.item_done(out, |item| call.write(item, status));
            }
        }
    }

    fn item_event(&mut self, word: &str, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let (number, index) = (self.number(), self.index);
        event(out, &format!("response.output_item.{word}"), number, |data| {
            data.plain("output_index", index);
            write(data.place("item"));
        });
    }

    fn item_done(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        items::divide(&mut self.items);
        let start = self.items.len();
        write(&mut self.items);
        let item = self.items.get(start..).unwrap_or_default().to_vec();
        self.item_event("done", out, |place| place.extend_from_slice(&item));
        self.index += 1;
    }

    fn kept_bytes(&self) -> usize {
        self.items.len() + self.open.kept_bytes()
    }
}

impl WriteStream for StreamWriter {
    fn write(&mut self, event: Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Began { id, model } => {
                self.envelope.answers(id.as_deref(), model.as_deref());
                self.begin(out);
            }
            Event::Used(tokens) => self.tokens = Some(tokens),
            // The protocol has one answer to a request.
            Event::PartBegan { choice: 0, part, .. } => {
                self.begin(out);
                self.part_began(part, out);
            }
            Event::PartGrew { choice: 0, by, .. } => self.part_grew(by, out),
            Event::PartEnded { choice: 0, .. } => self.part_ended(out),
            Event::Finished { choice: 0, finish } => self.finish = Some(finish),
            _ => {}
        }
        if self.kept_bytes() > MAX_KEPT_BYTES {
            self.fail(&TOO_LONG, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.begin(out);
        let finish = self.finish.take();
        let standing = Standing::of(finish.as_ref(), self.seen.refused());
        self.end_item(standing.word(), out);
        let number = self.number();
        event(out, &format!("response.{}", standing.word()), number, |data| {
            let place = data.place("response");
            self.envelope.write(place, standing, &self.items, self.tokens.as_ref(), None);
        });
        self.items = Vec::new();
    }

    fn fail(&mut self, error: &ErrorBody<'_>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        (self.items, self.open) = (Vec::new(), Open::Nothing);
        super::write_error_event(error, self.sequence, out);
    }
}
