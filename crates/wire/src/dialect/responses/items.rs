//! The items of an answer, written: messages, thoughts, calls and pictures.

use std::fmt::Write as _;

use domain::chat::{Citation, Reasoning, Signature, ToolCall};
use domain::protocol::Protocol;

use super::output::WITHHELD;
use crate::dialect::carried_id;
use crate::json::build::{object, push_raw};
use crate::json::look::Value;

/// Appends the comma between two elements of an array of which `written` holds the first ones.
pub(super) fn divide(written: &mut Vec<u8>) {
    if !written.is_empty() {
        written.push(b',');
    }
}

/// A message of these parts, which are written already and divided by commas.
pub(super) fn message(out: &mut Vec<u8>, id: &str, status: &str, content: &[u8]) {
    object(out, |item| {
        item.text("id", id);
        item.text("type", "message");
        item.text("status", status);
        item.text("role", "assistant");
        item.elements("content", content);
    });
}

/// Words, with their annotations and chances, which are written already.
pub(super) fn text(out: &mut Vec<u8>, words: &str, annotations: &[u8], chances: &[u8]) {
    object(out, |part| {
        part.text("type", "output_text");
        part.text("text", words);
        part.elements("annotations", annotations);
        part.elements("logprobs", chances);
    });
}

/// Words by which the model declines.
pub(super) fn refusal(out: &mut Vec<u8>, words: &str) {
    object(out, |part| {
        part.text("type", "refusal");
        part.text("refusal", words);
    });
}

/// A part of the summary of thoughts.
pub(super) fn summary_part(out: &mut Vec<u8>, words: &str) {
    object(out, |part| {
        part.text("type", "summary_text");
        part.text("text", words);
    });
}

/// Thoughts.
pub(super) fn reasoning(out: &mut Vec<u8>, id: &str, summary: &str, encrypted: Option<&str>) {
    object(out, |item| {
        item.text("id", id);
        item.text("type", "reasoning");
        item.array("summary", |list| {
            if !summary.is_empty() {
                summary_part(list.place(), summary);
            }
        });
        item.text_if("encrypted_content", encrypted);
    });
}

/// What a caller of this protocol carries as `encrypted_content` and sends back.
pub(super) fn carried(signature: Option<&Signature>, redacted: bool) -> Option<String> {
    let mut carried = signature?.carried(Protocol::Responses).into_owned();
    if redacted {
        carried.push_str(WITHHELD);
    }
    Some(carried)
}

/// The same of a whole thought.
pub(super) fn carried_of(thought: &Reasoning) -> Option<String> {
    carried(thought.signature.as_ref(), thought.redacted)
}

/// The call of a function.
pub(super) fn call(out: &mut Vec<u8>, id: &str, status: &str, call: &ToolCall) {
    object(out, |item| {
        item.text("id", id);
        item.text("type", "function_call");
        item.text("status", status);
        item.text("call_id", &carried_id(&call.id, call.signature.as_ref()));
        item.text("name", &call.name);
        item.text("arguments", &call.arguments);
    });
}

/// A picture, which this protocol gives as what a tool of its own made.
pub(super) fn picture(out: &mut Vec<u8>, id: &str, status: &str, base64: Option<&str>) {
    object(out, |item| {
        item.text("id", id);
        item.text("type", "image_generation_call");
        item.text("status", status);
        item.text_or_null("result", base64);
    });
}

/// Where words come from; gives whether the protocol can say it. `said` is how many characters there are so far, for a
/// provider that does not say which of them rest on it.
pub(super) fn annotation(out: &mut Vec<u8>, citation: &Citation, said: u64) -> bool {
    if let Some((Protocol::Responses, json)) = &citation.native {
        push_raw(out, json.as_str());
        return true;
    }
    let Some(url) = &citation.url else { return false };
    object(out, |annotation| {
        annotation.text("type", "url_citation");
        annotation.plain("start_index", citation.start.unwrap_or(0));
        annotation.plain("end_index", citation.end.unwrap_or(said));
        annotation.text("url", url);
        annotation.text("title", citation.title.as_deref().unwrap_or(url));
    });
    true
}

/// The chances of words, out of the form of OpenAI's chat completions: the elements of its `content`.
pub(super) fn chances(json: &str) -> Vec<u8> {
    let whole = Value::read(json.as_bytes());
    let list = whole.and_then(|whole| if whole.is_object() { whole.get("content") } else { Some(whole) });
    let mut out = Vec::new();
    for chance in list.and_then(Value::items).unwrap_or_default() {
        divide(&mut out);
        out.extend_from_slice(chance.json().as_str().as_bytes());
    }
    out
}

/// The chances of words in the form of OpenAI's chat completions.
pub(super) fn chat_chances(elements: &str) -> String {
    let mut out = String::new();
    // Writing to memory does not fail.
    let _ = write!(out, r#"{{"content":[{elements}],"refusal":null}}"#);
    out
}

/// The characters of a text.
pub(super) fn characters(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
