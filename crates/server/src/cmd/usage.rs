//! `portcullis usage`: calls, what they used and what they cost, one by one or summed.

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use domain::price::Tokens;
use domain::usage::CallSettled;
use serde::Serialize;
use store::Store;
use store::usage::{Cursor, Group, GroupBy, MAX_PAGE, UsageFilter};

use super::context::Context;
use super::output::Row;
use super::{instant, key, resolve};

/// `portcullis usage`
#[derive(Debug, Args)]
pub struct UsageArgs {
    #[command(flatten)]
    filter: Filter,
    #[command(subcommand)]
    command: Option<UsageCommand>,
}

#[derive(Debug, Subcommand)]
enum UsageCommand {
    /// List calls, newest first (the default)
    List,
    /// Count and sum calls
    Summary {
        /// What to sum by
        #[arg(long, value_enum, default_value_t = By::Day)]
        by: By,
    },
}

/// Which calls.
#[derive(Debug, Args)]
struct Filter {
    /// Of this organization, by name or id
    #[arg(long, global = true)]
    org: Option<String>,
    /// Of this project, by name or id
    #[arg(long, global = true)]
    project: Option<String>,
    /// Of this key, by id or prefix
    #[arg(long, global = true)]
    key: Option<String>,
    /// Of this model
    #[arg(long, global = true)]
    model: Option<String>,
    /// With this request id, as `x-request-id` said
    #[arg(long, global = true)]
    request_id: Option<String>,
    /// Begun at this instant or later: 2026-01-31, 2026-01-31T12:00:00Z, or a length of time such as 24h
    #[arg(long, global = true, value_name = "INSTANT")]
    since: Option<String>,
    /// Begun before this instant
    #[arg(long, global = true, value_name = "INSTANT")]
    until: Option<String>,
    /// How many to list at most
    #[arg(long, global = true, value_name = "N", default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Model,
    Key,
    Project,
    Outcome,
}

#[derive(Serialize)]
struct Call {
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
struct Summed {
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

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or a filter names something that is not there.
pub async fn run(args: UsageArgs, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let filter = filter(&store, &args.filter, context).await?;
    let empty = "No call is recorded that fits.";
    match args.command {
        None | Some(UsageCommand::List) => {
            let calls = pages(&store, &filter, args.filter.limit).await?;
            store.close().await;
            let rows: Vec<Call> = calls.into_iter().map(Call::from).collect();
            Ok(context.output.list("usage", &rows, empty)?)
        }
        Some(UsageCommand::Summary { by }) => {
            let by = match by {
                By::Day => GroupBy::Day,
                By::Model => GroupBy::Model,
                By::Key => GroupBy::Key,
                By::Project => GroupBy::Project,
                By::Outcome => GroupBy::Outcome,
            };
            let groups = store.usage().summary(by, &filter).await?;
            store.close().await;
            let rows: Vec<Summed> = groups.into_iter().map(Summed::from).collect();
            Ok(context.output.list("summary", &rows, empty)?)
        }
    }
}

async fn filter(store: &Store, asked: &Filter, context: &Context) -> Result<UsageFilter> {
    let org = match &asked.org {
        Some(org) => Some(resolve::org(store, Some(org)).await?.id),
        None => None,
    };
    let project = match &asked.project {
        Some(project) => Some(resolve::project(store, asked.org.as_deref(), Some(project)).await?.id),
        None => None,
    };
    let key = match &asked.key {
        Some(key) => Some(key::find(store, key).await?.id),
        None => None,
    };
    let now = context.now();
    let instant =
        |text: &Option<String>| text.as_deref().map(|text| instant::read_past(text, now)).transpose();
    let (since, until) = (instant(&asked.since)?, instant(&asked.until)?);
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        bail!("--until is not after --since, so that no call can fit. Exchange them");
    }
    Ok(UsageFilter {
        org,
        project,
        key,
        model: asked.model.clone(),
        request_id: asked.request_id.clone(),
        since,
        until,
    })
}

/// The first `limit` calls, page by page.
async fn pages(store: &Store, filter: &UsageFilter, limit: u32) -> Result<Vec<CallSettled>> {
    let mut calls: Vec<CallSettled> = Vec::new();
    loop {
        let had = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let wanted = limit.saturating_sub(had).min(MAX_PAGE);
        if wanted == 0 {
            return Ok(calls);
        }
        let page = store.usage().list(filter, wanted, calls.last().map(Cursor::after)).await?;
        let last = u32::try_from(page.len()).unwrap_or(u32::MAX) < wanted;
        calls.extend(page);
        if last {
            return Ok(calls);
        }
    }
}
