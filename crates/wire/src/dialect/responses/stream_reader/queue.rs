//! The parts of the answer in the order in which their items began: the first is told as it comes, those behind it wait
//! until it is over, so that no part begins within another.

use std::borrow::Cow;
use std::collections::VecDeque;

use domain::chat::{Event, Foreign, Part};
use domain::protocol::Protocol;

use super::super::output;
use super::super::whole::made_call_id;
use super::Seen;
use super::piece::{Kind, Piece};
use crate::json::look::Value;
use crate::tap::{Broken, MAX_LARGE_EVENT_BYTES};

/// Bytes that may wait behind a part that is not over.
const MAX_WAITING_BYTES: usize = MAX_LARGE_EVENT_BYTES;

/// Parts and items that may be open at once. Providers have one, or as many as there are parallel calls.
const MAX_OPEN: usize = 1_024;

/// What is known of an item that is not over.
#[derive(Debug)]
struct Item {
    index: u64,
    id: Option<String>,
    /// How many parts of its content have been spoken of.
    parts: u64,
}

/// The parts that are coming.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) answer_id: Option<String>,
    pieces: VecDeque<Piece>,
    items: Vec<Item>,
    /// Items below this number have been spoken of.
    known_items: u64,
    next_part: u32,
}

impl Queue {
    /// Which item an event speaks of: by its place, else by its name, else the last one.
    pub(super) fn place(&self, index: Option<u64>, id: Option<&str>) -> u64 {
        let by_id =
            || self.items.iter().find(|item| id.is_some() && item.id.as_deref() == id).map(|item| item.index);
        index.or_else(by_id).unwrap_or(self.known_items.saturating_sub(1))
    }

    pub(super) fn item_added(&mut self, index: u64, whole: Option<Value<'_>>) {
        let Some(members) = whole.and_then(Value::object) else { return };
        let text = |name: &str| members.text(name).map(Cow::into_owned);
        let id = text("id");
        match members.text("type").as_deref() {
            Some("message") => self.open_item(index).id = id,
            Some("reasoning") => {
                self.open_item(index).id.clone_from(&id);
                self.item(index, || Kind::Thought { id, from: None });
            }
            Some("function_call") => {
                self.open_item(index).id = id;
                let (id, name) = (text("call_id"), text("name"));
                let kind = Kind::Call { id: id.unwrap_or_default(), name: name.unwrap_or_default() };
                self.item(index, || kind);
            }
            _ => {
                self.open_item(index).id = id;
                self.item(index, || Kind::Foreign(None));
            }
        }
    }

    /// The part that an item is as a whole.
    pub(super) fn item(&mut self, index: u64, kind: impl FnOnce() -> Kind) -> &mut Piece {
        self.open_item(index);
        self.piece((index, 0), kind)
    }

    /// A part of the content of an item.
    pub(super) fn part(&mut self, index: u64, at: u64, kind: Kind) -> &mut Piece {
        let item = self.open_item(index);
        item.parts = item.parts.max(at.saturating_add(1));
        self.piece((index, at), || kind)
    }

    pub(super) fn part_done(&mut self, index: u64, at: u64, whole: Value<'_>) {
        match output::content_part(whole, &mut String::new()) {
            Some(Part::Text(text)) => self.part(index, at, Kind::Text).complete_text(text),
            Some(Part::Refusal(words)) => self.part(index, at, Kind::Refusal).complete_words(words),
            _ => {}
        }
        for piece in self.pieces.iter_mut().filter(|piece| piece.place == (index, at)) {
            piece.done = true;
        }
    }

    /// An item is whole: what of it did not come piece by piece comes from here.
    pub(super) fn item_done(&mut self, index: u64, whole: Value<'_>) {
        let open = self.items.iter().any(|item| item.index == index);
        if !open && index < self.known_items {
            return;
        }
        let Some(members) = whole.object() else { return };
        match members.text("type").as_deref() {
            Some("message") => {
                let known = self.open_item(index).parts;
                for (at, part) in (0..).zip(members.items("content")).filter(|(at, _)| *at >= known) {
                    self.part_done(index, at, part);
                }
            }
            Some("reasoning") => {
                let piece = self.item(index, Kind::thought);
                if let Some(thought) = output::whole_reasoning(whole) {
                    if let Kind::Thought { id, .. } = &mut piece.kind {
                        *id = id.take().or(thought.id);
                    }
                    piece.complete_words(thought.text);
                    piece.sign(thought.signature);
                }
            }
            Some("function_call") => self.call_done(index, whole),
            Some(kind) => {
                let foreign =
                    Foreign { protocol: Protocol::Responses, kind: kind.to_owned(), json: whole.json() };
                self.item(index, || Kind::Foreign(None)).kind = Kind::Foreign(Some(foreign));
            }
            None => {}
        }
        self.end_item(index);
    }

    fn call_done(&mut self, index: u64, whole: Value<'_>) {
        let made_id = made_call_id(self.answer_id.as_deref(), index);
        let mut parts = Vec::new();
        output::parts(whole, || made_id, &mut parts, &mut String::new());
        let Some(Part::ToolCall(call)) = parts.pop() else { return };
        let piece = self.item(index, Kind::call);
        piece.complete_arguments(call.arguments);
        if let Kind::Call { id, name } = &mut piece.kind {
            if id.is_empty() {
                *id = call.id;
            }
            if name.is_empty() {
                *name = call.name;
            }
        }
    }

    fn end_item(&mut self, index: u64) {
        self.items.retain(|item| item.index != index);
        for piece in self.pieces.iter_mut().filter(|piece| piece.place.0 == index) {
            piece.done = true;
        }
    }

    /// Nothing more comes.
    pub(super) fn end_all(&mut self) {
        self.items.clear();
        for piece in &mut self.pieces {
            piece.done = true;
            // A call that was never whole still has a name to link it by.
            if let Kind::Call { id, .. } = &mut piece.kind
                && id.is_empty()
            {
                *id = made_call_id(self.answer_id.as_deref(), piece.place.0);
            }
        }
    }

    /// Tells what can be told by now.
    pub(super) fn advance(&mut self, seen: &mut Seen, out: &mut Vec<Event>) -> Result<(), Broken> {
        while let Some(piece) = self.pieces.front_mut() {
            if !piece.tell(&mut self.next_part, seen, out) {
                break;
            }
            self.pieces.pop_front();
        }
        let waiting: usize = self.pieces.iter().map(|piece| piece.waiting_bytes).sum();
        let too_much = waiting > MAX_WAITING_BYTES || self.pieces.len().max(self.items.len()) > MAX_OPEN;
        if too_much { Err(Broken::EventTooLarge) } else { Ok(()) }
    }

    fn open_item(&mut self, index: u64) -> &mut Item {
        self.known_items = self.known_items.max(index.saturating_add(1));
        let at = match self.items.iter().position(|item| item.index == index) {
            Some(at) => at,
            None => {
                self.items.push(Item { index, id: None, parts: 0 });
                self.items.len() - 1
            }
        };
        &mut self.items[at]
    }

    fn piece(&mut self, place: (u64, u64), kind: impl FnOnce() -> Kind) -> &mut Piece {
        let at = match self.pieces.iter().position(|piece| piece.place == place && !piece.done) {
            Some(at) => at,
            None => {
                self.pieces.push_back(Piece::new(place, kind()));
                self.pieces.len() - 1
            }
        };
        &mut self.pieces[at]
    }
}
