//! Whole answers: from this protocol to the neutral form.

use domain::chat::{self, Choice, Citation, Foreign, Json, Part, Reasoning, Signature, Text, ToolCall};
use domain::protocol::Protocol;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::picture::Place;
use super::{citation, finish, usage};
use crate::answer::{Answer, Malformed};
use crate::failure::read_error;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    output: Output<'a>,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    additional_model_response_fields: Option<&'a RawValue>,
    #[serde(default)]
    service_tier: Option<Tier>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    content: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Tier {
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// One piece of an answer: one of these members, or one that is not known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(default)]
    text: Option<String>,
    #[serde(default, borrow)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(default)]
    reasoning_content: Option<Thought>,
    #[serde(default, borrow)]
    citations_content: Option<Cited<'a>>,
    #[serde(default)]
    image: Option<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    tool_use_id: String,
    name: String,
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thought {
    #[serde(default)]
    reasoning_text: Option<ThoughtText>,
    #[serde(default)]
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ThoughtText {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(default)]
    content: Option<Vec<CitedText>>,
    #[serde(default, borrow)]
    citations: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct CitedText {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    format: String,
    #[serde(default)]
    source: Option<Place>,
}

/// Reads an answer that came with a status of success.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn decode_answer(body: &[u8]) -> Result<chat::Answer, Malformed> {
    let body: &RawValue = serde_json::from_slice(body).map_err(|_| Malformed::NotJson)?;
    let body: Body<'_> = serde_json::from_str(body.get()).map_err(|_| Malformed::NotAnAnswer)?;
    let mut parts = Vec::new();
    for block in body.output.message.content.into_iter().flatten() {
        parts.extend(read_block(block)?);
    }
    let asks_for_tools = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let finish =
        finish::read(body.stop_reason.as_deref(), body.additional_model_response_fields, asks_for_tools);
    Ok(chat::Answer {
        id: None,
        model: None,
        choices: vec![Choice { parts, finish: Some(finish), logprobs: None }],
        tokens: usage::read(body.usage),
        service_tier: body.service_tier.and_then(|tier| tier.kind),
    })
}

fn read_block(json: &RawValue) -> Result<Option<Part>, Malformed> {
    let block: Block<'_> = serde_json::from_str(json.get()).map_err(|_| Malformed::NotAnAnswer)?;
    if let Some(text) = block.text {
        return Ok((!text.is_empty()).then(|| Part::text(text)));
    }
    if let Some(thought) = block.reasoning_content {
        return Ok(read_thought(thought));
    }
    if let Some(cited) = block.citations_content {
        return Ok(read_cited(cited));
    }
    if let Some(image) = block.image {
        let picture = image.source.and_then(|source| source.picture(&image.format));
        return Ok(picture.map(Part::Media));
    }
    match block.tool_use {
        Some(call) if call.kind.is_none() => read_call(call).map(Some),
        // The provider ran it; it is no call for the caller.
        _ => Ok(foreign(json).map(Part::Foreign)),
    }
}

/// Something of which no more is known than the name of its first member.
fn foreign(json: &RawValue) -> Option<Foreign> {
    let members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json.get()).ok()?;
    let kind = members.into_iter().map(|(name, _)| name).next()?;
    Some(Foreign { protocol: Protocol::Bedrock, kind, json: Json::new(json.get()) })
}

fn read_call(call: ToolUse<'_>) -> Result<Part, Malformed> {
    if call.tool_use_id.is_empty() {
        return Err(Malformed::NotAnAnswer);
    }
    let arguments =
        call.input.map(RawValue::get).filter(|input| !matches!(*input, "null" | "\"\"")).unwrap_or("{}");
    Ok(Part::ToolCall(ToolCall {
        id: call.tool_use_id,
        name: call.name,
        arguments: arguments.to_owned(),
        signature: None,
        cache: None,
    }))
}

fn read_thought(thought: Thought) -> Option<Part> {
    let signed = |value| Signature::new(Protocol::Anthropic, value);
    let reasoning = match (thought.reasoning_text, thought.redacted_content) {
        (Some(said), _) => Reasoning {
            text: said.text.unwrap_or_default(),
            signature: said.signature.filter(|value| !value.is_empty()).map(signed),
            ..Reasoning::default()
        },
        (None, Some(hidden)) => {
            Reasoning { signature: Some(signed(hidden)), redacted: true, ..Reasoning::default() }
        }
        (None, None) => return None,
    };
    (!reasoning.text.is_empty() || reasoning.signature.is_some()).then_some(Part::Reasoning(reasoning))
}

fn read_cited(cited: Cited<'_>) -> Option<Part> {
    let text: String = cited.content.into_iter().flatten().filter_map(|content| content.text).collect();
    let citations: Vec<Citation> = cited.citations.into_iter().flatten().filter_map(citation::read).collect();
    (!text.is_empty()).then(|| Part::Text(Text { text, citations, ..Text::default() }))
}

/// What the gate wants to know of an answer.
///
/// # Errors
/// [`Malformed`] when it is none.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    match decode_answer(body) {
        Ok(answer) => {
            let parts = answer.choices.iter().flat_map(|choice| &choice.parts);
            let output_bytes = parts.map(bytes).sum();
            Ok(Answer { tokens: answer.tokens, output_bytes, ..Answer::default() })
        }
        Err(Malformed::NotAnAnswer) => {
            let error = Some(read_error(body).ok_or(Malformed::NotAnAnswer)?);
            Ok(Answer { error, ..Answer::default() })
        }
        Err(malformed) => Err(malformed),
    }
}

fn bytes(part: &Part) -> u64 {
    let bytes = match part {
        Part::Text(text) => text.text.len(),
        Part::Reasoning(thought) => thought.text.len(),
        Part::Refusal(words) => words.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::Media(_) | Part::ToolResult(_) | Part::Foreign(_) => 0,
    };
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
