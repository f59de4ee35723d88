//! Messages, and which of them make one turn.

use std::collections::HashMap;

use domain::chat::{Foreign, MediaKind, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn, tool_id};
use domain::protocol::Protocol;

use super::parts::{cache_mark, content, linked};
use crate::dialect::field::{Field, Fields};
use crate::dialect::openai::thoughts::{self, From};
use crate::request::Unreadable;

/// What the messages before say of calls.
#[derive(Default)]
struct Calls {
    /// The tool of each call, by its id.
    names: HashMap<String, String>,
    /// Calls of tools that only this protocol has.
    custom: Vec<String>,
    /// Calls of the older form, which has no ids: the one made for each, in order.
    unnamed: Vec<(String, String)>,
    made: usize,
}

/// Reads `messages`.
pub(super) fn read(messages: &Field<'_>) -> Result<Vec<Turn>, Unreadable> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut calls = Calls::default();
    let mut after_result = false;
    for field in messages.items()? {
        let message = field.object()?;
        let role = message.need("role")?;
        let word = role.text()?;
        let result = match word.as_str() {
            "tool" => Some(tool_result(&message, &calls)?),
            "function" => Some(function_result(&message, &mut calls)?),
            _ => None,
        };
        if let Some(result) = result {
            // The results of one round come one by one and are one turn.
            match turns.last_mut().filter(|_| after_result) {
                Some(turn) => turn.parts.push(result),
                None => turns.push(Turn { role: Role::User, name: None, parts: vec![result] }),
            }
            after_result = true;
            continue;
        }
        after_result = false;
        let role = match word.as_str() {
            "system" => Role::System,
            "developer" => Role::Developer,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return Err(role.refuse("must be system, developer, user, assistant, tool or function")),
        };
        let parts = match role {
            Role::Assistant => assistant(&message, &mut calls)?,
            _ => with_mark(&message, content(&message.need("content")?)?)?,
        };
        turns.push(Turn { role, name: message.text("name")?, parts });
    }
    Ok(turns)
}

/// A mark on the whole message is one on its last text.
fn with_mark(message: &Fields<'_>, mut parts: Vec<Part>) -> Result<Vec<Part>, Unreadable> {
    if let (Some(mark), Some(Part::Text(text))) = (cache_mark(message)?, parts.last_mut()) {
        text.cache.get_or_insert(mark);
    }
    Ok(parts)
}

fn assistant(message: &Fields<'_>, calls: &mut Calls) -> Result<Vec<Part>, Unreadable> {
    let details = message.items("reasoning_details")?;
    let mut parts: Vec<Part> = thoughts(message, &details)?;
    if let Some(said) = message.get("content") {
        // An empty string is how clients send that nothing was said.
        let said = content(&said)?;
        parts.extend(said.into_iter().filter(|part| *part != Part::text("")));
    }
    // Of several the last one is on the end of what was said.
    let signature = details.iter().rev().find_map(|detail| thoughts::read_said(detail.value));
    if signature.is_some() {
        match parts.last_mut() {
            Some(Part::Text(text)) => text.signature = signature,
            _ => parts.push(Part::Text(Text { signature, ..Text::default() })),
        }
    }
    if let Some(words) = message.text("refusal")? {
        parts.push(Part::Refusal(words));
    }
    for image in message.items("images")? {
        parts.push(Part::Media(linked(&image.object()?, "image_url", MediaKind::Image)?));
    }
    for field in message.items("tool_calls")? {
        parts.push(tool_call(&field, calls)?);
    }
    if let Some(call) = message.get("function_call") {
        let call = call.object()?;
        let name = call.needed_text("name")?;
        calls.made += 1;
        let id = format!("function_{}", calls.made);
        calls.unnamed.push((name.clone(), id.clone()));
        let arguments = arguments(&call)?;
        parts.push(Part::ToolCall(ToolCall { id, name, arguments, signature: None, cache: None }));
    }
    with_mark(message, parts)
}

