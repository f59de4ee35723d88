//! The blocks of a message.

use domain::chat::{CacheMark, Part, Reasoning, Role, Text, ToolCall, ToolResult, Turn};

use super::{OWN, media};
use crate::dialect::names::Names;
use crate::dialect::{Inexpressible, Target};
use crate::json::build::{self, ObjectWriter};

/// One block.
#[derive(Debug)]
pub(super) struct Block {
    /// As it is written.
    pub(super) json: Vec<u8>,
    /// The words, if it is nothing but words.
    pub(super) plain: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Result,
    Other,
}

impl Block {
    /// Whether it is the result of a call.
    pub(super) fn is_result(&self) -> bool {
        self.kind == Kind::Result
    }

    /// Whether it is a call.
    pub(super) fn is_call(&self) -> bool {
        self.kind == Kind::Call
    }

    fn other(json: Vec<u8>) -> Self {
        Self { json, plain: None, kind: Kind::Other }
    }
}

/// The blocks of a turn; what the protocol cannot say is named or refused.
pub(super) fn of(turn: &Turn, target: &Target<'_>, dropped: &mut Names) -> Result<Vec<Block>, Inexpressible> {
    let mut blocks = Vec::new();
    for part in &turn.parts {
        blocks.extend(block(part, turn.role, target, dropped)?);
    }
    Ok(blocks)
}

/// `cache_control`.
pub(super) fn cache(fields: &mut ObjectWriter<'_>, mark: Option<CacheMark>) {
    if let Some(mark) = mark {
        fields.object("cache_control", |fields| {
            fields.text("type", "ephemeral");
            if mark == CacheMark::OneHour {
                fields.text("ttl", "1h");
            }
        });
    }
}

fn block(
    part: &Part,
    role: Role,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<Option<Block>, Inexpressible> {
    Ok(match part {
        Part::Text(words) => text(words, dropped),
        Part::Refusal(words) => text(&Text { text: words.clone(), ..Text::default() }, dropped),
        Part::Media(picture) if role == Role::User => Some(Block::other(media::block(picture, dropped)?)),
        Part::Media(_) => {
            let what = "a picture, sound or document that is not the user's".to_owned();
            return Err(Inexpressible { field: "messages", what });
        }
        Part::Reasoning(thought) => reasoning(thought, dropped).map(Block::other),
        Part::ToolCall(call) => {
            Some(Block { json: tool_use(call, target, dropped), plain: None, kind: Kind::Call })
        }
        Part::ToolResult(result) => {
            let json = tool_result(result, target, dropped)?;
            Some(Block { json, plain: None, kind: Kind::Result })
        }
        Part::Foreign(foreign) if foreign.protocol == OWN => {
            Some(Block::other(foreign.json.as_str().as_bytes().to_vec()))
        }
        Part::Foreign(_) => {
            dropped.add("server_tools");
            None
        }
    })
}

/// Words; blank ones are refused upstream and left out.
fn text(words: &Text, dropped: &mut Names) -> Option<Block> {
    if words.text.trim().is_empty() {
        dropped.add_if(words.cache.is_some(), "cache_control");
        return None;
    }
    let own = |(maker, json): &(_, domain::chat::Json)| (*maker == OWN).then(|| json.as_str().to_owned());
    let citations: Vec<String> =
        words.citations.iter().filter_map(|citation| citation.native.as_ref().and_then(own)).collect();
    dropped.add_if(citations.len() < words.citations.len(), "citations");
    let json = build::object_alone(|fields| {
        fields.text("type", "text");
        fields.text("text", &words.text);
        if !citations.is_empty() {
            fields.list("citations", &citations);
        }
        cache(fields, words.cache);
    });
    let plain = (citations.is_empty() && words.cache.is_none()).then(|| words.text.clone());
    Some(Block { json, plain, kind: Kind::Other })
}

/// A thought, if Claude signed it.
fn reasoning(thought: &Reasoning, dropped: &mut Names) -> Option<Vec<u8>> {
    let Some(signature) = thought.signature.as_ref().and_then(|signature| signature.of(OWN)) else {
        dropped.add_if(!thought.text.is_empty(), "reasoning");
        return None;
    };
    Some(build::object_alone(|fields| {
        if thought.redacted {
            fields.text("type", "redacted_thinking");
            fields.text("data", signature);
        } else {
            fields.text("type", "thinking");
            fields.text("thinking", &thought.text);
            fields.text("signature", signature);
        }
    }))
}

fn tool_use(call: &ToolCall, target: &Target<'_>, dropped: &mut Names) -> Vec<u8> {
    let arguments = crate::json::look::object(&call.arguments);
    dropped.add_if(arguments.is_none(), "arguments");
    build::object_alone(|fields| {
        fields.text("type", "tool_use");
        fields.text("id", &target.tool_ids.fit(&call.id));
        fields.text("name", &call.name);
        fields.raw("input", arguments.unwrap_or("{}"));
        cache(fields, call.cache);
    })
}

fn tool_result(
    result: &ToolResult,
    target: &Target<'_>,
    dropped: &mut Names,
) -> Result<Vec<u8>, Inexpressible> {
    let mut blocks = Vec::new();
    for part in &result.parts {
        // What stands in a result is the user's, whatever it is; calls and thoughts cannot stand there.
        if matches!(part, Part::Text(_) | Part::Refusal(_) | Part::Media(_) | Part::Foreign(_)) {
            blocks.extend(block(part, Role::User, target, dropped)?);
        }
    }
    Ok(build::object_alone(|fields| {
        fields.text("type", "tool_result");
        fields.text("tool_use_id", &target.tool_ids.fit(&result.id));
        match blocks.as_slice() {
            [] => {}
            [Block { plain: Some(words), .. }] => fields.text("content", words),
            blocks => fields.list("content", blocks.iter().map(|block| &block.json)),
        }
        if result.is_error {
            fields.plain("is_error", true);
        }
        cache(fields, result.cache);
    }))
}
