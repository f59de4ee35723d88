//! From a request of this protocol to the neutral form. What only the upstream holds (earlier answers, conversations,
//! stored prompts) cannot be told to another one and is refused by name.

mod content;
mod items;
mod media;
mod tools;

use domain::chat::{Format, Part, Request, Role, Shown, Thinking, Turn};

use crate::dialect::effort;
use crate::dialect::field::{Field, Fields};
use crate::request::{MAX_LOGPROBS, MAX_TOKENS, Unreadable};

/// The problem of a member that refers to what only an upstream of this protocol holds.
const STATE: &str = "refers to what only an upstream of the Responses API keeps; send the conversation whole, with store false";

/// Members that refer to it.
const STATEFUL: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Members that are read elsewhere or have a place in the neutral form. The model is chosen by the route; answers that are
/// translated are never stored; their streams are never padded.
const PLACED: [&str; 22] = [
    "background",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "model",
    "parallel_tool_calls",
    "prompt_cache_key",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Reads a request whose facts were read before, so that it is known to be strict JSON.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have, or refers to what this request does not hold.
pub fn decode_request(body: &[u8]) -> Result<Request, Unreadable> {
    let members = Fields::read(body)?;
    refuse_state(&members)?;
    let mut request = Request::default();
    if let Some(instructions) = members.get("instructions") {
        let text = instructions.text()?;
        if !text.is_empty() {
            request.turns.push(Turn { role: Role::System, name: None, parts: vec![Part::text(text)] });
        }
    }
    let input = members.need("input")?;
    items::decode(&input, &mut request)?;
    if let Some(list) = members.get("tools") {
        tools::decode(&list, &mut request)?;
    }
    if let Some(choice) = members.get("tool_choice") {
        request.tool_choice = tools::choice(&choice)?;
    }
    sampling(&members, &mut request)?;
    if let Some(text) = members.get("text") {
        text_options(&text, &mut request)?;
    }
    if let Some(reasoning) = members.get("reasoning") {
        request.thinking = Some(thinking(&reasoning, &mut request.unplaced)?);
    }
    logprobs(&members, &mut request)?;
    rest(&members, &mut request)?;
    Ok(request)
}

fn refuse_state(members: &Fields<'_>) -> Result<(), Unreadable> {
    for name in STATEFUL {
        if let Some(reference) = members.get(name) {
            return Err(reference.refuse(STATE));
        }
    }
    match members.get("background") {
        Some(background) if background.boolean()? => Err(background.refuse(STATE)),
        _ => Ok(()),
    }
}

fn sampling(members: &Fields<'_>, request: &mut Request) -> Result<(), Unreadable> {
    request.sampling.temperature = members.number("temperature")?;
    request.sampling.top_p = members.number("top_p")?;
    if let Some(most) = members.get("max_output_tokens") {
        request.max_output_tokens = Some(bounded(&most, MAX_TOKENS)?);
    }
    if let Some(parallel) = members.get("parallel_tool_calls") {
        request.parallel_tool_calls = Some(parallel.boolean()?);
    }
    Ok(())
}

fn bounded(node: &Field<'_>, most: u64) -> Result<u64, Unreadable> {
    let value = node.unsigned()?;
    if value > most { Err(node.refuse("is too large")) } else { Ok(value) }
}

/// `text`: the form of the answer and how wordy it is.
fn text_options(text: &Field<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let members = text.object()?;
    if let Some(verbosity) = members.get("verbosity") {
        request.verbosity = Some(verbosity.text()?);
    }
    if let Some(format) = members.get("format") {
        request.format = form(&format)?;
    }
    request.unplaced.extend(without(&members, &["verbosity", "format"]).map(|name| format!("text.{name}")));
    Ok(())
}

fn form(node: &Field<'_>) -> Result<Format, Unreadable> {
    let members = node.object()?;
    let kind = members.need("type")?;
    match kind.text()?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let schema = members.need("schema")?;
            schema.object()?;
            Ok(Format::Schema {
                name: members.text("name")?,
                description: members.text("description")?,
                schema: schema.value.json(),
                strict: members.boolean("strict")?,
            })
        }
        _ => Err(kind.refuse("must be text, json_object or json_schema")),
    }
}

fn thinking(node: &Field<'_>, unplaced: &mut Vec<String>) -> Result<Thinking, Unreadable> {
    let members = node.object()?;
    let mut thinking = Thinking::default();
    if let Some(word) = members.get("effort") {
        let read = effort::read(&word.text()?);
        thinking.effort = Some(read.ok_or_else(|| word.refuse(effort::WORDS))?);
    }
    for name in ["generate_summary", "summary"] {
        let Some(summary) = members.get(name) else { continue };
        thinking.shown = match summary.text()?.as_str() {
            "auto" | "concise" | "detailed" => Shown::Summary,
            _ => return Err(summary.refuse("must be auto, concise or detailed")),
        };
    }
    unplaced.extend(
        without(&members, &["effort", "generate_summary", "summary"]).map(|name| format!("reasoning.{name}")),
    );
    Ok(thinking)
}

/// The chances of words are told where `include` says so; `top_logprobs` says of how many others.
fn logprobs(members: &Fields<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let mut others = None;
    if let Some(top) = members.get("top_logprobs") {
        others = u32::try_from(bounded(&top, MAX_LOGPROBS)?).ok();
    }
    let mut wanted = others.is_some_and(|others| others > 0);
    for item in members.items("include")? {
        match item.text()?.as_str() {
            "message.output_text.logprobs" => wanted = true,
            // Encrypted thoughts are always told.
            "reasoning.encrypted_content" => {}
            other => request.unplaced.push(format!("include.{other}")),
        }
    }
    request.logprobs = wanted.then_some(others.unwrap_or(0));
    Ok(())
}

/// What is left: members of one word, those that say what is so anyway, and those that have no place.
fn rest(members: &Fields<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if let Some(stream) = members.get("stream") {
        request.stream = stream.boolean()?;
    }
    let user = members.text("user")?;
    request.user = members.text("safety_identifier")?.or(user);
    request.cache_key = members.text("prompt_cache_key")?;
    request.service_tier = members.text("service_tier")?;
    // What is said by default asks for nothing.
    if let Some(truncation) = members.get("truncation") {
        match truncation.text()?.as_str() {
            "disabled" => {}
            _ => request.unplaced.push("truncation".to_owned()),
        }
    }
    request.unplaced.extend(without(members, &PLACED).map(str::to_owned));
    Ok(())
}

/// The names of the members that are not among those that have a place.
fn without<'m>(members: &'m Fields<'_>, placed: &'m [&str]) -> impl Iterator<Item = &'m str> {
    members.names().filter(|name| !placed.contains(name))
}

#[cfg(test)]
mod tests;
