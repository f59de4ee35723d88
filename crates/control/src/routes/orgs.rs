//! Organizations: all of them for operators, the own one for its members.

use axum::extract::State;
use domain::address::Block;
use domain::id::OrgId;
use domain::limit::OrgLimits;
use domain::origin::Origin;
use domain::scope::InlineKeys;
use serde::{Deserialize, Serialize};
use store::edit::Edit;
use store::orgs::{NewOrg, Org, OrgChange, OrgRefused, OrgState};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::api::access::{ANY_ROLE, RUN, Routes, Rule};
use crate::api::caller::{Member, Operator};
use crate::api::json::name::Name;
use crate::api::json::{Id, Instant, Json, Made, clearable, given};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;
use crate::api::{Api, Settings, UnprotectedPages};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Operator, routes!(list_orgs, create_org))
        .add(Rule::Operator, routes!(get_org, change_org))
        .add(Rule::Org(ANY_ROLE), routes!(current_org))
        .add(Rule::Org(RUN), routes!(change_current_org))
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Org)]
struct OrgShown {
    #[schema(pattern = "^org_[0-9a-f]{32}$")]
    id: String,
    /// Which other organizations may have as well: the id is what tells them apart.
    name: String,
    /// Nothing of a suspended organization works.
    state: OrgStateWord,
    limits: OrgLimitsBody,
    /// The addresses and blocks its keys may be used from; null is anywhere, an empty list is nowhere.
    allowed_ips: Option<Vec<String>>,
    /// The origins of pages that may call it from browsers.
    allowed_origins: Vec<String>,
    /// Whether its calls may bring a provider key of their own in `x-portcullis-provider-key`.
    inline_keys: InlineKeysWord,
    created_at: Instant,
}

/// Whether calls may bring a provider key of their own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InlineKeys)]
enum InlineKeysWord {
    Refused,
    Allowed,
}

/// Where an organization is in its life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrgState)]
enum OrgStateWord {
    Active,
    Suspended,
}

/// The limits of an organization over all of its keys.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrgLimits)]
struct OrgLimitsBody {
    /// Requests in any 60 seconds; null for what the installation says.
    #[serde(default)]
    #[schema(format = Int64, maximum = 4_294_967_295_i64)]
    requests_per_minute: Option<u32>,
    /// Tokens in any 60 seconds; null for no such limit.
    #[serde(default)]
    #[schema(format = Int64, maximum = 4_294_967_295_i64)]
    tokens_per_minute: Option<u32>,
    /// Requests of one person in any 60 seconds, over all keys that this person made; null for what the installation
    /// says.
    #[serde(default)]
    #[schema(format = Int64, maximum = 4_294_967_295_i64)]
    user_requests_per_minute: Option<u32>,
}

/// An organization to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrg)]
struct OrgAsked {
    name: Name,
}

/// What operators change of an organization; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrgChange)]
struct OperatorsOrgChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    state: Option<OrgStateWord>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    limits: Option<OrgLimitsBody>,
}

/// What an organization changes of itself; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CurrentOrgChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// The addresses and blocks its keys may be used from; null is anywhere, an empty list is nowhere.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    allowed_ips: Option<Option<Vec<Block>>>,
    /// The origins of pages that may call it from browsers, such as `https://app.example.com`; in production none over
    /// plain HTTP, unless it is the browser's own machine.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, max_items = 1000, nullable = false)]
    allowed_origins: Option<Vec<Origin>>,
    /// Whether its calls may bring a provider key of their own in `x-portcullis-provider-key`.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    inline_keys: Option<InlineKeysWord>,
}

/// All organizations
#[utoipa::path(get, path = "/api/v1/orgs", tag = "orgs", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<OrgShown>)))]
async fn list_orgs(operator: Operator, pages: Pages) -> Result<Json<Listed<OrgShown>>, Problem> {
    let page = operator.store().orgs().page(pages.page()).await?;
    Ok(pages.listed(page, OrgShown::from))
}

/// Make an organization
#[utoipa::path(post, path = "/api/v1/orgs", tag = "orgs", request_body = OrgAsked,
    responses((status = 201, description = "It is made", body = OrgShown)))]
async fn create_org(
    operator: Operator,
    State(api): State<Api>,
    Json(asked): Json<OrgAsked>,
) -> Result<Made<OrgShown>, Problem> {
    let act = operator.act();
    let new = NewOrg { id: OrgId::new(api.fresh()?), name: asked.name.0, created_at: act.at };
    Ok(Made(operator.store().orgs().create(&new, &act).await?.into()))
}

/// An organization
#[utoipa::path(get, path = "/api/v1/orgs/{id}", tag = "orgs",
    params(("id" = String, Path, pattern = "^org_[0-9a-f]{32}$")),
    responses((status = 200, description = "The organization", body = OrgShown)))]
async fn get_org(operator: Operator, Id(id): Id<OrgId>) -> Result<Json<OrgShown>, Problem> {
    Ok(Json(operator.store().orgs().get(&id.to_string()).await?.into()))
}

