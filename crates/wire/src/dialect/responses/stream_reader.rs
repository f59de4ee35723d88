//! The stream of an upstream of this protocol, read into neutral events. What an event leaves out is taken from the later
//! one that says it whole; events of unknown kinds say nothing.

mod piece;
mod queue;

use domain::chat::{Event, Growth, Json};

use super::ended::Seen;
use super::items::chat_chances;
use super::node::{Members, Node};
use super::notes::failure;
use super::{output, usage};
use crate::dialect::{ReadStream, Stopped};
use crate::failure::{UpstreamError, read_error};
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
        if data == b"[DONE]" {
            // Some servers add it out of habit; it proves nothing.
            return Ok(());
        }
        let whole = Node::whole(data).ok_or(Stopped::Broken(Broken::NotJson))?;
        let mut members = whole.members().map_err(|_| Stopped::Broken(Broken::NotJson))?;
        let kind = members.text("type").unwrap_or_else(|| String::from_utf8_lossy(event.kind).into_owned());
        if kind == "error" || event.kind == b"error" {
            return Err(Stopped::Failed(read_error(data).unwrap_or_else(UpstreamError::without_words)));
        }
        self.take_in(&kind, &mut members, data, out)?;
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
        members: &mut Members<'_>,
        data: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let Some(word) = kind.strip_prefix("response.") else { return Ok(()) };
        match word {
            "created" | "queued" | "in_progress" => {
                let response = members.take("response").and_then(|it| it.members().ok());
                self.begin(response, out);
            }
            "completed" | "incomplete" => self.complete(word, members, out)?,
            "failed" | "cancelled" => {
                let response = members.take("response").and_then(|it| it.members().ok());
                out.extend(response.and_then(|mut response| used(&mut response)));
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
    fn begin(&mut self, response: Option<Members<'_>>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.began, true) {
            return;
        }
        let mut response = response;
        let mut text = |name: &str| response.as_mut().and_then(|response| response.text(name));
        let (id, model) = (text("id"), text("model"));
        self.queue.answer_id = id.clone();
        out.push(Event::Began { id, model });
    }

    fn of_an_item(&mut self, word: &str, members: &mut Members<'_>) {
        let item = self.queue.place(members.unsigned("output_index"), members.text("item_id"));
        let at = members.unsigned("content_index").unwrap_or(0);
        let delta = |members: &mut Members<'_>| members.text("delta").unwrap_or_default();
        match word {
            "output_item.added" => self.queue.item_added(item, members.take("item").as_ref()),
            "output_item.done" => {
                if let Some(whole) = members.take("item") {
                    self.queue.item_done(item, &whole);
                }
            }
            "content_part.added" => {
                let part = members.take("part").and_then(|part| part.members().ok()?.text("type"));
                if let Some(kind) = part.as_deref().and_then(Kind::of_content) {
                    self.queue.part(item, at, kind);
                }
            }
            "content_part.done" => {
                if let Some(part) = members.take("part") {
                    self.queue.part_done(item, at, &part);
                }
            }
            "output_text.delta" => {
                let chances = joined(&members.items("logprobs"));
                let part = self.queue.part(item, at, Kind::Text);
                part.say(delta(members));
                if !chances.is_empty() {
                    part.grow(Growth::Logprobs(Json::new(chat_chances(&chances))));
                }
            }
            "output_text.annotation.added" => {
                let citation = members.take("annotation").and_then(|it| output::citation(&it).ok());
                self.queue.part(item, at, Kind::Text).cite(citation);
            }
            "refusal.delta" => self.queue.part(item, at, Kind::Refusal).say(delta(members)),
            "reasoning_summary_text.delta" => {
                let at = members.unsigned("summary_index").unwrap_or(0);
                self.queue.item(item, Kind::thought).think(Source::Summary, at, delta(members));
            }
            "reasoning_text.delta" => {
                self.queue.item(item, Kind::thought).think(Source::Content, at, delta(members));
            }
            "function_call_arguments.delta" => self.queue.item(item, Kind::call).argue(delta(members)),
            _ => {}
        }
    }

    fn complete(
        &mut self,
        word: &str,
        members: &mut Members<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), Stopped> {
        let response = members.take("response");
        self.begin(response.as_ref().and_then(|it| it.members().ok()), out);
        let mut response = response.and_then(|it| it.members().ok());
        if let Some(response) = &mut response {
            for (index, item) in (0..).zip(response.items("output")) {
                self.queue.item_done(index, &item);
            }
        }
        self.queue.end_all();
        self.queue.advance(&mut self.seen, out).map_err(Stopped::Broken)?;
        let reason = response.as_mut().and_then(|response| {
            response.take("incomplete_details").and_then(|details| details.members().ok()?.text("reason"))
        });
        out.push(Event::Finished { choice: 0, finish: self.seen.finish(word, reason) });
        out.extend(response.as_mut().and_then(used));
        self.over = true;
        Ok(())
    }
}

fn used(response: &mut Members<'_>) -> Option<Event> {
    usage::tokens(response.take("usage")?.raw()).map(Event::Used)
}

fn joined(elements: &[Node<'_>]) -> String {
    let texts: Vec<&str> = elements.iter().map(Node::raw).collect();
    texts.join(",")
}
