//! `portcullis key`: API keys. A key is made here and shown once; what is stored is its prefix and a digest under
//! the pepper, from which it cannot be had back.

mod create;
mod import;
mod register;
mod rotate;
mod settings;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use domain::foreign::Foreign;
use domain::limit::Limits;
use domain::scope::{Access, KeyState};
use domain::time::Timestamp;
use domain::token::{Prefix, Token};
use serde::Serialize;
use store::Store;
use store::keys::{Key, KeyFilter, KeyRefused};
use vault::digest::sha256;

use super::addresses::{AddressesArgs, shown};
use super::context::Context;
use super::output::Row;
use super::{instant, resolve};

/// Age at which a key is to be replaced: 90 days.
const ROTATION_DUE_MS: u64 = 90 * 24 * 3_600 * 1_000;

/// `portcullis key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show it, this once
    Create(create::CreateArgs),
    /// Make a key for another machine's installation: prints what to register of it there
    Make(register::MakeArgs),
    /// Register a key that was made elsewhere, by its prefix and SHA-256
    Register(register::RegisterArgs),
    /// Take over the keys of another gateway, which go on as they are
    Import(import::ImportArgs),
    /// Make the successor of a key, with the same settings, and show it this once
    Rotate(rotate::RotateArgs),
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
    /// Say from which addresses a key may be used
    AllowIp(AllowIpArgs),
    /// Withdraw a key for good
    Revoke {
        /// Its id or prefix
        key: String,
    },
}

/// `portcullis key allow-ip`
#[derive(Debug, Args)]
pub struct AllowIpArgs {
    /// Its id or prefix
    key: String,
    #[command(flatten)]
    addresses: AddressesArgs,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    name: String,
    prefix: String,
    state: &'static str,
    org_id: String,
    project_id: String,
    models: Vec<String>,
    scopes: Vec<&'static str>,
    allowed_ips: Option<Vec<String>>,
    limits: Limits,
    expires_at: Option<String>,
    created_at: String,
    last_used_at: Option<String>,
    rotation_due: bool,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] = &[
        "name",
        "id",
        "prefix",
        "state",
        "project",
        "models",
        "scopes",
        "from",
        "limits",
        "expires",
        "last used",
    ];

    fn cells(&self) -> Vec<String> {
        let Limits { requests_per_minute, burst_per_second, concurrent, tokens_per_minute, .. } = self.limits;
        let tokens = tokens_per_minute.map(|tokens| format!(" {tokens} tokens/min")).unwrap_or_default();
        let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
        vec![
            self.name.clone(),
            self.id.clone(),
            self.prefix.clone(),
            if self.rotation_due { format!("{}, rotation due", self.state) } else { self.state.to_owned() },
            self.project_id.clone(),
            if self.models.is_empty() { "all".to_owned() } else { self.models.join(",") },
            if self.scopes.is_empty() { "all".to_owned() } else { self.scopes.join(",") },
            shown(self.allowed_ips.as_deref()),
            format!("{requests_per_minute}/min {burst_per_second}/s {concurrent} at once{tokens}"),
            or(&self.expires_at, "never"),
            or(&self.last_used_at, "never"),
        ]
    }
}

impl Listed {
    /// The key as it is seen at `now`.
    fn at(row: Key, now: Timestamp) -> Self {
        let age = now.millis_since(row.created_at);
        Self {
            rotation_due: row.state == KeyState::Active && age >= ROTATION_DUE_MS,
            id: row.id.to_string(),
            name: row.name,
            prefix: row.prefix.to_string(),
            state: row.state.word(),
            org_id: row.org.to_string(),
            project_id: row.project.to_string(),
            models: row.models,
            scopes: row.scopes.into_iter().map(Access::word).collect(),
            allowed_ips: row.allowed_ips.map(|blocks| blocks.iter().map(ToString::to_string).collect()),
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
        KeyCommand::Create(args) => return create::create(args, context).await,
        KeyCommand::Make(args) => return register::make(&args, context),
        KeyCommand::Register(args) => return register::register(args, context).await,
        KeyCommand::Import(args) => return import::import(args, context).await,
        KeyCommand::Rotate(args) => return rotate::rotate(args, context).await,
        KeyCommand::List { org, project } => return list(org.as_deref(), project.as_deref(), context).await,
        KeyCommand::AllowIp(args) => return allow_ip(&args, context).await,
        KeyCommand::Show { key } => (key, None),
        KeyCommand::Disable { key } => (key, Some(KeyState::Disabled)),
        KeyCommand::Enable { key } => (key, Some(KeyState::Active)),
        KeyCommand::Revoke { key } => (key, Some(KeyState::Revoked)),
    };
    let store = context.store().await?;
    let found = find(&store, &asked).await?;
    let key = match state {
        None => found,
        Some(state) => store.keys().set_state(found.id, state, &context.act()).await?,
    };
    store.close().await;
    Ok(context.output.show(&Listed::at(key, context.now()))?)
}

/// The key of this id or prefix.
pub(super) async fn find(store: &Store, asked: &str) -> Result<Key> {
    // A whole key may be pasted here; only its public part is looked up or repeated.
    let own = Token::parse(asked.as_bytes()).map(|token| token.prefix());
    let foreign = || Foreign::parse(asked.as_bytes()).map(|foreign| sha256(foreign.reveal().as_bytes()));
    let prefix = own.or_else(|| Some(Prefix::of_sha256(&foreign()?))).map(|prefix| prefix.to_string());
    let asked = prefix.as_deref().unwrap_or(asked);
    match store.keys().get(asked).await {
        Err(KeyRefused::NotFound(_)) => {
            bail!("there is no key `{asked}`. `portcullis key list` shows ids and prefixes")
        }
        found => Ok(found?),
    }
}

async fn allow_ip(args: &AllowIpArgs, context: &Context) -> Result<()> {
    let allowed = args.addresses.list()?;
    let store = context.store().await?;
    let found = find(&store, &args.key).await?;
    let key = store.keys().set_allowed_ips(found.id, allowed.as_deref(), &context.act()).await?;
    store.close().await;
    Ok(context.output.show(&Listed::at(key, context.now()))?)
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
        .list(&KeyFilter { org: org_id, project: project_id, ..KeyFilter::default() })
        .await?
        .into_iter()
        .map(|key| Listed::at(key, context.now()))
        .collect();
    store.close().await;
    Ok(context.output.list("keys", &rows, "There is no key yet: `portcullis key create` makes one.")?)
}
