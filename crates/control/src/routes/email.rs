//! E-mail addresses: whose they are is proved by a token that is mailed to them.

use axum::extract::State;
use axum::http::request::Parts;
use domain::scope::Denied;
use domain::token::Kind;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::me::UserShown;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::authenticate::{hold_back, refuse, whoever};
use crate::api::caller::{Person, Visitor};
use crate::api::json::password::PasswordText;
use crate::api::json::token::TokenText;
use crate::api::json::{Heard, Json, given};
use crate::api::problem::Problem;
use crate::login::{NotProved, NotRegistered};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Public, routes!(verify)).add(Rule::Person, routes!(change_email))
}

/// A token that was mailed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Verify {
    token: TokenText,
    /// The account's password, for the first address of an account.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    password: Option<PasswordText>,
}

/// Another address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmailChange {
    #[schema(max_length = 254)]
    email: String,
}

/// Prove that you read an address, by the token that was mailed to it
///
/// Whoever is logged in proves an address of their own and no other. The first address of an account is proved together
/// with the account's password.
#[utoipa::path(post, path = "/api/v1/email/verify", tag = "login", request_body = Verify,
    responses((status = 200, description = "The account, which has the address now", body = UserShown)))]
async fn verify(
    visitor: Visitor,
    State(api): State<Api>,
    head: Parts,
    Json(asked): Json<Verify>,
) -> Result<Json<UserShown>, Problem> {
    let arrival = &visitor.arrival;
    let Some(token) = asked.token.of(Kind::Verification) else {
        return Err(refuse(&api, arrival, Denied::Malformed, None).await);
    };
    let holder = whoever(&api, arrival, &head).await?;
    let password = asked.password.map(|password| password.0);
    match api.desk().verify(&token, password, holder, arrival).await {
        Ok(user) => Ok(Json(user.into())),
        Err(NotRegistered::Token) => Err(refuse(&api, arrival, Denied::Unknown, Some(token.prefix())).await),
        Err(NotRegistered::NotProved(NotProved::Refused)) => {
            hold_back(&api, arrival, api.desk().settings().floor).await?;
            Err(Problem::unauthorized())
        }
        Err(other) => Err(other.into()),
    }
}

/// Ask for another address; it is yours once you have proved to read it
///
/// The address that you have is told. The answer is the same whether or not somebody has the new one.
#[utoipa::path(post, path = "/api/v1/me/email", tag = "me", request_body = EmailChange,
    responses((status = 202, description = "A letter is on its way to both addresses")))]
async fn change_email(
    person: Person,
    State(api): State<Api>,
    Json(asked): Json<EmailChange>,
) -> Result<Heard, Problem> {
    person.proved_within_10_minutes()?;
    if api.desk().mail().is_none() {
        return Err(Problem::forbidden("This installation sends no mail. Ask whoever runs it."));
    }
    api.desk().change_email(&person, &asked.email).await?;
    Ok(Heard)
}
