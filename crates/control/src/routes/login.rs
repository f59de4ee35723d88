//! Logins: their beginning, their continuation, their end. Where they are proved is the desk's business; here they
//! become tokens, for programs in the body and for browsers in cookies.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::token::Kind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use vault::access_token::Claims;

use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::arrival::Arrival;
use crate::api::authenticate::{hold_back, refuse};
use crate::api::caller::{Person, Visitor};
use crate::api::cookies::{self, Cookies};
use crate::api::csrf;
use crate::api::json::password::PasswordText;
use crate::api::json::recovery::RecoveryText;
use crate::api::json::token::TokenText;
use crate::api::json::{Done, Json, given};
use crate::api::problem::Problem;
use crate::login::hasher::BUSY_MS;
use crate::login::{Begun, Code, NotContinued, NotProved, Proof, Unavailable};
use domain::scope::Denied;

/// Most bytes of what somebody logs in as.
const NAME_BYTES: usize = 254;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Public, routes!(log_in))
        .add(Rule::Token, routes!(refresh))
        .add(Rule::Person, routes!(log_out))
        .add(Rule::Person, routes!(log_out_everywhere))
}

/// Whoever wants to log in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Login)]
struct LoginAsked {
    /// The e-mail address, or the user name.
    #[schema(max_length = 254)]
    email: String,
    password: PasswordText,
    /// The code of the second factor, for accounts that have one.
    #[serde(default, deserialize_with = "given")]
    #[schema(pattern = "^[0-9]{6}$", nullable = false)]
    totp: Option<String>,
    /// One of the recovery codes, in the place of the code of the second factor. It works once.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    recovery_code: Option<RecoveryText>,
    session: SessionKind,
}

/// How the tokens of a login travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionKind {
    /// In cookies, for browsers.
    Cookie,
    /// In the body, for programs.
    Bearer,
}

/// Continues a login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refresh)]
struct RefreshAsked {
    /// The refresh token; absent where it comes in its cookie.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    refresh_token: Option<TokenText>,
}

/// A login that began or goes on. The tokens are null where they travel in cookies.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionShown {
    #[schema(pattern = "^login_[0-9a-f]{32}$")]
    login_id: String,
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    user_id: String,
    /// Goes into `Authorization: Bearer`.
    access_token: Option<String>,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// Continues the login, once.
    refresh_token: Option<String>,
    /// Seconds until the refresh token ends.
    refresh_expires_in: i64,
    /// A write by cookie repeats this in `x-csrf-token`; null without cookies.
    csrf_token: Option<String>,
}

/// The answer to a login.
struct Session {
    cookies: Option<Cookies>,
    shown: SessionShown,
}

impl IntoResponse for Session {
    fn into_response(self) -> Response {
        let mut response = Json(self.shown).into_response();
        if let Some(cookies) = self.cookies {
            cookies.write(response.headers_mut());
        }
        response
    }
}

/// The end of a login: nothing to say, and no cookie is left.
struct Ended(Cookies);

impl IntoResponse for Ended {
    fn into_response(self) -> Response {
        let mut response = Done.into_response();
        self.0.write(response.headers_mut());
        response
    }
}

/// Log in
///
/// One answer, in one time, for an unknown address, a wrong password, a missing or wrong second factor or recovery code,
/// an account that is locked, disabled or not verified. Five failures in 15 minutes lock an account, and 20 an address: for 30 seconds,
/// then for twice as long each time, at most for an hour.
#[utoipa::path(post, path = "/api/v1/login", tag = "login", request_body = LoginAsked,
    responses((status = 200, description = "The login began", body = SessionShown)))]
async fn log_in(
    visitor: Visitor,
    State(api): State<Api>,
    Json(asked): Json<LoginAsked>,
) -> Result<Session, Problem> {
    check_name(&asked.email)?;
    check_code(asked.totp.as_deref(), "totp")?;
    let arrival = &visitor.arrival;
    let code = match (asked.totp, asked.recovery_code) {
        (Some(_), Some(_)) => return Err(Problem::unfit("recovery_code", "Give one code, not two.")),
        (Some(totp), None) => Some(Code::Totp(totp)),
        (None, recovery) => recovery.map(|recovery| Code::Recovery(recovery.0)),
    };
    let proof = Proof { password: Some(asked.password.0), code };
    match api.desk().log_in(&asked.email, &proof, arrival).await {
        Ok(begun) => session(&api, arrival, begun, asked.session),
        Err(NotProved::Refused) => {
            hold_back(&api, arrival, api.desk().settings().floor).await?;
            Err(Problem::unauthorized())
        }
        Err(other) => Err(other.into()),
    }
}

/// Continue a login with its refresh token, which is spent by it
///
/// A token that was spent before ends its login, unless it was spent in the last 10 seconds: then two windows of one
/// browser had it, and the second is told so with `conflict`.
#[utoipa::path(post, path = "/api/v1/refresh", tag = "login", request_body = RefreshAsked,
    responses((status = 200, description = "The login goes on", body = SessionShown)))]
