//! The blocks that messages and answers are made of.

use std::collections::HashMap;

use domain::chat::{
    CacheMark, Citation, Foreign, Json, Part, Reasoning, Signature, Text, ToolCall, ToolResult, tool_id,
};
use domain::protocol::Protocol;

use super::Unplaced;
use super::media;
use crate::dialect::anthropic::members::{Object, elements, refused, string};
use crate::request::Unreadable;

/// Reads a block and appends the parts it stands for. `calls` knows the names of the tools that were called before.
pub(in crate::dialect::anthropic) fn read(
    block: &Object<'_>,
    calls: &mut HashMap<String, String>,
    unplaced: &mut Unplaced,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
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
        _ => parts.push(Part::Foreign(foreign(kind, block))),
    }
    Ok(())
}

/// `cache_control`.
pub(in crate::dialect::anthropic) fn cache_mark(block: &Object<'_>) -> Result<Option<CacheMark>, Unreadable> {
    let Some(control) = block.object("cache_control")? else { return Ok(None) };
    match control.text("ttl")?.as_deref() {
        None | Some("5m") => Ok(Some(CacheMark::FiveMinutes)),
        Some("1h") => Ok(Some(CacheMark::OneHour)),
        Some(_) => Err(control.refuse("ttl", "must be 5m or 1h")),
    }
}

/// A citation.
pub(in crate::dialect::anthropic) fn citation(raw: &str, path: &str) -> Result<Citation, Unreadable> {
    let citation = Object::read(raw, path)?;
    let title = citation.text("title")?;
    Ok(Citation {
        url: citation.text("url")?,
        title: if title.is_some() { title } else { citation.text("document_title")? },
        quoted: citation.text("cited_text")?,
        native: Some((Protocol::Anthropic, Json::new(raw))),
        ..Citation::default()
    })
}

/// A block that only this protocol understands.
pub(in crate::dialect::anthropic) fn foreign(kind: String, block: &Object<'_>) -> Foreign {
    let json = super::super::compose::object(|fields| {
        for (name, raw) in block.members() {
            fields.raw(name, raw);
        }
    });
    let json = String::from_utf8(json).unwrap_or_default();
    Foreign { protocol: Protocol::Anthropic, kind, json: Json::new(json) }
}

fn text(block: &Object<'_>) -> Result<Text, Unreadable> {
    let path = block.place("citations");
    let citations = block.list("citations")?.unwrap_or_default();
    let citations = citations.into_iter().enumerate();
    Ok(Text {
        text: block.needed_text("text")?,
        citations: citations
            .map(|(index, raw)| citation(raw, &format!("{path}[{index}]")))
            .collect::<Result<_, _>>()?,
        signature: None,
        cache: cache_mark(block)?,
    })
}

fn signature(block: &Object<'_>, name: &str) -> Result<Option<Signature>, Unreadable> {
    let carried = block.text(name)?.filter(|carried| !carried.is_empty());
    Ok(carried.map(|carried| Signature::returned(Protocol::Anthropic, &carried)))
}

fn tool_use(block: &Object<'_>) -> Result<ToolCall, Unreadable> {
    let written = block.needed_text("id")?;
    if written.is_empty() {
        return Err(block.refuse("id", "must not be empty"));
    }
    let (id, signature) = tool_id::split(&written);
    let arguments = block.raw("input").unwrap_or("{}");
    if !arguments.starts_with('{') {
        return Err(block.refuse("input", "must be an object"));
    }
    Ok(ToolCall {
        id: id.to_owned(),
        name: block.needed_text("name")?,
        arguments: arguments.to_owned(),
        signature,
        cache: cache_mark(block)?,
    })
}

fn tool_result(
    block: &Object<'_>,
    calls: &HashMap<String, String>,
    unplaced: &mut Unplaced,
) -> Result<ToolResult, Unreadable> {
    let written = block.needed_text("tool_use_id")?;
    if written.is_empty() {
        return Err(block.refuse("tool_use_id", "must not be empty"));
    }
    let (id, _) = tool_id::split(&written);
    let mut parts = Vec::new();
    if let Some(raw) = block.raw("content") {
        inner(raw, &block.place("content"), unplaced, &mut parts)?;
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
    raw: &str,
    path: &str,
    unplaced: &mut Unplaced,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
    if let Some(text) = string(raw) {
        parts.push(Part::text(text));
        return Ok(());
    }
    let blocks = elements(raw).ok_or_else(|| refused(path, "must be a string or an array of blocks"))?;
    for (index, raw) in blocks.into_iter().enumerate() {
        let block = Object::read(raw, format!("{path}[{index}]"))?;
        if matches!(block.needed_text("type")?.as_str(), "tool_use" | "tool_result") {
            return Err(block.refuse("type", "must not be a call or a result here"));
        }
        read(&block, &mut HashMap::new(), unplaced, parts)?;
    }
    Ok(())
}

/// What a search of the caller's own found: its words, for no other protocol has a place for where they come from.
fn search_result(
    block: &Object<'_>,
    unplaced: &mut Unplaced,
    parts: &mut Vec<Part>,
) -> Result<(), Unreadable> {
    unplaced.add("search_result");
    let before = parts.len();
    for part in [block.text("title")?, block.text("source")?].into_iter().flatten() {
        parts.push(Part::text(part));
    }
    if let Some(raw) = block.raw("content") {
        inner(raw, &block.place("content"), unplaced, parts)?;
    }
    if let (Some(mark), Some(Part::Text(last))) =
        (cache_mark(block)?, parts.get_mut(before..).and_then(<[_]>::last_mut))
    {
        last.cache.get_or_insert(mark);
    }
    Ok(())
}
