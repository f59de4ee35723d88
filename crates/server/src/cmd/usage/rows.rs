//! A call, and a sum of calls, as they are printed. The names of fields are stable.

use domain::price::{Tokens, Units};
use domain::usage::{CallSettled, RouteMode};
use serde::Serialize;
use store::usage::Group;

use crate::cmd::instant;
use crate::cmd::output::Row;

#[derive(Serialize)]
pub(super) struct Call {
    call_id: String,
    org_id: String,
    project_id: String,
    key_id: String,
    surface: &'static str,
    provider_key_id: Option<String>,
    route_mode: Option<&'static str>,
    provider: String,
    model: String,
    outcome: &'static str,
    tokens: Tokens,
    units: Units,
    source: &'static str,
    cost_usd: String,
    pricing: String,
    price_version: String,
    started_at: String,
    /// The rest is null where no trace is kept, or not any more.
    request_id: Option<String>,
    model_asked: Option<String>,
    streamed: Option<bool>,
    attempts: Option<u8>,
    first_byte_ms: Option<u32>,
    total_ms: Option<u32>,
}

impl Row for Call {
    const HEAD: &'static [&'static str] =
        &["started", "model", "outcome", "input", "output", "cost usd", "ms", "tries", "usage", "request"];

    fn cells(&self) -> Vec<String> {
        let tokens = &self.tokens;
        let model = if self.model.is_empty() {
            self.model_asked.clone().unwrap_or_else(|| "-".to_owned())
        } else {
            format!("{}/{}", self.provider, self.model)
        };
        vec![
            self.started_at.clone(),
            model,
            self.outcome.to_owned(),
            tokens.prompt().to_string(),
            tokens.output.saturating_add(tokens.reasoning).to_string(),
            self.cost_usd.clone(),
            self.total_ms.map_or_else(|| "-".to_owned(), |total| total.to_string()),
            self.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string()),
            self.source.to_owned(),
            self.request_id.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl From<CallSettled> for Call {
    fn from(call: CallSettled) -> Self {
        let opened = call.opened;
        let pace = opened.trace.as_ref().map(|trace| trace.pace);
        Self {
            call_id: opened.call.to_string(),
            org_id: opened.org.to_string(),
            project_id: opened.project.to_string(),
            key_id: opened.key.to_string(),
            surface: opened.surface.word(),
            provider_key_id: call.provider_key.map(|id| id.to_string()),
            route_mode: call.route_mode.map(RouteMode::word),
            provider: call.provider,
            model: call.model,
            outcome: call.outcome.word(),
            tokens: call.tokens,
            units: call.units,
            source: call.source.word(),
            cost_usd: call.cost.to_string(),
            pricing: call.pricing,
            price_version: call.price_version,
            started_at: instant::written(opened.started_at),
            attempts: pace.map(|pace| pace.attempts),
            first_byte_ms: pace.map(|pace| pace.first_byte_ms),
            total_ms: pace.map(|pace| pace.total_ms),
            streamed: opened.trace.as_ref().map(|trace| trace.streamed),
            model_asked: opened.trace.as_ref().map(|trace| trace.model_asked.clone()),
            request_id: opened.trace.map(|trace| trace.request_id),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Summed {
    group: String,
    calls: u64,
    tokens: Tokens,
    units: Units,
    cost_usd: String,
}

impl Row for Summed {
    const HEAD: &'static [&'static str] = &["group", "calls", "input", "output", "cost usd"];

    fn cells(&self) -> Vec<String> {
        let tokens = &self.tokens;
        vec![
            self.group.clone(),
            self.calls.to_string(),
            tokens.prompt().to_string(),
            tokens.output.saturating_add(tokens.reasoning).to_string(),
            self.cost_usd.clone(),
        ]
    }
}

impl From<Group> for Summed {
    fn from(group: Group) -> Self {
        let cost_usd = group.cost_usd();
        Self { group: group.label, calls: group.calls, tokens: group.tokens, units: group.units, cost_usd }
    }
}
