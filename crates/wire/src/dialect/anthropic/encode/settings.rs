//! How an answer is to be made: sampling, stop texts, form and class of service, and the names of what cannot be asked
//! for.

use domain::chat::{Format, Request, Sampling};

use super::thinking::Plan;
use crate::dialect::anthropic::model::{Draws, Rules};
use crate::dialect::names::Names;
use crate::json::build;

/// The highest temperature.
const MAX_TEMPERATURE: f64 = 1.0;

/// The lowest `top_p` beside thinking.
const MIN_TOP_P_THINKING: f64 = 0.95;

/// What of the sampling the model takes. Defaults that a model refuses to be told are left out and not named.
pub(super) fn sampling(request: &Request, rules: &Rules, plan: &Plan, dropped: &mut Names) -> Sampling {
    let asked = request.sampling;
    let is_default = |value: f64| (value - 1.0).abs() < f64::EPSILON;
    let mut kept = Sampling {
        temperature: asked.temperature,
        top_p: asked.top_p,
        top_k: asked.top_k,
        ..Sampling::default()
    };
    if let Some(temperature) = kept.temperature.filter(|&temperature| temperature > MAX_TEMPERATURE) {
        dropped.add("temperature");
        kept.temperature = Some(temperature.min(MAX_TEMPERATURE));
    }
    let fixed = rules.draws == Draws::ByDefault;
    if fixed || plan.is_on {
        let lost = kept.temperature.take().is_some_and(|temperature| !is_default(temperature));
        dropped.add_if(lost, "temperature");
        dropped.add_if(kept.top_k.take().is_some(), "top_k");
        let least = if fixed { 1.0 } else { MIN_TOP_P_THINKING };
        dropped.add_if(kept.top_p.is_some_and(|top_p| top_p < least), "top_p");
        kept.top_p = kept.top_p.filter(|&top_p| !fixed && top_p >= least);
    }
    if rules.draws == Draws::ByOne && kept.temperature.is_some() && kept.top_p.is_some() {
        dropped.add_if(kept.top_p.take().is_some_and(|top_p| !is_default(top_p)), "top_p");
    }
    kept
}

/// The stop texts. Blank ones are refused upstream.
pub(super) fn stop(texts: &[String], dropped: &mut Names) -> Vec<Vec<u8>> {
    dropped.add_if(texts.iter().any(|text| text.trim().is_empty()), "stop");
    texts.iter().filter(|text| !text.trim().is_empty()).map(|text| build::text_alone(text)).collect()
}

/// The schema an answer must follow. A wish for JSON of any form cannot be said.
pub(super) fn format(format: &Format, dropped: &mut Names) -> Option<String> {
    match format {
        Format::Text => None,
        Format::Json => {
            dropped.add("response_format");
            None
        }
        Format::Schema { schema, description, .. } => {
            dropped.add_if(description.is_some(), "response_format.description");
            Some(schema.as_str().to_owned())
        }
    }
}

/// The class of service: `auto` may use capacity that was bought in advance, `standard_only` does not.
pub(super) fn service_tier(asked: Option<&str>, dropped: &mut Names) -> Option<&'static str> {
    match asked {
        None => None,
        Some("auto" | "priority") => Some("auto"),
        Some("default" | "standard" | "standard_only") => Some("standard_only"),
        Some(_) => {
            dropped.add("service_tier");
            None
        }
    }
}

/// Names what this protocol has no word for.
pub(super) fn name_unsaid(request: &Request, dropped: &mut Names) {
    let sampling = &request.sampling;
    let nonzero = |value: Option<f64>| value.is_some_and(|value| value != 0.0);
    dropped.add_if(nonzero(sampling.frequency_penalty), "frequency_penalty");
    dropped.add_if(nonzero(sampling.presence_penalty), "presence_penalty");
    dropped.add_if(sampling.seed.is_some(), "seed");
    dropped.add_if(request.choices.is_some_and(|choices| choices > 1), "choices");
    dropped.add_if(request.logprobs.is_some(), "logprobs");
    dropped.add_if(request.verbosity.is_some(), "verbosity");
    dropped.add_if(request.cache_key.is_some(), "cache_key");
    dropped.add_if(request.safety.is_some(), "safety");
    dropped.add_if(request.modalities.iter().any(|kind| kind != "text"), "modalities");
    for name in &request.unplaced {
        dropped.add(name);
    }
}
