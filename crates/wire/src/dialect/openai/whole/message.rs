//! The message of a whole answer, in the shapes of all providers.

use domain::chat::{Citation, Foreign, Media, MediaKind, Part, Reasoning, Signature, Text, ToolCall};
use domain::protocol::Protocol;

use super::thoughts::{self, From};
use crate::dialect::openai::media;
use crate::json::look::{Object, Value};

/// What a message says. `name` begins the ids of calls that came without one; `sources` are those of the whole answer.
pub(super) fn parts(message: &Object<'_>, name: &str, sources: &[Citation]) -> Vec<Part> {
    let mut parts: Vec<Part> = thoughts(message).into_iter().map(Part::Reasoning).collect();
    match message.get("content") {
        Some(list) if list.is_array() => list.items().unwrap_or_default().iter().for_each(|&piece| {
            parts.extend(content_piece(piece));
        }),
        content => {
            let said = content.and_then(Value::text).filter(|text| !text.is_empty());
            // A spoken answer says in words what it says in sound.
            let heard = || message.get("audio")?.get("transcript")?.text();
            parts.extend(said.or_else(heard).map(Part::text));
        }
    }
    cite(message, sources, &mut parts);
    let refusal = message.text("refusal").filter(|words| !words.is_empty());
    parts.extend(refusal.map(|words| Part::Refusal(words.into_owned())));
    let images = message.items("images");
    parts.extend(images.into_iter().filter_map(picture).map(Part::Media));
    let calls = message.items("tool_calls");
    for (number, call) in calls.into_iter().enumerate() {
        parts.extend(tool_call(call, name, number));
    }
    if let Some(function) = message.object("function_call") {
        let id = format!("call_{name}_function");
        parts.push(Part::ToolCall(called(id, &function, None)));
    }
    parts
}

/// What was thought: in pieces, or as plain text, which providers name in two ways and may repeat.
fn thoughts(message: &Object<'_>) -> Vec<Reasoning> {
    let details = message.items("reasoning_details");
    let pieces = details.into_iter().filter_map(|detail| thoughts::read(detail, From::Upstream)).collect();
    let mut joined = thoughts::joined(pieces);
    joined.retain(|thought| !thought.text.is_empty() || thought.signature.is_some());
    if joined.is_empty() {
        let plain = message.text("reasoning_content").or_else(|| message.text("reasoning"));
        let plain = plain.filter(|text| !text.is_empty());
        joined.extend(plain.map(|text| Reasoning { text: text.into_owned(), ..Reasoning::default() }));
    }
    joined
}

/// One piece of a content that is a list, as Mistral has it.
fn content_piece(piece: Value<'_>) -> Option<Part> {
    let object = piece.object()?;
    match object.text("type").as_deref() {
        Some("thinking") => {
            let text = thinking_text(&object);
            (!text.is_empty()).then_some(Part::Reasoning(Reasoning { text, ..Reasoning::default() }))
        }
        Some("image_url") => picture(piece).map(Part::Media),
        _ => object.text("text").filter(|text| !text.is_empty()).map(Part::text),
    }
}

/// The text of a piece of the type `thinking`.
pub(in crate::dialect::openai) fn thinking_text(piece: &Object<'_>) -> String {
    match piece.get("thinking") {
        Some(list) if list.is_array() => {
            let pieces = list.items().unwrap_or_default();
            pieces.into_iter().filter_map(|piece| piece.get("text")?.text()).collect()
        }
        other => other.and_then(Value::text).unwrap_or_default().into_owned(),
    }
}

/// Puts citations on the text they belong to: the last one, for there is one text where there are citations. Sources of the
/// whole answer count where none is placed in it.
fn cite(message: &Object<'_>, sources: &[Citation], parts: &mut [Part]) {
    let annotations = message.items("annotations");
    let texts = parts.iter_mut().rev().find_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    });
    if let Some(Text { citations, .. }) = texts {
        citations.extend(annotations.into_iter().filter_map(citation));
        if citations.is_empty() {
            citations.extend_from_slice(sources);
        }
    }
}

/// A page that is cited.
pub(in crate::dialect::openai) fn citation(annotation: Value<'_>) -> Option<Citation> {
    let cited = annotation.get("url_citation")?.object()?;
    Some(Citation {
        url: Some(cited.text("url")?.into_owned()),
        title: cited.words("title"),
        quoted: cited.words("content"),
        start: cited.unsigned("start_index"),
        end: cited.unsigned("end_index"),
        native: None,
    })
}

/// A picture that the model made.
pub(in crate::dialect::openai) fn picture(image: Value<'_>) -> Option<Media> {
    let link = image.get("image_url")?;
    let url = link.text().or_else(|| link.get("url")?.text())?;
    media::at_address(MediaKind::Image, &url)
}

fn tool_call(value: Value<'_>, name: &str, number: usize) -> Option<Part> {
    let call = value.object()?;
    if let Some(kind) = call.text("type").filter(|kind| kind != "function") {
        let json = value.json();
        return Some(Part::Foreign(Foreign { protocol: Protocol::Chat, kind: kind.into_owned(), json }));
    }
    let id = call.text("id").filter(|id| !id.is_empty());
    let id = id.map_or_else(|| format!("call_{name}_{number}"), |id| id.into_owned());
    let function = call.object("function")?;
    Some(Part::ToolCall(called(id, &function, signature_beside(&call))))
}

/// What Google's endpoint of this protocol puts beside a call and demands back.
pub(in crate::dialect::openai) fn signature_beside(call: &Object<'_>) -> Option<Signature> {
    let beside = call.get("extra_content").filter(|beside| beside.is_object())?;
    Some(Signature::new(Protocol::Chat, beside.json().as_str()))
}

fn called(id: String, function: &Object<'_>, signature: Option<Signature>) -> ToolCall {
    let arguments = function.get("arguments").map(tool_call_arguments).unwrap_or_default();
    ToolCall {
        id,
        name: function.text("name").unwrap_or_default().into_owned(),
        arguments: if arguments.trim().is_empty() { "{}".to_owned() } else { arguments },
        signature,
        cache: None,
    }
}

/// Arguments as text: providers write JSON into a string, or the object itself.
pub(in crate::dialect::openai) fn tool_call_arguments(arguments: Value<'_>) -> String {
    match arguments.text() {
        Some(text) => text.into_owned(),
        None if arguments.is_object() => arguments.json().as_str().to_owned(),
        None => String::new(),
    }
}
