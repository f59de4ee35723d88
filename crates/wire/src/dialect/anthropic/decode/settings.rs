//! How an answer is to be made: sampling, thinking, form and class of service.

use domain::chat::{Effort, Format, Sampling, Shown, Thinking};

use crate::dialect::field::Fields;
use crate::dialect::names::Names;
use crate::request::Unreadable;

/// `temperature`, `top_p` and `top_k`.
pub(super) fn sampling(root: &Fields<'_>) -> Result<Sampling, Unreadable> {
    Ok(Sampling {
        temperature: root.number("temperature")?,
        top_p: root.number("top_p")?,
        top_k: root.unsigned("top_k")?,
        ..Sampling::default()
    })
}

/// `stop_sequences`.
pub(super) fn stop(root: &Fields<'_>) -> Result<Vec<String>, Unreadable> {
    let listed = root.items("stop_sequences")?;
    let texts = listed.iter().map(|text| text.text().ok()).collect::<Option<_>>();
    texts.ok_or_else(|| root.refuse("stop_sequences", "must be an array of strings"))
}

/// `thinking` and `output_config.effort`.
pub(super) fn thinking(root: &Fields<'_>) -> Result<Option<Thinking>, Unreadable> {
    let effort = match root.object("output_config")? {
        Some(config) => effort(&config)?,
        None => None,
    };
    let Some(asked) = root.object("thinking")? else {
        return Ok(effort.map(|effort| Thinking { effort: Some(effort), ..Thinking::default() }));
    };
    let shown = match asked.text("display")?.as_deref() {
        None => Shown::Default,
        Some("summarized") => Shown::Summary,
        Some("omitted") => Shown::Nothing,
        Some(_) => return Err(asked.refuse("display", "must be summarized or omitted")),
    };
    let thinking = Thinking { effort, shown, ..Thinking::default() };
    match asked.needed_text("type")?.as_str() {
        "adaptive" => Ok(Some(Thinking { dynamic: true, ..thinking })),
        "disabled" | "between_tools" => Ok(Some(Thinking { budget_tokens: Some(0), ..thinking })),
        "enabled" => {
            let budget = asked.need("budget_tokens")?.unsigned()?;
            Ok(Some(Thinking { budget_tokens: Some(budget), ..thinking }))
        }
        _ => Err(asked.refuse("type", "must be enabled, disabled, adaptive or between_tools")),
    }
}

fn effort(config: &Fields<'_>) -> Result<Option<Effort>, Unreadable> {
    match config.text("effort")?.as_deref() {
        None => Ok(None),
        Some("low") => Ok(Some(Effort::Low)),
        Some("medium") => Ok(Some(Effort::Medium)),
        Some("high") => Ok(Some(Effort::High)),
        Some("xhigh" | "max") => Ok(Some(Effort::Highest)),
        Some(_) => Err(config.refuse("effort", "must be low, medium, high, xhigh or max")),
    }
}

/// `output_config.format`, or `output_format` as it was called before.
pub(super) fn format(root: &Fields<'_>, unplaced: &mut Names) -> Result<Format, Unreadable> {
    let config = root.object("output_config")?;
    if let Some(config) = &config {
        for name in config.names().filter(|name| !matches!(*name, "effort" | "format")) {
            unplaced.add(&format!("output_config.{name}"));
        }
    }
    let asked = match config.map(|config| config.object("format")).transpose()?.flatten() {
        Some(asked) => Some(asked),
        None => root.object("output_format")?,
    };
    let Some(asked) = asked else { return Ok(Format::Text) };
    if asked.needed_text("type")? != "json_schema" {
        return Err(asked.refuse("type", "must be json_schema"));
    }
    let schema = asked.need("schema")?;
    schema.object()?;
    Ok(Format::Schema {
        name: asked.text("name")?,
        description: asked.text("description")?,
        schema: schema.value.json(),
        strict: None,
    })
}

/// `service_tier`, in the words most protocols use.
pub(super) fn service_tier(root: &Fields<'_>) -> Result<Option<String>, Unreadable> {
    match root.text("service_tier")?.as_deref() {
        None => Ok(None),
        Some("auto") => Ok(Some("auto".to_owned())),
        Some("standard_only") => Ok(Some("default".to_owned())),
        Some(_) => Err(root.refuse("service_tier", "must be auto or standard_only")),
    }
}
