//! `systemInstruction` and `contents`: turns and their parts, and the ids that Google's calls lack.

use std::collections::HashSet;

use domain::chat::{Foreign, Part, Reasoning, Request, Role, Text, ToolCall, ToolResult, Turn};
use domain::protocol::Protocol;

use super::{thoughts, unplaced};
use crate::dialect::gemini::carried;
use crate::dialect::gemini::lenient;
use crate::dialect::gemini::part::{self, Said};
use crate::dialect::gemini::path::Path;
use crate::json::look::{Kind, Object, Value};
use crate::request::Unreadable;

/// Reads `systemInstruction`: a content, one of its parts, several of them, or plain text.
pub(super) fn instruction(
    value: Value<'_>,
    path: &Path<'_>,
    request: &mut Request,
) -> Result<(), Unreadable> {
    let parts = match value.kind() {
        Kind::Text | Kind::Array => parts(value, path, request)?,
        Kind::Object => content_parts(&value.members(), value, path, request)?,
        _ => return Err(path.refuse("must be a content, its text or its parts")),
    };
    if !parts.is_empty() {
        request.turns.push(Turn { role: Role::System, name: None, parts });
    }
    Ok(())
}

/// Reads `contents`: an array of contents, one of them alone, or plain text in place of either.
pub(super) fn conversation(
    value: Value<'_>,
    path: &Path<'_>,
    request: &mut Request,
) -> Result<(), Unreadable> {
    let first = request.turns.len();
    if value.kind() == Kind::Array {
        for (index, item) in value.items().unwrap_or_default().into_iter().enumerate() {
            content(item, &path.item(index), request)?;
        }
    } else {
        content(value, path, request)?;
    }
    let turns = request.turns.split_off(first);
    let mut turns = merged(turns);
    thoughts::join(&mut turns);
    link(&mut turns);
    request.turns.append(&mut turns);
    Ok(())
}

fn content(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let (role, mut parts) = match value.kind() {
        Kind::Text => (Role::User, parts(value, path, request)?),
        Kind::Object => {
            let members = value.members();
            (role(&members, path)?, content_parts(&members, value, path, request)?)
        }
        _ => return Err(path.refuse("must be a content or its text")),
    };
    // Results come first, whatever their caller put before them: every other protocol wants them so.
    parts.sort_by_key(|part| !matches!(part, Part::ToolResult(_)));
    if !parts.is_empty() {
        request.turns.push(Turn { role, name: None, parts });
    }
    Ok(())
}

fn role(content: &Object<'_>, path: &Path<'_>) -> Result<Role, Unreadable> {
    let Some(role) = content.get("role") else { return Ok(Role::User) };
    let role = role.text().unwrap_or_default();
    Ok(match role.as_ref() {
        "user" | "function" | "tool" | "" => Role::User,
        "model" | "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        _ => return Err(path.member("role").refuse("must be user or model")),
    })
}

/// The parts of a content, which may itself be one of its parts.
fn content_parts(
    members: &Object<'_>,
    value: Value<'_>,
    path: &Path<'_>,
    request: &mut Request,
) -> Result<Vec<Part>, Unreadable> {
    match members.get("parts") {
        Some(list) => parts(list, &path.member("parts"), request),
        None if members.said().all(|(name, _)| name == "role") => Ok(Vec::new()),
        None => parts(value, path, request),
    }
}

