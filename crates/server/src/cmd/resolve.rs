//! From what a person types (a name, an id, or nothing when there is only one choice) to the organization or project
//! that is meant.

use anyhow::{Result, bail};
use store::Store;
use store::orgs::{Org, OrgRefused};
use store::projects::{Project, ProjectRefused};

/// The organization of this name or id; without either, the only one there is.
///
/// # Errors
/// When there is none, or several to choose from.
pub async fn org(store: &Store, asked: Option<&str>) -> Result<Org> {
    if let Some(asked) = asked {
        return match store.orgs().get(asked).await {
            Err(OrgRefused::NotFound(_)) => {
                bail!("there is no organization `{asked}`. `portcullis org list` shows them")
            }
            found => Ok(found?),
        };
    }
    let mut orgs = store.orgs().list().await?;
    match (orgs.pop(), orgs.as_slice()) {
        (None, _) => bail!("there is no organization yet. Make one with `portcullis org create NAME`"),
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let names: Vec<&str> = others.iter().chain([&last]).map(|org| org.name.as_str()).collect();
            bail!("there are several organizations: name one with --org ({})", names.join(", "))
        }
    }
}

/// Refuses a name that an organization has: at the command line they are told apart by name. Whoever may use it sees them
/// all, so it tells nobody anything; organizations themselves are never told.
///
/// # Errors
/// When one has it.
pub async fn is_free(store: &Store, name: &str) -> Result<()> {
    match store.orgs().get(name).await {
        Err(OrgRefused::NotFound(_)) => Ok(()),
        Ok(_) | Err(OrgRefused::Ambiguous(_)) => bail!("there is already an organization named `{name}`"),
        Err(failed) => Err(failed.into()),
    }
}

/// The project of this name or id, in the organization if one is named; without either, the only one there is.
///
/// # Errors
/// When there is none, or several to choose from.
pub async fn project(store: &Store, org_asked: Option<&str>, asked: Option<&str>) -> Result<Project> {
    let org_id = match org_asked {
        Some(_) => Some(org(store, org_asked).await?.id),
        None => None,
    };
    if let Some(asked) = asked {
        return match store.projects().get(org_id, asked).await {
            Err(ProjectRefused::NotFound(_)) => {
                bail!("there is no project `{asked}`. `portcullis project list` shows them")
            }
            found => Ok(found?),
        };
    }
    let mut projects = store.projects().list(org_id).await?;
    match (projects.pop(), projects.as_slice()) {
        (None, _) => bail!("there is no project yet. Make one with `portcullis project create NAME`"),
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let names: Vec<&str> =
                others.iter().chain([&last]).map(|project| project.name.as_str()).collect();
            bail!("there are several projects: name one with --project ({})", names.join(", "))
        }
    }
}
