//! Pictures, files and sounds in what a caller sends.

use domain::chat::{Media, MediaKind, Source};

use super::super::node::{Members, Node};
use super::content::cache;
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
pub(super) fn image(item: &Node<'_>, members: &mut Members<'_>) -> Result<Media, Unreadable> {
    let source = match (members.take("image_url"), members.take("file_id")) {
        (Some(address), _) => address_or_data(&address)?,
        (None, Some(id)) => Source::Uploaded(id.text()?),
        (None, None) => return Err(item.refuse("must have image_url or file_id")),
    };
    // `auto` is what is so anyway.
    let detail = members.take("detail").map(|detail| detail.text()).transpose()?;
    let detail = detail.filter(|detail| detail != "auto");
    Ok(Media { kind: MediaKind::Image, source, name: None, detail, cache: cache(members)?, signature: None })
}

/// `input_file`
pub(super) fn file(
    item: &Node<'_>,
    members: &mut Members<'_>,
    unplaced: &mut Vec<String>,
) -> Result<Media, Unreadable> {
    let name = members.take("filename").map(|name| name.text()).transpose()?;
    let source = match (members.take("file_data"), members.take("file_url"), members.take("file_id")) {
        (Some(data), ..) => data_of(&data, name.as_deref())?,
        (None, Some(address), _) => Source::Url(address.text()?),
        (None, None, Some(id)) => Source::Uploaded(id.text()?),
        (None, None, None) => return Err(item.refuse("must have file_data, file_url or file_id")),
    };
    let asks_detail = members.text("detail").is_some_and(|detail| detail != "auto");
    if asks_detail && !unplaced.iter().any(|name| name == "input_file.detail") {
        unplaced.push("input_file.detail".to_owned());
    }
    let cache = cache(members)?;
    Ok(Media { kind: MediaKind::Document, source, name, detail: None, cache, signature: None })
}

/// `input_audio`
pub(super) fn audio(members: &mut Members<'_>) -> Result<Media, Unreadable> {
    let sound = members.required("input_audio")?;
    let mut members = sound.members()?;
    let data = members.required("data")?;
    let base64 = base64(&data.text()?).ok_or_else(|| data.refuse("must be base64"))?;
    let media_type = match members.required("format")?.text()?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{}", format.to_ascii_lowercase()),
    };
    let source = Source::Data { media_type, base64 };
    Ok(Media { kind: MediaKind::Audio, source, name: None, detail: None, cache: None, signature: None })
}

fn address_or_data(node: &Node<'_>) -> Result<Source, Unreadable> {
    let text = node.text()?;
    if !is_data(&text) {
        return Ok(Source::Url(text));
    }
    data_address(&text).ok_or_else(|| node.refuse("must be an address, or data in base64"))
}

/// `file_data`: a data address, or base64 alone.
fn data_of(node: &Node<'_>, name: Option<&str>) -> Result<Source, Unreadable> {
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

/// Base64 with the standard alphabet and padding, however it was written; `None` when it is none.
fn base64(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for character in text.trim_end_matches('=').chars() {
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => out.push(character),
            '-' => out.push('+'),
            '_' => out.push('/'),
            ' ' | '\n' | '\r' | '\t' => {}
            _ => return None,
        }
    }
    match out.len() % 4 {
        0 => {}
        1 => return None,
        more => out.extend(std::iter::repeat_n('=', 4 - more)),
    }
    Some(out)
}
