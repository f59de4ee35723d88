//! Members of the organization: who belongs to it and what each may do.

use axum::extract::State;
use domain::id::{OrgId, UserId};
use domain::role::OrgRole;
use serde::{Deserialize, Serialize};
use store::members::{By, Member as Row, MemberRefused};
use store::users::UserState;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{ANY_ROLE, RUN, Routes, Rule};
use crate::api::caller::{Member, Person};
use crate::api::json::{Done, Id, Instant, Json};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Org(ANY_ROLE), routes!(list_members))
        .add(Rule::Org(ANY_ROLE), routes!(get_member))
        .add(Rule::Org(RUN), routes!(change_member))
        .add(Rule::Org(RUN), routes!(remove_member))
        .add(Rule::Person, routes!(leave_org))
}

/// A member of the organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member)]
struct MemberShown {
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    id: String,
    email: String,
    username: Option<String>,
    /// Whether the person's account is in use.
    active: bool,
    role: RoleWord,
    /// Since when.
    created_at: Instant,
}

/// What a member may do: `owner` everything, `admin` everything but owners and admins, `member` projects and the own
/// keys, `auditor` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrgRole)]
pub(super) enum RoleWord {
    Owner,
    Admin,
    Member,
    Auditor,
}

/// What a member is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    role: RoleWord,
}

/// The members of the organization
#[utoipa::path(get, path = "/api/v1/members", tag = "members", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<MemberShown>)))]
async fn list_members(member: Member, pages: Pages) -> Result<Json<Listed<MemberShown>>, Problem> {
    let page = member.books().members().page(pages.page()).await?;
    Ok(pages.listed(page, MemberShown::from))
}

/// A member
#[utoipa::path(get, path = "/api/v1/members/{id}", tag = "members",
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 200, description = "The member", body = MemberShown)))]
async fn get_member(member: Member, Id(id): Id<UserId>) -> Result<Json<MemberShown>, Problem> {
    Ok(Json(member.books().members().get(id).await?.into()))
}

/// Give a member another role
#[utoipa::path(patch, path = "/api/v1/members/{id}", tag = "members", request_body = MemberChange,
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 200, description = "The member as it is now", body = MemberShown)))]
async fn change_member(
    member: Member,
    Id(id): Id<UserId>,
    Json(change): Json<MemberChange>,
) -> Result<Json<MemberShown>, Problem> {
    let members = member.books().members();
    members.get(id).await?;
    member.proved_within_10_minutes()?;
    Ok(Json(members.set_role(id, change.role.into(), By::Role(member.role()), &member.act()).await?.into()))
}

/// Remove a member
///
/// The API keys that the person made belong to their projects and go on.
#[utoipa::path(delete, path = "/api/v1/members/{id}", tag = "members",
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 204, description = "The person is no member any more")))]
async fn remove_member(member: Member, Id(id): Id<UserId>) -> Result<Done, Problem> {
    let members = member.books().members();
    members.get(id).await?;
    member.proved_within_10_minutes()?;
    members.remove(id, By::Role(member.role()), &member.act()).await?;
    Ok(Done)
}

/// Leave an organization
#[utoipa::path(delete, path = "/api/v1/me/orgs/{id}", tag = "me",
    params(("id" = String, Path, pattern = "^org_[0-9a-f]{32}$")),
    responses((status = 204, description = "You are no member any more")))]
async fn leave_org(person: Person, State(api): State<Api>, Id(id): Id<OrgId>) -> Result<Done, Problem> {
    api.desk().leave(&person, id).await?;
    Ok(Done)
}

impl From<Row> for MemberShown {
    fn from(row: Row) -> Self {
        Self {
            id: row.user.to_string(),
            email: row.email,
            username: row.username,
            active: row.state == UserState::Active,
            role: row.role.into(),
            created_at: row.created_at.into(),
        }
    }
}

impl From<OrgRole> for RoleWord {
    fn from(role: OrgRole) -> Self {
        match role {
            OrgRole::Owner => Self::Owner,
            OrgRole::Admin => Self::Admin,
            OrgRole::Member => Self::Member,
            OrgRole::Auditor => Self::Auditor,
        }
    }
}

impl From<RoleWord> for OrgRole {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Owner => Self::Owner,
            RoleWord::Admin => Self::Admin,
            RoleWord::Member => Self::Member,
            RoleWord::Auditor => Self::Auditor,
        }
    }
}

impl From<MemberRefused> for Problem {
    fn from(refused: MemberRefused) -> Self {
        match refused {
            MemberRefused::NotFound(_) | MemberRefused::Nobody(_) => Self::not_found(),
            MemberRefused::Already(_) => Self::conflict("The person is a member already."),
            MemberRefused::BeyondOwnRights(_) => {
                Self::forbidden("Owners and admins are made and unmade by owners alone.")
            }
            MemberRefused::LastOwner => {
                Self::conflict("This is the last owner; make another member an owner first.")
            }
            MemberRefused::Read(failed) => failed.into(),
            MemberRefused::Write(failed) => failed.into(),
        }
    }
}
