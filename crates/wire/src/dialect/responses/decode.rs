//! From a request of this protocol to the neutral form. What only the upstream holds (earlier answers, conversations,
//! stored prompts) cannot be told to another one and is refused by name.

mod content;
mod items;
mod media;
mod tools;

use domain::chat::{Effort, Format, Part, Request, Role, Shown, Thinking, Turn};

use super::node::{Members, Node};
use crate::request::{MAX_LOGPROBS, MAX_TOKENS, Unreadable};

/// The problem of a member that refers to what only an upstream of this protocol holds.
const STATE: &str = "refers to what only an upstream of the Responses API keeps; send the conversation whole, with store false";

/// Reads a request whose facts were read before, so that it is known to be strict JSON.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have, or refers to what this request does not hold.
pub fn decode_request(body: &[u8]) -> Result<Request, Unreadable> {
    let whole = Node::whole(body).filter(Node::is_object).ok_or(Unreadable::NotAnObject)?;
    let mut members = whole.members()?;
    refuse_state(&mut members)?;
    let mut request = Request::default();
    if let Some(instructions) = members.take("instructions") {
        let text = instructions.text()?;
        if !text.is_empty() {
            request.turns.push(Turn { role: Role::System, name: None, parts: vec![Part::text(text)] });
        }
    }
    let input = members.required("input")?;
    items::decode(&input, &mut request)?;
    if let Some(list) = members.take("tools") {
        tools::decode(&list, &mut request)?;
    }
    if let Some(choice) = members.take("tool_choice") {
        request.tool_choice = tools::choice(&choice)?;
    }
    sampling(&mut members, &mut request)?;
    if let Some(text) = members.take("text") {
        text_options(&text, &mut request)?;
    }
    if let Some(reasoning) = members.take("reasoning") {
        request.thinking = Some(thinking(&reasoning, &mut request.unplaced)?);
    }
    logprobs(&mut members, &mut request)?;
    rest(&mut members, &mut request)?;
    Ok(request)
}

fn refuse_state(members: &mut Members<'_>) -> Result<(), Unreadable> {
    for name in ["previous_response_id", "conversation", "prompt"] {
        if let Some(reference) = members.take(name) {
            return Err(reference.refuse(STATE));
        }
    }
    match members.take("background") {
        Some(background) if background.boolean()? => Err(background.refuse(STATE)),
        _ => Ok(()),
    }
}

fn sampling(members: &mut Members<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let number = |node: Option<Node<'_>>| node.map(|node| node.number()).transpose();
    request.sampling.temperature = number(members.take("temperature"))?;
    request.sampling.top_p = number(members.take("top_p"))?;
    if let Some(most) = members.take("max_output_tokens") {
        request.max_output_tokens = Some(bounded(&most, MAX_TOKENS)?);
    }
    if let Some(parallel) = members.take("parallel_tool_calls") {
        request.parallel_tool_calls = Some(parallel.boolean()?);
    }
    Ok(())
}

fn bounded(node: &Node<'_>, most: u64) -> Result<u64, Unreadable> {
    let value = node.unsigned()?;
    if value > most { Err(node.refuse("is too large")) } else { Ok(value) }
}

/// `text`: the form of the answer and how wordy it is.
fn text_options(text: &Node<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let mut members = text.members()?;
    if let Some(verbosity) = members.take("verbosity") {
        request.verbosity = Some(verbosity.text()?);
    }
    if let Some(format) = members.take("format") {
        request.format = form(&format)?;
    }
    request.unplaced.extend(members.left().into_iter().map(|name| format!("text.{name}")));
    Ok(())
}

fn form(node: &Node<'_>) -> Result<Format, Unreadable> {
    let mut members = node.members()?;
    let kind = members.required("type")?;
    match kind.text()?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let schema = members.required("schema")?;
            schema.members()?;
            let text = |node: Option<Node<'_>>| node.map(|node| node.text()).transpose();
            Ok(Format::Schema {
                name: text(members.take("name"))?,
                description: text(members.take("description"))?,
                schema: schema.json(),
                strict: members.take("strict").map(|strict| strict.boolean()).transpose()?,
            })
        }
        _ => Err(kind.refuse("must be text, json_object or json_schema")),
    }
}

fn thinking(node: &Node<'_>, unplaced: &mut Vec<String>) -> Result<Thinking, Unreadable> {
    let mut members = node.members()?;
    let mut thinking = Thinking::default();
    if let Some(effort) = members.take("effort") {
        thinking.effort = Some(match effort.text()?.as_str() {
            "none" => Effort::None,
            "minimal" => Effort::Minimal,
            "low" => Effort::Low,
            "medium" => Effort::Medium,
            "high" => Effort::High,
            "xhigh" | "max" => Effort::Highest,
            _ => return Err(effort.refuse("must be none, minimal, low, medium, high, xhigh or max")),
        });
    }
    for name in ["generate_summary", "summary"] {
        let Some(summary) = members.take(name) else { continue };
        thinking.shown = match summary.text()?.as_str() {
            "auto" | "concise" | "detailed" => Shown::Summary,
            _ => return Err(summary.refuse("must be auto, concise or detailed")),
        };
    }
    unplaced.extend(members.left().into_iter().map(|name| format!("reasoning.{name}")));
    Ok(thinking)
}

/// The chances of words are told where `include` says so; `top_logprobs` says of how many others.
fn logprobs(members: &mut Members<'_>, request: &mut Request) -> Result<(), Unreadable> {
    let mut others = None;
    if let Some(top) = members.take("top_logprobs") {
        others = u32::try_from(bounded(&top, MAX_LOGPROBS)?).ok();
    }
    let mut wanted = others.is_some_and(|others| others > 0);
    for item in members.take("include").map(|list| list.items()).transpose()?.unwrap_or_default() {
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
fn rest(members: &mut Members<'_>, request: &mut Request) -> Result<(), Unreadable> {
    if let Some(stream) = members.take("stream") {
        request.stream = stream.boolean()?;
    }
    let text = |node: Option<Node<'_>>| node.map(|node| node.text()).transpose();
    let user = text(members.take("user"))?;
    request.user = text(members.take("safety_identifier"))?.or(user);
    request.cache_key = text(members.take("prompt_cache_key"))?;
    request.service_tier = text(members.take("service_tier"))?;
    // The model is chosen by the route; answers that are translated are never stored; their streams are never padded.
    for name in ["model", "store", "stream_options"] {
        members.take(name);
    }
    // What is said by default asks for nothing.
    if let Some(truncation) = members.take("truncation") {
        match truncation.text()?.as_str() {
            "disabled" => {}
            _ => request.unplaced.push("truncation".to_owned()),
        }
    }
    request.unplaced.extend(members.left().into_iter().map(str::to_owned));
    Ok(())
}

#[cfg(test)]
mod tests;
