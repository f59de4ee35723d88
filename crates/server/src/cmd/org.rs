//! `portcullis org`: the tenants.

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::id::OrgId;
use domain::limit::OrgLimits;
use serde::Serialize;
use store::Store;
use store::orgs::{NewOrg, Org, OrgState};

use super::context::Context;
use super::output::Row;
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
    /// Refuse every key of an organization until it is activated again
    Suspend {
        /// Its name or id
        org: String,
    },
    /// Limit an organization over all of its keys; what is not named stays as it is
    Limit(LimitArgs),
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
    rpm: Option<Own>,
    /// Tokens in any 60 seconds, counted when a call ends, or `off`
    #[arg(long, value_name = "N", value_parser = limit)]
    tpm: Option<Own>,
}

/// A limit of its own, or none.
#[derive(Debug, Clone, Copy)]
struct Own(Option<u32>);

fn limit(text: &str) -> Result<Own, String> {
    match text {
        "default" | "off" => Ok(Own(None)),
        number => match number.parse() {
            Ok(number) if number > 0 => Ok(Own(Some(number))),
            _ => Err("not a whole number above zero".to_owned()),
        },
    }
}

#[derive(Serialize)]
struct OrgRow {
    id: String,
    name: String,
    state: &'static str,
    limits: OrgLimits,
    created_at: String,
}

impl Row for OrgRow {
    const HEAD: &'static [&'static str] = &["name", "id", "state", "requests/min", "tokens/min", "created"];

    fn cells(&self) -> Vec<String> {
        let or =
            |limit: Option<u32>, none: &str| limit.map_or_else(|| none.to_owned(), |limit| limit.to_string());
        vec![
            self.name.clone(),
            self.id.clone(),
            self.state.to_owned(),
            or(self.limits.requests_per_minute, "default"),
            or(self.limits.tokens_per_minute, "off"),
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
            let new = NewOrg { id: OrgId::new(context.new_id()?), name, created_at: context.now() };
            store.orgs().create(&new, &context.act()).await?
        }
        OrgCommand::Show { org } => resolve::org(&store, Some(&org)).await?,
        OrgCommand::Limit(args) => set_limits(&store, args, context).await?,
        OrgCommand::Suspend { org } => set(&store, &org, OrgState::Suspended, context).await?,
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
    };
    Ok(store.orgs().set_limits(org.id, limits, &context.act()).await?)
}