/// Rename an organization, suspend it or let it in again, give it limits
#[utoipa::path(patch, path = "/api/v1/orgs/{id}", tag = "orgs", request_body = OperatorsOrgChange,
    params(("id" = String, Path, pattern = "^org_[0-9a-f]{32}$")),
    responses((status = 200, description = "The organization as it is now", body = OrgShown)))]
async fn change_org(
    operator: Operator,
    Id(id): Id<OrgId>,
    Json(change): Json<OperatorsOrgChange>,
) -> Result<Json<OrgShown>, Problem> {
    let wish = OrgChange {
        name: Edit::from(change.name.map(|name| name.0)),
        state: Edit::from(change.state.map(OrgState::from)),
        limits: Edit::from(change.limits.map(OrgLimits::from)),
        ..OrgChange::default()
    };
    Ok(Json(operator.store().orgs().update(id, &wish, &operator.act()).await?.into()))
}

/// The organization that the login is at
#[utoipa::path(get, path = "/api/v1/org", tag = "org",
    responses((status = 200, description = "The organization", body = OrgShown)))]
async fn current_org(member: Member) -> Result<Json<OrgShown>, Problem> {
    Ok(Json(member.books().org().get(&member.org().to_string()).await?.into()))
}

/// Rename the organization, say from where it may be called
#[utoipa::path(patch, path = "/api/v1/org", tag = "org", request_body = CurrentOrgChange,
    responses((status = 200, description = "The organization as it is now", body = OrgShown)))]
async fn change_current_org(
    member: Member,
    State(api): State<Api>,
    Json(change): Json<CurrentOrgChange>,
) -> Result<Json<OrgShown>, Problem> {
    if let Some(pages) = &change.allowed_origins {
        check_pages(pages, api.settings())?;
    }
    let wish = OrgChange {
        name: Edit::from(change.name.map(|name| name.0)),
        allowed_ips: Edit::from(change.allowed_ips),
        allowed_origins: Edit::from(change.allowed_origins.map(Into::into)),
        inline_keys: Edit::from(change.inline_keys.map(InlineKeys::from)),
        ..OrgChange::default()
    };
    Ok(Json(member.books().org().update(member.org(), &wish, &member.act()).await?.into()))
}

/// Refuses pages that the gate would not let in.
fn check_pages(pages: &[Origin], settings: &Settings) -> Result<(), Problem> {
    let refused =
        |page: &&Origin| settings.unprotected_pages == UnprotectedPages::Refused && !page.is_protected();
    match pages.iter().find(refused) {
        None => Ok(()),
        Some(page) => Err(Problem::unfit(
            "allowed_origins",
            format!(
                "{page} comes over plain HTTP, which this installation lets no page do. Serve it over https."
            ),
        )),
    }
}

impl From<Org> for OrgShown {
    fn from(org: Org) -> Self {
        Self {
            id: org.id.to_string(),
            name: org.name,
            state: org.state.into(),
            limits: OrgLimitsBody {
                requests_per_minute: org.limits.requests_per_minute,
                tokens_per_minute: org.limits.tokens_per_minute,
                user_requests_per_minute: org.limits.user_requests_per_minute,
            },
            allowed_ips: org.allowed_ips.map(|blocks| blocks.iter().map(Block::to_string).collect()),
            allowed_origins: org.allowed_origins.iter().map(Origin::to_string).collect(),
            inline_keys: match org.inline_keys {
                InlineKeys::Refused => InlineKeysWord::Refused,
                InlineKeys::Allowed => InlineKeysWord::Allowed,
            },
            created_at: org.created_at.into(),
        }
    }
}

impl From<InlineKeysWord> for InlineKeys {
    fn from(word: InlineKeysWord) -> Self {
        match word {
            InlineKeysWord::Refused => Self::Refused,
            InlineKeysWord::Allowed => Self::Allowed,
        }
    }
}

impl From<OrgLimitsBody> for OrgLimits {
    fn from(limits: OrgLimitsBody) -> Self {
        let OrgLimitsBody { requests_per_minute, tokens_per_minute, user_requests_per_minute } = limits;
        Self { requests_per_minute, tokens_per_minute, user_requests_per_minute }
    }
}

impl From<OrgState> for OrgStateWord {
    fn from(state: OrgState) -> Self {
        match state {
            OrgState::Active => Self::Active,
            OrgState::Suspended => Self::Suspended,
        }
    }
}

impl From<OrgStateWord> for OrgState {
    fn from(state: OrgStateWord) -> Self {
        match state {
            OrgStateWord::Active => Self::Active,
            OrgStateWord::Suspended => Self::Suspended,
        }
    }
}

impl From<OrgRefused> for Problem {
    fn from(refused: OrgRefused) -> Self {
        match refused {
            OrgRefused::BadName(bad) => Self::unfit("name", bad.to_string()),
            OrgRefused::NotFound(_) | OrgRefused::Ambiguous(_) => Self::not_found(),
            OrgRefused::Read(failed) => failed.into(),
            OrgRefused::Write(failed) => failed.into(),
        }
    }
}
