//! The events of a streamed answer.
//!
//! Readers of all protocols keep to one grammar, so that writers need no other state than their own protocol's:
//! `Began` comes first and once; within one choice parts follow each other and never overlap (`PartBegan`, any number of
//! `PartGrew`, `PartEnded`, each with the index of the part, counted from 0 without gaps); `Finished` comes once for each
//! choice, after its last part; `Used` may come at any time and more than once, and the last one counts.

use super::{Citation, Finish, Json, Media, Signature};
use crate::price::Tokens;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Began {
        /// The provider's name for it.
        id: Option<String>,
        /// The model that answers, as the provider says.
        model: Option<String>,
    },
    /// A part begins.
    PartBegan {
        /// Of which answer, from 0.
        choice: u32,
        /// Its place among the parts of that answer, from 0.
        index: u32,
        /// What it is.
        part: Opening,
    },
    /// The part that began last in this choice grows.
    PartGrew {
        /// Of which answer.
        choice: u32,
        /// The part.
        index: u32,
        /// By what.
        by: Growth,
    },
    /// The part is whole.
    PartEnded {
        /// Of which answer.
        choice: u32,
        /// The part.
        index: u32,
    },
    /// One of the answers ends.
    Finished {
        /// Which.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// So much was used so far, in all.
    Used(Tokens),
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub enum Opening {
    /// Words.
    Text,
    /// Thoughts.
    Reasoning {
        /// The provider's name for them.
        id: Option<String>,
        /// Whether the words are withheld; a signature follows, and nothing else.
        redacted: bool,
    },
    /// Words by which the model declines.
    Refusal,
    /// A call of a tool; its arguments follow, and if none do they are `{}`.
    ToolCall {
        /// Links it with its result; never empty.
        id: String,
        /// The tool.
        name: String,
        /// What its provider demands back with it.
        signature: Option<Signature>,
    },
    /// A picture or sound, whole.
    Media(Media),
    /// Something that only its own protocol understands; nothing follows.
    Foreign(super::Foreign),
}

/// What a part grows by.
#[derive(Debug, Clone, PartialEq)]
pub enum Growth {
    /// Words, of text, thoughts or a refusal; never empty.
    Text(String),
    /// JSON text of arguments; never empty.
    Arguments(String),
    /// What proves a thought, a text or a call, or holds the thought encrypted.
    Signature(Signature),
    /// Where the words come from.
    Citation(Citation),
    /// The chances of the words just said, in the form of OpenAI's chat completions.
    Logprobs(Json),
}
