//! Projects of the organization: what it groups its keys by.

use axum::extract::State;
use domain::id::ProjectId;
use serde::{Deserialize, Serialize};
use store::projects::{NewProject, Project, ProjectRefused};
use store::switch::Switch;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{ANY_ROLE, Routes, Rule, WRITE};
use crate::api::caller::Member;
use crate::api::json::name::Name;
use crate::api::json::{Id, Instant, Json, Made, given};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Org(ANY_ROLE), routes!(list_projects))
        .add(Rule::Org(WRITE), routes!(create_project))
        .add(Rule::Org(ANY_ROLE), routes!(get_project))
        .add(Rule::Org(WRITE), routes!(change_project))
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
struct ProjectShown {
    #[schema(pattern = "^proj_[0-9a-f]{32}$")]
    id: String,
    /// Unlike any other's of the organization.
    name: String,
    /// None of the keys of a disabled project works.
    state: ProjectState,
    created_at: Instant,
}

/// Whether a project is in use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProjectState {
    Active,
    Disabled,
}

/// A project to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProject)]
struct ProjectAsked {
    name: Name,
}

/// What is to change of a project; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    state: Option<ProjectState>,
}

/// The projects of the organization
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<ProjectShown>)))]
async fn list_projects(member: Member, pages: Pages) -> Result<Json<Listed<ProjectShown>>, Problem> {
    let page = member.books().projects().page(pages.page()).await?;
    Ok(pages.listed(page, ProjectShown::from))
}

/// Make a project
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", request_body = ProjectAsked,
    responses((status = 201, description = "It is made", body = ProjectShown)))]
async fn create_project(
    member: Member,
    State(api): State<Api>,
    Json(asked): Json<ProjectAsked>,
) -> Result<Made<ProjectShown>, Problem> {
    let act = member.act();
    let id = ProjectId::new(api.fresh()?);
    let new = NewProject { id, org: member.org(), name: asked.name.0, created_at: act.at };
    Ok(Made(member.books().projects().create(&new, &act).await?.into()))
}

/// A project
#[utoipa::path(get, path = "/api/v1/projects/{id}", tag = "projects",
    params(("id" = String, Path, pattern = "^proj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project", body = ProjectShown)))]
async fn get_project(member: Member, Id(id): Id<ProjectId>) -> Result<Json<ProjectShown>, Problem> {
    Ok(Json(member.books().projects().get(None, &id.to_string()).await?.into()))
}

/// Rename a project, switch it off or on
#[utoipa::path(patch, path = "/api/v1/projects/{id}", tag = "projects", request_body = ProjectChange,
    params(("id" = String, Path, pattern = "^proj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project as it is now", body = ProjectShown)))]
async fn change_project(
    member: Member,
    Id(id): Id<ProjectId>,
    Json(change): Json<ProjectChange>,
) -> Result<Json<ProjectShown>, Problem> {
    let (act, projects) = (member.act(), member.books().projects());
    let mut project = projects.get(None, &id.to_string()).await?;
    // The name first: it may be refused, and then nothing is done.
    if let Some(Name(name)) = change.name.filter(|name| name.0 != project.name) {
        project = projects.rename(id, &name, &act).await?;
    }
    if let Some(state) = change.state.map(Switch::from).filter(|state| *state != project.state) {
        project = projects.set_state(id, state, &act).await?;
    }
    Ok(Json(project.into()))
}

impl From<Project> for ProjectShown {
    fn from(project: Project) -> Self {
        let Project { id, name, state, created_at, .. } = project;
        Self { id: id.to_string(), name, state: state.into(), created_at: created_at.into() }
    }
}

impl From<Switch> for ProjectState {
    fn from(state: Switch) -> Self {
        match state {
            Switch::Active => Self::Active,
            Switch::Disabled => Self::Disabled,
        }
    }
}

impl From<ProjectState> for Switch {
    fn from(state: ProjectState) -> Self {
        match state {
            ProjectState::Active => Self::Active,
            ProjectState::Disabled => Self::Disabled,
        }
    }
}

impl From<ProjectRefused> for Problem {
    fn from(refused: ProjectRefused) -> Self {
        match refused {
            ProjectRefused::NameTaken(_) => {
                Self::conflict("The organization already has a project of this name.")
            }
            ProjectRefused::BadName(bad) => Self::unfit("name", bad.to_string()),
            ProjectRefused::NoSuchOrg(_) | ProjectRefused::NotFound(_) | ProjectRefused::Ambiguous(_) => {
                Self::not_found()
            }
            ProjectRefused::Read(failed) => failed.into(),
            ProjectRefused::Write(failed) => failed.into(),
        }
    }
}
