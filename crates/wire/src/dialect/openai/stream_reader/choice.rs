//! One of the answers of a stream: its pieces become parts that follow each other, in the order in which they began.

use std::collections::VecDeque;

use domain::chat::{Citation, Event, Foreign, Growth, Media, Source};
use domain::protocol::Protocol;

use super::extent::Extent;
use super::slot::{Call, Kind, Slot};
use crate::dialect::openai::thoughts::{self, From};
use crate::dialect::openai::whole;
use crate::json::look::{Object, Value};
use crate::tap::Broken;

/// Bytes that may wait for the part before them to end: as many as one event may have, for a picture can be among them.
const MAX_HELD_BYTES: usize = crate::tap::MAX_LARGE_EVENT_BYTES;
/// What a part takes beside its text.
const SLOT_BYTES: usize = 256;
/// What a piece takes beside its text.
const PIECE_BYTES: usize = size_of::<Growth>();
/// Calls one answer may hold.
const MAX_CALLS: usize = 1_024;

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) number: u32,
    /// The parts that have not ended; the first of them is on its way.
    slots: VecDeque<Slot>,
    /// The number of the first of them.
    first: u32,
    /// All calls so far: by the provider's number and id, and the number of the part.
    calls: Vec<(Option<u64>, String, u32)>,
    held_bytes: usize,
    /// Whether the words were cited piece by piece.
    cited: bool,
    finished: bool,
}

impl Choice {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            slots: VecDeque::new(),
            first: 0,
            calls: vec![],
            held_bytes: 0,
            cited: false,
            finished: false,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Reads what a chunk says of this choice. `name` begins the ids of calls that have none; `sources` are those of the
    /// whole answer.
    pub(super) fn read(
        &mut self,
        members: &Object<'_>,
        name: &str,
        sources: &[Citation],
        out: &mut Vec<Event>,
    ) -> Result<(), Broken> {
        if self.finished {
            return Ok(());
        }
        let untouched = self.first == 0 && self.slots.is_empty();
        // Some servers answer a wish for a stream with the whole message in one chunk.
        let delta = members.get("delta").or_else(|| members.get("message").filter(|_| untouched));
        if let Some(delta) = delta.and_then(Value::object) {
            self.read_delta(&delta, whole::logprobs(members), name, out)?;
        }
        if members.text("finish_reason").is_some_and(|word| !word.is_empty()) {
            self.finish(members, sources, out);
        }
        Ok(())
    }

    /// Ends every part, and the answer.
    pub(super) fn finish(&mut self, members: &Object<'_>, sources: &[Citation], out: &mut Vec<Event>) {
        if self.finished {
            return;
        }
        if !self.cited && self.slots.back().is_some_and(|slot| matches!(slot.kind, Kind::Text)) {
            for source in sources {
                self.grow_last(Growth::Citation(source.clone()), SLOT_BYTES);
            }
        }
        self.pump(Until::End, out);
        self.finished = true;
        let finish = whole::read_finish(members, !self.calls.is_empty());
        out.push(Event::Finished { choice: self.number, finish });
    }

