//! From the neutral form to a request of this protocol, in the form that the provider takes.

mod messages;
mod tools;

use domain::chat::{self, Format, Shown, Thinking};

use super::form::ThinkingMember;
use crate::catalog::StreamUsage;
use crate::dialect::effort;
use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use crate::json::build::{self, ObjectWriter};

/// The name of a schema that the caller did not name; the protocol demands one.
const SCHEMA_NAME: &str = "answer";

/// Writes `request` for `target`.
///
/// # Errors
/// [`Inexpressible`] when the request holds something that must not be dropped and that this protocol cannot say.
pub fn encode_request(request: &chat::Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    let mut dropped = Names::default();
    refuse_modalities(request, target)?;
    let messages = messages::write(&request.turns, target, &mut dropped)?;
    let tools = tools::write(request, target, &mut dropped)?;
    let mut body = Vec::with_capacity(messages.len() + 1_024);
    build::object(&mut body, |root| {
        root.text("model", target.model);
        root.raw("messages", &messages);
        for (name, json) in &tools {
            root.raw(name, json);
        }
        write_settings(root, request, target, &mut dropped);
        write_format(root, &request.format);
        if let Some(thinking) = &request.thinking {
            write_thinking(root, thinking, target, &mut dropped);
        }
        if request.stream {
            root.plain("stream", true);
            if target.usage_in_streams == StreamUsage::OnRequest {
                root.object("stream_options", |options| options.plain("include_usage", true));
            }
        }
    });
    if request.safety.is_some() {
        dropped.add("safety");
    }
    for name in &request.unplaced {
        dropped.add(name);
    }
    Ok(Encoded { body, dropped: dropped.into_list() })
}

/// Sound has a voice and a form that no other protocol names; pictures are answers of few providers.
fn refuse_modalities(request: &chat::Request, target: &Target<'_>) -> Result<(), Inexpressible> {
    let speaks = |kind: &String| match kind.as_str() {
        "text" => true,
        "image" => target.chat.takes_beside("modalities"),
        _ => false,
    };
    match request.modalities.iter().find(|kind| !speaks(kind)) {
        Some(kind) => Err(Inexpressible {
            field: "modalities",
            what: format!("the wish for answers of the kind `{kind}`"),
        }),
        None => Ok(()),
    }
}

fn write_settings(
    root: &mut ObjectWriter<'_>,
    request: &chat::Request,
    target: &Target<'_>,
    dropped: &mut Names,
) {
    let form = target.chat;
    let mut plain = |name: &'static str, takes: bool, value: Option<&dyn std::fmt::Display>| match value {
        Some(value) if takes => root.plain(form.name(name), value),
        Some(_) => dropped.add(name),
        None => {}
    };
    fn shown<T: std::fmt::Display>(value: &Option<T>) -> Option<&dyn std::fmt::Display> {
        value.as_ref().map(|value| value as &dyn std::fmt::Display)
    }
    let sampling = &request.sampling;
    plain("max_tokens", true, shown(&request.max_output_tokens));
    plain("temperature", true, shown(&sampling.temperature));
    plain("top_p", true, shown(&sampling.top_p));
    plain("top_k", form.takes_beside("top_k"), shown(&sampling.top_k));
    plain("frequency_penalty", form.takes("frequency_penalty"), shown(&sampling.frequency_penalty));
    plain("presence_penalty", form.takes("presence_penalty"), shown(&sampling.presence_penalty));
    plain("seed", form.takes("seed"), shown(&sampling.seed));
    plain("n", form.takes("n"), shown(&request.choices));
    let wanted = request.logprobs.map(|_| true);
    plain("logprobs", form.takes("logprobs"), shown(&wanted));
    if form.takes("logprobs") {
        plain("top_logprobs", true, shown(&request.logprobs.filter(|&others| others > 0)));
    }

    let mut text = |name: &'static str, takes: bool, value: &Option<String>| match value {
        Some(value) if takes => root.text(form.name(name), value),
        Some(_) => dropped.add(name),
        None => {}
    };
    text("verbosity", form.takes_beside("verbosity"), &request.verbosity);
    text("user", form.takes("user"), &request.user);
    text("prompt_cache_key", form.takes_beside("prompt_cache_key"), &request.cache_key);
    text("service_tier", form.takes_beside("service_tier"), &request.service_tier);

    if request.stop.len() > form.most_stops {
        dropped.add("stop");
    }
    if !request.stop.is_empty() {
        root.array("stop", |stops| {
            request.stop.iter().take(form.most_stops).for_each(|stop| stops.text(stop))
        });
    }
    if request.modalities.iter().any(|kind| kind != "text") {
        root.array("modalities", |kinds| request.modalities.iter().for_each(|kind| kinds.text(kind)));
    }
}

fn write_format(root: &mut ObjectWriter<'_>, format: &Format) {
    match format {
        Format::Text => {}
        Format::Json => root.object("response_format", |object| object.text("type", "json_object")),
        Format::Schema { name, description, schema, strict } => root.object("response_format", |object| {
            object.text("type", "json_schema");
            object.object("json_schema", |written| {
                written.text("name", name.as_deref().unwrap_or(SCHEMA_NAME));
                written.text_if("description", description.as_deref());
                written.raw("schema", schema.as_str());
                written.plain_if("strict", *strict);
            });
        }),
    }
}

fn write_thinking(
    root: &mut ObjectWriter<'_>,
    thinking: &Thinking,
    target: &Target<'_>,
    dropped: &mut Names,
) {
    match target.chat.thinking {
        ThinkingMember::Nowhere => dropped.add("reasoning"),
        // A model that decides for itself does so when nothing is said.
        ThinkingMember::Effort => root.text_if("reasoning_effort", thinking.effort().map(effort::word)),
        ThinkingMember::Object => root.object("reasoning", |object| {
            match (thinking.budget_tokens, thinking.effort) {
                _ if thinking.is_off() => object.plain("enabled", false),
                (Some(budget), _) => object.plain("max_tokens", budget),
                (None, Some(effort)) => object.text("effort", effort::word(effort)),
                (None, None) => object.plain("enabled", true),
            }
            if thinking.shown == Shown::Nothing {
                object.plain("exclude", true);
            }
        }),
        ThinkingMember::Switch => root.object("thinking", |object| {
            object.text("type", if thinking.is_off() { "disabled" } else { "enabled" });
        }),
    }
}

#[cfg(test)]
mod tests;
