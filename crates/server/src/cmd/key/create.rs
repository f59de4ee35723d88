//! `portcullis key create`: makes a key, registers its prefix and digest, shows it this once.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use domain::id::KeyId;
use domain::limit::Limits;
use domain::time::Timestamp;
use domain::token::Kind;
use serde::Serialize;
use store::keys::NewKey;

use super::Listed;
use crate::cmd::context::{Context, open_store};
use crate::cmd::output::Output;
use crate::cmd::{instant, resolve};
use crate::config::span;

/// `portcullis key create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// What it is for
    #[arg(long, default_value = "key")]
    name: String,
    /// Its project, by name or id; may be left out when there is only one
    #[arg(long)]
    project: Option<String>,
    /// The project's organization, by name or id
    #[arg(long)]
    org: Option<String>,
    /// For real traffic: `pc_live_…` (the default)
    #[arg(long, conflicts_with = "test")]
    live: bool,
    /// For trials: `pc_test_…`
    #[arg(long)]
    test: bool,
    /// When it stops working, as a length of time such as 30d
    #[arg(long, value_name = "TIME", conflicts_with = "expires_at")]
    expires_in: Option<String>,
    /// When it stops working, as 2026-12-31 or 2026-12-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    /// Models it may ask for, by the names a request uses [default: all]
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    models: Vec<String>,
    /// Requests in any 60 seconds [default: from the configuration, as the following]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rpm: Option<u32>,
    /// Requests in any second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
    /// Requests in flight
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrent: Option<u32>,
    /// Bytes of a request body
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=BODY_BYTES_AT_MOST))]
    body_bytes: Option<u32>,
}

/// The most a key may raise its body limit to: 32 MiB.
const BODY_BYTES_AT_MOST: i64 = 32 << 20;

/// The one answer that holds a key.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    #[serde(flatten)]
    listed: Listed,
}

/// Makes a key.
///
/// # Errors
/// When the project is not clear, the key could never work, or the store cannot be written.
pub(super) async fn create(args: CreateArgs, context: &Context) -> Result<()> {
    let now = context.now();
    let expires_at = expiry(&args, now)?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let project = resolve::project(&store, args.org.as_deref(), args.project.as_deref()).await?;
    let kind = if args.test { Kind::Test } else { Kind::Live };
    let token = vault::entropy::token(kind)?;
    let id = KeyId::new(context.new_id()?);
    let key = NewKey {
        id,
        org: project.org,
        project: project.id,
        prefix: token.prefix(),
        digest: roots.pepper.digest(&vault::digest::sha256_of(&token)),
        limits: limits(&args, loaded.config.limits),
        name: args.name,
        models: args.models,
        expires_at,
        created_at: now,
    };
    let listed = Listed::from(store.keys().insert(&key).await?);
    store.close().await;
    match context.output {
        Output::Json => context.output.document(&Made { key: token.reveal(), listed })?,
        Output::Text => {
            context.output.show(&listed)?;
            context.output.say("\nThis is the key. It is shown this once and kept nowhere:\n")?;
            context.output.say(token.reveal())?;
        }
    }
    Ok(())
}

fn expiry(args: &CreateArgs, now: Timestamp) -> Result<Option<Timestamp>> {
    let at = match (&args.expires_in, &args.expires_at) {
        (None, None) => return Ok(None),
        (Some(text), _) => {
            let span = span::parse(text).context("--expires-in")?;
            now.plus_seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
        }
        (None, Some(text)) => instant::read(text).context("--expires-at")?,
    };
    if at <= now {
        bail!("the key would have expired already. Give an instant in the future");
    }
    Ok(Some(at))
}

fn limits(args: &CreateArgs, defaults: Limits) -> Limits {
    Limits {
        requests_per_minute: args.rpm.unwrap_or(defaults.requests_per_minute),
        burst_per_second: args.burst.unwrap_or(defaults.burst_per_second),
        concurrent: args.concurrent.unwrap_or(defaults.concurrent),
        body_bytes: args.body_bytes.unwrap_or(defaults.body_bytes),
    }
}
