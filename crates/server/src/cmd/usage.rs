//! `portcullis usage`: calls, what they used and what they cost, one by one or summed.

mod rows;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use domain::usage::CallSettled;
use store::Store;
use store::usage::{Cursor, GroupBy, MAX_PAGE, UsageFilter};

use self::rows::{Call, Summed};
use super::context::Context;
use super::{instant, key, resolve};

/// How many calls are listed when nothing else is said.
const LISTED: u32 = 50;

/// `portcullis usage`
#[derive(Debug, Args)]
pub struct UsageArgs {
    #[command(flatten)]
    filter: Filter,
    /// How many to list at most [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    #[command(subcommand)]
    command: Option<UsageCommand>,
}

#[derive(Debug, Subcommand)]
enum UsageCommand {
    /// List calls, newest first (the default)
    List {
        /// How many to list at most [default: 50]
        #[arg(long, value_name = "N")]
        limit: Option<u32>,
    },
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
    /// Of this model, as the provider knows it, or as it was asked for while the trace is kept
    #[arg(long, global = true)]
    model: Option<String>,
    /// With this request id, as `x-request-id` said; known while the trace is kept
    #[arg(long, global = true)]
    request_id: Option<String>,
    /// Begun at this instant or later: 2026-01-31, 2026-01-31T12:00:00Z, or a length of time such as 24h
    #[arg(long, global = true, value_name = "INSTANT")]
    since: Option<String>,
    /// Begun before this instant
    #[arg(long, global = true, value_name = "INSTANT")]
    until: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Day,
    Model,
    Key,
    Project,
    Outcome,
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or a filter names something that is not there.
pub async fn run(args: UsageArgs, context: &Context) -> Result<()> {
    let limit = match &args.command {
        None => args.limit,
        Some(UsageCommand::List { limit }) => limit.or(args.limit),
        Some(UsageCommand::Summary { .. }) if args.limit.is_some() => {
            bail!("a summary counts every call that fits: --limit is for lists. Leave it out")
        }
        Some(UsageCommand::Summary { .. }) => None,
    };
    let store = context.store().await?;
    let filter = filter(&store, &args.filter, context).await?;
    let empty = "No call is recorded that fits.";
    match args.command {
        None | Some(UsageCommand::List { .. }) => {
            let calls = pages(&store, &filter, limit.unwrap_or(LISTED)).await?;
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