async fn refresh(
    visitor: Visitor,
    State(api): State<Api>,
    headers: HeaderMap,
    Json(asked): Json<RefreshAsked>,
) -> Result<Session, Problem> {
    let arrival = &visitor.arrival;
    let cookie = cookies::read(&headers, cookies::REFRESH);
    let (token, kind) = match (asked.refresh_token, cookie) {
        (Some(token), Ok(None)) => (token.of(Kind::Refresh), SessionKind::Bearer),
        (None, Ok(Some(cookie))) => {
            csrf::check_page(&headers)?;
            let token = domain::token::Token::parse(cookie.as_bytes());
            (token.filter(|token| token.kind() == Kind::Refresh), SessionKind::Cookie)
        }
        (None, Ok(None)) => return Err(refuse(&api, arrival, Denied::Missing, None).await),
        (_, _) => return Err(refuse(&api, arrival, Denied::Misplaced, None).await),
    };
    let Some(token) = token else { return Err(refuse(&api, arrival, Denied::Malformed, None).await) };
    match api.desk().refresh(&token, arrival).await {
        Ok(begun) => session(&api, arrival, begun, kind),
        Err(NotContinued::JustSpent) => Err(Problem::conflict(
            "This token was used a moment ago by whoever shares it: use the one that they got.",
        )),
        Err(NotContinued::Unknown) => Err(refuse(&api, arrival, Denied::Unknown, Some(token.prefix())).await),
        Err(NotContinued::Unavailable(failed)) => Err(failed.into()),
    }
}

/// Log out
#[utoipa::path(post, path = "/api/v1/logout", tag = "login",
    responses((status = 204, description = "The login is at an end")))]
async fn log_out(person: Person, State(api): State<Api>) -> Result<Response, Problem> {
    api.desk().log_out(&person, person.login()).await?;
    Ok(ended(&api))
}

/// Log out everywhere: every login of yours ends
#[utoipa::path(post, path = "/api/v1/logout-everywhere", tag = "login",
    responses((status = 204, description = "Every login is at an end")))]
async fn log_out_everywhere(person: Person, State(api): State<Api>) -> Result<Response, Problem> {
    api.desk().log_out_everywhere(&person).await?;
    Ok(ended(&api))
}

/// An answer after which no cookie of the login is left.
pub(super) fn ended(api: &Api) -> Response {
    Ended(Cookies::new(api).gone()).into_response()
}

/// Refuses what is too long for anybody to be known by.
pub(super) fn check_name(email: &str) -> Result<(), Problem> {
    if email.len() > NAME_BYTES { Err(Problem::unfit("email", "At most 254 bytes.")) } else { Ok(()) }
}

/// Refuses what cannot be a code.
pub(super) fn check_code(code: Option<&str>, field: &str) -> Result<(), Problem> {
    let fits = |code: &str| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
    if code.is_none_or(fits) { Ok(()) } else { Err(Problem::unfit(field, "A code has six digits.")) }
}

fn session(api: &Api, arrival: &Arrival, begun: Begun, kind: SessionKind) -> Result<Session, Problem> {
    let Begun { signed_in, refresh } = begun;
    let access_seconds = api.desk().settings().access_seconds;
    let refresh_ms = signed_in.expires_at.millis_since(arrival.at);
    let refresh_seconds = i64::try_from(refresh_ms / 1_000).unwrap_or(i64::MAX);
    let claims = Claims {
        user: signed_in.user,
        login: signed_in.login,
        issued_at: arrival.at,
        expires_at: arrival.at.plus_seconds(access_seconds),
        id: api.fresh()?,
    };
    let access = api.access_keys().sign(&claims).map_err(Problem::internal)?;
    let csrf = csrf::token(api.mac(), signed_in.login);
    let mut shown = SessionShown {
        login_id: signed_in.login.to_string(),
        user_id: signed_in.user.to_string(),
        access_token: None,
        expires_in: access_seconds,
        refresh_token: None,
        refresh_expires_in: refresh_seconds,
        csrf_token: None,
    };
    let cookies = match kind {
        SessionKind::Bearer => {
            shown.access_token = Some(access);
            shown.refresh_token = Some(refresh.reveal().to_owned());
            None
        }
        SessionKind::Cookie => {
            let cookies = Cookies::new(api)
                .access(&access, access_seconds)
                .refresh(refresh.reveal(), refresh_seconds)
                .csrf(&csrf, refresh_seconds);
            shown.csrf_token = Some(csrf);
            Some(cookies)
        }
    };
    Ok(Session { cookies, shown })
}

impl From<NotProved> for Problem {
    fn from(refused: NotProved) -> Self {
        match refused {
            NotProved::Refused => Self::unauthorized(),
            NotProved::Busy(_) => Self::busy(BUSY_MS),
            NotProved::Unavailable(failed) => failed.into(),
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(failed: Unavailable) -> Self {
        Self::unavailable(failed)
    }
}

impl From<store::logins::LoginRefused> for Problem {
    fn from(refused: store::logins::LoginRefused) -> Self {
        use store::logins::LoginRefused;
        match refused {
            LoginRefused::NotFound(_) => Self::not_found(),
            LoginRefused::NoSuchOrg(_) => {
                Self::unfit("org_id", "There is no such organization, or you are no member of it.")
            }
            LoginRefused::Changed => Self::unauthorized(),
            LoginRefused::Read(failed) => failed.into(),
            LoginRefused::Write(failed) => failed.into(),
        }
    }
}
