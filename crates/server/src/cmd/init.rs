//! `portcullis init`: a new installation, with a first organization and project, and never over an old one.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use control::vault_keys::prove;
use domain::audit::Act;
use domain::id::{OrgId, ProjectId};
use serde::Serialize;
use store::Store;
use store::orgs::{NewOrg, OrgRefused};
use store::projects::{NewProject, ProjectRefused};

pub use super::foundation::{lay, lay_out, take_away};

use super::context::Context;
use super::output::Output;
use crate::config::{DATABASE_NAME, named_places};
use crate::demo::greeting::shell_word;

/// `portcullis init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Name of the first organization
    #[arg(long, default_value = "default")]
    org: String,
    /// Name of its first project
    #[arg(long, default_value = "default")]
    project: String,
}

#[derive(Serialize)]
struct Made {
    data_dir: String,
    config: String,
    pepper: String,
    encryption_keys: [String; 1],
    audit_key: String,
    jwt_key: String,
    cursor_key: String,
    database: String,
    org_id: String,
    project_id: String,
}

/// Makes an installation and says what it made and what comes next.
///
/// # Errors
/// When any of its files is there already, or cannot be written.
pub async fn run(args: InitArgs, context: &Context) -> Result<()> {
    let (data_dir, config_file) = named_places(&context.flags, &context.variables);
    let data_dir = std::path::absolute(&data_dir).context("the working directory is gone")?;
    let database = data_dir.join(DATABASE_NAME);
    if database.exists() {
        bail!(
            "{} is there already. Nothing was changed; name another folder with --data-dir",
            database.display()
        );
    }
    let laid = lay(&data_dir, config_file.as_deref())?;
    let furnished = furnish(&args, context).await;
    let (org, project) = match furnished {
        Ok(ids) => ids,
        Err(error) => {
            let files = ["", "-wal", "-shm"].map(|end| data_dir.join(format!("{DATABASE_NAME}{end}")));
            take_away(&laid.keys().map(Path::to_owned))?;
            take_away(&[laid.config])?;
            take_away(&files)?;
            return Err(error);
        }
    };
    let made = Made {
        data_dir: data_dir.display().to_string(),
        config: laid.config.display().to_string(),
        pepper: laid.pepper.display().to_string(),
        encryption_keys: [laid.vault.display().to_string()],
        audit_key: laid.audit.display().to_string(),
        jwt_key: laid.jwt.display().to_string(),
        cursor_key: laid.cursor.display().to_string(),
        database: database.display().to_string(),
        org_id: org.to_string(),
        project_id: project.to_string(),
    };
    match context.output {
        Output::Json => context.output.document(&made)?,
        Output::Text => context.output.say(&words(&made, &args))?,
    }
    Ok(())
}

/// The database with its first organization and project.
async fn furnish(args: &InitArgs, context: &Context) -> Result<(OrgId, ProjectId)> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = Store::open(&loaded.config.database(), vault::digest::sha256_of_parts)
        .await
        .context("the database cannot be made")?;
    prove(&store, &roots.vault, context.now()).await?;
    let ids = first_project(&store, &args.org, &args.project, &context.act()).await;
    store.close().await;
    ids
}

fn words(made: &Made, args: &InitArgs) -> String {
    let Made {
        data_dir,
        config,
        pepper,
        encryption_keys: [vault],
        audit_key,
        jwt_key,
        cursor_key,
        database,
        ..
    } = made;
    let folder = shell_word(data_dir);
    format!(
        "A new installation is in {data_dir}\n\n  \
         {config}  configuration, every setting with its default\n  \
         {pepper}  secret mixed into the digest of every API key (mode 0600)\n  \
         {vault}  secret that seals provider keys (mode 0600)\n  \
         {audit_key}  secret that signs the audit trail (mode 0600)\n  \
         {jwt_key}  secret that signs access tokens (mode 0600)\n  \
         {cursor_key}  secret that tags what callers of the admin API bring back (mode 0600)\n  \
         {database}  organization `{}` with project `{}`\n\n\
         Keep copies of the key files apart from the database: without them no key of yours works again.\n\n\
         Next:\n  \
         1. portcullis --data-dir {folder} provider add --provider openai --secret-env OPENAI_API_KEY\n  \
         2. portcullis --data-dir {folder} key create --name first\n  \
         3. portcullis --data-dir {folder} serve",
        args.org, args.project
    )
}

/// The organization and the project of these names, made where missing.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn first_project(store: &Store, org: &str, project: &str, act: &Act) -> Result<(OrgId, ProjectId)> {
    let org = match store.orgs().get(org).await {
        Err(OrgRefused::NotFound(_)) => {
            let id = OrgId::new(vault::entropy::uuid_v7(act.at)?);
            store.orgs().create(&NewOrg { id, name: org.to_owned(), created_at: act.at }, act).await?.id
        }
        found => found?.id,
    };
    let project = match store.projects().get(Some(org), project).await {
        Err(ProjectRefused::NotFound(_)) => {
            let id = ProjectId::new(vault::entropy::uuid_v7(act.at)?);
            let new = NewProject { id, org, name: project.to_owned(), created_at: act.at };
            store.projects().create(&new, act).await?.id
        }
        found => found?.id,
    };
    Ok((org, project))
}
