//! `portcullis key`: API keys. A key is made here and shown once; what is stored is its prefix and a digest under
//! the pepper, from which it cannot be had back.

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use domain::id::KeyId;
use domain::limit::Limits;
use domain::scope::KeyState;
use domain::time::Timestamp;
use domain::token::{Kind, Token};
use serde::Serialize;
use store::Store;
use store::keys::{Key, KeyFilter, KeyRefused, NewKey};

use super::context::Context;
use super::output::{Output, Row};
use super::{instant, resolve};
use crate::config::span;

/// `portcullis key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it, this once
    Create(CreateArgs),
    /// List keys
    List {
        /// Of this organization only
        #[arg(long)]
        org: Option<String>,
        /// Of this project only
        #[arg(long)]
        project: Option<String>,
    },
    /// Show one key: everything but the key itself
    Show {
        /// Its id or prefix
        key: String,
    },
    /// Refuse a key until it is enabled again
    Disable {
        /// Its id or prefix
        key: String,
    },
    /// Let a disabled key in again
    Enable {
        /// Its id or prefix
        key: String,
    },
    /// Withdraw a key for good
    Revoke {
        /// Its id or prefix
        key: String,
    },
}

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

#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    prefix: String,
    state: &'static str,
    org_id: String,
    project_id: String,
    models: Vec<String>,
    limits: Limits,
    expires_at: Option<String>,
    created_at: String,
    last_used_at: Option<String>,
}

/// The one answer that holds a key.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    #[serde(flatten)]
    listed: Listed,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] =
        &["name", "id", "prefix", "state", "project", "models", "limits", "expires", "last used"];

    fn cells(&self) -> Vec<String> {
        let Limits { requests_per_minute, burst_per_second, concurrent, .. } = self.limits;
        let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
        vec![
            self.name.clone(),
            self.id.clone(),
            self.prefix.clone(),
            self.state.to_owned(),
            self.project_id.clone(),
            if self.models.is_empty() { "all".to_owned() } else { self.models.join(",") },
            format!("{requests_per_minute}/min {burst_per_second}/s {concurrent} at once"),
            or(&self.expires_at, "never"),
            or(&self.last_used_at, "never"),
        ]
    }
}

impl From<Key> for Listed {
    fn from(row: Key) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            prefix: row.prefix.to_string(),
            state: row.state.word(),
            org_id: row.org.to_string(),
            project_id: row.project.to_string(),
            models: row.models,
            limits: row.limits,
            expires_at: row.expires_at.map(instant::written),
            created_at: instant::written(row.created_at),
            last_used_at: row.last_used_at.map(instant::written),
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there or not possible.
pub async fn run(command: KeyCommand, context: &Context) -> Result<()> {
    let (asked, state) = match command {
        KeyCommand::Create(args) => return create(args, context).await,
        KeyCommand::List { org, project } => return list(org.as_deref(), project.as_deref(), context).await,
        KeyCommand::Show { key } => (key, None),
        KeyCommand::Disable { key } => (key, Some(KeyState::Disabled)),
        KeyCommand::Enable { key } => (key, Some(KeyState::Active)),
        KeyCommand::Revoke { key } => (key, Some(KeyState::Revoked)),
    };
    let store = context.store().await?;
    let found = find(&store, &asked).await?;
    let key = match state {
        None => found,
        Some(state) => store.keys().set_state(found.id, state, context.now()).await?,
    };
    store.close().await;
    Ok(context.output.show(&Listed::from(key))?)
}

/// The key of this id or prefix.
pub(super) async fn find(store: &Store, asked: &str) -> Result<Key> {
    // A whole key may be pasted here; only its public part is looked up or repeated.
    let prefix = Token::parse(asked.as_bytes()).map(|token| token.prefix().to_string());
    let asked = prefix.as_deref().unwrap_or(asked);
    match store.keys().get(asked).await {
        Err(KeyRefused::NotFound(_)) => {
            bail!("there is no key `{asked}`. `portcullis key list` shows ids and prefixes")
        }
        found => Ok(found?),
    }
}

async fn list(org: Option<&str>, project: Option<&str>, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let org_id = match org {
        Some(_) => Some(resolve::org(&store, org).await?.id),
        None => None,
    };
    let project_id = match project {
        Some(_) => Some(resolve::project(&store, org, project).await?.id),
        None => None,
    };
    let rows: Vec<Listed> = store
        .keys()
        .list(&KeyFilter { org: org_id, project: project_id })
        .await?
        .into_iter()
        .map(Listed::from)
        .collect();
    store.close().await;
    Ok(context.output.list("keys", &rows, "There is no key yet: `portcullis key create` makes one.")?)
}

async fn create(args: CreateArgs, context: &Context) -> Result<()> {
    let now = context.now();
    let expires_at = expiry(&args, now)?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = super::context::open_store(&loaded.config).await?;
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
