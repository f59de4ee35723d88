//! Pictures, files and sounds in what a caller sends.

use std::borrow::Cow;

use domain::chat::{Media, MediaKind, Source};

use super::content::cache;
use crate::dialect::base64;
use crate::dialect::field::{Field, Fields};
use crate::request::Unreadable;

/// What a file is, by the end of its name, where nothing else says it.
const BY_NAME: [(&str, &str); 8] = [
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("xml", "application/xml"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
];

/// `input_image`
pub(super) fn image(item: &Field<'_>, members: &Fields<'_>) -> Result<Media, Unreadable> {
    let source = match (members.get("image_url"), members.get("file_id")) {
        (Some(address), _) => address_or_data(&address)?,
        (None, Some(id)) => Source::Uploaded(id.text()?),
        (None, None) => return Err(item.refuse("must have image_url or file_id")),
    };
    // `auto` is what is so anyway.
    let detail = members.text("detail")?;
    let detail = detail.filter(|detail| detail != "auto");
    Ok(Media { kind: MediaKind::Image, source, name: None, detail, cache: cache(members)?, signature: None })
}

/// `input_file`
pub(super) fn file(
    item: &Field<'_>,
    members: &Fields<'_>,
    unplaced: &mut Vec<String>,
) -> Result<Media, Unreadable> {
    let name = members.text("filename")?;
    let source = match (members.get("file_data"), members.get("file_url"), members.get("file_id")) {
        (Some(data), ..) => data_of(&data, name.as_deref())?,
        (None, Some(address), _) => Source::Url(address.text()?),
        (None, None, Some(id)) => Source::Uploaded(id.text()?),
        (None, None, None) => return Err(item.refuse("must have file_data, file_url or file_id")),
    };
    let asks_detail = members.object.text("detail").is_some_and(|detail| detail != "auto");
    if asks_detail && !unplaced.iter().any(|name| name == "input_file.detail") {
        unplaced.push("input_file.detail".to_owned());
    }
    let cache = cache(members)?;
    Ok(Media { kind: MediaKind::Document, source, name, detail: None, cache, signature: None })
}

/// `input_audio`
pub(super) fn audio(members: &Fields<'_>) -> Result<Media, Unreadable> {
    let sound = members.need("input_audio")?;
    let members = sound.object()?;
    let data = members.need("data")?;
    let base64 = base64(&data.text()?).ok_or_else(|| data.refuse("must be base64"))?;
    let media_type = match members.needed_text("format")?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{}", format.to_ascii_lowercase()),
    };
    let source = Source::Data { media_type, base64 };
    Ok(Media { kind: MediaKind::Audio, source, name: None, detail: None, cache: None, signature: None })
}

fn address_or_data(node: &Field<'_>) -> Result<Source, Unreadable> {
    let text = node.text()?;
    if !is_data(&text) {
        return Ok(Source::Url(text));
    }
    data_address(&text).ok_or_else(|| node.refuse("must be an address, or data in base64"))
}

/// `file_data`: a data address, or base64 alone.
fn data_of(node: &Field<'_>, name: Option<&str>) -> Result<Source, Unreadable> {
    let text = node.text()?;
    let refuse = || node.refuse("must be data in base64");
    if is_data(&text) {
        return data_address(&text).ok_or_else(refuse);
    }
    let end = name.and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
    let known = end.and_then(|end| BY_NAME.iter().find(|(known, _)| *known == end));
    let media_type = known.map_or("application/octet-stream", |(_, media_type)| media_type).to_owned();
    Ok(Source::Data { media_type, base64: base64(&text).ok_or_else(refuse)? })
}

fn is_data(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The parts of `data:image/png;base64,AAAA`.
fn data_address(text: &str) -> Option<Source> {
    let (head, data) = text.get(5..)?.split_once(',')?;
    let head = head.trim().to_ascii_lowercase().strip_suffix(";base64")?.to_owned();
    let media_type = head.split(';').next().map(str::trim).filter(|kind| kind.contains('/'))?;
    Some(Source::Data { media_type: media_type.to_owned(), base64: base64(data)? })
}

/// The same value in the standard alphabet with padding; `None` when it is not base64.
fn base64(text: &str) -> Option<String> {
    base64::standard(text).map(Cow::into_owned)
}
