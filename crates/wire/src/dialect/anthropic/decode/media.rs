//! Pictures and documents of requests.

use data_encoding::BASE64;
use domain::chat::{Media, MediaKind, Part, Source};

use super::blocks::{cache_mark, inner};
use crate::dialect::field::Fields;
use crate::dialect::names::Names;
use crate::request::Unreadable;

/// A picture.
pub(super) fn image(block: &Fields<'_>, unplaced: &mut Names) -> Result<Media, Unreadable> {
    for name in block.names().filter(|name| !matches!(*name, "type" | "source" | "cache_control")) {
        unplaced.add(name);
    }
    let source = needed_source(block)?;
    Ok(Media {
        kind: MediaKind::Image,
        source: elsewhere_or_here(&source)?,
        name: None,
        detail: None,
        cache: cache_mark(block)?,
        signature: None,
    })
}

/// A document. One that is made of blocks stands for these blocks.
pub(super) fn document(
    block: &Fields<'_>,
    unplaced: &mut Names,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
    for name in block.names() {
        if !matches!(name, "type" | "source" | "cache_control" | "title") {
            unplaced.add(name);
        }
    }
    let source = needed_source(block)?;
    let name = block.text("title")?;
    if source.text("type")?.as_deref() == Some("content") {
        if name.is_some() {
            unplaced.add("title");
        }
        if let Some(content) = source.get("content") {
            inner(&content, unplaced, parts)?;
        }
        return Ok(());
    }
    parts.push(Part::Media(Media {
        kind: MediaKind::Document,
        source: elsewhere_or_here(&source)?,
        name,
        detail: None,
        cache: cache_mark(block)?,
        signature: None,
    }));
    Ok(())
}

fn needed_source<'a>(block: &Fields<'a>) -> Result<Fields<'a>, Unreadable> {
    block.need("source")?.object()
}

fn elsewhere_or_here(source: &Fields<'_>) -> Result<Source, Unreadable> {
    match source.needed_text("type")?.as_str() {
        "base64" => {
            let written = source.needed_text("media_type")?;
            let plain = written.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            Ok(Source::Data { media_type: plain, base64: source.needed_text("data")? })
        }
        "text" => {
            let words = source.needed_text("data")?;
            Ok(Source::Data { media_type: "text/plain".to_owned(), base64: BASE64.encode(words.as_bytes()) })
        }
        "url" => Ok(Source::Url(source.needed_text("url")?)),
        "file" => Ok(Source::Uploaded(source.needed_text("file_id")?)),
        _ => Err(source.refuse("type", "must be base64, text, url, file or content")),
    }
}
