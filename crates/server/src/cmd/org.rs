//! `portcullis org`: the tenants.

mod inline_keys;
mod invite;
mod key_provider;

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::id::OrgId;
use domain::limit::OrgLimits;
use domain::origin::{Origin, Origins};
use domain::scope::InlineKeys;
use serde::Serialize;
use store::Store;
use store::orgs::{NewOrg, Org, OrgState};
use vault::remote::RemoteKey;

use super::addresses::{AddressesArgs, shown};
use super::context::Context;
use super::output::Row;
use super::own_limit::{OwnLimit, limit};
use super::{instant, resolve};

/// `portcullis org …`
#[derive(Debug, Subcommand)]
pub enum OrgCommand {
    /// Make an organization
    Create {
        /// Its name
        name: String,
    },
    /// List organizations
    List,
    /// Show one organization
    Show {
        /// Its name or id
        org: String,
    },
    /// Invite a person, above all the first owner
    Invite(invite::InviteArgs),
    /// Refuse every key of an organization until it is activated again
    Suspend {
        /// Its name or id
        org: String,
    },
    /// Limit an organization over all of its keys; what is not named stays as it is
    Limit(LimitArgs),
    /// Say which web pages may call the organization from browsers; without --allow none may
    Origins {
        /// Its name or id
        org: String,
        /// Pages as https://host or https://host:port, in place of those listed so far
        #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
        allow: Vec<Origin>,
    },
    /// Say whether calls may bring a provider key of their own in x-portcullis-provider-key
    InlineKeys {
        /// Its name or id
        org: String,
        /// `allowed` or `refused`
        #[arg(value_parser = inline_keys::word)]
        inline_keys: InlineKeys,
    },
    /// Say from which addresses the keys of an organization may be used at all
    AllowIp(AllowIpArgs),
    /// Show or choose the key that wraps the organization's provider keys
    KeyProvider {
        /// Its name or id
        org: String,
        /// A key of the configured key provider, as transit:NAME
        #[arg(long, value_name = "KEY", conflicts_with = "default")]
        key: Option<RemoteKey>,
        /// What the configuration says
        #[arg(long)]
        default: bool,
    },
    /// Let a suspended organization in again
    Activate {
        /// Its name or id
        org: String,
    },
}

/// `portcullis org limit`
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Its name or id
    org: String,
    /// Requests in any 60 seconds, or `default` for what the configuration says
    #[arg(long, value_name = "N", value_parser = limit)]
    rpm: Option<OwnLimit>,
    /// Tokens in any 60 seconds, counted when a call ends, or `off`
    #[arg(long, value_name = "N", value_parser = limit)]
    tpm: Option<OwnLimit>,
    /// Requests of one person in any 60 seconds, over all keys this person made, or `default`
    #[arg(long, value_name = "N", value_parser = limit)]
    user_rpm: Option<OwnLimit>,
}

/// `portcullis org allow-ip`
#[derive(Debug, Args)]
pub struct AllowIpArgs {
    /// Its name or id
    org: String,
    #[command(flatten)]
    addresses: AddressesArgs,
}

#[derive(Serialize)]
struct OrgRow {
    id: String,
    name: String,
    state: &'static str,
    limits: OrgLimits,
    allowed_origins: Origins,
    allowed_ips: Option<Vec<String>>,
    inline_keys: &'static str,
    created_at: String,
}

impl Row for OrgRow {
    const HEAD: &'static [&'static str] = &[
        "name",
        "id",
        "state",
        "requests/min",
        "tokens/min",
        "requests/min of a person",
        "pages",
        "from",
        "inline keys",
        "created",
    ];

    fn cells(&self) -> Vec<String> {
        let or =
            |limit: Option<u32>, none: &str| limit.map_or_else(|| none.to_owned(), |limit| limit.to_string());
        vec![
            self.name.clone(),
            self.id.clone(),
            self.state.to_owned(),
            or(self.limits.requests_per_minute, "default"),
            or(self.limits.tokens_per_minute, "off"),
            or(self.limits.user_requests_per_minute, "default"),
            match self.allowed_origins.iter().map(Origin::as_str).collect::<Vec<_>>().join(" ") {
                none if none.is_empty() => "none".to_owned(),
                pages => pages,
            },
            shown(self.allowed_ips.as_deref()),
            self.inline_keys.to_owned(),
            self.created_at.clone(),
        ]
    }
}

impl From<Org> for OrgRow {
    fn from(org: Org) -> Self {
        Self {
            id: org.id.to_string(),
            state: org.state.word(),
            limits: org.limits,
            allowed_origins: org.allowed_origins,
            allowed_ips: org.allowed_ips.map(|blocks| blocks.iter().map(ToString::to_string).collect()),
            inline_keys: inline_keys::shown(org.inline_keys),
            created_at: instant::written(org.created_at),
            name: org.name,
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there.
pub async fn run(command: OrgCommand, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let org = match command {
        OrgCommand::List => {
            let rows: Vec<OrgRow> = store.orgs().list().await?.into_iter().map(OrgRow::from).collect();
            store.close().await;
            let empty = "There is no organization yet: `portcullis org create NAME` makes one.";
            return Ok(context.output.list("orgs", &rows, empty)?);
        }
        OrgCommand::Create { name } => {
            resolve::is_free(&store, &name).await?;
            let new = NewOrg { id: OrgId::new(context.new_id()?), name, created_at: context.now() };
            store.orgs().create(&new, &context.act()).await?
        }
        OrgCommand::Show { org } => resolve::org(&store, Some(&org)).await?,
        OrgCommand::Invite(args) => return invite::run(store, args, context).await,
        OrgCommand::Limit(args) => set_limits(&store, args, context).await?,
        OrgCommand::AllowIp(args) => {
            let (asked, allowed) = (resolve::org(&store, Some(&args.org)).await?, args.addresses.list()?);
            store.orgs().set_allowed_ips(asked.id, allowed.as_deref(), &context.act()).await?
        }
        OrgCommand::Suspend { org } => set(&store, &org, OrgState::Suspended, context).await?,
        OrgCommand::Origins { org, allow } => {
            let org = resolve::org(&store, Some(&org)).await?;
            store.orgs().set_allowed_origins(org.id, &allow.into(), &context.act()).await?
        }
        OrgCommand::InlineKeys { org, inline_keys } => {
            inline_keys::set(&store, &org, inline_keys, context).await?
        }
        OrgCommand::KeyProvider { org, key, default } => {
            let choice = key_provider::choice(key, default);
            return key_provider::run(&store, &org, choice, context).await;
        }
        OrgCommand::Activate { org } => set(&store, &org, OrgState::Active, context).await?,
    };
    store.close().await;
    Ok(context.output.show(&OrgRow::from(org))?)
}

async fn set(store: &Store, asked: &str, state: OrgState, context: &Context) -> Result<Org> {
    let org = resolve::org(store, Some(asked)).await?;
    Ok(store.orgs().set_state(org.id, state, &context.act()).await?)
}

async fn set_limits(store: &Store, args: LimitArgs, context: &Context) -> Result<Org> {
    let org = resolve::org(store, Some(&args.org)).await?;
    let limits = OrgLimits {
        requests_per_minute: args.rpm.map_or(org.limits.requests_per_minute, |own| own.0),
        tokens_per_minute: args.tpm.map_or(org.limits.tokens_per_minute, |own| own.0),
        user_requests_per_minute: args.user_rpm.map_or(org.limits.user_requests_per_minute, |own| own.0),
    };
    Ok(store.orgs().set_limits(org.id, limits, &context.act()).await?)
}
