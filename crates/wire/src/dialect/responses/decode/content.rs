//! The content of a message or of a tool's result: a text, or parts.

use domain::chat::{CacheMark, Part, Text};

use super::super::node::{Members, Node};
use super::super::output;
use super::media;
use crate::request::Unreadable;

/// Reads `content` or `output`.
pub(super) fn decode(node: &Node<'_>, unplaced: &mut Vec<String>) -> Result<Vec<Part>, Unreadable> {
    if node.is_text() {
        return Ok(vec![Part::text(node.text()?)]);
    }
    let mut parts = Vec::new();
    for item in node.items().map_err(|_| node.refuse("must be a string or an array of parts"))? {
        parts.push(part(&item, unplaced)?);
    }
    Ok(parts)
}

fn part(item: &Node<'_>, unplaced: &mut Vec<String>) -> Result<Part, Unreadable> {
    let mut members = item.members()?;
    let kind = members.required("type")?;
    match kind.text()?.as_str() {
        "input_text" | "text" => Ok(Part::Text(Text {
            text: members.required("text")?.text()?,
            cache: cache(&mut members)?,
            ..Text::default()
        })),
        "output_text" => {
            let mut text = Text { text: members.required("text")?.text()?, ..Text::default() };
            for annotation in
                members.take("annotations").map(|list| list.items()).transpose()?.unwrap_or_default()
            {
                text.citations.push(output::citation(&annotation)?);
            }
            Ok(Part::Text(text))
        }
        "refusal" => Ok(Part::Refusal(members.required("refusal")?.text()?)),
        "input_image" => media::image(item, &mut members).map(Part::Media),
        "input_file" => media::file(item, &mut members, unplaced).map(Part::Media),
        "input_audio" => media::audio(&mut members).map(Part::Media),
        _ => Err(kind.refuse("is not a type of content that can be translated")),
    }
}

/// A mark up to which the prompt is to be cached. Lifetimes are said to be the least: half an hour and more need the
/// longer one of the two there are.
pub(super) fn cache(members: &mut Members<'_>) -> Result<Option<CacheMark>, Unreadable> {
    let Some(mark) = members.take("prompt_cache_breakpoint") else { return Ok(None) };
    Ok(Some(match mark.members()?.take("ttl") {
        None => CacheMark::FiveMinutes,
        Some(_) => CacheMark::OneHour,
    }))
}
