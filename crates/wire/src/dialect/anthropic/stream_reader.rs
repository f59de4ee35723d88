//! The stream of an upstream of this protocol, read into neutral events. Its blocks follow each other and never overlap;
//! a block that only this protocol understands is kept until it is whole, all others pass piece by piece.

mod open;

use std::borrow::Cow;

use domain::chat::{self, Event};

use super::stop;
use super::usage::Reported;
use super::whole;
use crate::dialect::{ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
use crate::json::look::{Object, Value};
use crate::sse;
use crate::tap::Broken;
use open::Open;

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    id: Option<String>,
    begun: bool,
    usage: Reported,
    open: Option<Open>,
    /// How many parts have begun.
    parts: u32,
    finished: bool,
    over: bool,
}

impl ReadStream for StreamReader {
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<chat::Event>) -> Result<(), Stopped> {
        let data = event.data.as_deref().unwrap_or_default();
        let payload = Object::read(data).ok_or(Stopped::Broken(Broken::NotJson))?;
        let said = payload.text("type");
        let kind = said.as_deref().or_else(|| std::str::from_utf8(event.kind).ok()).unwrap_or_default();
        match kind {
            "message_start" => self.start(&payload, out),
            "content_block_start" => {
                self.begin(out);
                self.close(out);
                if let Some(block) = payload.get("content_block") {
                    self.open_block(block, out)?;
                }
            }
            "content_block_delta" => {
                self.begin(out);
                if let Some(delta) = payload.object("delta") {
                    self.grow(&delta, out)?;
                }
            }
            "content_block_stop" => self.close(out),
            "message_delta" => self.finish(&payload, out),
            "message_stop" => {
                self.stop(out);
                self.over = true;
            }
            "error" => {
                return Err(Stopped::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
            }
            _ => {}
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn end(&mut self, out: &mut Vec<chat::Event>) -> bool {
        self.close(out);
        self.finished
    }
}

impl StreamReader {
    fn start(&mut self, payload: &Object<'_>, out: &mut Vec<Event>) {
        let Some(message) = payload.object("message") else { return };
        if !self.begun {
            self.begun = true;
            let text = |name: &str| message.text(name).map(Cow::into_owned);
            self.id = text("id");
            out.push(Event::Began { id: self.id.clone(), model: text("model") });
        }
        self.use_up(&message, out);
    }

    /// The answer begins, even where nothing said so.
    fn begin(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.push(Event::Began { id: None, model: None });
        }
    }

    fn use_up(&mut self, holder: &Object<'_>, out: &mut Vec<Event>) {
        let Some(reported) = holder.get("usage").and_then(|usage| whole::reported(usage.raw())) else {
            return;
        };
        self.usage.correct(reported);
        out.extend(self.usage.tokens().map(Event::Used));
    }

    fn open_block(&mut self, block: Value<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        let open = Open::of(block, self.parts, self.id.as_deref(), out)?;
        self.parts += u32::from(open.is_some());
        self.open = open;
        Ok(())
    }

    fn grow(&mut self, delta: &Object<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        if self.open.is_none() {
            // A server that leaves out the start of a block still says by its deltas what it is.
            let Some(open) = Open::implied(delta, self.parts, out) else { return Ok(()) };
            self.parts += 1;
            self.open = Some(open);
        }
        match &mut self.open {
            Some(open) => open.grow(delta, out),
            None => Ok(()),
        }
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            open.close(out);
        }
    }

    fn finish(&mut self, payload: &Object<'_>, out: &mut Vec<Event>) {
        self.begin(out);
        self.use_up(payload, out);
        let Some(delta) = payload.object("delta") else { return };
        let Some(word) = delta.words("stop_reason") else {
            return;
        };
        self.close(out);
        if !std::mem::replace(&mut self.finished, true) {
            let finish = stop::read(&word, delta.text("stop_sequence").map(Cow::into_owned));
            out.push(Event::Finished { choice: 0, finish });
        }
    }

    /// The answer has ended; one that never said why has ended for no known reason.
    fn stop(&mut self, out: &mut Vec<Event>) {
        self.begin(out);
        self.close(out);
        if !std::mem::replace(&mut self.finished, true) {
            out.push(Event::Finished { choice: 0, finish: chat::Finish::new(chat::Reason::Other) });
        }
    }
}
