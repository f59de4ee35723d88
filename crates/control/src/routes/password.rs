//! Passwords: changed by whoever knows the one there is, or set by whoever reads the account's mail.

use axum::extract::State;
use axum::response::Response;
use domain::scope::Denied;
use domain::token::Kind;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::{check_name, ended};
use super::me::late;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::authenticate::{hold_back, refuse};
use crate::api::caller::{Person, Visitor};
use crate::api::json::password::PasswordText;
use crate::api::json::token::TokenText;
use crate::api::json::{Done, Heard, Json};
use crate::api::problem::Problem;
use crate::login::{NotProved, NotRegistered};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Public, routes!(forgot))
        .add(Rule::Public, routes!(reset))
        .add(Rule::Person, routes!(change_password))
}

/// Whoever forgot a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Forgot {
    #[schema(max_length = 254)]
    email: String,
}

/// A password by a token that was mailed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reset {
    token: TokenText,
    password: PasswordText,
}

/// A password in the place of another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The one there is.
    password: PasswordText,
    /// The one there will be.
    new_password: PasswordText,
}

/// Ask for a new password by mail: one answer, in one time, whether or not the address has an account
#[utoipa::path(post, path = "/api/v1/password/forgot", tag = "login", request_body = Forgot,
    responses((status = 202, description = "If there is such an account, a letter is on its way")))]
async fn forgot(
    visitor: Visitor,
    State(api): State<Api>,
    Json(asked): Json<Forgot>,
) -> Result<Heard, Problem> {
    check_name(&asked.email)?;
    if api.desk().mail().is_none() {
        return Err(Problem::forbidden("This installation sends no mail. Ask whoever runs it."));
    }
    api.desk().forgot(&asked.email, &visitor.arrival).await?;
    hold_back(&api, &visitor.arrival, api.desk().settings().floor).await?;
    Ok(Heard)
}

/// Set a new password by a token that was mailed; every login ends
#[utoipa::path(post, path = "/api/v1/password/reset", tag = "login", request_body = Reset,
    responses((status = 204, description = "It is set; log in with it")))]
async fn reset(visitor: Visitor, State(api): State<Api>, Json(asked): Json<Reset>) -> Result<Done, Problem> {
    let arrival = &visitor.arrival;
    let Some(token) = asked.token.of(Kind::Reset) else {
        return Err(refuse(&api, arrival, Denied::Malformed, None).await);
    };
    match api.desk().reset(&token, &asked.password.0, arrival).await {
        Ok(()) => Ok(Done),
        Err(NotRegistered::Token) => Err(refuse(&api, arrival, Denied::Unknown, Some(token.prefix())).await),
        Err(other) => Err(other.into()),
    }
}

/// Change your password; every login ends, this one too
#[utoipa::path(post, path = "/api/v1/me/password", tag = "me", request_body = PasswordChange,
    responses((status = 204, description = "It is changed; log in with it")))]
async fn change_password(
    person: Person,
    State(api): State<Api>,
    Json(asked): Json<PasswordChange>,
) -> Result<Response, Problem> {
    let changed = api.desk().change_password(&person, asked.password.0, asked.new_password.0).await;
    match changed {
        Ok(()) => Ok(ended(&api)),
        Err(NotRegistered::NotProved(refused @ NotProved::Refused)) => {
            late::<Response>(&api, person.arrival(), Err(refused)).await
        }
        Err(other) => Err(named(other)),
    }
}

/// The password that does not fit is the new one.
fn named(refused: NotRegistered) -> Problem {
    match refused {
        NotRegistered::Password(crate::login::NotHashed::Unfit(unfit)) => {
            Problem::unfit("new_password", unfit.to_string())
        }
        other => other.into(),
    }
}
