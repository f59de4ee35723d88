//! Provider keys: the installation's, those of organizations, and people's own. No answer holds a secret: what is shown
//! of one is made where it is sealed.

mod asked;
mod keep;
mod own;
mod quotas;
mod reach;
mod shown;

use axum::extract::State;
use domain::id::ProviderKeyId;
use domain::route::Owner;
use serde::Serialize;
use store::provider_keys::{ProviderKey, ProviderKeyRefused};
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::asked::{
    Discovered, DiscoveryAsked, ProviderKeyAsked, ProviderKeyEdit, RestAsked, RotationAsked, TestShown,
};
use self::reach::{by, hold, owner, seen};
use self::shown::ProviderKeyShown;
use crate::api::Api;
use crate::api::access::{ANY_ROLE, RUN, Routes, Rule, WRITE};
use crate::api::caller::Reader;
use crate::api::json::{Done, Id, Json, Made};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;
use crate::provider_keys::Unfit;
use crate::provider_keys::discover::Undiscovered;
use crate::vault_keys::sealer::NotSealed;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    let all = all
        .add(Rule::OperatorOr(ANY_ROLE), routes!(list_provider_keys))
        .add(Rule::OperatorOr(RUN), routes!(create_provider_key))
        .add(Rule::OperatorOr(WRITE), routes!(discover_models))
        .add(Rule::OperatorOr(ANY_ROLE), routes!(get_provider_key))
        .add(Rule::OperatorOr(RUN), routes!(change_provider_key, remove_provider_key))
        .add(Rule::OperatorOr(RUN), routes!(rotate_provider_key))
        .add(Rule::OperatorOr(RUN), routes!(test_provider_key))
        .add(Rule::OperatorOr(RUN), routes!(rest_provider_key));
    own::routes(all)
}

/// Whose calls a provider key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProviderKeyScope)]
enum Scope {
    /// Everybody's.
    Platform,
    /// Those of one organization.
    Org,
    /// Those with the keys that one person made in it.
    User,
}

impl Scope {
    fn of(owner: Owner) -> Self {
        match owner {
            Owner::Platform => Scope::Platform,
            Owner::Org(_) => Scope::Org,
            Owner::User(..) | Owner::Request(_) => Scope::User,
        }
    }
}

/// Provider keys: for operators all, for members those of the organization
#[utoipa::path(get, path = "/api/v1/provider-keys", tag = "provider keys", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<ProviderKeyShown>)))]
async fn list_provider_keys(
    reader: Reader,
    State(api): State<Api>,
    pages: Pages,
) -> Result<Json<Listed<ProviderKeyShown>>, Problem> {
    let page = seen(&reader).page(pages.page()).await?;
    Ok(pages.listed(page, |key| show(&api, key)))
}

/// Keep a provider key
#[utoipa::path(post, path = "/api/v1/provider-keys", tag = "provider keys", request_body = ProviderKeyAsked,
    responses((status = 201, description = "It is kept", body = ProviderKeyShown)))]
async fn create_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Json(asked): Json<ProviderKeyAsked>,
) -> Result<Made<ProviderKeyShown>, Problem> {
    let owner = owner(&reader, asked.scope)?;
    reader.proved_within_10_minutes()?;
    let by = by(&reader);
    Ok(Made(keep::create(&api, &seen(&reader), owner, by, asked.key(), &reader.act()).await?))
}

/// Ask a provider which models it offers, with a secret that is not kept
#[utoipa::path(post, path = "/api/v1/provider-keys/discover", tag = "provider keys",
    request_body = DiscoveryAsked,
    responses((status = 200, description = "What it says", body = Discovered)))]
async fn discover_models(
    reader: Reader,
    State(api): State<Api>,
    Json(asked): Json<DiscoveryAsked>,
) -> Result<Json<Discovered>, Problem> {
    let upstreams = api.upstreams();
    let provider = upstreams.provider(&asked.provider).map_err(Unfit::from)?;
    let base_url = upstreams.base_url(&provider, asked.base_url.as_deref(), by(&reader))?;
    let secret = asked.secret.map(|secret| secret.0);
    upstreams.check_key(&provider, &base_url, secret.as_ref())?;
    Ok(Json(upstreams.models(&provider, &base_url, secret.as_ref()).await?.into()))
}

/// A provider key
#[utoipa::path(get, path = "/api/v1/provider-keys/{id}", tag = "provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key", body = ProviderKeyShown)))]
async fn get_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    Ok(Json(show(&api, seen(&reader).get(&id.to_string()).await?)))
}

