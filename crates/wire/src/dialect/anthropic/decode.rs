//! From a request of this protocol to the neutral form.

pub(super) mod blocks;
mod media;
mod settings;
mod tools;

use std::collections::HashMap;

use domain::chat::{self, Part, Role, Turn};

use crate::dialect::field::{Field, Fields};
use crate::dialect::names::Names;
use crate::request::Unreadable;

/// Members that are read elsewhere or have a place in the neutral form.
const PLACED: [&str; 15] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "thinking",
    "output_config",
    "output_format",
    "service_tier",
];

/// Reads a request whose facts were read before, so that it is known to be strict JSON.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have.
pub fn decode_request(body: &[u8]) -> Result<chat::Request, Unreadable> {
    let root = Fields::read(body)?;
    let mut unplaced = Names::default();
    for name in root.names().filter(|name| !PLACED.contains(name)) {
        if !matches!(name, "metadata" | "cache_control") {
            unplaced.add(name);
        }
    }
    let mut turns = turns(&root, &mut unplaced)?;
    if let Some(mark) = blocks::cache_mark(&root)? {
        mark_last(&mut turns, mark);
    }
    let metadata = root.object("metadata")?;
    let (tool_choice, parallel_tool_calls) = tools::choice(&root)?;
    let request = chat::Request {
        turns,
        tools: tools::definitions(&root, &mut unplaced)?,
        tool_choice,
        parallel_tool_calls,
        max_output_tokens: root.unsigned("max_tokens")?,
        sampling: settings::sampling(&root)?,
        stop: settings::stop(&root)?,
        thinking: settings::thinking(&root)?,
        format: settings::format(&root, &mut unplaced)?,
        user: metadata.map(|metadata| metadata.text("user_id")).transpose()?.flatten(),
        service_tier: settings::service_tier(&root)?,
        stream: root.boolean("stream")?.unwrap_or(false),
        ..chat::Request::default()
    };
    Ok(chat::Request { unplaced: unplaced.into_list(), ..request })
}

fn turns(root: &Fields<'_>, unplaced: &mut Names) -> Result<Vec<Turn>, Unreadable> {
    let mut turns = Vec::new();
    let mut calls = HashMap::new();
    if let Some(system) = root.get("system") {
        let parts = content(&system, &mut calls, unplaced)?;
        turns.push(Turn { role: Role::System, name: None, parts });
    }
    for message in root.items("messages")? {
        let message = message.object()?;
        let role = match message.needed_text("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(message.refuse("role", "must be user, assistant or system")),
        };
        for name in message.names().filter(|name| !matches!(*name, "role" | "content")) {
            unplaced.add(&format!("messages[].{name}"));
        }
        let parts = content(&message.need("content")?, &mut calls, unplaced)?;
        add(&mut turns, Turn { role, name: None, parts });
    }
    Ok(turns)
}

/// Adds a turn. The results of one round of calls are one turn, however many messages they came in.
fn add(turns: &mut Vec<Turn>, turn: Turn) {
    let has_results = |turn: &Turn| turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
    match turns.last_mut() {
        Some(last) if last.role == turn.role && has_results(last) && has_results(&turn) => {
            last.parts.extend(turn.parts);
        }
        _ => turns.push(turn),
    }
}

/// A string, or blocks. `calls` knows the names of the tools that were called before.
fn content(
    content: &Field<'_>,
    calls: &mut HashMap<String, String>,
    unplaced: &mut Names,
) -> Result<Vec<Part>, Unreadable> {
    if let Some(text) = content.value.text() {
        return Ok(vec![Part::text(text)]);
    }
    let mut parts = Vec::new();
    for block in blocks::list(content)? {
        blocks::read(&block, calls, unplaced, &mut parts)?;
    }
    Ok(parts)
}

/// Marks the last part that can be marked, as `cache_control` beside the messages asks.
fn mark_last(turns: &mut [Turn], mark: chat::CacheMark) {
    let parts = turns.iter_mut().rev().flat_map(|turn| turn.parts.iter_mut().rev());
    let last = parts.filter_map(|part| match part {
        Part::Text(text) => Some(&mut text.cache),
        Part::Media(media) => Some(&mut media.cache),
        Part::ToolCall(call) => Some(&mut call.cache),
        Part::ToolResult(result) => Some(&mut result.cache),
        Part::Reasoning(_) | Part::Refusal(_) | Part::Foreign(_) => None,
    });
    if let Some(cache) = last.into_iter().next() {
        cache.get_or_insert(mark);
    }
}

#[cfg(test)]
mod tests;
