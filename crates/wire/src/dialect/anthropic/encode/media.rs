//! Pictures and documents.

use data_encoding::BASE64;
use domain::chat::{Media, MediaKind, Source};

use super::blocks;
use crate::dialect::Inexpressible;
use crate::dialect::names::Names;
use crate::json::build;

/// The pictures this protocol takes.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// Beginnings of the names that this protocol gives to files.
const FILE: &str = "file_";

/// A picture or document as it is written.
pub(super) fn block(media: &Media, dropped: &mut Names) -> Result<Vec<u8>, Inexpressible> {
    let is_picture = match (media.kind, &media.source) {
        (MediaKind::Image, _) => true,
        (MediaKind::Document, Source::Data { media_type, .. }) => media_type.starts_with("image/"),
        (MediaKind::Document, _) => false,
        (MediaKind::Audio, _) => return Err(refused("sound")),
        (MediaKind::Video, _) => return Err(refused("a film")),
    };
    dropped.add_if(media.detail.as_deref().is_some_and(|detail| detail != "auto"), "detail");
    dropped.add_if(is_picture && media.kind == MediaKind::Image && media.name.is_some(), "name");
    let source = source(&media.source, is_picture)?;
    Ok(build::object_alone(|fields| {
        fields.text("type", if is_picture { "image" } else { "document" });
        fields.raw("source", source);
        fields.text_if("title", media.name.as_deref().filter(|_| !is_picture));
        blocks::cache(fields, media.cache);
    }))
}

fn source(source: &Source, is_picture: bool) -> Result<Vec<u8>, Inexpressible> {
    match source {
        Source::Data { media_type, base64 } => data(media_type, base64, is_picture),
        Source::Url(url) => Ok(build::object_alone(|fields| {
            fields.text("type", "url");
            fields.text("url", url);
        })),
        Source::Uploaded(id) if id.starts_with(FILE) => Ok(build::object_alone(|fields| {
            fields.text("type", "file");
            fields.text("file_id", id);
        })),
        Source::Uploaded(_) => Err(refused("a file that was uploaded to another provider")),
    }
}

fn data(media_type: &str, base64: &str, is_picture: bool) -> Result<Vec<u8>, Inexpressible> {
    let plain = |kind: &str, media_type: &str, data: &str| {
        build::object_alone(|fields| {
            fields.text("type", kind);
            fields.text("media_type", media_type);
            fields.text("data", data);
        })
    };
    if is_picture {
        // A common name that is none.
        let media_type = if media_type == "image/jpg" { "image/jpeg" } else { media_type };
        return if PICTURES.contains(&media_type) {
            Ok(plain("base64", media_type, base64))
        } else {
            Err(refused(&format!("a picture of the type {media_type}")))
        };
    }
    if media_type == "application/pdf" {
        return Ok(plain("base64", media_type, base64));
    }
    let is_text =
        media_type.starts_with("text/") || matches!(media_type, "application/json" | "application/xml");
    let words = if is_text { BASE64.decode(base64.as_bytes()).ok() } else { None };
    match words.map(String::from_utf8) {
        Some(Ok(words)) => Ok(plain("text", "text/plain", &words)),
        _ => Err(refused(&format!("a document of the type {media_type}"))),
    }
}

fn refused(what: &str) -> Inexpressible {
    Inexpressible { field: "messages", what: what.to_owned() }
}
