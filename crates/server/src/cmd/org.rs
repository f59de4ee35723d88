//! `portcullis org`: the tenants.

use anyhow::Result;
use clap::Subcommand;
use domain::id::OrgId;
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
    /// Let a suspended organization in again
    Activate {
        /// Its name or id
        org: String,
    },
}

#[derive(Serialize)]
struct OrgRow {
    id: String,
    name: String,
    state: &'static str,
    created_at: String,
}

impl Row for OrgRow {
    const HEAD: &'static [&'static str] = &["name", "id", "state", "created"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), self.id.clone(), self.state.to_owned(), self.created_at.clone()]
    }
}

impl From<Org> for OrgRow {
    fn from(org: Org) -> Self {
        Self {
            id: org.id.to_string(),
            state: org.state.word(),
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
            store.orgs().create(&new).await?
        }
        OrgCommand::Show { org } => resolve::org(&store, Some(&org)).await?,
        OrgCommand::Suspend { org } => set(&store, &org, OrgState::Suspended, context).await?,
        OrgCommand::Activate { org } => set(&store, &org, OrgState::Active, context).await?,
    };
    store.close().await;
    Ok(context.output.show(&OrgRow::from(org))?)
}

async fn set(store: &Store, asked: &str, state: OrgState, context: &Context) -> Result<Org> {
    let org = resolve::org(store, Some(asked)).await?;
    Ok(store.orgs().set_state(org.id, state, context.now()).await?)
}