/// What the assistant thought: in pieces with their signatures, or as plain text under one of its two names.
fn thoughts(message: &Fields<'_>, details: &[Field<'_>]) -> Result<Vec<Part>, Unreadable> {
    let of_thoughts = details.iter().filter(|detail| thoughts::read_said(detail.value).is_none());
    let pieces = of_thoughts.map(|detail| {
        thoughts::read(detail.value, From::Caller)
            .ok_or_else(|| detail.refuse("must be an object with a type"))
    });
    let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
    if !pieces.is_empty() {
        return Ok(thoughts::joined(pieces).into_iter().map(Part::Reasoning).collect());
    }
    let plain = match message.text("reasoning_content")? {
        Some(text) => Some(text),
        None => message.text("reasoning")?,
    };
    let plain = plain.filter(|text| !text.is_empty());
    Ok(plain.map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() })).into_iter().collect())
}

fn tool_call(field: &Field<'_>, calls: &mut Calls) -> Result<Part, Unreadable> {
    let call = field.object()?;
    let id = call.need("id")?;
    let carried = id.text()?;
    let (name_of_call, signature) = tool_id::split(&carried);
    if name_of_call.is_empty() {
        return Err(id.refuse("must not be empty"));
    }
    let id = name_of_call.to_owned();
    let kind = call.text("type")?.unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        calls.custom.push(id);
        return Ok(foreign(kind, field));
    }
    let function = call.need("function")?.object()?;
    let name = function.needed_text("name")?;
    calls.names.insert(id.clone(), name.clone());
    let arguments = arguments(&function)?;
    Ok(Part::ToolCall(ToolCall { id, name, arguments, signature, cache: cache_mark(&call)? }))
}

fn foreign(kind: String, field: &Field<'_>) -> Part {
    Part::Foreign(Foreign { protocol: Protocol::Chat, kind, json: field.value.json() })
}

/// Arguments as JSON text; some clients send the object itself.
fn arguments(function: &Fields<'_>) -> Result<String, Unreadable> {
    let Some(arguments) = function.get("arguments") else { return Ok("{}".to_owned()) };
    if arguments.value.is_object() {
        return Ok(arguments.value.json().as_str().to_owned());
    }
    let text = arguments.text()?;
    Ok(if text.trim().is_empty() { "{}".to_owned() } else { text })
}

fn tool_result(message: &Fields<'_>, calls: &Calls) -> Result<Part, Unreadable> {
    let carried = message.needed_text("tool_call_id")?;
    let id = tool_id::split(&carried).0.to_owned();
    let mut parts = with_mark(message, result_parts(message)?)?;
    if calls.custom.contains(&id) {
        // It goes the way of its call: only this protocol understands either.
        let json = serde_json::json!({ "tool_call_id": id, "content": plain_text(&parts) }).to_string();
        let kind = "custom_tool_result".to_owned();
        return Ok(Part::Foreign(Foreign {
            protocol: Protocol::Chat,
            kind,
            json: domain::chat::Json::new(json),
        }));
    }
    let name = calls.names.get(&id).cloned().or(message.text("name")?);
    // A mark on its last text is one on the result.
    let cache = match parts.last_mut() {
        Some(Part::Text(text)) => text.cache.take(),
        _ => None,
    };
    Ok(Part::ToolResult(ToolResult { id, name, parts, is_error: false, cache }))
}

/// A result of the older form: that of the first call of this function that has none yet.
fn function_result(message: &Fields<'_>, calls: &mut Calls) -> Result<Part, Unreadable> {
    let name = message.needed_text("name")?;
    let waiting = calls.unnamed.iter().position(|(called, _)| *called == name);
    let id = match waiting {
        Some(place) => calls.unnamed.remove(place).1,
        None => {
            calls.made += 1;
            format!("function_{}", calls.made)
        }
    };
    let parts = result_parts(message)?;
    Ok(Part::ToolResult(ToolResult { id, name: Some(name), parts, is_error: false, cache: None }))
}

fn result_parts(message: &Fields<'_>) -> Result<Vec<Part>, Unreadable> {
    match message.get("content") {
        None => Ok(vec![]),
        Some(said) => Ok(content(&said)?.into_iter().filter(|part| *part != Part::text("")).collect()),
    }
}

fn plain_text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        _ => None,
    });
    texts.collect()
}
