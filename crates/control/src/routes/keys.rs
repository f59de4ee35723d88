//! API keys of the organization. A key is made here and shown once, or made by whoever will use it and registered by
//! its prefix and digest; in both cases what is stored gives no key back.

mod asked;
mod room;
mod shown;

use axum::extract::State;
use domain::id::{KeyId, ProjectId};
use domain::role::OrgRole;
use domain::scope::KeyState;
use domain::token::{Prefix, Token};
use serde::Deserialize;
use store::keys::{Key, KeyFilter, KeyRefused, NewKey};
use utoipa::IntoParams;
use utoipa_axum::routes;

use self::asked::{KeyAsked, KeyEdit, RotationAsked};
use self::room::Room;
use self::shown::{KeyMade, KeyShown, KeyStateWord};
use crate::api::Api;
use crate::api::access::{ANY_ROLE, Routes, Rule, WRITE};
use crate::api::caller::Member;
use crate::api::json::{Id, Json, MadeOnce};
use crate::api::page::{Asked, Listed, Pages, Paging};
use crate::api::problem::Problem;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Org(ANY_ROLE), routes!(list_keys))
        .add(Rule::Org(WRITE), routes!(create_key))
        .add(Rule::Org(ANY_ROLE), routes!(get_key))
        .add(Rule::Org(WRITE), routes!(change_key))
        .add(Rule::Org(WRITE), routes!(rotate_key))
        .add(Rule::Org(WRITE), routes!(revoke_key))
}

/// Which keys are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KeyQuery {
    /// Of this project only.
    #[param(required = false, nullable = false, pattern = "^proj_[0-9a-f]{32}$")]
    project: Option<String>,
    /// In this state only.
    #[param(required = false, nullable = false, inline)]
    state: Option<KeyStateWord>,
}

/// The API keys of the organization
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", params(KeyQuery, Paging),
    responses((status = 200, description = "A page of them", body = Listed<KeyShown>)))]
async fn list_keys(
    member: Member,
    State(api): State<Api>,
    Asked(query): Asked<KeyQuery>,
    pages: Pages,
) -> Result<Json<Listed<KeyShown>>, Problem> {
    let project = query.project.map(|project| project.parse::<ProjectId>()).transpose();
    let project = project.map_err(|_| Problem::invalid("project is the identifier of a project."))?;
    let filter = KeyFilter { project, state: query.state.map(KeyState::from), ..KeyFilter::default() };
    let now = api.clock().now();
    let page = member.books().keys().page(&filter, pages.page()).await?;
    Ok(pages.listed(page, |key| KeyShown::at(key, now)))
}

/// Make an API key and show it, this once; or register one that was made elsewhere
#[utoipa::path(post, path = "/api/v1/keys", tag = "keys", request_body = KeyAsked,
    responses((status = 201, description = "It is made", body = KeyMade)))]
async fn create_key(
    member: Member,
    State(api): State<Api>,
    Json(asked): Json<KeyAsked>,
) -> Result<MadeOnce<KeyMade>, Problem> {
    member.proved_within_10_minutes()?;
    let act = member.act();
    let room = Room::of(&member, asked.project_id, api.settings()).await?;
    // What the installation gives to keys is no wish of the caller's: where there is less, it is less.
    let limits = room.hold(asked.limits(&room.lower(api.settings().key_limits))?)?;
    asked.check_expiry(act.at)?;
    let (token, prefix, digest) = credential(&api, &asked)?;
    let new = NewKey {
        id: KeyId::new(api.fresh()?),
        org: member.org(),
        project: asked.project_id,
        user: Some(member.person().user()),
        name: asked.name.0,
        prefix,
        digest,
        models: asked.models,
        scopes: asked.scopes.into_iter().map(Into::into).collect(),
        allowed_ips: asked.allowed_ips,
        limits,
        expires_at: asked.expires_at.map(|at| at.0),
        created_at: act.at,
    };
    let made = member.books().keys().insert(&new, &act).await?;
    Ok(KeyMade::once(token.as_ref(), made, act.at))
}

/// An API key: everything but the key itself
#[utoipa::path(get, path = "/api/v1/keys/{id}", tag = "keys",
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 200, description = "The key", body = KeyShown)))]
async fn get_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<KeyId>,
) -> Result<Json<KeyShown>, Problem> {
    let key = member.books().keys().get(&id.to_string()).await?;
    Ok(Json(KeyShown::at(key, api.clock().now())))
}

