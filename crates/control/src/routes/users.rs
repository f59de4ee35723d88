//! People: all of the installation for operators, and everybody's right to what is kept of them.

mod kept;

use axum::extract::State;
use domain::id::UserId;
use serde::Deserialize;
use store::switch::Switch;
use store::users::{UserRefused, UserState, email};
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::kept::KeptShown;
use super::me::UserShown;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::caller::{Operator, Person};
use crate::api::json::{Done, Id, Json, given};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;
use crate::login::NotRegistered;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Operator, routes!(list_users))
        .add(Rule::Operator, routes!(get_user, change_user))
        .add(Rule::Operator, routes!(export_user))
        .add(Rule::Operator, routes!(erase_user))
        .add(Rule::Person, routes!(export_me))
        .add(Rule::Person, routes!(erase_me))
}

/// Whether a person may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Access {
    Active,
    Disabled,
}

/// What operators change of a person; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
struct UserEdit {
    /// A disabled person cannot log in, and every login of theirs ends.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    state: Option<Access>,
    /// Whether this is an operator of the installation.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    operator: Option<bool>,
}

/// Says that the own account is meant, for it cannot be had back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Farewell {
    /// The address of the account.
    #[schema(max_length = 254)]
    email: String,
}

/// The people of the installation
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<UserShown>)))]
async fn list_users(operator: Operator, pages: Pages) -> Result<Json<Listed<UserShown>>, Problem> {
    let page = operator.store().users().page(pages.page()).await?;
    Ok(pages.listed(page, UserShown::from))
}

/// A person
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 200, description = "The person", body = UserShown)))]
async fn get_user(operator: Operator, Id(id): Id<UserId>) -> Result<Json<UserShown>, Problem> {
    Ok(Json(operator.store().users().get(id).await.map_err(refused)?.into()))
}

/// Lock a person out or let them in again; make them an operator or not
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", request_body = UserEdit,
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 200, description = "The person as they are now", body = UserShown)))]
async fn change_user(
    operator: Operator,
    Id(id): Id<UserId>,
    Json(edit): Json<UserEdit>,
) -> Result<Json<UserShown>, Problem> {
    let (act, users) = (operator.act(), operator.store().users());
    let mut user = users.get(id).await.map_err(refused)?;
    operator.proved_within_10_minutes()?;
    let takes_away = edit.state == Some(Access::Disabled) || edit.operator == Some(false);
    if takes_away && operator.is(id) {
        return Err(Problem::conflict("Another operator has to do this: you would lock yourself out."));
    }
    let state = edit.state.map(|state| match state {
        Access::Active => (Switch::Active, UserState::Active),
        Access::Disabled => (Switch::Disabled, UserState::Disabled),
    });
    if let Some((state, _)) = state.filter(|(_, state)| *state != user.state) {
        user = users.set_state(id, state, &act).await.map_err(refused)?;
    }
    user = match edit.operator.filter(|operator| *operator != user.operator) {
        None => user,
        Some(true) => users.make_operator(id, &act).await.map_err(refused)?,
        Some(false) => users.unmake_operator(id, &act).await.map_err(refused)?,
    };
    Ok(Json(user.into()))
}

/// Export all that is kept of a person
#[utoipa::path(post, path = "/api/v1/users/{id}/export", tag = "users",
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 200, description = "All of it", body = KeptShown)))]
async fn export_user(
    operator: Operator,
    State(api): State<Api>,
    Id(id): Id<UserId>,
) -> Result<Json<KeptShown>, Problem> {
    operator.store().users().get(id).await.map_err(refused)?;
    operator.proved_within_10_minutes()?;
    Ok(Json(api.desk().export(id, &operator.act()).await?.into()))
}

/// Erase what is kept of a person; the books keep a pseudonym
#[utoipa::path(post, path = "/api/v1/users/{id}/erase", tag = "users",
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 204, description = "It is erased")))]
async fn erase_user(operator: Operator, State(api): State<Api>, Id(id): Id<UserId>) -> Result<Done, Problem> {
    operator.store().users().get(id).await.map_err(refused)?;
    operator.proved_within_10_minutes()?;
    if operator.is(id) {
        return Err(Problem::conflict("Your own account is erased at /api/v1/me/erase."));
    }
    erase(&api, id, &operator.act()).await
}

/// Export all that is kept of you
#[utoipa::path(post, path = "/api/v1/me/export", tag = "me",
    responses((status = 200, description = "All of it", body = KeptShown)))]
async fn export_me(person: Person, State(api): State<Api>) -> Result<Json<KeptShown>, Problem> {
    person.proved_within_10_minutes()?;
    Ok(Json(api.desk().export(person.user(), &person.act()).await?.into()))
}

/// Erase what is kept of you; the books keep a pseudonym
#[utoipa::path(post, path = "/api/v1/me/erase", tag = "me", request_body = Farewell,
    responses((status = 204, description = "It is erased, and you are logged out")))]
async fn erase_me(
    person: Person,
    State(api): State<Api>,
    Json(farewell): Json<Farewell>,
) -> Result<Done, Problem> {
    person.proved_within_10_minutes()?;
    let user = api.desk().user(person.user()).await.map_err(refused)?;
    if email::fold(&farewell.email) != user.email {
        return Err(Problem::unfit("email", "This is not the address of your account."));
    }
    erase(&api, person.user(), &person.act()).await
}

async fn erase(api: &Api, id: UserId, act: &domain::audit::Act) -> Result<Done, Problem> {
    match api.desk().erase(id, act).await {
        Ok(()) => Ok(Done),
        Err(NotRegistered::User(UserRefused::LastOwner(org))) => Err(Problem::conflict(format!(
            "This is the last owner of {org}, which has other members: make one of them an owner first."
        ))),
        Err(other) => Err(other.into()),
    }
}

fn refused(refused: UserRefused) -> Problem {
    NotRegistered::from(refused).into()
}
