//! One part of a content, taken apart. What it means for a conversation is decided by whoever reads requests or answers.

use std::borrow::Cow;

use domain::chat::{Media, MediaKind, Source};

use super::base64;
use crate::json::look::{Kind, Object, Value};

/// A part.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) said: Said<'a>,
    /// `thoughtSignature`
    pub(super) signature: Option<Cow<'a, str>>,
    /// Members that only say how the part is to be looked at.
    pub(super) manners: Vec<&'static str>,
}

/// What a part holds.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// Words; of a part that has only a signature, none.
    Text(Cow<'a, str>),
    /// Words of a thought.
    Thought(Cow<'a, str>),
    /// A picture, sound, film or document.
    Media(Media),
    /// `functionCall`
    Call(Object<'a>),
    /// `functionResponse`
    Response(Object<'a>),
    /// A call of a tool that Google runs, or its result: the name of the member.
    Foreign(&'static str),
    /// Nothing.
    Nothing,
}

/// What is wrong with a part: the member and what it must be.
pub(super) type Fault = (&'static str, &'static str);

const FOREIGN: [&str; 4] = ["executableCode", "codeExecutionResult", "toolCall", "toolResponse"];
const MANNERS: [&str; 4] = ["videoMetadata", "mediaResolution", "mediaProcessing", "partMetadata"];

/// Takes a part apart.
pub(super) fn read<'a>(part: &Object<'a>) -> Result<Piece<'a>, Fault> {
    let manners = MANNERS.into_iter().filter(|name| part.get(name).is_some()).collect();
    let signature = part.text("thoughtSignature");
    Ok(Piece { said: said(part, signature.is_some())?, signature, manners })
}

fn said<'a>(part: &Object<'a>, signed: bool) -> Result<Said<'a>, Fault> {
    if let Some(text) = part.get("text") {
        let text = text.text().ok_or(("text", "must be a string"))?;
        let is_thought = part.get("thought").and_then(Value::boolean).unwrap_or(false);
        return Ok(if is_thought { Said::Thought(text) } else { Said::Text(text) });
    }
    for (name, wrap) in
        [("functionCall", Said::Call as fn(Object<'a>) -> Said<'a>), ("functionResponse", Said::Response)]
    {
        if let Some(value) = part.get(name) {
            return if value.kind() == Kind::Object {
                Ok(wrap(value.members()))
            } else {
                Err((name, "must be an object"))
            };
        }
    }
    if let Some(media) = media(part)? {
        return Ok(Said::Media(media));
    }
    if let Some(name) = FOREIGN.into_iter().find(|name| part.get(name).is_some()) {
        return Ok(Said::Foreign(name));
    }
    let is_thought = part.get("thought").and_then(Value::boolean).unwrap_or(false);
    if signed && is_thought {
        return Ok(Said::Thought(Cow::Borrowed("")));
    }
    if signed {
        return Ok(Said::Text(Cow::Borrowed("")));
    }
    if part.said().next().is_none() || is_thought {
        return Ok(Said::Nothing);
    }
    Err(("", "must hold text, media, a function call or its response"))
}

/// The media of a part or of a piece of a function's response.
pub(super) fn media(part: &Object<'_>) -> Result<Option<Media>, Fault> {
    if let Some(blob) = part.get("inlineData") {
        let blob = blob.members();
        let media_type = blob.text("mimeType").ok_or(("inlineData.mimeType", "must be a string"))?;
        let data = blob.text("data").ok_or(("inlineData.data", "must be a string"))?;
        let base64 = base64::to_standard(&data).ok_or(("inlineData.data", "must be base64"))?;
        let media_type = bare(&media_type);
        let kind = kind(&media_type);
        let name = blob.text("displayName").map(Cow::into_owned);
        let source = Source::Data { media_type, base64 };
        return Ok(Some(Media { kind, source, name, detail: None, cache: None, signature: None }));
    }
    let Some(file) = part.get("fileData") else { return Ok(None) };
    let file = file.members();
    let uri = file.text("fileUri").ok_or(("fileData.fileUri", "must be a string"))?.into_owned();
    let kind =
        file.text("mimeType").map_or_else(|| kind_of_address(&uri), |media_type| kind(&bare(&media_type)));
    let name = file.text("displayName").map(Cow::into_owned);
    let source = if is_googles(&uri) { Source::Uploaded(uri) } else { Source::Url(uri) };
    Ok(Some(Media { kind, source, name, detail: None, cache: None, signature: None }))
}

/// Whether a file lies with Google, who alone can read it there: uploaded through its files API or to its storage.
pub(super) fn is_googles(uri: &str) -> bool {
    const FILES: &str = "https://generativelanguage.googleapis.com/";
    uri.starts_with(FILES) || uri.starts_with("gs://") || uri.starts_with("files/")
}

/// A media type in lower case without its parameters.
fn bare(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn kind(media_type: &str) -> MediaKind {
    match media_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// What an address without a media type leads to. Google knows two such: films at YouTube, and files by their ending.
fn kind_of_address(uri: &str) -> MediaKind {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "heic" | "heif" => MediaKind::Image,
        "mp3" | "wav" | "ogg" | "flac" | "aac" | "aiff" => MediaKind::Audio,
        "mp4" | "mov" | "webm" | "mpeg" | "avi" => MediaKind::Video,
        _ if uri.contains("youtube.com/") || uri.contains("youtu.be/") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}