/// Change an API key, switch it off or on
#[utoipa::path(patch, path = "/api/v1/keys/{id}", tag = "keys", request_body = KeyEdit,
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 200, description = "The key as it is now", body = KeyShown)))]
async fn change_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<KeyId>,
    Json(edit): Json<KeyEdit>,
) -> Result<Json<KeyShown>, Problem> {
    let (act, keys) = (member.act(), member.books().keys());
    let mut key = held(&member, id).await?;
    if edit.gives_more() {
        member.proved_within_10_minutes()?;
    }
    let state = edit.state()?;
    edit.check_expiry(act.at)?;
    let limits = match edit.limits(&key.limits)? {
        Some(limits) => Some(Room::of(&member, key.project, api.settings()).await?.hold(limits)?),
        None => None,
    };
    // The settings first: they may be refused, and then nothing is done.
    key = keys.update(id, &edit.change(limits), &act).await?;
    if let Some(state) = state.filter(|state| *state != key.state) {
        key = keys.set_state(id, state, &act).await?;
    }
    Ok(Json(KeyShown::at(key, act.at)))
}

/// Make the successor of an API key, with the same settings, and show it this once
///
/// Where its project or organization has less by now than the key, the successor has no more than that. It belongs to
/// whoever makes it: in the name of another it would call with provider keys that are that person's own.
#[utoipa::path(post, path = "/api/v1/keys/{id}/rotate", tag = "keys", request_body = RotationAsked,
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 201, description = "The successor is made", body = KeyMade)))]
async fn rotate_key(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<KeyId>,
    Json(asked): Json<RotationAsked>,
) -> Result<MadeOnce<KeyMade>, Problem> {
    let act = member.act();
    let old = held(&member, id).await?;
    member.proved_within_10_minutes()?;
    let room = Room::of(&member, old.project, api.settings()).await?;
    let token = vault::entropy::token(asked.kind()).map_err(Problem::unavailable)?;
    let new = NewKey {
        id: KeyId::new(api.fresh()?),
        org: old.org,
        project: old.project,
        user: Some(member.person().user()),
        name: old.name,
        prefix: token.prefix(),
        digest: api.pepper().digest(&vault::digest::sha256_of(&token)),
        models: old.models,
        scopes: old.scopes,
        allowed_ips: old.allowed_ips,
        // An old key may have more than there is by now. Its exchange is not refused for that, since what is above holds
        // it to the same anyway.
        limits: room.lower(old.limits),
        expires_at: old.expires_at,
        created_at: act.at,
    };
    let ends_at = act.at.plus_seconds(asked.grace_seconds()?);
    let made = member.books().keys().rotate(id, &new, ends_at, &act).await?;
    Ok(KeyMade::once(Some(&token), made, act.at))
}

/// Withdraw an API key for good
#[utoipa::path(post, path = "/api/v1/keys/{id}/revoke", tag = "keys",
    params(("id" = String, Path, pattern = "^key_[0-9a-f]{32}$")),
    responses((status = 200, description = "The key as it is now", body = KeyShown)))]
async fn revoke_key(member: Member, Id(id): Id<KeyId>) -> Result<Json<KeyShown>, Problem> {
    let act = member.act();
    held(&member, id).await?;
    let key = member.books().keys().set_state(id, KeyState::Revoked, &act).await?;
    Ok(Json(KeyShown::at(key, act.at)))
}

/// A key that this member may change: owners and admins all of the organization, members those they made.
async fn held(member: &Member, id: KeyId) -> Result<Key, Problem> {
    let key = member.books().keys().get(&id.to_string()).await?;
    if member.role() == OrgRole::Member && key.user != Some(member.person().user()) {
        return Err(Problem::forbidden("Members change the keys that they made themselves."));
    }
    Ok(key)
}

/// The credential behind a new key: fresh, unless the caller keeps its own and tells its prefix and SHA-256.
fn credential(api: &Api, asked: &KeyAsked) -> Result<(Option<Token>, Prefix, [u8; 32]), Problem> {
    if let Some((prefix, sha256)) = asked.registered()? {
        return Ok((None, prefix, api.pepper().digest(&sha256)));
    }
    let token = vault::entropy::token(asked.kind()).map_err(Problem::unavailable)?;
    let digest = api.pepper().digest(&vault::digest::sha256_of(&token));
    let prefix = token.prefix();
    Ok((Some(token), prefix, digest))
}

impl From<KeyRefused> for Problem {
    fn from(refused: KeyRefused) -> Self {
        match refused {
            KeyRefused::BadName(bad) => Self::unfit("name", bad.to_string()),
            KeyRefused::BadModel(bad) => Self::unfit("models", bad.to_string()),
            KeyRefused::NoSuchProject(_) => {
                Self::unfit("project_id", "The organization has no such project.")
            }
            KeyRefused::Duplicate => Self::conflict("This key is registered already."),
            KeyRefused::Revoked(_) => Self::conflict("The key is revoked for good; make a new one."),
            KeyRefused::NotInUse(_) => {
                Self::conflict("The key is disabled, expired or revoked, and has no successor.")
            }
            KeyRefused::NotFound(_) | KeyRefused::Ambiguous(_) => Self::not_found(),
            KeyRefused::Read(failed) => failed.into(),
            KeyRefused::Write(failed) => failed.into(),
        }
    }
}
