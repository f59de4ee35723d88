//! `portcullis project`: the projects of an organization, to which keys belong.

use anyhow::Result;
use clap::{Args, Subcommand};
use domain::id::ProjectId;
use domain::limit::ProjectLimits;
use serde::Serialize;
use store::Store;
use store::projects::{NewProject, Project};
use store::switch::Switch;

use super::context::Context;
use super::output::Row;
use super::own_limit::{OwnLimit, limit};
use super::{instant, resolve};

/// `portcullis project …`
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project
    Create {
        /// Its name
        name: String,
        /// Its organization, by name or id; may be left out when there is only one
        #[arg(long)]
        org: Option<String>,
    },
    /// List projects
    List {
        /// Of this organization only
        #[arg(long)]
        org: Option<String>,
    },
    /// Show one project
    Show(Named),
    /// Limit a project over all of its keys; what is not named stays as it is
    Limit(LimitArgs),
    /// Refuse every key of a project until it is enabled again
    Disable(Named),
    /// Let a disabled project in again
    Enable(Named),
}

/// One project.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name or id
    project: String,
    /// Its organization, by name or id; needed when several have a project of this name
    #[arg(long)]
    org: Option<String>,
}

/// `portcullis project limit`
#[derive(Debug, Args)]
pub struct LimitArgs {
    #[command(flatten)]
    named: Named,
    /// Requests in any 60 seconds, or `off`
    #[arg(long, value_name = "N", value_parser = limit)]
    rpm: Option<OwnLimit>,
    /// Tokens in any 60 seconds, counted when a call ends, or `off`
    #[arg(long, value_name = "N", value_parser = limit)]
    tpm: Option<OwnLimit>,
}

#[derive(Serialize)]
struct ProjectRow {
    id: String,
    org_id: String,
    name: String,
    state: &'static str,
    limits: ProjectLimits,
    created_at: String,
}

impl Row for ProjectRow {
    const HEAD: &'static [&'static str] =
        &["name", "id", "org", "state", "requests/min", "tokens/min", "created"];

    fn cells(&self) -> Vec<String> {
        let Self { id, org_id, name, state, limits, created_at } = self;
        let or_off = |limit: Option<u32>| limit.map_or_else(|| "off".to_owned(), |limit| limit.to_string());
        vec![
            name.clone(),
            id.clone(),
            org_id.clone(),
            (*state).to_owned(),
            or_off(limits.requests_per_minute),
            or_off(limits.tokens_per_minute),
            created_at.clone(),
        ]
    }
}

impl From<Project> for ProjectRow {
    fn from(project: Project) -> Self {
        Self {
            id: project.id.to_string(),
            org_id: project.org.to_string(),
            state: project.state.word(),
            limits: project.limits,
            created_at: instant::written(project.created_at),
            name: project.name,
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there.
pub async fn run(command: ProjectCommand, context: &Context) -> Result<()> {
    let store = context.store().await?;
    let project = match command {
        ProjectCommand::List { org } => {
            let org = match org {
                Some(asked) => Some(resolve::org(&store, Some(&asked)).await?.id),
                None => None,
            };
            let rows: Vec<ProjectRow> =
                store.projects().list(org).await?.into_iter().map(ProjectRow::from).collect();
            store.close().await;
            let empty = "There is no project yet: `portcullis project create NAME` makes one.";
            return Ok(context.output.list("projects", &rows, empty)?);
        }
        ProjectCommand::Create { name, org } => {
            let org = resolve::org(&store, org.as_deref()).await?.id;
            let id = ProjectId::new(context.new_id()?);
            let new = NewProject { id, org, name, created_at: context.now() };
            store.projects().create(&new, &context.act()).await?
        }
        ProjectCommand::Show(named) => find(&store, &named).await?,
        ProjectCommand::Limit(args) => set_limits(&store, args, context).await?,
        ProjectCommand::Disable(named) => set(&store, &named, Switch::Disabled, context).await?,
        ProjectCommand::Enable(named) => set(&store, &named, Switch::Active, context).await?,
    };
    store.close().await;
    Ok(context.output.show(&ProjectRow::from(project))?)
}

async fn find(store: &Store, named: &Named) -> Result<Project> {
    resolve::project(store, named.org.as_deref(), Some(&named.project)).await
}

async fn set(store: &Store, named: &Named, state: Switch, context: &Context) -> Result<Project> {
    let project = find(store, named).await?;
    Ok(store.projects().set_state(project.id, state, &context.act()).await?)
}

async fn set_limits(store: &Store, args: LimitArgs, context: &Context) -> Result<Project> {
    let project = find(store, &args.named).await?;
    let limits = ProjectLimits {
        requests_per_minute: args.rpm.map_or(project.limits.requests_per_minute, |own| own.0),
        tokens_per_minute: args.tpm.map_or(project.limits.tokens_per_minute, |own| own.0),
    };
    Ok(store.projects().set_limits(project.id, limits, &context.act()).await?)
}
