//! From the neutral form to a Converse request. The model is named in the path, and so is whether the answer is streamed;
//! neither is in the body.

mod body;
mod media;
mod model;
mod thinking;
mod tools;
mod turns;

use domain::chat::{self, Format, Json};
use serde_json::value::RawValue;

use crate::dialect::names::Names;
use crate::dialect::{Encoded, Inexpressible, Target};
use body::{Additional, Body, Inference, JsonSchema, OutputConfig, ServiceTier, TextFormat};
use model::Family;

/// The highest temperature there is (Converse, `InferenceConfiguration`).
const MAX_TEMPERATURE: f64 = 1.0;
/// Where Claude tells the text that ended an answer, whole and streamed.
const STOP_PATHS: &[&str] = &["/stop_sequence", "/delta/stop_sequence"];

/// Writes `request` for `target`.
///
/// # Errors
/// [`Inexpressible`] when the request holds something that must not be dropped and that this protocol cannot say.
pub fn encode_request(request: &chat::Request, target: &Target<'_>) -> Result<Encoded, Inexpressible> {
    let family = Family::of(target.model);
    let mut dropped = Names::default();
    let turns = turns::encode(request, target, family, &mut dropped)?;
    let thinking = thinking::plan(request, family, &turns.messages, &mut dropped);
    let tools = tools::encode(request, family, &turns, &mut dropped)?;
    let sampling = sampling(request, family, thinking.is_on(), &mut dropped);
    let claude = matches!(family, Family::Claude(_));
    let (top_k, inner_top_k) = match (request.sampling.top_k, family) {
        (Some(top_k), Family::Claude(_)) if !thinking.is_on() => (Some(top_k), None),
        (Some(top_k), Family::Nova) => (None, Some(body::InnerInference { top_k })),
        (Some(_), _) => {
            dropped.add("top_k");
            (None, None)
        }
        (None, _) => (None, None),
    };
    let stop: Vec<&str> = request.stop.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    if stop.len() < request.stop.len() {
        dropped.add("stop");
    }
    let additional = Additional {
        thinking: thinking.field,
        reasoning_config: thinking.nova,
        reasoning_effort: thinking.open_ai,
        tool_choice: tools.native_choice,
        top_k,
        inference_config: inner_top_k,
    };
    let output = OutputConfig { text_format: format(request, &mut dropped), effort: thinking.effort };
    let body = Body {
        messages: &turns.messages,
        system: &turns.system,
        inference_config: Inference {
            max_tokens: request.max_output_tokens,
            temperature: sampling.0,
            top_p: sampling.1,
            stop_sequences: &stop,
        }
        .unless_empty(),
        tool_config: tools.config,
        additional_model_request_fields: additional.unless_empty(),
        additional_model_response_field_paths: if claude && !stop.is_empty() { STOP_PATHS } else { &[] },
        service_tier: service_tier(request, &mut dropped),
        output_config: output.unless_empty(),
    };
    // A form made of texts and numbers always becomes JSON; were it otherwise, there would be nothing to send.
    let body = serde_json::to_vec(&body)
        .map_err(|_| Inexpressible { field: "messages", what: "this request".to_owned() })?;
    without_a_place(request, &mut dropped);
    Ok(Encoded { body, dropped: dropped.into_list() })
}

/// Temperature and `top_p`. Claude takes neither while it thinks, but for the values that change nothing or little.
fn sampling(
    request: &chat::Request,
    family: Family,
    thinks: bool,
    dropped: &mut Names,
) -> (Option<f64>, Option<f64>) {
    let strict = thinks && matches!(family, Family::Claude(_));
    let mut keep = |value: Option<f64>, name: &str, fits: &dyn Fn(f64) -> bool| {
        let kept = value.filter(|&value| fits(value));
        if kept.is_none() && value.is_some() {
            dropped.add(name);
        }
        kept
    };
    let temperature = keep(request.sampling.temperature, "temperature", &|value| {
        if strict { (value - MAX_TEMPERATURE).abs() < f64::EPSILON } else { value <= MAX_TEMPERATURE }
    });
    let top_p = keep(request.sampling.top_p, "top_p", &|value| !strict || value >= 0.95);
    (temperature, top_p)
}

fn format<'a>(request: &'a chat::Request, dropped: &mut Names) -> Option<TextFormat<'a>> {
    match &request.format {
        Format::Text => None,
        Format::Json => {
            dropped.add("response_format");
            None
        }
        Format::Schema { name, description, schema, strict: _ } => Some(TextFormat::json(JsonSchema {
            schema: schema.as_str(),
            name: name.as_deref(),
            description: description.as_deref(),
        })),
    }
}

fn service_tier(request: &chat::Request, dropped: &mut Names) -> Option<ServiceTier> {
    let kind = match request.service_tier.as_deref()? {
        // What happens when nothing is said.
        "auto" => return None,
        "default" | "standard" | "standard_only" => "default",
        "flex" => "flex",
        "priority" => "priority",
        _ => {
            dropped.add("service_tier");
            return None;
        }
    };
    Some(ServiceTier { kind })
}

/// What Converse has no place for.
fn without_a_place(request: &chat::Request, dropped: &mut Names) {
    let sampling = &request.sampling;
    let others = request.modalities.iter().any(|kind| kind != "text");
    for (asked, name) in [
        (sampling.frequency_penalty.is_some(), "frequency_penalty"),
        (sampling.presence_penalty.is_some(), "presence_penalty"),
        (sampling.seed.is_some(), "seed"),
        (request.choices.is_some_and(|count| count > 1), "n"),
        (request.logprobs.is_some(), "logprobs"),
        (request.verbosity.is_some(), "verbosity"),
        (request.user.is_some(), "user"),
        (request.cache_key.is_some(), "prompt_cache_key"),
        (request.safety.is_some(), "safety_settings"),
        (others, "modalities"),
    ] {
        if asked {
            dropped.add(name);
        }
    }
    for name in &request.unplaced {
        dropped.add(name);
    }
}

/// A JSON text as it is, to be written where it stands.
fn raw(json: &Json) -> Option<&RawValue> {
    serde_json::from_str(json.as_str()).ok()
}

#[cfg(test)]
mod tests;
