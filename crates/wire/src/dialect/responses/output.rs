//! What a model puts out, read into neutral parts: items of a whole answer, and the same items when they come back in a
//! history.

use domain::chat::{Citation, Foreign, Part, Reasoning, Signature, Text, ToolCall};
use domain::protocol::Protocol;

use super::node::{Members, Node};
use crate::request::Unreadable;

/// Stands behind the signature of a thought whose words its maker withholds. No maker's own value has the sign.
pub(super) const WITHHELD: &str = "~withheld";

/// Divides the parts of a summary that are joined into one text.
pub(super) const BETWEEN_SUMMARIES: &str = "\n\n";

/// A `reasoning` item as an upstream gives it.
pub(super) fn reasoning(members: &mut Members<'_>) -> Result<Reasoning, Unreadable> {
    let mut text = joined(members, "summary")?;
    if text.is_empty() {
        text = joined(members, "content")?;
    }
    let words = |node: Option<Node<'_>>| node.map(|node| node.text()).transpose();
    let id = words(members.take("id"))?.filter(|id| !id.is_empty());
    let encrypted = words(members.take("encrypted_content"))?.filter(|value| !value.is_empty());
    let signature = encrypted.map(|value| Signature::new(Protocol::Responses, value));
    Ok(Reasoning { id, text, signature, redacted: false })
}

/// A `reasoning` item as a caller sends it back: whose thought it was is told by what it carries.
pub(super) fn returned_reasoning(members: &mut Members<'_>) -> Result<Reasoning, Unreadable> {
    let mut thought = reasoning(members)?;
    if let Some(Signature { value, .. }) = thought.signature.take() {
        let open = value.strip_suffix(WITHHELD);
        thought.redacted = open.is_some();
        thought.signature = Some(Signature::returned(Protocol::Responses, open.unwrap_or(&value)));
    }
    Ok(thought)
}

fn joined(members: &mut Members<'_>, name: &str) -> Result<String, Unreadable> {
    let Some(list) = members.take(name) else { return Ok(String::new()) };
    let texts: Result<Vec<String>, Unreadable> =
        list.items()?.iter().map(|part| part.members()?.required("text")?.text()).collect();
    Ok(texts?.join(BETWEEN_SUMMARIES))
}

/// One of the `annotations` of a text.
pub(super) fn citation(node: &Node<'_>) -> Result<Citation, Unreadable> {
    let mut members = node.members()?;
    let title = members.text("title");
    Ok(Citation {
        url: members.text("url"),
        title: title.or_else(|| members.text("filename")),
        quoted: None,
        start: members.unsigned("start_index"),
        end: members.unsigned("end_index"),
        native: Some((Protocol::Responses, node.json())),
    })
}

/// The parts of one item of an answer, and the chances of its words as an array's members.
pub(super) fn parts(
    item: &Node<'_>,
    made_id: impl FnOnce() -> String,
    out: &mut Vec<Part>,
    chances: &mut String,
) {
    let Ok(mut members) = item.members() else { return };
    match members.text("type").as_deref() {
        Some("message") => {
            for content in members.items("content") {
                out.extend(content_part(&content, chances));
            }
        }
        Some("reasoning") => {
            let thought = reasoning(&mut members).ok();
            out.extend(
                thought.filter(|it| !it.text.is_empty() || it.signature.is_some()).map(Part::Reasoning),
            );
        }
        Some("function_call") => {
            let id = members.text("call_id").or_else(|| members.text("id")).filter(|id| !id.is_empty());
            out.push(Part::ToolCall(ToolCall {
                id: id.unwrap_or_else(made_id),
                name: members.text("name").unwrap_or_default(),
                arguments: arguments(members.text("arguments").unwrap_or_default()),
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
pub(super) fn content_part(content: &Node<'_>, chances: &mut String) -> Option<Part> {
    let mut members = content.members().ok()?;
    match members.text("type")?.as_str() {
        "output_text" => {
            let text = members.text("text").filter(|text| !text.is_empty())?;
            let citations = members.items("annotations").iter().filter_map(|it| citation(it).ok()).collect();
            for chance in members.items("logprobs") {
                if !chances.is_empty() {
                    chances.push(',');
                }
                chances.push_str(chance.raw());
            }
            Some(Part::Text(Text { text, citations, ..Text::default() }))
        }
        "refusal" => members.text("refusal").filter(|text| !text.is_empty()).map(Part::Refusal),
        _ => None,
    }
}
