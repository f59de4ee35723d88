//! The second factor of the person who is logged in.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use store::users::TotpRefused;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::check_code;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::caller::Person;
use crate::api::json::{Done, Json, MadeOnce};
use crate::api::problem::Problem;
use crate::login::{NotRegistered, NotSwitched, RecoveryCodes};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Person, routes!(begin_totp, remove_totp))
        .add(Rule::Person, routes!(confirm_totp))
        .add(Rule::Person, routes!(renew_recovery_codes))
}

/// What an authenticator app needs.
#[derive(Debug, Serialize, ToSchema)]
struct TotpBegun {
    /// The address to show as a QR code. It holds the seed and is shown this once.
    #[schema(value_type = Option<String>)]
    uri: String,
}

/// The first code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Code {
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
}

/// Codes for the day on which the device is lost: each stands in once for the second factor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
struct RecoveryCodesShown {
    /// They are shown this once. Write them down.
    #[schema(value_type = Option<Vec<String>>)]
    recovery_codes: Vec<String>,
}

/// Begin a second factor; it counts from its first code
#[utoipa::path(post, path = "/api/v1/me/totp", tag = "me",
    responses((status = 201, description = "What an authenticator app needs", body = TotpBegun)))]
async fn begin_totp(person: Person, State(api): State<Api>) -> Result<MadeOnce<TotpBegun>, Problem> {
    person.proved_within_10_minutes()?;
    let uri = api.desk().begin_totp(&person).await?;
    Ok(MadeOnce(TotpBegun { uri }, "uri"))
}

/// Put the second factor in force by its first code
#[utoipa::path(post, path = "/api/v1/me/totp/confirm", tag = "me", request_body = Code,
    responses((status = 201, description = "Logins ask for it from now on, or for one of these codes",
        body = RecoveryCodesShown)))]
async fn confirm_totp(
    person: Person,
    State(api): State<Api>,
    Json(asked): Json<Code>,
) -> Result<MadeOnce<RecoveryCodesShown>, Problem> {
    person.proved_within_10_minutes()?;
    check_code(Some(&asked.code), "code")?;
    Ok(shown(&api.desk().confirm_totp(&person, &asked.code).await?))
}

/// Make other recovery codes; those of before work no more
#[utoipa::path(post, path = "/api/v1/me/totp/recovery-codes", tag = "me",
    responses((status = 201, description = "The codes", body = RecoveryCodesShown)))]
async fn renew_recovery_codes(
    person: Person,
    State(api): State<Api>,
) -> Result<MadeOnce<RecoveryCodesShown>, Problem> {
    person.proved_within_10_minutes()?;
    Ok(shown(&api.desk().renew_recovery_codes(&person).await?))
}

/// Switch the second factor off
#[utoipa::path(delete, path = "/api/v1/me/totp", tag = "me",
    responses((status = 204, description = "Logins ask for it no more")))]
async fn remove_totp(person: Person, State(api): State<Api>) -> Result<Done, Problem> {
    person.proved_within_10_minutes()?;
    api.desk().remove_totp(&person).await.map_err(NotSwitched::from)?;
    Ok(Done)
}

fn shown(codes: &RecoveryCodes) -> MadeOnce<RecoveryCodesShown> {
    let recovery_codes = codes.0.iter().map(|code| code.to_string()).collect();
    MadeOnce(RecoveryCodesShown { recovery_codes }, "recovery_codes")
}

impl From<NotSwitched> for Problem {
    fn from(refused: NotSwitched) -> Self {
        match refused {
            NotSwitched::WrongCode => Self::unfit("code", refused.to_string()),
            NotSwitched::Refused(TotpRefused::On) => {
                Self::conflict("A second factor is in force. Switch it off first.")
            }
            NotSwitched::Refused(TotpRefused::Off) => Self::conflict("There is no second factor."),
            NotSwitched::Refused(TotpRefused::Spent) => {
                Self::unfit("code", "This code was used before. Wait for the next one.")
            }
            NotSwitched::Refused(TotpRefused::User(refused)) => NotRegistered::from(refused).into(),
            NotSwitched::Refused(TotpRefused::Write(failed)) => failed.into(),
            NotSwitched::Unavailable(failed) => failed.into(),
        }
    }
}
