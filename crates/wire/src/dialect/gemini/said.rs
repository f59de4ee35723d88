//! Parts as they are written, for requests and answers alike.

use domain::chat::{Media, Source};

use crate::json::build::ArrayWriter;
use crate::json::look::{Kind, Value};

/// Whether words are said or thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    Said,
    Thought,
}

/// Words.
pub(super) fn text(parts: &mut ArrayWriter<'_>, text: &str, voice: Voice, signature: Option<&str>) {
    parts.object(|part| {
        part.text("text", text);
        if voice == Voice::Thought {
            part.plain("thought", true);
        }
        part.text_if("thoughtSignature", signature);
    });
}

/// A call of a function. `arguments` is the JSON of an object.
pub(super) fn call(
    parts: &mut ArrayWriter<'_>,
    id: Option<&str>,
    name: &str,
    arguments: &str,
    signature: Option<&str>,
) {
    parts.object(|part| {
        part.object("functionCall", |call| {
            call.text_if("id", id);
            call.text("name", name);
            call.raw("args", arguments);
        });
        part.text_if("thoughtSignature", signature);
    });
}

/// Media, wherever they are.
pub(super) fn media(parts: &mut ArrayWriter<'_>, media: &Media, signature: Option<&str>) {
    parts.object(|part| {
        match &media.source {
            Source::Data { media_type, base64 } => part.object("inlineData", |blob| {
                blob.text("mimeType", media_type);
                blob.text("data", base64);
            }),
            Source::Url(uri) | Source::Uploaded(uri) => part.object("fileData", |file| {
                file.text("fileUri", uri);
            }),
        }
        part.text_if("thoughtSignature", signature);
    });
}

/// The arguments of a call, if they are the JSON of an object; none at all are an empty one.
pub(super) fn arguments(text: &str) -> Option<&str> {
    if text.trim().is_empty() {
        return Some("{}");
    }
    Value::read(text.as_bytes()).filter(|value| value.kind() == Kind::Object).map(Value::raw)
}
