//! From the neutral form to a request of this protocol. Nothing is kept by the upstream: each request holds the whole
//! conversation.

mod dropped;
mod expressible;
mod items;
mod tools;

use domain::chat::{Format, Part, Request, Role, Shown, Text};

use crate::dialect::effort;
use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use crate::json::build::{ObjectWriter, object, push_raw};
use items::Items;

/// The families of OpenAI's models that do not reason and refuse to be asked for encrypted thoughts ("Encrypted content is
/// not supported with this model"). The list is closed: what came later reasons, and an unknown model is asked.
const NOT_REASONING: [&str; 3] = ["gpt-3.5", "gpt-4", "chatgpt-"];

/// The end of the names of those of later families that do not reason.
const CHAT_LATEST: &str = "-chat-latest";

/// Writes `request` for `target`.
///
/// # Errors
/// [`Inexpressible`] when the request holds something that must not be dropped and that this protocol cannot say.
pub fn encode_request(request: &Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    expressible::check(request)?;
    let mut dropped = Names::default();
    let (instructions, turns) = match request.turns.split_first() {
        Some((first, rest)) => match plain(first) {
            Some(text) => (Some(text), rest),
            None => (None, &request.turns[..]),
        },
        None => (None, &[][..]),
    };
    let mut items = Items::new(target.tool_ids);
    for turn in turns {
        items.turn(turn, &mut dropped);
    }
    let mut body = Vec::new();
    object(&mut body, |out| {
        out.text("model", target.model);
        out.text_if("instructions", instructions);
        out.place("input").extend_from_slice(&items.into_array());
        tools::write(out, request, &mut dropped);
        out.plain_if("max_output_tokens", request.max_output_tokens);
        out.plain_if("temperature", request.sampling.temperature);
        out.plain_if("top_p", request.sampling.top_p);
        reasoning(out, request);
        text_options(out, request);
        include(out, request, target.model);
        out.text_if("safety_identifier", request.user.as_deref());
        out.text_if("prompt_cache_key", request.cache_key.as_deref());
        out.text_if("service_tier", request.service_tier.as_deref());
        out.raw("store", "false");
        if request.stream {
            out.raw("stream", "true");
        }
    });
    dropped::of_request(request, &mut dropped);
    Ok(Encoded { body, dropped: dropped.into_list() })
}

/// The words of a leading system turn that says nothing else. As `instructions` they stand before all input, where they
/// stood, and so at the same place of the cached prefix.
fn plain(turn: &domain::chat::Turn) -> Option<&str> {
    match (turn.role, &turn.name, &turn.parts[..]) {
        (Role::System, None, [Part::Text(Text { text, cache: None, .. })]) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn reasoning(out: &mut ObjectWriter<'_>, request: &Request) {
    let Some(thinking) = &request.thinking else { return };
    // How much to think is left to the model where it is to decide for itself.
    let effort = thinking.effort().filter(|_| !thinking.dynamic || thinking.effort.is_some());
    let summary = thinking.shown == Shown::Summary;
    if effort.is_none() && !summary {
        return;
    }
    out.object("reasoning", |out| {
        out.text_if("effort", effort.map(effort::word));
        out.text_if("summary", summary.then_some("auto"));
    });
}

fn text_options(out: &mut ObjectWriter<'_>, request: &Request) {
    if request.format == Format::Text && request.verbosity.is_none() {
        return;
    }
    out.object("text", |text| {
        match &request.format {
            Format::Text => {}
            Format::Json => text.object("format", |format| format.text("type", "json_object")),
            Format::Schema { name, description, schema, strict } => text.object("format", |format| {
                format.text("type", "json_schema");
                // The protocol demands a name and shows it to the model.
                format.text("name", name.as_deref().unwrap_or("answer"));
                format.text_if("description", description.as_deref());
                push_raw(format.place("schema"), schema.as_str());
                format.plain_if("strict", *strict);
            }),
        }
        text.text_if("verbosity", request.verbosity.as_deref());
    });
}

/// What the answer is to hold beside its words.
fn include(out: &mut ObjectWriter<'_>, request: &Request, model: &str) {
    let mut wanted = Vec::new();
    if may_reason(model) {
        wanted.push("reasoning.encrypted_content");
    }
    if let Some(others) = request.logprobs {
        wanted.push("message.output_text.logprobs");
        out.plain_if("top_logprobs", (others > 0).then_some(others));
    }
    if !wanted.is_empty() {
        out.texts("include", wanted);
    }
}

fn may_reason(model: &str) -> bool {
    let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
    !NOT_REASONING.iter().any(|family| name.starts_with(family)) && !name.ends_with(CHAT_LATEST)
}

#[cfg(test)]
mod tests;
