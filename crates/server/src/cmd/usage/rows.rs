//! A call, and a sum of calls, as they are printed. The names of fields are stable.

use domain::price::Tokens;
use domain::usage::CallSettled;
use serde::Serialize;
use store::usage::Group;

use crate::cmd::instant;
use crate::cmd::output::Row;

#[derive(Serialize)]
pub(super) struct Call {
    call_id: String,
    request_id: String,
    org_id: String,
    project_id: String,
    key_id: String,
    surface: &'static str,
    streamed: bool,
    model_asked: String,
    provider_key_id: Option<String>,
    provider: String,
    model: String,
    outcome: &'static str,
    tokens: Tokens,
    source: &'static str,
    cost_usd: String,
    pricing: String,
    price_version: String,
    attempts: u8,
    first_byte_ms: u32,
    total_ms: u32,
    started_at: String,
}

impl Row for Call {
    const HEAD: &'static [&'static str] =
        &["started", "model", "outcome", "input", "output", "cost usd", "ms", "tries", "usage", "request"];

    fn cells(&self) -> Vec<String> {
        let tokens = &self.tokens;
        let model = if self.model.is_empty() {
            self.model_asked.clone()
        } else {
            format!("{}/{}", self.provider, self.model)
        };
        vec![
            self.started_at.clone(),
            model,
            self.outcome.to_owned(),
            tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write).to_string(),
            tokens.output.saturating_add(tokens.reasoning).to_string(),
            self.cost_usd.clone(),
            self.total_ms.to_string(),
            self.attempts.to_string(),
            self.source.to_owned(),
            self.request_id.clone(),
        ]
    }
}

impl From<CallSettled> for Call {
    fn from(call: CallSettled) -> Self {
        let opened = call.opened;
        Self {
            call_id: opened.call.to_string(),
            request_id: opened.request_id,
            org_id: opened.org.to_string(),
            project_id: opened.project.to_string(),
            key_id: opened.key.to_string(),
            surface: opened.surface.word(),
            streamed: opened.streamed,
            model_asked: opened.model_asked,
            provider_key_id: call.provider_key.map(|id| id.to_string()),
            provider: call.provider,
            model: call.model,
            outcome: call.outcome.word(),
            tokens: call.tokens,
            source: call.source.word(),
            cost_usd: call.cost.to_string(),
            pricing: call.pricing,
            price_version: call.price_version,
            attempts: call.attempts,
            first_byte_ms: call.first_byte_ms,
            total_ms: call.total_ms,
            started_at: instant::written(opened.started_at),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Summed {
    group: String,
    calls: u64,
    tokens: Tokens,
    cost_usd: String,
}

impl Row for Summed {
    const HEAD: &'static [&'static str] = &["group", "calls", "input", "output", "cost usd"];

    fn cells(&self) -> Vec<String> {
        let tokens = &self.tokens;
        vec![
            self.group.clone(),
            self.calls.to_string(),
            tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write).to_string(),
            tokens.output.saturating_add(tokens.reasoning).to_string(),
            self.cost_usd.clone(),
        ]
    }
}

impl From<Group> for Summed {
    fn from(group: Group) -> Self {
        let cost_usd = group.cost_usd();
        Self { group: group.label, calls: group.calls, tokens: group.tokens, cost_usd }
    }
}
