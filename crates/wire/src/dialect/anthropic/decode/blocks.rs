//! The blocks that messages and answers are made of.

use std::collections::HashMap;

use domain::chat::{
    CacheMark, Citation, Foreign, Part, Reasoning, Signature, Text, ToolCall, ToolResult, tool_id,
};
use domain::protocol::Protocol;

use super::media;
use crate::dialect::field::{Field, Fields};
use crate::dialect::names::Names;
use crate::json::look::Value;
use crate::request::Unreadable;

/// Reads a block and appends the parts it stands for. `calls` knows the names of the tools that were called before.
pub(in crate::dialect::anthropic) fn read(
    whole: &Field<'_>,
    calls: &mut HashMap<String, String>,
    unplaced: &mut Names,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
    let block = &whole.object()?;
    let kind = block.needed_text("type")?;
    match kind.as_str() {
        "text" => parts.push(Part::Text(text(block)?)),
        "image" => parts.push(Part::Media(media::image(block, unplaced)?)),
        "document" => media::document(block, unplaced, parts)?,
        "search_result" => search_result(block, unplaced, parts)?,
        "thinking" => parts.push(Part::Reasoning(Reasoning {
            text: block.needed_text("thinking")?,
            signature: signature(block, "signature")?,
            ..Reasoning::default()
        })),
        "redacted_thinking" => parts.push(Part::Reasoning(Reasoning {
            signature: signature(block, "data")?,
            redacted: true,
            ..Reasoning::default()
        })),
        "tool_use" => {
            let call = tool_use(block)?;
            calls.insert(call.id.clone(), call.name.clone());
            parts.push(Part::ToolCall(call));
        }
        "tool_result" => parts.push(Part::ToolResult(tool_result(block, calls, unplaced)?)),
        _ => parts.push(Part::Foreign(foreign(kind, whole.value))),
    }
    Ok(())
}

/// `cache_control`.
pub(in crate::dialect::anthropic) fn cache_mark(block: &Fields<'_>) -> Result<Option<CacheMark>, Unreadable> {
    let Some(control) = block.object("cache_control")? else { return Ok(None) };
    match control.text("ttl")?.as_deref() {
        None | Some("5m") => Ok(Some(CacheMark::FiveMinutes)),
        Some("1h") => Ok(Some(CacheMark::OneHour)),
        Some(_) => Err(control.refuse("ttl", "must be 5m or 1h")),
    }
}

/// A citation.
pub(in crate::dialect::anthropic) fn citation(whole: &Field<'_>) -> Result<Citation, Unreadable> {
    let citation = whole.object()?;
    let title = citation.text("title")?;
    Ok(Citation {
        url: citation.text("url")?,
        title: if title.is_some() { title } else { citation.text("document_title")? },
        quoted: citation.text("cited_text")?,
        native: Some((Protocol::Anthropic, whole.value.json())),
        ..Citation::default()
    })
}

/// A block that only this protocol understands.
pub(in crate::dialect::anthropic) fn foreign(kind: String, block: Value<'_>) -> Foreign {
    Foreign { protocol: Protocol::Anthropic, kind, json: block.json() }
}

/// The blocks of a content that is no string.
pub(super) fn list<'a>(content: &Field<'a>) -> Result<Vec<Field<'a>>, Unreadable> {
    content.items().map_err(|_| content.refuse("must be a string or an array of blocks"))
}

fn text(block: &Fields<'_>) -> Result<Text, Unreadable> {
    Ok(Text {
        text: block.needed_text("text")?,
        citations: block.items("citations")?.iter().map(citation).collect::<Result<_, _>>()?,
        signature: None,
        cache: cache_mark(block)?,
    })
}

fn signature(block: &Fields<'_>, name: &str) -> Result<Option<Signature>, Unreadable> {
    let carried = block.text(name)?.filter(|carried| !carried.is_empty());
    Ok(carried.map(|carried| Signature::returned(Protocol::Anthropic, &carried)))
}

fn tool_use(block: &Fields<'_>) -> Result<ToolCall, Unreadable> {
    let written = block.needed_text("id")?;
    if written.is_empty() {
        return Err(block.refuse("id", "must not be empty"));
    }
    let (id, signature) = tool_id::split(&written);
    let input = block.get("input");
    if input.as_ref().is_some_and(|input| !input.value.is_object()) {
        return Err(block.refuse("input", "must be an object"));
    }
    Ok(ToolCall {
        id: id.to_owned(),
        name: block.needed_text("name")?,
        arguments: input.map_or("{}", |input| input.value.raw()).to_owned(),
        signature,
        cache: cache_mark(block)?,
    })
}

fn tool_result(
    block: &Fields<'_>,
    calls: &HashMap<String, String>,
    unplaced: &mut Names,
) -> Result<ToolResult, Unreadable> {
    let written = block.needed_text("tool_use_id")?;
    if written.is_empty() {
        return Err(block.refuse("tool_use_id", "must not be empty"));
    }
    let (id, _) = tool_id::split(&written);
    let mut parts = Vec::new();
    if let Some(content) = block.get("content") {
        inner(&content, unplaced, &mut parts)?;
    }
    Ok(ToolResult {
        id: id.to_owned(),
        name: calls.get(id).cloned(),
        parts,
        is_error: block.boolean("is_error")?.unwrap_or(false),
        cache: cache_mark(block)?,
    })
}

/// The content of a result or of a document: a string, or blocks that hold no calls and no results.
pub(super) fn inner(
    content: &Field<'_>,
    unplaced: &mut Names,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
    if let Some(text) = content.value.text() {
        parts.push(Part::text(text));
        return Ok(());
    }
    for whole in list(content)? {
        let block = whole.object()?;
        if matches!(block.needed_text("type")?.as_str(), "tool_use" | "tool_result") {
            return Err(block.refuse("type", "must not be a call or a result here"));
        }
        read(&whole, &mut HashMap::new(), unplaced, parts)?;
    }
    Ok(())
}

/// What a search of the caller's own found: its words, for no other protocol has a place for where they come from.
fn search_result(block: &Fields<'_>, unplaced: &mut Names, parts: &mut Vec<Part>) -> Result<(), Unreadable> {
    unplaced.add("search_result");
    let before = parts.len();
    for part in [block.text("title")?, block.text("source")?].into_iter().flatten() {
        parts.push(Part::text(part));
    }
    if let Some(content) = block.get("content") {
        inner(&content, unplaced, parts)?;
    }
    if let (Some(mark), Some(Part::Text(last))) =
        (cache_mark(block)?, parts.get_mut(before..).and_then(<[_]>::last_mut))
    {
        last.cache.get_or_insert(mark);
    }
    Ok(())
}
