//! What a model thought, as pieces in `reasoning_details`: an extension that OpenRouter publishes and that many clients
//! send back as it came.

use domain::chat::{Reasoning, Signature};
use domain::protocol::Protocol;

use crate::json::build::{self, ArrayWriter, ObjectWriter};
use crate::json::look::{Object, Value};

/// Stands before the signature of words that were said, which is no thought's. No maker has this name.
const SAID: &str = "said~";

/// Members of a piece that have a place of their own.
const PLACED: [&str; 7] = ["type", "text", "summary", "data", "signature", "id", "index"];

/// Who wrote the pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A caller sends back what it was given: signatures travel under their makers' names.
    Caller,
    /// A provider, whose signatures are its own.
    Upstream,
}

/// One piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Pieces of one number are one thought.
    pub(super) index: Option<u64>,
    pub(super) thought: Reasoning,
}

/// Reads one piece; `None` when it is none.
pub(super) fn read(detail: Value<'_>, from: From) -> Option<Piece> {
    let object = detail.object()?;
    let kind = object.text("type")?;
    let redacted = kind == "reasoning.encrypted";
    let text = match &*kind {
        "reasoning.summary" => object.text("summary").or_else(|| object.text("text")),
        _ => object.text("text"),
    };
    let proof = if redacted { object.text("data") } else { object.text("signature") };
    let signature = proof.filter(|proof| !proof.is_empty()).map(|proof| match from {
        From::Caller => Signature::returned(Protocol::Chat, &proof),
        From::Upstream => {
            let more = object.said().any(|(name, _)| !PLACED.contains(&name));
            // What else the provider says of the piece must come back with it.
            let value = if more { without_text(&object) } else { proof.into_owned() };
            Signature::new(Protocol::Chat, value)
        }
    });
    let text = if redacted { String::new() } else { text.unwrap_or_default().into_owned() };
    let id = object.text("id").map(|id| id.into_owned());
    let index = object.unsigned("index");
    Some(Piece { index, thought: Reasoning { id, text, signature, redacted } })
}

/// The signature of what was said, where this piece carries it.
pub(super) fn read_said(detail: Value<'_>) -> Option<Signature> {
    let carried = detail.object()?.text("data")?;
    carried.strip_prefix(SAID).map(|carried| Signature::returned(Protocol::Chat, carried))
}

/// Writes the signature of what was said for a caller, for the message has no other place whose content clients send back
/// as it came.
pub(super) fn write_said(list: &mut ArrayWriter<'_>, signature: &Signature, index: usize) {
    list.object(|object| {
        object.text("type", "reasoning.encrypted");
        object.text("data", &format!("{SAID}{}", signature.carried(Protocol::Chat)));
        object.plain("index", index);
    });
}

fn without_text(object: &Object<'_>) -> String {
    build::object_text(|written| {
        for (name, value) in object.said() {
            if !matches!(name, "text" | "summary" | "id" | "index") {
                written.raw(name, value.compact());
            }
        }
    })
}

/// Whether `piece` goes on with `thought`, the last of before, whose number was `index`.
pub(super) fn goes_on(index: Option<u64>, thought: &Reasoning, piece: &Piece) -> bool {
    thought.redacted == piece.thought.redacted
        && piece.index == index
        && (index.is_some() || thought.signature.is_none())
        && !(thought.redacted && thought.signature.is_some())
}

/// The thoughts that pieces make: those of one number, which a client that gathered a stream keeps apart, are one.
pub(super) fn joined(pieces: Vec<Piece>) -> Vec<Reasoning> {
    let mut thoughts: Vec<(Option<u64>, Reasoning)> = Vec::new();
    for piece in pieces {
        match thoughts.last_mut() {
            Some((index, last)) if index.is_some() && goes_on(*index, last, &piece) => {
                last.text.push_str(&piece.thought.text);
                last.signature = piece.thought.signature.or(last.signature.take());
                last.id = last.id.take().or(piece.thought.id);
            }
            _ => thoughts.push((piece.index, piece.thought)),
        }
    }
    thoughts.into_iter().map(|(_, thought)| thought).collect()
}

/// What of a thought a piece holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written<'t> {
    pub(super) text: Option<&'t str>,
    pub(super) signature: Option<&'t Signature>,
    pub(super) id: Option<&'t str>,
    pub(super) redacted: bool,
    pub(super) index: usize,
}

impl<'t> Written<'t> {
    /// All of it.
    pub(super) fn whole(thought: &'t Reasoning, index: usize) -> Self {
        Self {
            text: Some(thought.text.as_str()),
            signature: thought.signature.as_ref(),
            id: thought.id.as_deref(),
            redacted: thought.redacted,
            index,
        }
    }
}

/// Writes a piece for a caller.
pub(super) fn write(list: &mut ArrayWriter<'_>, piece: Written<'_>) {
    let proof = piece.signature.map(|signature| signature.carried(Protocol::Chat));
    list.object(|object| {
        write_head(object, piece);
        object.text_if(if piece.redacted { "data" } else { "signature" }, proof.as_deref());
        write_place(object, piece);
    });
}

/// Writes a piece back to the provider that gave it.
pub(super) fn write_back(list: &mut ArrayWriter<'_>, piece: Written<'_>) {
    let proof = piece.signature.and_then(|signature| signature.of(Protocol::Chat));
    let kept = proof.and_then(|proof| Value::read(proof.as_bytes())).and_then(Value::object);
    list.object(|object| {
        match kept {
            Some(kept) => {
                for (name, value) in kept.members() {
                    object.raw(name, value.raw());
                }
                object.text_if("text", piece.text.filter(|_| !piece.redacted));
            }
            None => {
                write_head(object, piece);
                object.text_if(if piece.redacted { "data" } else { "signature" }, proof);
            }
        }
        write_place(object, piece);
    });
}

fn write_head(object: &mut ObjectWriter<'_>, piece: Written<'_>) {
    if piece.redacted {
        object.text("type", "reasoning.encrypted");
    } else {
        object.text("type", "reasoning.text");
        object.text_if("text", piece.text);
    }
}

fn write_place(object: &mut ObjectWriter<'_>, piece: Written<'_>) {
    object.text_if("id", piece.id);
    object.plain("index", piece.index);
}
