//! Projects of the organization: what it groups its keys by.

use axum::extract::State;
use domain::id::ProjectId;
use domain::limit::ProjectLimits;
use serde::{Deserialize, Serialize};
use store::edit::Edit;
use store::projects::{NewProject, Project, ProjectChange, ProjectRefused};
use store::switch::Switch;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{ANY_ROLE, RUN, Routes, Rule, WRITE};
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
    limits: ProjectLimitsBody,
    created_at: Instant,
}

/// Whether a project is in use.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProjectState {
    Active,
    Disabled,
}

/// The limits of a project over all of its keys.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectLimits)]
struct ProjectLimitsBody {
    /// Requests in any 60 seconds; null for no such limit.
    #[serde(default)]
    #[schema(format = Int64, minimum = 1, maximum = 4_294_967_295_i64)]
    requests_per_minute: Option<u32>,
    /// Tokens in any 60 seconds; null for no such limit.
    #[serde(default)]
    #[schema(format = Int64, minimum = 1, maximum = 4_294_967_295_i64)]
    tokens_per_minute: Option<u32>,
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
#[schema(as = ProjectChange)]
struct ProjectEdit {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    state: Option<ProjectState>,
    /// For owners and admins alone; no limit is above the one that the organization has of its own.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    limits: Option<ProjectLimitsBody>,
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

/// Rename a project, switch it off or on, give it limits
#[utoipa::path(patch, path = "/api/v1/projects/{id}", tag = "projects", request_body = ProjectEdit,
    params(("id" = String, Path, pattern = "^proj_[0-9a-f]{32}$")),
    responses((status = 200, description = "The project as it is now", body = ProjectShown)))]
async fn change_project(
    member: Member,
    Id(id): Id<ProjectId>,
    Json(edit): Json<ProjectEdit>,
) -> Result<Json<ProjectShown>, Problem> {
    if edit.limits.is_some() && !RUN.contains(&member.role()) {
        return Err(Problem::forbidden("Owners and admins say what the limits of a project are."));
    }
    let change = ProjectChange {
        name: Edit::from(edit.name.map(|name| name.0)),
        state: Edit::from(edit.state.map(Switch::from)),
        limits: Edit::from(edit.limits.map(ProjectLimitsBody::checked).transpose()?),
    };
    Ok(Json(member.books().projects().update(id, &change, &member.act()).await?.into()))
}

impl ProjectLimitsBody {
    /// The limits, if they let something pass.
    fn checked(self) -> Result<ProjectLimits, Problem> {
        let Self { requests_per_minute, tokens_per_minute } = self;
        for (field, limit) in [
            ("limits.requests_per_minute", requests_per_minute),
            ("limits.tokens_per_minute", tokens_per_minute),
        ] {
            if limit == Some(0) {
                let detail = "A limit is at least 1; a project that may do nothing is disabled.";
                return Err(Problem::unfit(field, detail));
            }
        }
        Ok(ProjectLimits { requests_per_minute, tokens_per_minute })
    }
}

impl From<Project> for ProjectShown {
    fn from(project: Project) -> Self {
        let Project { id, org: _, name, state, limits, created_at } = project;
        let ProjectLimits { requests_per_minute, tokens_per_minute } = limits;
        let limits = ProjectLimitsBody { requests_per_minute, tokens_per_minute };
        Self { id: id.to_string(), name, state: state.into(), limits, created_at: created_at.into() }
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
            ProjectRefused::Above(above) => {
                Self::unfit(&format!("limits.{}", above.limit), format!("No project gets more: {above}."))
            }
            ProjectRefused::Read(failed) => failed.into(),
            ProjectRefused::Write(failed) => failed.into(),
        }
    }
}