/// Change a provider key; another host asks for the secret again
#[utoipa::path(patch, path = "/api/v1/provider-keys/{id}", tag = "provider keys", request_body = ProviderKeyEdit,
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key as it is now", body = ProviderKeyShown)))]
async fn change_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
    Json(edit): Json<ProviderKeyEdit>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    let held = hold(&reader, id).await?;
    if !edit.keeps_order() {
        held.own()?;
    }
    if edit.is_sensitive() {
        reader.proved_within_10_minutes()?;
    }
    Ok(Json(keep::change(&api, &held.keys, &held.key, by(&reader), edit, &held.act).await?))
}

/// Remove a provider key and its sealed secret
#[utoipa::path(delete, path = "/api/v1/provider-keys/{id}", tag = "provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 204, description = "It is gone")))]
async fn remove_provider_key(reader: Reader, Id(id): Id<ProviderKeyId>) -> Result<Done, Problem> {
    let held = hold(&reader, id).await?;
    held.keys.delete(id, &held.act).await?;
    Ok(Done)
}

/// Put another secret in the place of a provider key's
#[utoipa::path(post, path = "/api/v1/provider-keys/{id}/rotate", tag = "provider keys",
    request_body = RotationAsked, params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key as it is now", body = ProviderKeyShown)))]
async fn rotate_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
    Json(asked): Json<RotationAsked>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    let held = hold(&reader, id).await?;
    held.own()?;
    reader.proved_within_10_minutes()?;
    Ok(Json(keep::rotate(&api, &held.keys, &held.key, &asked, &held.act).await?))
}

/// Ask its provider whether a provider key works; one that does is in service again
#[utoipa::path(post, path = "/api/v1/provider-keys/{id}/test", tag = "provider keys",
    params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "What its provider says", body = TestShown)))]
async fn test_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
) -> Result<Json<TestShown>, Problem> {
    let held = hold(&reader, id).await?;
    held.own()?;
    Ok(Json(keep::test(&api, &held.keys, &held.key, &held.act).await?))
}

/// Put a provider key to rest, or end every rest it has
#[utoipa::path(post, path = "/api/v1/provider-keys/{id}/cooldown", tag = "provider keys",
    request_body = RestAsked, params(("id" = String, Path, pattern = "^pk_[0-9a-f]{32}$")),
    responses((status = 200, description = "The provider key as it is now", body = ProviderKeyShown)))]
async fn rest_provider_key(
    reader: Reader,
    State(api): State<Api>,
    Id(id): Id<ProviderKeyId>,
    Json(asked): Json<RestAsked>,
) -> Result<Json<ProviderKeyShown>, Problem> {
    let held = hold(&reader, id).await?;
    let until = asked.seconds()?.map(|seconds| held.act.at.plus_seconds(seconds));
    let key = held.keys.rest(id, until, &held.act).await?;
    Ok(Json(show(&api, key)))
}

fn show(api: &Api, key: ProviderKey) -> ProviderKeyShown {
    let report = api.pool().report(key.id);
    ProviderKeyShown::new(key, report, api.clock().now())
}

impl From<Unfit> for Problem {
    fn from(unfit: Unfit) -> Self {
        let field = match &unfit {
            Unfit::Provider(_) => "provider",
            Unfit::NoUrl(_) | Unfit::Url(_) | Unfit::UrlQuery | Unfit::Place(_) => "base_url",
            Unfit::NoKey(_) | Unfit::Key(_) => "secret",
        };
        Self::unfit(field, unfit.to_string())
    }
}

impl From<Undiscovered> for Problem {
    fn from(fault: Undiscovered) -> Self {
        match fault {
            Undiscovered::Sealed(cause) => Self::unavailable(cause),
            Undiscovered::Key | Undiscovered::Refused(_) => Self::unfit("secret", fault.to_string()),
            _ => Self::unfit("base_url", fault.to_string()),
        }
    }
}

impl From<NotSealed> for Problem {
    fn from(failed: NotSealed) -> Self {
        Self::unavailable(failed)
    }
}

impl From<ProviderKeyRefused> for Problem {
    fn from(refused: ProviderKeyRefused) -> Self {
        match refused {
            ProviderKeyRefused::NameTaken(_) => {
                Self::conflict("There is already a provider key of this name.")
            }
            ProviderKeyRefused::BadName(bad) => Self::unfit("name", bad.to_string()),
            ProviderKeyRefused::BadText(bad) => Self::unfit("models", bad.to_string()),
            ProviderKeyRefused::BadPriority => Self::unfit("priority", refused.to_string()),
            ProviderKeyRefused::SecretNeeded => {
                Self::unfit("secret", "Another host asks for the secret again.")
            }
            ProviderKeyRefused::NotTheirs => {
                Self::forbidden("A provider key of this owner is not kept here.")
            }
            ProviderKeyRefused::NoSuchOrg(_)
            | ProviderKeyRefused::NotFound(_)
            | ProviderKeyRefused::Ambiguous(_) => Self::not_found(),
            ProviderKeyRefused::Read(failed) => failed.into(),
            ProviderKeyRefused::Write(failed) => failed.into(),
        }
    }
}
