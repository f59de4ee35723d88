//! What a message is made of.

use domain::chat::{CacheMark, Media, MediaKind, Part, Reasoning, Signature, Source, Text};
use domain::protocol::Protocol;

use crate::dialect::base64;
use crate::dialect::field::{Field, Fields};
use crate::dialect::openai::media;
use crate::request::Unreadable;

/// The content of a message: a string, or parts of which each has a type.
pub(super) fn content(content: &Field<'_>) -> Result<Vec<Part>, Unreadable> {
    if content.value.is_text() {
        return Ok(vec![Part::text(content.text()?)]);
    }
    content.items()?.iter().map(part).collect()
}

fn part(field: &Field<'_>) -> Result<Part, Unreadable> {
    let part = field.object()?;
    let kind = part.need("type")?;
    match kind.text()?.as_str() {
        "text" | "input_text" | "output_text" => {
            let text = part.needed_text("text")?;
            Ok(Part::Text(Text { text, cache: cache_mark(&part)?, ..Text::default() }))
        }
        "refusal" => Ok(Part::Refusal(part.needed_text("refusal")?)),
        "thinking" => thought(&part),
        "image_url" => marked(&part, linked(&part, "image_url", MediaKind::Image)?),
        "video_url" => marked(&part, linked(&part, "video_url", MediaKind::Video)?),
        "input_audio" => marked(&part, sound(&part.need("input_audio")?)?),
        "file" => marked(&part, file(&part.need("file")?)?),
        _ => Err(kind.refuse("is not a kind of content that is known")),
    }
}

fn marked(part: &Fields<'_>, mut media: Media) -> Result<Part, Unreadable> {
    media.cache = cache_mark(part)?;
    Ok(Part::Media(media))
}

/// A picture or film: an object with its address, or the address alone, as Mistral has it.
pub(super) fn linked(part: &Fields<'_>, name: &str, kind: MediaKind) -> Result<Media, Unreadable> {
    let link = part.need(name)?;
    let (url, detail) = if link.value.is_text() {
        (link, None)
    } else {
        let object = link.object()?;
        (object.need("url")?, object.text("detail")?)
    };
    let media = media::at_address(kind, &url.text()?);
    let media = media.ok_or_else(|| url.refuse("must be an address, or data in base64"))?;
    Ok(Media { detail, ..media })
}

fn sound(field: &Field<'_>) -> Result<Media, Unreadable> {
    let sound = field.object()?;
    let data = sound.need("data")?;
    let text = data.text()?;
    // Some clients send an address that holds the sound in place of the sound.
    let bare = text.rsplit_once(";base64,").map_or(text.as_str(), |(_, bare)| bare);
    let base64 = base64::standard(bare).ok_or_else(|| data.refuse("must be base64"))?.into_owned();
    let media_type = media::audio_type(&sound.needed_text("format")?);
    Ok(media::plain(MediaKind::Audio, Source::Data { media_type, base64 }))
}

fn file(field: &Field<'_>) -> Result<Media, Unreadable> {
    let file = field.object()?;
    let name = file.text("filename")?;
    if let Some(id) = file.text("file_id")? {
        return Ok(Media { name, ..media::plain(MediaKind::Document, Source::Uploaded(id)) });
    }
    let data = file.need("file_data")?;
    let text = data.text()?;
    let is_bare = !text.contains(':');
    let found = if is_bare {
        let media_type = "application/pdf".to_owned();
        base64::standard(&text).map(|base64| {
            media::plain(MediaKind::Document, Source::Data { media_type, base64: base64.into_owned() })
        })
    } else {
        media::at_address(MediaKind::Document, &text)
    };
    let mut found = found.ok_or_else(|| data.refuse("must be an address, or data in base64"))?;
    if let Source::Data { media_type, .. } = &found.source {
        found.kind = media::kind_of(media_type);
    }
    Ok(Media { name, ..found })
}

/// What Mistral says it thought: pieces of text, or the text alone.
fn thought(part: &Fields<'_>) -> Result<Part, Unreadable> {
    let thinking = part.need("thinking")?;
    let text = if thinking.value.is_text() {
        thinking.text()?
    } else {
        let pieces = thinking.items()?;
        let texts = pieces.iter().map(|piece| Ok(piece.object()?.text("text")?.unwrap_or_default()));
        texts.collect::<Result<String, Unreadable>>()?
    };
    let signature = part.text("signature")?;
    let signature = signature.map(|carried| Signature::returned(Protocol::Chat, &carried));
    Ok(Part::Reasoning(Reasoning { text, signature, ..Reasoning::default() }))
}

/// The mark up to which a prompt is cached: Anthropic's, which many clients of this protocol send, or OpenAI's, whose
/// lives are longer than five minutes.
pub(super) fn cache_mark(part: &Fields<'_>) -> Result<Option<CacheMark>, Unreadable> {
    if let Some(mark) = part.get("cache_control") {
        let ttl = mark.object()?.text("ttl")?;
        let is_long = ttl.as_deref() == Some("1h");
        return Ok(Some(if is_long { CacheMark::OneHour } else { CacheMark::FiveMinutes }));
    }
    let Some(breakpoint) = part.get("prompt_cache_breakpoint") else { return Ok(None) };
    let ttl = breakpoint.object()?.text("ttl")?;
    Ok(Some(if ttl.is_some() { CacheMark::OneHour } else { CacheMark::FiveMinutes }))
}