    fn read_delta(
        &mut self,
        delta: &Object<'_>,
        logprobs: Option<domain::chat::Json>,
        name: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Broken> {
        self.read_thoughts(delta);
        match delta.get("content") {
            Some(list) if list.is_array() => {
                list.items().unwrap_or_default().into_iter().for_each(|piece| self.read_piece(piece));
            }
            content => {
                let heard = || delta.get("audio")?.get("transcript")?.text();
                let said = content.and_then(Value::text).filter(|text| !text.is_empty()).or_else(heard);
                self.say(Kind::Text, said.as_deref().unwrap_or_default());
            }
        }
        self.say(Kind::Refusal, delta.text("refusal").as_deref().unwrap_or_default());
        let spoken = |slot: &Slot| matches!(slot.kind, Kind::Text | Kind::Refusal);
        if let (Some(logprobs), true) = (logprobs, self.slots.back().is_some_and(spoken)) {
            self.grow_last(Growth::Logprobs(logprobs), SLOT_BYTES);
        }
        for citation in delta.items("annotations") {
            if let Some(citation) = whole::citation(citation) {
                self.open(|kind| matches!(kind, Kind::Text), || Kind::Text);
                self.grow_last(Growth::Citation(citation), SLOT_BYTES);
                self.cited = true;
            }
        }
        let images = delta.items("images");
        for media in images.into_iter().filter_map(whole::picture) {
            self.push(Kind::Media(media));
        }
        for call in delta.items("tool_calls") {
            self.read_call(call, name);
        }
        if let Some(function) = delta.object("function_call") {
            // The older form has one call and no id for it.
            self.read_function(Some(u64::MAX), "", None, &function, name);
        }
        self.pump(Until::Now, out);
        if self.held_bytes > MAX_HELD_BYTES || self.calls.len() > MAX_CALLS {
            return Err(Broken::EventTooLarge);
        }
        Ok(())
    }

    /// What is thought: in pieces, or as plain text under either of its names, never both, for they say the same.
    fn read_thoughts(&mut self, delta: &Object<'_>) {
        let details = delta.items("reasoning_details");
        let mut found = false;
        for piece in details.into_iter().filter_map(|detail| thoughts::read(detail, From::Upstream)) {
            let (index, thought) = (piece.index, piece.thought);
            if thought.text.is_empty() && thought.signature.is_none() {
                continue;
            }
            found = true;
            let redacted = thought.redacted;
            let goes_on = |kind: &Kind| {
                matches!(kind, Kind::Thought { index: of, redacted: hidden, signed, .. }
                    if *of == index && *hidden == redacted && !(*signed && (redacted || index.is_none())))
            };
            self.open(goes_on, || Kind::Thought { index, id: thought.id.clone(), redacted, signed: false });
            if !thought.text.is_empty() {
                let bytes = thought.text.len();
                self.grow_last(Growth::Text(thought.text), bytes);
            }
            if let Some(signature) = thought.signature {
                let bytes = signature.value.len();
                self.grow_last(Growth::Signature(signature), bytes);
                if let Some(Slot { kind: Kind::Thought { signed, .. }, .. }) = self.slots.back_mut() {
                    *signed = true;
                }
            }
        }
        if !found {
            let plain = delta.text("reasoning_content").filter(|text| !text.is_empty());
            let plain = plain.or_else(|| delta.text("reasoning"));
            self.think(plain.as_deref().unwrap_or_default());
        }
    }

    fn think(&mut self, text: &str) {
        self.say(Kind::Thought { index: None, id: None, redacted: false, signed: false }, text);
    }

    /// One piece of a content that is a list, as Mistral has it.
    fn read_piece(&mut self, piece: Value<'_>) {
        let Some(object) = piece.object() else { return };
        match object.text("type").as_deref() {
            Some("thinking") => self.think(&whole::thinking_text(&object)),
            Some("image_url") => {
                if let Some(media) = whole::picture(piece) {
                    self.push(Kind::Media(media));
                }
            }
            _ => self.say(Kind::Text, object.text("text").as_deref().unwrap_or_default()),
        }
    }

    fn read_call(&mut self, value: Value<'_>, name: &str) {
        let Some(call) = value.object() else { return };
        if let Some(kind) = call.text("type").filter(|kind| !kind.is_empty() && kind != "function") {
            let foreign = Foreign { protocol: Protocol::Chat, kind: kind.into_owned(), json: value.json() };
            self.push(Kind::Foreign(foreign));
            return;
        }
        let index = call.unsigned("index");
        let id = call.text("id").unwrap_or_default();
        let function = call.object("function").unwrap_or_default();
        self.read_function(index, &id, whole::signature_beside(&call), &function, name);
    }

    fn read_function(
        &mut self,
        index: Option<u64>,
        id: &str,
        signature: Option<domain::chat::Signature>,
        function: &Object<'_>,
        name: &str,
    ) {
        let called = function.text("name").unwrap_or_default();
        let part = match self.known(index, id, &called) {
            Some(part) => part,
            None => {
                let number = self.calls.len();
                let own = if id.is_empty() {
                    format!("call_{name}_{}_{number}", self.number)
                } else {
                    id.to_owned()
                };
                let call = Call { id: own, name: String::new(), signature, arguments: Extent::default() };
                let part = self.push(Kind::Call(call));
                self.calls.push((index, id.to_owned(), part));
                part
            }
        };
        let arguments = function.get("arguments").map(whole::tool_call_arguments).unwrap_or_default();
        let waits = self.first != part;
        // A call that has ended takes nothing more: what may still come is the white space after it.
        let Some(place) = part.checked_sub(self.first).and_then(|place| usize::try_from(place).ok()) else {
            return;
        };
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Kind::Call(call) = &mut slot.kind else { return };
        if call.name.is_empty() {
            call.name = called.into_owned();
        }
        if arguments.is_empty() || call.arguments.is_whole() {
            return;
        }
        call.arguments.take_in(&arguments);
        self.held_bytes += if waits { PIECE_BYTES + arguments.len() } else { 0 };
        slot.held.push(Growth::Arguments(arguments));
    }

    /// The part of the call that a piece belongs to; `None` when it begins one.
    ///
    /// By its number, unless another id and a name come under the number of a call before: some servers number every
    /// call 0. Without a number by its id, and without either it goes on with the last call, unless it has a name.
    fn known(&self, index: Option<u64>, id: &str, name: &str) -> Option<u32> {
        let mut latest = self.calls.iter().rev();
        let found = match index {
            Some(_) => latest
                .find(|(of, _, _)| *of == index)
                .filter(|(_, known, _)| id.is_empty() || known.is_empty() || known == id || name.is_empty()),
            None if !id.is_empty() => latest.find(|(_, known, _)| known == id),
            None if name.is_empty() => latest.next(),
            None => None,
        };
        found.map(|&(_, _, part)| part)
    }

    /// Adds to the last part if it is of this kind, else begins one.
    fn say(&mut self, kind: Kind, text: &str) {
        if text.is_empty() {
            return;
        }
        let alike = |last: &Kind| match (last, &kind) {
            (Kind::Thought { signed, redacted, .. }, Kind::Thought { .. }) => !signed && !redacted,
            (last, kind) => std::mem::discriminant(last) == std::mem::discriminant(kind),
        };
        if !self.slots.back().is_some_and(|slot| alike(&slot.kind)) {
            self.push(kind);
        }
        self.grow_last(Growth::Text(text.to_owned()), text.len());
    }

    fn open(&mut self, goes_on: impl Fn(&Kind) -> bool, new: impl FnOnce() -> Kind) {
        if !self.slots.back().is_some_and(|slot| goes_on(&slot.kind)) {
            self.push(new());
        }
    }

    /// Puts a part behind the others and gives its number.
    fn push(&mut self, kind: Kind) -> u32 {
        let waiting = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.held_bytes += if waiting > 0 { SLOT_BYTES + bytes_of(&kind) } else { 0 };
        self.slots.push_back(Slot::new(kind));
        self.first.saturating_add(waiting)
    }

    fn grow_last(&mut self, by: Growth, bytes: usize) {
        let waits = self.slots.len() > 1;
        if let Some(slot) = self.slots.back_mut() {
            slot.held.push(by);
            self.held_bytes += if waits { PIECE_BYTES + bytes } else { 0 };
        }
    }

    /// Lets out what can go: the first part as far as it has come, and, once that has ended, the next.
    fn pump(&mut self, until: Until, out: &mut Vec<Event>) {
        let choice = self.number;
        while let Some(slot) = self.slots.front_mut() {
            let index = self.first;
            if !slot.begun {
                match slot.opening() {
                    Some(part) => {
                        slot.begun = true;
                        out.push(Event::PartBegan { choice, index, part });
                    }
                    None if until == Until::Now => break,
                    None => {
                        // A call that never got a name calls nothing.
                        self.slots.pop_front();
                        continue;
                    }
                }
            }
            let grown = slot.held.drain(..).map(|by| Event::PartGrew { choice, index, by });
            out.extend(grown);
            let ends =
                until == Until::End || slot.came_whole() || (slot.may_be_followed() && self.slots.len() > 1);
            if !ends {
                break;
            }
            out.push(Event::PartEnded { choice, index });
            self.slots.pop_front();
            self.first += 1;
        }
        if self.slots.len() < 2 {
            self.held_bytes = 0;
        }
    }
}

/// Bytes that a part has from the beginning.
fn bytes_of(kind: &Kind) -> usize {
    match kind {
        Kind::Media(Media { source: Source::Data { base64: text, .. }, .. })
        | Kind::Media(Media { source: Source::Url(text) | Source::Uploaded(text), .. }) => text.len(),
        Kind::Foreign(foreign) => foreign.json.as_str().len(),
        _ => 0,
    }
}

/// How far parts are let out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// As far as they have come.
    Now,
    /// To their end.
    End,
}
