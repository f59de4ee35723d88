//! The stream of an upstream of this protocol, read into neutral events. What an event leaves out is taken from the later
//! one that says it whole; events of unknown kinds say nothing.

mod piece;
mod queue;

use std::borrow::Cow;

use domain::chat::{Event, Growth, Json};

use super::ended::Seen;
use super::items::chat_chances;
use super::notes::failure;
use super::{output, usage};
use crate::dialect::{DONE_MARK, ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
use crate::json::look::{Object, Value};
use crate::sse;
use crate::tap::Broken;
use piece::{Kind, Source};
use queue::Queue;

/// The reader of one stream.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    began: bool,
    over: bool,
    seen: Seen,
    queue: Queue,
}

impl ReadStream for StreamReader {
    fn read(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        let data = event.data.as_deref().unwrap_or_default();
        if data == DONE_MARK {
            // Some servers add it out of habit; it proves nothing.
            return Ok(());
        }
        let members = Object::read(data).ok_or(Stopped::Broken(Broken::NotJson))?;
        let kind = members.text("type").unwrap_or_else(|| String::from_utf8_lossy(event.kind));
        if kind == "error" || event.kind == b"error" {
            return Err(Stopped::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        self.take_in(&kind, &members, data, out)?;
        self.queue.advance(&mut self.seen, out).map_err(Stopped::Broken)
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn end(&mut self, out: &mut Vec<Event>) -> bool {
        self.queue.end_all();
        // What is left fits, for it has fitted so far.
        let told = self.queue.advance(&mut self.seen, out);
        self.over && told.is_ok()
    }
}

impl StreamReader {
    fn take_in(
        &mut self,
        kind: &str,
        members: &Object<'_>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let Some(word) = kind.strip_prefix("response.") else { return Ok(()) };
        match word {
            "created" | "queued" | "in_progress" => {
                self.begin(members.object("response").as_ref(), out);
            }
            "completed" | "incomplete" => self.complete(word, members, out)?,
            "failed" | "cancelled" => {
                out.extend(members.object("response").as_ref().and_then(used));
                return Err(Stopped::Failed(failure(data)));
            }
            _ => {
                self.begin(None, out);
                self.of_an_item(word, members);
            }
        }
        Ok(())
    }

    /// The answer begins, if it has not yet.
    fn begin(&mut self, response: Option<&Object<'_>>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        let text = |name: &str| response?.text(name).map(Cow::into_owned);
        let (id, model) = (text("id"), text("model"));
        self.queue.answer_id = id.clone();
        out.push(Event::Began { id, model });
    }

    fn of_an_item(&mut self, word: &str, members: &Object<'_>) {
        let item = self.queue.place(members.unsigned("output_index"), members.text("item_id").as_deref());
        let at = members.unsigned("content_index").unwrap_or(0);
        let delta = || members.words("delta").unwrap_or_default();
        match word {
            "output_item.added" => self.queue.item_added(item, members.get("item")),
            "output_item.done" => {
                if let Some(whole) = members.get("item") {
                    self.queue.item_done(item, whole);
                }
            }
            "content_part.added" => {
                let part = members.object("part").unwrap_or_default();
                if let Some(kind) = part.text("type").as_deref().and_then(Kind::of_content) {
                    self.queue.part(item, at, kind);
                }
            }
            "content_part.done" => {
                if let Some(part) = members.get("part") {
                    self.queue.part_done(item, at, part);
                }
            }
            "output_text.delta" => {
                let chances = joined(members.items("logprobs"));
                let part = self.queue.part(item, at, Kind::Text);
                part.say(delta());
                if !chances.is_empty() {
                    part.grow(Growth::Logprobs(Json::new(chat_chances(&chances))));
                }
            }
            "output_text.annotation.added" => {
                let citation = members.get("annotation").and_then(output::citation);
                self.queue.part(item, at, Kind::Text).cite(citation);
            }
            "refusal.delta" => self.queue.part(item, at, Kind::Refusal).say(delta()),
            "reasoning_summary_text.delta" => {
                let at = members.unsigned("summary_index").unwrap_or(0);
                self.queue.item(item, Kind::thought).think(Source::Summary, at, delta());
            }
            "reasoning_text.delta" => {
                self.queue.item(item, Kind::thought).think(Source::Content, at, delta());
            }
            "function_call_arguments.delta" => self.queue.item(item, Kind::call).argue(delta()),
            _ => {}
        }
    }

    fn complete(&mut self, word: &str, members: &Object<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        let response = members.object("response");
        self.begin(response.as_ref(), out);
        let response = response.unwrap_or_default();
        for (index, item) in (0..).zip(response.items("output")) {
            self.queue.item_done(index, item);
        }
        self.queue.end_all();
        self.queue.advance(&mut self.seen, out).map_err(Stopped::Broken)?;
        let details = response.object("incomplete_details").unwrap_or_default();
        let reason = details.text("reason").map(Cow::into_owned);
        out.push(Event::Finished { choice: 0, finish: self.seen.finish(word, reason) });
        out.extend(used(&response));
        self.over = true;
        Ok(())
    }
}

fn used(response: &Object<'_>) -> Option<Event> {
    usage::tokens(response.get("usage")?.raw()).map(Event::Used)
}

fn joined(elements: Vec<Value<'_>>) -> String {
    let texts: Vec<&str> = elements.into_iter().map(Value::raw).collect();
    texts.join(",")
}
