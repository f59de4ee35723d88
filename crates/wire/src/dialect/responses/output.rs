//! What a model puts out, read into neutral parts: items of a whole answer, and the same items when they come back in a
//! history.

use std::borrow::Cow;

use domain::chat::{Citation, Foreign, Part, Reasoning, Signature, Text, ToolCall};
use domain::protocol::Protocol;

use crate::dialect::field::{Field, Fields};
use crate::json::look::Value;
use crate::request::Unreadable;

/// Stands behind the signature of a thought whose words its maker withholds. No maker's own value has the sign.
pub(super) const WITHHELD: &str = "~withheld";

/// Divides the parts of a summary that are joined into one text.
pub(super) const BETWEEN_SUMMARIES: &str = "\n\n";

/// A `reasoning` item as an upstream gives it.
pub(super) fn reasoning(members: &Fields<'_>) -> Result<Reasoning, Unreadable> {
    let mut text = joined(members, "summary")?;
    if text.is_empty() {
        text = joined(members, "content")?;
    }
    let id = members.text("id")?.filter(|id| !id.is_empty());
    let encrypted = members.text("encrypted_content")?.filter(|value| !value.is_empty());
    let signature = encrypted.map(|value| Signature::new(Protocol::Responses, value));
    Ok(Reasoning { id, text, signature, redacted: false })
}

/// The same of an answer, where one that cannot be read is none.
pub(super) fn whole_reasoning(item: Value<'_>) -> Option<Reasoning> {
    reasoning(&Field::of(item, "").object().ok()?).ok()
}

/// A `reasoning` item as a caller sends it back: whose thought it was is told by what it carries.
pub(super) fn returned_reasoning(members: &Fields<'_>) -> Result<Reasoning, Unreadable> {
    let mut thought = reasoning(members)?;
    if let Some(Signature { value, .. }) = thought.signature.take() {
        let open = value.strip_suffix(WITHHELD);
        thought.redacted = open.is_some();
        thought.signature = Some(Signature::returned(Protocol::Responses, open.unwrap_or(&value)));
    }
    Ok(thought)
}

fn joined(members: &Fields<'_>, name: &str) -> Result<String, Unreadable> {
    let texts: Result<Vec<String>, Unreadable> =
        members.items(name)?.iter().map(|part| part.object()?.needed_text("text")).collect();
    Ok(texts?.join(BETWEEN_SUMMARIES))
}

/// One of the `annotations` of a text; `None` when it is no object.
pub(super) fn citation(annotation: Value<'_>) -> Option<Citation> {
    let members = annotation.object()?;
    let text = |name: &str| members.text(name).map(Cow::into_owned);
    Some(Citation {
        url: text("url"),
        title: text("title").or_else(|| text("filename")),
        quoted: None,
        start: members.unsigned("start_index"),
        end: members.unsigned("end_index"),
        native: Some((Protocol::Responses, annotation.json())),
    })
}

/// The parts of one item of an answer, and the chances of its words as an array's members.
pub(super) fn parts(
    item: Value<'_>,
    made_id: impl FnOnce() -> String,
    out: &mut Vec<Part>,
    chances: &mut String,
) {
    let Some(members) = item.object() else { return };
    match members.text("type").as_deref() {
        Some("message") => {
            for content in members.items("content") {
                out.extend(content_part(content, chances));
            }
        }
        Some("reasoning") => {
            let thought = whole_reasoning(item);
            out.extend(
                thought.filter(|it| !it.text.is_empty() || it.signature.is_some()).map(Part::Reasoning),
            );
        }
        Some("function_call") => {
            let id = members.text("call_id").or_else(|| members.text("id"));
            let id = id.filter(|id| !id.is_empty()).map(Cow::into_owned);
            out.push(Part::ToolCall(ToolCall {
                id: id.unwrap_or_else(made_id),
                name: members.words("name").unwrap_or_default(),
                arguments: arguments(members.words("arguments").unwrap_or_default()),
                signature: None,
                cache: None,
            }));
        }
        Some(kind) => {
            let kind = kind.to_owned();
            out.push(Part::Foreign(Foreign { protocol: Protocol::Responses, kind, json: item.json() }));
        }
        None => {}
    }
}

/// Arguments as they are; none are an empty object.
fn arguments(written: String) -> String {
    if written.trim().is_empty() { "{}".to_owned() } else { written }
}

/// A part of a message; `None` for an empty one and for one of another kind.
pub(super) fn content_part(content: Value<'_>, chances: &mut String) -> Option<Part> {
    let members = content.object()?;
    match &*members.text("type")? {
        "output_text" => {
            let text = members.words("text")?;
            let citations = members.items("annotations").into_iter().filter_map(citation).collect();
            for chance in members.items("logprobs") {
                if !chances.is_empty() {
                    chances.push(',');
                }
                chances.push_str(chance.raw());
            }
            Some(Part::Text(Text { text, citations, ..Text::default() }))
        }
        "refusal" => members.words("refusal").map(Part::Refusal),
        _ => None,
    }
}
