//! `generationConfig` and `serviceTier`.

use domain::chat::{Effort, Format, Request, Shown, Thinking};

use super::Series;
use crate::dialect::Target;
use crate::dialect::names::Names;
use crate::json::build::{self, ObjectWriter};

/// Texts at which an answer may end: Google takes five.
const MOST_STOPS: usize = 5;

/// Writes them, and notes what has no place.
pub(super) fn write(
    request: &Request,
    target: &Target<'_>,
    dropped: &mut Names,
    members: &mut ObjectWriter<'_>,
) {
    let mut config = Vec::new();
    build::object(&mut config, |config| generation(request, target, dropped, config));
    if config != b"{}" {
        members.raw("generationConfig", &config);
    }
    match request.service_tier.as_deref() {
        None | Some("auto") => {}
        Some("default" | "standard") => members.text("serviceTier", "standard"),
        Some(tier @ ("flex" | "priority")) => members.text("serviceTier", tier),
        Some(_) => dropped.add("service_tier"),
    }
    dropped.add_if(request.verbosity.is_some(), "verbosity");
    dropped.add_if(request.user.is_some(), "user");
    dropped.add_if(request.cache_key.is_some(), "prompt_cache_key");
}

fn generation(request: &Request, target: &Target<'_>, dropped: &mut Names, config: &mut ObjectWriter<'_>) {
    let sampling = &request.sampling;
    config.float_if("temperature", sampling.temperature);
    config.float_if("topP", sampling.top_p);
    if let Some(top_k) = sampling.top_k {
        config.plain("topK", top_k);
    }
    config.float_if("presencePenalty", sampling.presence_penalty);
    config.float_if("frequencyPenalty", sampling.frequency_penalty);
    match sampling.seed.map(i32::try_from) {
        None => {}
        Some(Ok(seed)) => config.plain("seed", seed),
        Some(Err(_)) => dropped.add("seed"),
    }
    if let Some(most) = request.max_output_tokens {
        config.plain("maxOutputTokens", most);
    }
    if !request.stop.is_empty() {
        dropped.add_if(request.stop.len() > MOST_STOPS, "stop");
        config.texts("stopSequences", request.stop.iter().take(MOST_STOPS).map(String::as_str));
    }
    if let Some(choices) = request.choices.filter(|&choices| choices > 1) {
        config.plain("candidateCount", choices);
    }
    if let Some(beside) = request.logprobs {
        config.plain("responseLogprobs", true);
        if beside > 0 {
            config.plain("logprobs", beside);
        }
    }
    format(&request.format, dropped, config);
    let kinds = request.modalities.iter().map(|kind| kind.to_ascii_uppercase());
    let kinds: Vec<String> = kinds.collect();
    if kinds.iter().any(|kind| kind != "TEXT") {
        config.texts("responseModalities", kinds.iter().map(String::as_str));
    }
    if let Some(asked) = &request.thinking {
        thinking(asked, target.model, config);
    }
}

/// The form of the answer. Google holds every answer to its schema, so that nothing is lost of being strict.
fn format(format: &Format, dropped: &mut Names, config: &mut ObjectWriter<'_>) {
    match format {
        Format::Text => {}
        Format::Json => config.text("responseMimeType", "application/json"),
        Format::Schema { schema, description, .. } => {
            config.text("responseMimeType", "application/json");
            config.raw("responseJsonSchema", schema.as_str());
            dropped.add_if(description.is_some(), "response_format.description");
        }
    }
}

/// `thinkingConfig`: older models count tokens and newer ones know levels, of which none means not at all. One request
/// never holds both.
fn thinking(thinking: &Thinking, model: &str, config: &mut ObjectWriter<'_>) {
    let mut out = Vec::new();
    build::object(&mut out, |members| {
        let level = match (Series::of(model), thinking.budget_tokens, thinking.effort) {
            // A budget in tokens is understood by both.
            (_, Some(_), _) | (Series::Two, ..) | (_, None, None) => None,
            (Series::Three, None, Some(effort)) => Some(level(effort, model)),
        };
        match (level, thinking.budget_tokens()) {
            _ if thinking.dynamic => members.plain("thinkingBudget", -1),
            (Some(level), _) => members.text("thinkingLevel", level),
            (None, Some(tokens)) => members.plain("thinkingBudget", tokens),
            (None, None) => {}
        }
        match thinking.shown {
            Shown::Default => {}
            Shown::Summary => members.plain("includeThoughts", true),
            Shown::Nothing => members.plain("includeThoughts", false),
        }
    });
    if out != b"{}" {
        config.raw("thinkingConfig", &out);
    }
}

/// The level for an effort. The larger models cannot think less than a little.
fn level(effort: Effort, model: &str) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal if model.contains("-pro") => "LOW",
        Effort::None | Effort::Minimal => "MINIMAL",
        Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::Highest => "HIGH",
    }
}