fn parts(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<Vec<Part>, Unreadable> {
    let mut read = Vec::new();
    for (index, item) in lenient::one_or_more(value).into_iter().enumerate() {
        let path = if value.kind() == Kind::Array { path.item(index) } else { *path };
        match item.kind() {
            Kind::Text => read.push(Part::text(item.text().unwrap_or_default())),
            Kind::Object => read.extend(part(item, &path, request)?),
            _ => return Err(path.refuse("must be a part or its text")),
        }
    }
    Ok(read)
}

fn part(value: Value<'_>, path: &Path<'_>, request: &mut Request) -> Result<Option<Part>, Unreadable> {
    let piece = part::read(&value.members()).map_err(|(member, problem)| match member {
        "" => path.refuse(problem),
        member => path.member(member).refuse(problem),
    })?;
    for name in piece.manners {
        unplaced(request, name);
    }
    let returned = piece.signature.as_deref().and_then(carried::returned);
    let redacted = returned.as_ref().is_some_and(|returned| returned.redacted);
    let signature = returned.map(|returned| returned.signature);
    Ok(Some(match piece.said {
        Said::Nothing => return Ok(None),
        Said::Text(text) => Part::Text(Text { text: text.into_owned(), signature, ..Text::default() }),
        Said::Thought(text) => {
            Part::Reasoning(Reasoning { id: None, text: text.into_owned(), signature, redacted })
        }
        Said::Media(mut media) => {
            media.signature = signature;
            Part::Media(media)
        }
        Said::Call(call) => {
            let path = path.member("functionCall");
            Part::ToolCall(ToolCall {
                id: call.text("id").unwrap_or_default().into_owned(),
                name: name(&call, &path)?,
                arguments: arguments(&call, &path)?,
                signature,
                cache: None,
            })
        }
        Said::Response(response) => result(&response, &path.member("functionResponse"), request)?,
        Said::Foreign(kind) => {
            Part::Foreign(Foreign { protocol: Protocol::Gemini, kind: kind.to_owned(), json: value.json() })
        }
    }))
}

fn name(call: &Object<'_>, path: &Path<'_>) -> Result<String, Unreadable> {
    let name = call.text("name").filter(|name| !name.is_empty());
    Ok(name.ok_or_else(|| path.member("name").refuse("must be a non-empty string"))?.into_owned())
}

fn arguments(call: &Object<'_>, path: &Path<'_>) -> Result<String, Unreadable> {
    match call.get("args") {
        None => Ok("{}".to_owned()),
        Some(args) if args.kind() == Kind::Object => Ok(args.compact()),
        Some(_) => Err(path.member("args").refuse("must be an object")),
    }
}

fn result(response: &Object<'_>, path: &Path<'_>, request: &mut Request) -> Result<Part, Unreadable> {
    for name in ["willContinue", "scheduling"] {
        if response.get(name).is_some() {
            unplaced(request, &format!("functionResponse.{name}"));
        }
    }
    let (text, is_error) = response.get("response").map_or((String::new(), false), words);
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(Part::text(text));
    }
    let list = response.get("parts").map(lenient::one_or_more).unwrap_or_default();
    for (index, item) in list.into_iter().enumerate() {
        let (of, problem) = ("parts", "must hold inlineData or fileData");
        let media = part::media(&item.members());
        let found =
            media.map_err(|(member, problem)| path.member(of).item(index).member(member).refuse(problem));
        let media = found?.ok_or_else(|| path.member(of).item(index).refuse(problem))?;
        parts.push(Part::Media(media));
    }
    let name = response.text("name").filter(|name| !name.is_empty()).map(Into::into);
    let id = response.text("id").unwrap_or_default().into_owned();
    Ok(Part::ToolResult(ToolResult { id, name, parts, is_error, cache: None }))
}

/// What a function gave: Google's `output` and `error` are taken out of their object, any other object is the result.
fn words(response: Value<'_>) -> (String, bool) {
    if let Some(text) = response.text() {
        return (text.into_owned(), false);
    }
    let members = response.members();
    let mut all = members.said();
    let (only, more) = (all.next(), all.next());
    match (only, more) {
        (None, _) if response.kind() == Kind::Object => (String::new(), false),
        (Some(("output", value)), None) if value.kind() == Kind::Text => {
            (value.text().unwrap_or_default().into_owned(), false)
        }
        (Some(("error", value)), None) => (value.text().map_or_else(|| value.compact(), Into::into), true),
        _ => (response.compact(), false),
    }
}

/// Joins model turns that hold one round of calls or one thought between them, and the user turns that hold the results.
fn merged(turns: Vec<Turn>) -> Vec<Turn> {
    let mut joined: Vec<Turn> = Vec::with_capacity(turns.len());
    for mut turn in turns {
        let has_calls = |turn: &Turn| turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let is_result = |part: &Part| matches!(part, Part::ToolResult(_));
        match joined.last_mut() {
            Some(before)
                if before.role == Role::Assistant
                    && turn.role == Role::Assistant
                    && (has_calls(before) && has_calls(&turn) || thoughts::breaks_off(before)) =>
            {
                before.parts.append(&mut turn.parts);
            }
            Some(before)
                if before.role == Role::User
                    && turn.role == Role::User
                    && before.parts.iter().all(is_result)
                    && turn.parts.first().is_some_and(is_result) =>
            {
                before.parts.append(&mut turn.parts);
            }
            _ => joined.push(turn),
        }
    }
    joined
}

/// A call whose result has not come.
struct Waiting {
    id: String,
    name: String,
}

/// Gives calls without an id one that nothing else in the conversation has, the same in every later request, and finds
/// the call of each result: by its id, then by its name and order.
fn link(turns: &mut [Turn]) {
    let mut taken = HashSet::new();
    for part in turns.iter().flat_map(|turn| &turn.parts) {
        if let Part::ToolCall(ToolCall { id, .. }) | Part::ToolResult(ToolResult { id, .. }) = part {
            taken.insert(id.clone());
        }
    }
    let mut made = 0_usize;
    let mut make = || loop {
        made += 1;
        let id = format!("call_{made}");
        if !taken.contains(&id) {
            break id;
        }
    };
    let mut waiting: Vec<Waiting> = Vec::new();
    for part in turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        match part {
            Part::ToolCall(call) => {
                if call.id.is_empty() {
                    call.id = make();
                }
                waiting.push(Waiting { id: call.id.clone(), name: call.name.clone() });
            }
            Part::ToolResult(result) => {
                let by_id = waiting.iter().position(|call| !result.id.is_empty() && call.id == result.id);
                let by_name = || match &result.name {
                    Some(name) => waiting.iter().position(|call| call.name == *name),
                    None => (!waiting.is_empty()).then_some(0),
                };
                if let Some(place) = by_id.or_else(by_name) {
                    let call = waiting.remove(place);
                    result.id = call.id;
                    result.name.get_or_insert(call.name);
                } else if result.id.is_empty() {
                    result.id = make();
                }
            }
            _ => {}
        }
    }
}
