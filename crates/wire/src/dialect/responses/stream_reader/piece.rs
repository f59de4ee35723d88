//! One part of the answer that is coming: what it is, and what of it waits to be told.

use domain::chat::{Citation, Event, Foreign, Growth, Opening, Signature, Text};

use super::super::output::BETWEEN_SUMMARIES;
use super::Seen;

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Text,
    Refusal,
    Thought {
        id: Option<String>,
        /// Where its words come from, once the first have come, and which part of it the last came from.
        from: Option<(Source, u64)>,
    },
    Call {
        id: String,
        name: String,
    },
    /// Known once it is whole.
    Foreign(Option<Foreign>),
}

/// Which of its two texts a thought is told by. A provider that gives both tells the same twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Summary,
    Content,
}

impl Kind {
    pub(super) fn thought() -> Self {
        Self::Thought { id: None, from: None }
    }

    pub(super) fn call() -> Self {
        Self::Call { id: String::new(), name: String::new() }
    }

    /// What a part of a message is.
    pub(super) fn of_content(word: &str) -> Option<Self> {
        match word {
            "output_text" => Some(Self::Text),
            "refusal" => Some(Self::Refusal),
            _ => None,
        }
    }
}

/// A part of the answer.
#[derive(Debug)]
pub(super) struct Piece {
    /// The item it belongs to, and its place in that.
    pub(super) place: (u64, u64),
    pub(super) kind: Kind,
    pub(super) done: bool,
    /// Its number among the neutral parts, once it has begun.
    begun: Option<u32>,
    /// Whether any words or arguments have come, and whether any citation.
    said: bool,
    cited: bool,
    waiting: Vec<Growth>,
    pub(super) waiting_bytes: usize,
}

impl Piece {
    pub(super) fn new(place: (u64, u64), kind: Kind) -> Self {
        Self {
            place,
            kind,
            done: false,
            begun: None,
            said: false,
            cited: false,
            waiting: Vec::new(),
            waiting_bytes: 0,
        }
    }

    pub(super) fn grow(&mut self, growth: Growth) {
        self.waiting_bytes += size_of::<Growth>()
            + match &growth {
                Growth::Text(text) | Growth::Arguments(text) => text.len(),
                Growth::Signature(signature) => signature.value.len(),
                Growth::Logprobs(json) => json.as_str().len(),
                Growth::Citation(_) => 0,
            };
        self.waiting.push(growth);
    }

    pub(super) fn say(&mut self, text: String) {
        if !text.is_empty() {
            self.said = true;
            self.grow(Growth::Text(text));
        }
    }

    pub(super) fn argue(&mut self, text: String) {
        if !text.is_empty() {
            self.said = true;
            self.grow(Growth::Arguments(text));
        }
    }

    pub(super) fn cite(&mut self, citation: Option<Citation>) {
        if let Some(citation) = citation {
            self.cited = true;
            self.grow(Growth::Citation(citation));
        }
    }

    pub(super) fn sign(&mut self, signature: Option<Signature>) {
        self.waiting.extend(signature.map(Growth::Signature));
    }

    /// More of a thought, of its part number `at`.
    pub(super) fn think(&mut self, source: Source, at: u64, text: String) {
        let Kind::Thought { from, .. } = &mut self.kind else { return };
        let last = from.replace((source, at));
        match last {
            // The other text has been told already.
            Some((first, last)) if first != source => *from = Some((first, last)),
            Some((_, last)) if last != at && self.said => {
                self.say(format!("{BETWEEN_SUMMARIES}{text}"));
            }
            _ => self.say(text),
        }
    }

    /// What came whole at the end, where it did not come piece by piece.
    pub(super) fn complete_text(&mut self, whole: Text) {
        if !self.said {
            self.say(whole.text);
        }
        if !self.cited {
            for citation in whole.citations {
                self.cite(Some(citation));
            }
        }
    }

    pub(super) fn complete_words(&mut self, whole: String) {
        if !self.said {
            self.say(whole);
        }
    }

    pub(super) fn complete_arguments(&mut self, whole: String) {
        if !self.said {
            self.argue(whole);
        }
    }

    /// Tells what can be told; gives whether the part is over.
    pub(super) fn tell(&mut self, next: &mut u32, seen: &mut Seen, out: &mut Vec<Event>) -> bool {
        let index = match self.begun {
            Some(index) => index,
            None if !self.is_ready() => return self.done,
            None => {
                let index = *next;
                *next += 1;
                self.begun = Some(index);
                out.push(Event::PartBegan { choice: 0, index, part: self.opening(seen) });
                index
            }
        };
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        out.extend(waiting.into_iter().map(|by| Event::PartGrew { choice: 0, index, by }));
        if self.done {
            out.push(Event::PartEnded { choice: 0, index });
        }
        self.done
    }

    /// Whether it is known what it is. A part that says nothing is none.
    fn is_ready(&self) -> bool {
        match &self.kind {
            Kind::Text | Kind::Refusal | Kind::Thought { .. } => !self.waiting.is_empty(),
            Kind::Call { id, name } => self.done || !(id.is_empty() || name.is_empty()),
            Kind::Foreign(whole) => whole.is_some(),
        }
    }

    fn opening(&mut self, seen: &mut Seen) -> Opening {
        match &mut self.kind {
            Kind::Text => Opening::Text,
            Kind::Refusal => {
                seen.refusal();
                Opening::Refusal
            }
            Kind::Thought { id, .. } => Opening::Reasoning { id: id.take(), redacted: false },
            Kind::Call { id, name } => {
                seen.call();
                Opening::ToolCall { id: std::mem::take(id), name: std::mem::take(name), signature: None }
            }
            Kind::Foreign(whole) => match whole.take() {
                Some(foreign) => Opening::Foreign(foreign),
                // Only a part that is known is asked.
                None => Opening::Text,
            },
        }
    }
}
