//! A member's own provider keys: for calls with the keys that this person made in the organization, and for nothing and
//! nobody else. They go when their owner leaves it.

use axum::extract::State;
use domain::id::ProviderKeyId;
use domain::route::Owner;
use store::provider_keys::{ProviderKey, ProviderKeys};
use utoipa_axum::routes;

use super::asked::{KeyAsked, ProviderKeyEdit, RotationAsked, TestShown};
use super::shown::ProviderKeyShown;
use super::{keep, show};
use crate::api::Api;
use crate::api::access::{Routes, Rule, WRITE};
use crate::api::caller::Member;
use crate::api::json::{Done, Id, Json, Made};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;
use crate::provider_keys::By;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Org(WRITE), routes!(list_own_provider_keys, create_own_provider_key))
        .add(
            Rule::Org(WRITE),
            routes!(get_own_provider_key, change_own_provider_key, remove_own_provider_key),
        )
        .add(Rule::Org(WRITE), routes!(rotate_own_provider_key))
        .add(Rule::Org(WRITE), routes!(test_own_provider_key))
}

fn own(member: &Member) -> ProviderKeys<'_> {
    member.books().own_provider_keys(member.person().user())
}

async fn found(member: &Member, id: ProviderKeyId) -> Result<(ProviderKeys<'_>, ProviderKey), Problem> {
    let keys = own(member);
    let key = keys.get(&id.to_string()).await?;
    Ok((keys, key))
}

/// One's own provider keys
#[utoipa::path(get, path = "/api/v1/me/provider-keys", tag = "own provider keys", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<ProviderKeyShown>)))]
async fn list_own_provider_keys(
    member: Member,
    State(api): State<Api>,
    pages: Pages,
) -> Result<Json<Listed<ProviderKeyShown>>, Problem> {
    let page = own(&member).page(pages.page()).await?;
    Ok(pages.listed(page, |key| show(&api, key)))
}

/// Keep a provider key for one's own calls
#[utoipa::path(post, path = "/api/v1/me/provider-keys", tag = "own provider keys", request_body = KeyAsked,
    responses((status = 201, description = "It is kept", body = ProviderKeyShown)))]
async fn create_own_provider_key(
    member: Member,
    State(api): State<Api>,
    Json(asked): Json<KeyAsked>,
) -> Result<Made<ProviderKeyShown>, Problem> {
    member.proved_within_10_minutes()?;
    let owner = Owner::User(member.org(), member.person().user());
    Ok(Made(keep::create(&api, &own(&member), owner, By::Tenant, asked, &member.act()).await?))
}

/// One of one's own provider keys
#[utoipa::path(get, path = "/api/v1/me/provider-keys/{id}", tag = "own provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key", body = ProviderKeyShown)))]
async fn get_own_provider_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    Ok(Json(show(&api, found(&member, id).await?.1)))
}

/// Change one of one's own provider keys; another host asks for the secret again
#[utoipa::path(patch, path = "/api/v1/me/provider-keys/{id}", tag = "own provider keys",
    request_body = ProviderKeyEdit, params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key as it is now", body = ProviderKeyShown)))]
async fn change_own_provider_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
    Json(edit): Json<ProviderKeyEdit>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    let (keys, key) = found(&member, id).await?;
    if edit.is_sensitive() {
        member.proved_within_10_minutes()?;
    }
    Ok(Json(keep::change(&api, &keys, &key, By::Tenant, edit, &member.act()).await?))
}

/// Remove one of one's own provider keys and its sealed secret
#[utoipa::path(delete, path = "/api/v1/me/provider-keys/{id}", tag = "own provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 204, description = "It is gone")))]
async fn remove_own_provider_key(member: Member, Id(id): Id<ProviderKeyId>) -> Result<Done, Problem> {
    own(&member).delete(id, &member.act()).await?;
    Ok(Done)
}

/// Put another secret in the place of an own provider key's
#[utoipa::path(post, path = "/api/v1/me/provider-keys/{id}/rotate", tag = "own provider keys",
    request_body = RotationAsked, params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key as it is now", body = ProviderKeyShown)))]
async fn rotate_own_provider_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
    Json(asked): Json<RotationAsked>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    let (keys, key) = found(&member, id).await?;
    member.proved_within_10_minutes()?;
    Ok(Json(keep::rotate(&api, &keys, &key, &asked, &member.act()).await?))
}

/// Ask its provider whether one of one's own provider keys works; one that does is in service again
#[utoipa::path(post, path = "/api/v1/me/provider-keys/{id}/test", tag = "own provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "What its provider says", body = TestShown)))]
async fn test_own_provider_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
) -> Result<Json<TestShown>, Problem> {
    let (keys, key) = found(&member, id).await?;
    Ok(Json(keep::test(&api, &keys, &key, &member.act()).await?))
}
