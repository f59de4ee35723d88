//! The content of a message or of a tool's result: a text, or parts.

use domain::chat::{CacheMark, Part, Text};

use super::super::output;
use super::media;
use crate::dialect::field::{Field, Fields};
use crate::request::Unreadable;

/// Reads `content` or `output`.
pub(super) fn decode(node: &Field<'_>, unplaced: &mut Vec<String>) -> Result<Vec<Part>, Unreadable> {
    if node.value.is_text() {
        return Ok(vec![Part::text(node.text()?)]);
    }
    let mut parts = Vec::new();
    for item in node.items().map_err(|_| node.refuse("must be a string or an array of parts"))? {
        parts.push(part(&item, unplaced)?);
    }
    Ok(parts)
}

fn part(item: &Field<'_>, unplaced: &mut Vec<String>) -> Result<Part, Unreadable> {
    let members = item.object()?;
    let kind = members.need("type")?;
    match kind.text()?.as_str() {
        "input_text" | "text" => Ok(Part::Text(Text {
            text: members.needed_text("text")?,
            cache: cache(&members)?,
            ..Text::default()
        })),
        "output_text" => {
            let mut text = Text { text: members.needed_text("text")?, ..Text::default() };
            for annotation in members.items("annotations")? {
                let citation = output::citation(annotation.value);
                text.citations.push(citation.ok_or_else(|| annotation.refuse("must be an object"))?);
            }
            Ok(Part::Text(text))
        }
        "refusal" => Ok(Part::Refusal(members.needed_text("refusal")?)),
        "input_image" => media::image(item, &members).map(Part::Media),
        "input_file" => media::file(item, &members, unplaced).map(Part::Media),
        "input_audio" => media::audio(&members).map(Part::Media),
        _ => Err(kind.refuse("is not a type of content that can be translated")),
    }
}

/// A mark up to which the prompt is to be cached. Lifetimes are said to be the least: half an hour and more need the
/// longer one of the two there are.
pub(super) fn cache(members: &Fields<'_>) -> Result<Option<CacheMark>, Unreadable> {
    let Some(mark) = members.get("prompt_cache_breakpoint") else { return Ok(None) };
    Ok(Some(match mark.object()?.get("ttl") {
        None => CacheMark::FiveMinutes,
        Some(_) => CacheMark::OneHour,
    }))
}
