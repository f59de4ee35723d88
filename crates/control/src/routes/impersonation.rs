//! Operators who act as somebody else, to help them: what the person sees, for a short time. Nothing is done in the
//! person's name but looking, which the gate around every route sees to.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::audit::plain::is_hidden;
use domain::id::{OrgId, UserId};
use serde::{Deserialize, Serialize};
use store::logins::{ImpersonationRefused, LoginRefused};
use utoipa::ToSchema;
use utoipa_axum::routes;
use vault::access_token::Claims;

use super::login::SessionKind;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::caller::Person;
use crate::api::cookies::Cookies;
use crate::api::csrf;
use crate::api::json::{Done, Id, Instant, Json, MadeOnce, given, id};
use crate::api::problem::Problem;
use crate::login::{Acting, NotImpersonated, Wanted};

/// Most characters of a reason: as many as the audit trail keeps of a text.
const REASON_CHARS: usize = 256;
/// Minutes of a login as somebody else: most, and if nothing is said.
const MOST_MINUTES: u32 = 60;
const USUAL_MINUTES: u32 = 30;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::OperatorInPerson, routes!(impersonate)).add(Rule::Impersonator, routes!(end_impersonation))
}

/// Why, where and for how long an operator acts as somebody else.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewImpersonation)]
struct ImpersonationAsked {
    /// Why. The person's organization reads it in its audit trail.
    #[schema(min_length = 1, max_length = 256)]
    reason: String,
    /// It ends after as many minutes, at most 60; 30 if nothing is said.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 60, nullable = false)]
    minutes: Option<u32>,
    /// One of the person's organizations; the one they have belonged to for longest if nothing is said.
    #[serde(default, deserialize_with = "given_org")]
    #[schema(value_type = Option<String>, pattern = "^org_[0-9a-f]{32}$", nullable = false)]
    org_id: Option<OrgId>,
    session: SessionKind,
}

/// A login as somebody else. It has no refresh token: what ends is begun anew.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Impersonation)]
struct ImpersonationShown {
    #[schema(pattern = "^login_[0-9a-f]{32}$")]
    login_id: String,
    /// Whom the token shows.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    user_id: String,
    /// The operator.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    impersonated_by: String,
    /// The organization it is at.
    org_id: Option<String>,
    /// Goes into `Authorization: Bearer`; null where it travels in the cookie `pc_access`.
    access_token: Option<String>,
    ends_at: Instant,
}

/// The answer to a beginning.
struct Begun {
    cookies: Option<Cookies>,
    shown: ImpersonationShown,
}

impl IntoResponse for Begun {
    fn into_response(self) -> Response {
        let mut response = MadeOnce(self.shown, "access_token").into_response();
        if let Some(cookies) = self.cookies {
            cookies.write(response.headers_mut());
        }
        response
    }
}

/// Act as a person, to help them
///
/// What the token shows is what the person sees, and it does nothing but look: every write answers `impersonated`.
/// Nobody acts as an operator or as somebody who is locked out. One at a time: what the operator began before ends. It
/// ends with the operator's own login as well. The person has it among their logins, and the organization has its
/// beginning and its end in the audit trail. In a browser the operator's refresh token stays where it is, and brings
/// the operator back.
#[utoipa::path(post, path = "/api/v1/users/{id}/impersonation", tag = "users", request_body = ImpersonationAsked,
    params(("id" = String, Path, pattern = "^user_[0-9a-f]{32}$")),
    responses((status = 201, description = "The login began", body = ImpersonationShown)))]
async fn impersonate(
    operator: Person,
    State(api): State<Api>,
    Id(user): Id<UserId>,
    Json(asked): Json<ImpersonationAsked>,
) -> Result<Begun, Problem> {
    api.desk().user(user).await.map_err(crate::login::NotRegistered::from)?;
    operator.proved_within_10_minutes()?;
    let reason = reason(asked.reason)?;
    let minutes = asked.minutes.unwrap_or(USUAL_MINUTES);
    if !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(Problem::unfit("minutes", "At least 1 and at most 60."));
    }
    let seconds = i64::from(minutes) * 60;
    let wanted = Wanted { user, org: asked.org_id, reason, seconds };
    let Acting { signed_in, by } = api.desk().impersonate(&operator, wanted).await?;
    let claims = Claims {
        user: signed_in.user,
        login: signed_in.login,
        issued_at: operator.arrival().at,
        expires_at: signed_in.ends_at,
        id: api.fresh()?,
    };
    let access = api.access_keys().sign(&claims).map_err(Problem::internal)?;
    let mut shown = ImpersonationShown {
        login_id: signed_in.login.to_string(),
        user_id: signed_in.user.to_string(),
        impersonated_by: by.to_string(),
        org_id: signed_in.org.map(|org| org.to_string()),
        access_token: None,
        ends_at: signed_in.ends_at.into(),
    };
    let cookies = match asked.session {
        SessionKind::Bearer => {
            shown.access_token = Some(access);
            None
        }
        SessionKind::Cookie => {
            let csrf = csrf::token(api.mac(), signed_in.login);
            Some(Cookies::new(&api).access(&access, seconds).csrf(&csrf, seconds))
        }
    };
    Ok(Begun { cookies, shown })
}

/// Stop acting as somebody else
#[utoipa::path(delete, path = "/api/v1/me/impersonation", tag = "me",
    responses((status = 204, description = "It is at an end")))]
async fn end_impersonation(person: Person, State(api): State<Api>) -> Result<Response, Problem> {
    match api.desk().end_impersonation(&person).await {
        // Somebody else was a moment faster.
        Ok(()) | Err(LoginRefused::NotFound(_)) => {}
        Err(refused) => return Err(refused.into()),
    }
    let mut response = Done.into_response();
    Cookies::new(&api).access("", 0).csrf("", 0).write(response.headers_mut());
    Ok(response)
}

/// A reason that the audit trail keeps as it was given.
fn reason(text: String) -> Result<String, Problem> {
    let is_said = text.chars().any(|character| !character.is_whitespace());
    let is_short = text.chars().count() <= REASON_CHARS;
    if is_said && is_short && !text.chars().any(is_hidden) {
        Ok(text)
    } else {
        Err(Problem::unfit("reason", "Say why, in one line of at most 256 characters."))
    }
}

fn given_org<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<OrgId>, D::Error> {
    id(reader).map(Some)
}

impl From<NotImpersonated> for Problem {
    fn from(refused: NotImpersonated) -> Self {
        match refused {
            NotImpersonated::Refused(ImpersonationRefused::NotFound(_)) => Self::not_found(),
            NotImpersonated::Refused(ImpersonationRefused::Operator(_)) => {
                Self::conflict("This is an operator: nobody acts as an operator.")
            }
            NotImpersonated::Refused(ImpersonationRefused::NotActive(_)) => {
                Self::conflict("This person is locked out or erased: there is nothing that they see.")
            }
            NotImpersonated::Refused(ImpersonationRefused::Login(LoginRefused::NoSuchOrg(_))) => {
                Self::unfit("org_id", "The person is no member of such an organization, or it is suspended.")
            }
            // The operator's own login ended a moment ago.
            NotImpersonated::Refused(ImpersonationRefused::Login(LoginRefused::NotFound(_))) => {
                Self::unauthorized()
            }
            NotImpersonated::Refused(ImpersonationRefused::Login(refused)) => refused.into(),
            NotImpersonated::Unavailable(failed) => failed.into(),
        }
    }
}
