//! The block that is being streamed.

use domain::chat::{Event, Growth, Opening, Signature};
use domain::protocol::Protocol;

use crate::dialect::Stopped;
use crate::dialect::anthropic::decode::blocks;
use crate::dialect::field::Field;
use crate::json::build;
use crate::json::look::{self, Object, Value};
use crate::tap::{Broken, MAX_EVENT_BYTES};

/// A block that has begun.
#[derive(Debug)]
pub(super) struct Open {
    index: u32,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Words or thoughts.
    Words,
    /// A call; arguments that its start held, which count if no others come.
    Call { arguments: Option<String> },
    /// One that only this protocol understands, as its start was written, with what was added since.
    Foreign { kind: String, start: String, input: String, added: Vec<(String, String)> },
}

impl Open {
    /// The block that `block` starts, as the part number `index` of the answer `answer`; none when it cannot be told.
    pub(super) fn of(
        whole: Value<'_>,
        index: u32,
        answer: Option<&str>,
        out: &mut Vec<Event>,
    ) -> Result<Option<Self>, Stopped> {
        let Some(block) = &whole.object() else { return Ok(None) };
        let Some(kind) = block.text("type") else { return Ok(None) };
        let mut open = Self { index, what: What::Words };
        let begin = |part| Event::PartBegan { choice: 0, index, part };
        match &*kind {
            "text" => {
                out.push(begin(Opening::Text));
                open.words(block, "text", out);
            }
            "thinking" => {
                out.push(begin(Opening::Reasoning { id: None, redacted: false }));
                open.words(block, "thinking", out);
                open.signature(block, "signature", out);
            }
            "redacted_thinking" => {
                out.push(begin(Opening::Reasoning { id: None, redacted: true }));
                open.signature(block, "data", out);
            }
            "tool_use" => {
                let text = |name| block.words(name).unwrap_or_default();
                let id = match text("id") {
                    id if id.is_empty() => format!("toolu_{}_{index}", answer.unwrap_or_default()),
                    id => id,
                };
                out.push(begin(Opening::ToolCall { id, name: text("name"), signature: None }));
                let says = |input: &Value<'_>| {
                    input.object().is_some_and(|input| input.members().any(|(_, value)| !value.is_null()))
                };
                let arguments = block.get("input").filter(says).map(|input| input.raw().to_owned());
                open.what = What::Call { arguments };
            }
            _ => {
                let foreign = blocks::foreign(kind.into_owned(), whole);
                let start = foreign.json.as_str().to_owned();
                let (kind, input, added) = (foreign.kind, String::new(), Vec::new());
                open.what = What::Foreign { kind, start, input, added };
            }
        }
        Ok(Some(open))
    }

    /// The block that a delta belongs to whose start was left out; none when the delta does not tell.
    pub(super) fn implied(delta: &Object<'_>, index: u32, out: &mut Vec<Event>) -> Option<Self> {
        let part = match &*delta.text("type")? {
            "text_delta" => Opening::Text,
            "thinking_delta" => Opening::Reasoning { id: None, redacted: false },
            _ => return None,
        };
        out.push(Event::PartBegan { choice: 0, index, part });
        Some(Self { index, what: What::Words })
    }

    /// Adds a delta. One of an unknown kind adds nothing.
    pub(super) fn grow(&mut self, delta: &Object<'_>, out: &mut Vec<Event>) -> Result<(), Stopped> {
        if let What::Foreign { input, added, .. } = &mut self.what {
            return add(delta, input, added);
        }
        match delta.text("type").as_deref() {
            Some("text_delta") => self.words(delta, "text", out),
            Some("thinking_delta") => self.words(delta, "thinking", out),
            Some("signature_delta") => self.signature(delta, "signature", out),
            Some("input_json_delta") => {
                if let (What::Call { arguments }, Some(piece)) = (&mut self.what, delta.words("partial_json"))
                {
                    *arguments = None;
                    out.push(self.grown(Growth::Arguments(piece)));
                }
            }
            Some("citations_delta") => {
                let citation = delta.get("citation").map(|citation| Field::of(citation, "citation"));
                let cited = citation.and_then(|citation| blocks::citation(&citation).ok());
                out.extend(cited.map(|citation| self.grown(Growth::Citation(citation))));
            }
            _ => {}
        }
        Ok(())
    }

    /// The block is whole.
    pub(super) fn close(mut self, out: &mut Vec<Event>) {
        let index = self.index;
        match std::mem::replace(&mut self.what, What::Words) {
            What::Words | What::Call { arguments: None } => {}
            What::Call { arguments: Some(arguments) } => out.push(self.grown(Growth::Arguments(arguments))),
            What::Foreign { kind, start, input, added } => {
                let json = whole(&start, &input, &added);
                let Some(block) = Value::read(json.as_bytes()) else { return };
                let part = Opening::Foreign(blocks::foreign(kind, block));
                out.push(Event::PartBegan { choice: 0, index, part });
            }
        }
        out.push(Event::PartEnded { choice: 0, index });
    }

    fn words(&self, holder: &Object<'_>, name: &str, out: &mut Vec<Event>) {
        out.extend(holder.words(name).map(|words| self.grown(Growth::Text(words))));
    }

    fn signature(&self, holder: &Object<'_>, name: &str, out: &mut Vec<Event>) {
        let signature = holder.words(name).map(|value| Signature::new(Protocol::Anthropic, value));
        out.extend(signature.map(|signature| self.grown(Growth::Signature(signature))));
    }

    fn grown(&self, by: Growth) -> Event {
        Event::PartGrew { choice: 0, index: self.index, by }
    }
}

/// Keeps what is added to a block that only this protocol understands: pieces of its input, or members of their own.
fn add(delta: &Object<'_>, input: &mut String, added: &mut Vec<(String, String)>) -> Result<(), Stopped> {
    match delta.text("partial_json") {
        Some(piece) => input.push_str(&piece),
        None => {
            for (name, value) in delta.members().filter(|(name, value)| *name != "type" && !value.is_null()) {
                added.retain(|(known, _)| known != name);
                added.push((name.to_owned(), value.raw().to_owned()));
            }
        }
    }
    let kept = input.len() + added.iter().map(|(name, raw)| name.len() + raw.len()).sum::<usize>();
    if kept > MAX_EVENT_BYTES { Err(Stopped::Broken(Broken::EventTooLarge)) } else { Ok(()) }
}

/// The start of a block with what was added to it.
fn whole(start: &str, input: &str, added: &[(String, String)]) -> String {
    let Some(block) = Object::read(start.as_bytes()) else { return start.to_owned() };
    let input = look::object(input);
    let replaced =
        |name: &str| (name == "input" && input.is_some()) || added.iter().any(|(known, _)| known == name);
    build::object_text(|fields| {
        for (name, value) in block.members().filter(|(name, _)| !replaced(name)) {
            fields.raw(name, value.raw());
        }
        if let Some(input) = input {
            fields.raw("input", input);
        }
        for (name, raw) in added.iter().filter(|(name, _)| input.is_none() || name != "input") {
            fields.raw(name, raw);
        }
    })
}
