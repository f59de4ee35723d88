//! From a request of this protocol to the neutral form.

mod messages;
mod parts;
mod tools;

use domain::chat::{self, Effort, Format, Sampling, Shown, Thinking};

use crate::dialect::effort;
use crate::dialect::field::{Field, Fields};
use crate::request::Unreadable;

/// Members that have their place in the neutral form, that only say how the answer is delivered, or that are read with
/// another one.
const PLACED: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "stop",
    "n",
    "logprobs",
    "top_logprobs",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "reasoning",
    "include_reasoning",
    "thinking",
    "verbosity",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "service_tier",
    "modalities",
    "web_search_options",
];

/// Reads a request whose facts were read before, so that it is known to be strict JSON.
///
/// # Errors
/// [`Unreadable`] when a member has a value it cannot have.
pub fn decode_request(body: &[u8]) -> Result<chat::Request, Unreadable> {
    let root = Fields::read(body)?;
    let tools = tools::read(&root)?;
    Ok(chat::Request {
        turns: messages::read(&root.need("messages")?)?,
        tools: tools.tools,
        tool_choice: tools.choice,
        parallel_tool_calls: tools.parallel,
        max_output_tokens: root.unsigned("max_tokens")?.max(root.unsigned("max_completion_tokens")?),
        sampling: sampling(&root)?,
        stop: stop(&root)?,
        choices: choices(&root)?,
        logprobs: logprobs(&root)?,
        thinking: thinking(&root)?,
        format: format(&root)?,
        verbosity: root.text("verbosity")?,
        user: match root.text("safety_identifier")? {
            Some(user) => Some(user),
            None => root.text("user")?,
        },
        cache_key: root.text("prompt_cache_key")?,
        service_tier: root.text("service_tier")?,
        safety: None,
        modalities: root.items("modalities")?.iter().map(Field::text).collect::<Result<_, _>>()?,
        stream: root.boolean("stream")?.unwrap_or(false),
        unplaced: unplaced(&root),
    })
}

/// The members that say something and have no place. An answer is not stored anywhere else either, so a wish that it be
/// not is fulfilled.
fn unplaced(root: &Fields<'_>) -> Vec<String> {
    let is_fulfilled = |name: &str| {
        name == "store" && root.get(name).is_some_and(|stored| stored.value.boolean() == Some(false))
    };
    let mut names: Vec<String> = Vec::new();
    for name in root.names() {
        if !PLACED.contains(&name) && !is_fulfilled(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn sampling(root: &Fields<'_>) -> Result<Sampling, Unreadable> {
    let seed = |field: Field<'_>| field.value.integer().ok_or_else(|| field.refuse("must be an integer"));
    Ok(Sampling {
        temperature: root.number("temperature")?,
        top_p: root.number("top_p")?,
        top_k: root.unsigned("top_k")?,
        frequency_penalty: root.number("frequency_penalty")?,
        presence_penalty: root.number("presence_penalty")?,
        seed: root.get("seed").map(seed).transpose()?,
    })
}

fn stop(root: &Fields<'_>) -> Result<Vec<String>, Unreadable> {
    match root.get("stop") {
        None => Ok(vec![]),
        Some(stop) if stop.value.is_array() => stop.items()?.iter().map(Field::text).collect(),
        Some(stop) => Ok(vec![stop.text()?]),
    }
}

fn narrow(field: Field<'_>) -> Result<u32, Unreadable> {
    u32::try_from(field.unsigned()?).map_err(|_| field.refuse("is too large"))
}

fn choices(root: &Fields<'_>) -> Result<Option<u32>, Unreadable> {
    root.get("n").map(narrow).transpose()
}

fn logprobs(root: &Fields<'_>) -> Result<Option<u32>, Unreadable> {
    let others = root.get("top_logprobs").map(narrow).transpose()?;
    Ok(match root.boolean("logprobs")? {
        Some(true) => Some(others.unwrap_or(0)),
        _ => None,
    })
}

fn format(root: &Fields<'_>) -> Result<Format, Unreadable> {
    let Some(wanted) = root.get("response_format") else { return Ok(Format::Text) };
    let wanted = wanted.object()?;
    let kind = wanted.need("type")?;
    match kind.text()?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json),
        "json_schema" => {
            let schema = wanted.need("json_schema")?.object()?;
            let Some(text) = schema.get("schema") else { return Ok(Format::Json) };
            text.object()?;
            Ok(Format::Schema {
                name: schema.text("name")?,
                description: schema.text("description")?,
                schema: text.value.json(),
                strict: schema.boolean("strict")?,
            })
        }
        _ => Err(kind.refuse("must be text, json_object or json_schema")),
    }
}

/// How much is to be thought: in OpenAI's word, in OpenRouter's object, or in Anthropic's object, which clients of this
/// protocol send as an extension. The most exact one counts.
fn thinking(root: &Fields<'_>) -> Result<Option<Thinking>, Unreadable> {
    let mut said = None;
    if let Some(word) = root.get("reasoning_effort") {
        said = Some(Thinking { effort: Some(effort(&word)?), ..Thinking::default() });
    }
    if let Some(reasoning) = root.get("reasoning") {
        let reasoning = reasoning.object()?;
        let mut thinking = said.unwrap_or_default();
        if let Some(word) = reasoning.get("effort") {
            thinking.effort = Some(effort(&word)?);
        }
        thinking.budget_tokens = reasoning.unsigned("max_tokens")?;
        match reasoning.boolean("enabled")? {
            Some(false) => thinking = Thinking { effort: Some(Effort::None), ..Thinking::default() },
            Some(true) if thinking.effort().is_none() => thinking.dynamic = true,
            _ => {}
        }
        // Who uses this object is given the thoughts unless it says otherwise.
        if reasoning.boolean("exclude")? == Some(true) {
            thinking.shown = Shown::Nothing;
        } else if !thinking.is_off() {
            thinking.shown = Shown::Summary;
        }
        said = Some(thinking);
    } else if root.boolean("include_reasoning")? == Some(false) {
        said = Some(Thinking { shown: Shown::Nothing, ..said.unwrap_or_default() });
    }
    if let Some(switch) = root.get("thinking") {
        let switch = switch.object()?;
        let kind = switch.need("type")?;
        let mut thinking = said.unwrap_or_default();
        match kind.text()?.as_str() {
            "disabled" => thinking = Thinking { effort: Some(Effort::None), ..Thinking::default() },
            "enabled" | "adaptive" | "auto" => {
                thinking.budget_tokens = switch.unsigned("budget_tokens")?.or(thinking.budget_tokens);
                thinking.dynamic = thinking.effort().is_none();
            }
            _ => return Err(kind.refuse("must be enabled, adaptive or disabled")),
        }
        said = Some(thinking);
    }
    Ok(said.filter(|thinking| *thinking != Thinking::default()))
}

fn effort(word: &Field<'_>) -> Result<Effort, Unreadable> {
    effort::read(&word.text()?.to_ascii_lowercase()).ok_or_else(|| word.refuse(effort::WORDS))
}

#[cfg(test)]
mod tests;
