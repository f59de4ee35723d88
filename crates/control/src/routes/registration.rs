//! Accounts from their beginning: the first one of an installation, and those that people make themselves where that is
//! allowed.

use axum::extract::State;
use domain::token::Kind;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::me::UserShown;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::authenticate::{hold_back, refuse};
use crate::api::caller::Visitor;
use crate::api::json::password::PasswordText;
use crate::api::json::token::TokenText;
use crate::api::json::{Heard, Json, Made, given};
use crate::api::problem::Problem;
use crate::login::hasher::BUSY_MS;
use crate::login::{NotHashed, NotRegistered, Wish};
use domain::scope::Denied;
use store::invitations::NotAccepted;
use store::users::UserRefused;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Public, routes!(set_up)).add(Rule::Public, routes!(register))
}

/// The first account of an installation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Setup)]
struct SetupAsked {
    /// The token that the gate showed at its start.
    token: TokenText,
    #[schema(max_length = 254)]
    email: String,
    #[serde(default, deserialize_with = "given")]
    #[schema(min_length = 3, max_length = 64, nullable = false)]
    username: Option<String>,
    password: PasswordText,
}

/// An account that somebody wants.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
struct RegistrationAsked {
    #[schema(max_length = 254)]
    email: String,
    #[serde(default, deserialize_with = "given")]
    #[schema(min_length = 3, max_length = 64, nullable = false)]
    username: Option<String>,
    password: PasswordText,
}

/// Make the first account of an installation, an operator, with the token that the gate showed at its start
#[utoipa::path(post, path = "/api/v1/setup", tag = "login", request_body = SetupAsked,
    responses((status = 201, description = "The account; log in with it", body = UserShown)))]
async fn set_up(
    visitor: Visitor,
    State(api): State<Api>,
    Json(asked): Json<SetupAsked>,
) -> Result<Made<UserShown>, Problem> {
    let SetupAsked { token, email, username, password } = asked;
    accept(&api, &visitor, token, Wish { email, username, password: password.0 }).await
}

/// Makes the account that an invitation gives to somebody new; a token that gives none is refused as a credential.
pub(super) async fn accept(
    api: &Api,
    visitor: &Visitor,
    token: TokenText,
    wish: Wish,
) -> Result<Made<UserShown>, Problem> {
    let arrival = &visitor.arrival;
    let Some(token) = token.of(Kind::Invitation) else {
        return Err(refuse(api, arrival, Denied::Malformed, None).await);
    };
    match api.desk().accept(&token, wish, arrival).await {
        Ok(user) => Ok(Made(user.into())),
        Err(NotRegistered::Token) => Err(refuse(api, arrival, Denied::Unknown, Some(token.prefix())).await),
        Err(other) => Err(other.into()),
    }
}

/// Ask for an account
///
/// What becomes of it is said in a letter to the address, in one answer and one time whether or not it has an account. An
/// account can be used once its address was proved.
#[utoipa::path(post, path = "/api/v1/register", tag = "login", request_body = RegistrationAsked,
    responses((status = 202, description = "A letter is on its way")))]
async fn register(
    visitor: Visitor,
    State(api): State<Api>,
    Json(asked): Json<RegistrationAsked>,
) -> Result<Heard, Problem> {
    let RegistrationAsked { email, username, password } = asked;
    let wish = Wish { email, username, password: password.0 };
    let registered = api.desk().register(wish, &visitor.arrival).await;
    if !matches!(registered, Err(NotRegistered::Closed)) {
        hold_back(&api, &visitor.arrival, api.desk().settings().floor).await?;
    }
    registered?;
    Ok(Heard)
}

impl From<NotRegistered> for Problem {
    fn from(refused: NotRegistered) -> Self {
        match refused {
            NotRegistered::Closed => Self::registration_closed(),
            NotRegistered::Token => Self::unauthorized(),
            NotRegistered::BadEmail(bad) => Self::unfit("email", bad.to_string()),
            NotRegistered::BadUsername(bad) => Self::unfit("username", bad.to_string()),
            NotRegistered::UsernameTaken => Self::conflict("Somebody has this user name already."),
            NotRegistered::Password(refused) => refused.into(),
            NotRegistered::NotProved(refused) => refused.into(),
            NotRegistered::NotAccepted(NotAccepted::OtherAddress) => {
                Self::unfit("email", "The invitation is for another address.")
            }
            NotRegistered::NotAccepted(_) => Self::unauthorized(),
            NotRegistered::User(UserRefused::NotFound(_) | UserRefused::Erased(_)) => Self::not_found(),
            NotRegistered::User(UserRefused::EmailTaken) => {
                Self::conflict("There is an account with this address already.")
            }
            NotRegistered::User(other) => Self::internal(other),
        }
    }
}

impl From<NotHashed> for Problem {
    fn from(refused: NotHashed) -> Self {
        match refused {
            NotHashed::Unfit(unfit) => Self::unfit("password", unfit.to_string()),
            NotHashed::Busy(_) => Self::busy(BUSY_MS),
            NotHashed::Failed(failed) => Self::unavailable(failed),
        }
    }
}
