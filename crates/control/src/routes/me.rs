//! The person who is logged in: who they are, where they are logged in, where they belong.

use axum::extract::State;
use domain::id::{LoginId, OrgId};
use domain::role::OrgRole;
use serde::{Deserialize, Serialize};
use store::logins::{Login, SignedIn};
use store::orgs::OrgState;
use store::users::{Membership, User, UserState};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::login::check_code;
use crate::api::Api;
use crate::api::access::{Routes, Rule};
use crate::api::arrival::Arrival;
use crate::api::authenticate::hold_back;
use crate::api::caller::Person;
use crate::api::json::password::PasswordText;
use crate::api::json::{Done, Id, Instant, Json, clearable, given, id};
use crate::api::page::Listed;
use crate::api::problem::Problem;
use crate::login::{Code, NotProved, Proof};

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Person, routes!(me, change_me))
        .add(Rule::Person, routes!(list_logins))
        .add(Rule::Person, routes!(end_login))
        .add(Rule::Person, routes!(list_my_orgs))
        .add(Rule::Person, routes!(turn_to_org))
        .add(Rule::Person, routes!(prove_again))
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct UserShown {
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    id: String,
    email: String,
    username: Option<String>,
    #[schema(value_type = String, pattern = "^(active|disabled|erased)$")]
    state: &'static str,
    /// Whether this is an operator of the installation.
    operator: bool,
    /// When it was proved that the person reads the address.
    email_verified_at: Option<Instant>,
    /// When the second factor was switched on.
    totp_confirmed_at: Option<Instant>,
    created_at: Instant,
    last_login_at: Option<Instant>,
}

/// The person who asks, and the login they ask with.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    user: UserShown,
    login: HereShown,
    /// The operator who acts as you at this moment, for as long as this login goes on; null when it is you.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    impersonated_by: Option<String>,
    /// How many recovery codes you have left, each of which stands in once for the second factor.
    #[schema(minimum = 0, maximum = 10)]
    recovery_codes_left: u64,
}

/// A login, as it sees itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CurrentLogin)]
struct HereShown {
    #[schema(pattern = "^login_[0-9a-f]{32}$")]
    id: String,
    /// The organization it is at.
    org_id: Option<String>,
    /// The role there.
    #[schema(value_type = Option<String>, pattern = "^(owner|admin|member|auditor)$")]
    role: Option<&'static str>,
    created_at: Instant,
    /// When the password or the second factor was last given: what is sensitive asks for less than 10 minutes.
    proved_at: Instant,
    /// When it ends unless it is refreshed before.
    expires_at: Instant,
    /// When it ends whatever is done.
    ends_at: Instant,
}

/// What a person changes of themselves; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MeChange {
    /// 3 to 64 of a-z, 0-9, dot, hyphen and underscore, beginning with a letter; null for none.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 64)]
    username: Option<Option<String>>,
}

/// A login of one's own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnLogin)]
struct LoginShown {
    #[schema(pattern = "^login_[0-9a-f]{32}$")]
    id: String,
    org_id: Option<String>,
    created_at: Instant,
    /// When it was last refreshed.
    seen_at: Instant,
    expires_at: Instant,
    ends_at: Instant,
    /// Where it came from.
    ip: String,
    /// What the program called itself.
    user_agent: String,
    /// The operator who acts in it as you, to help you; null when it is you.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    impersonated_by: Option<String>,
}

/// An organization that a person belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnOrg)]
struct MembershipShown {
    #[schema(pattern = "^org_[0-9a-f]{32}$")]
    org_id: String,
    name: String,
    #[schema(value_type = String, pattern = "^(active|suspended)$")]
    state: &'static str,
    #[schema(value_type = String, pattern = "^(owner|admin|member|auditor)$")]
    role: &'static str,
    created_at: Instant,
}

/// The organization to turn to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Turn {
    #[serde(deserialize_with = "id")]
    #[schema(value_type = String, pattern = "^org_[0-9a-f]{32}$")]
    org_id: OrgId,
}

/// The password, or the code of the second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Proof)]
struct ProofAsked {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    password: Option<PasswordText>,
    #[serde(default, deserialize_with = "given")]
    #[schema(pattern = "^[0-9]{6}$", nullable = false)]
    totp: Option<String>,
}

/// Who you are
#[utoipa::path(get, path = "/api/v1/me", tag = "me",
    responses((status = 200, description = "You, and the login you ask with", body = Me)))]
async fn me(person: Person, State(api): State<Api>) -> Result<Json<Me>, Problem> {
    let user = api.desk().user(person.user()).await.map_err(crate::login::NotRegistered::from)?;
    let recovery_codes_left = api.desk().recovery_codes_left(person.user()).await?;
    Ok(Json(Me {
        user: user.into(),
        login: person.signed_in().clone().into(),
        impersonated_by: person.impersonated_by().map(|by| by.to_string()),
        recovery_codes_left,
    }))
}

/// Change your user name
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = MeChange,
    responses((status = 200, description = "You, as you are now", body = UserShown)))]
async fn change_me(
    person: Person,
    State(api): State<Api>,
    Json(change): Json<MeChange>,
) -> Result<Json<UserShown>, Problem> {
    let user = match change.username {
        Some(username) => api.desk().rename(&person, username.as_deref()).await?,
        None => api.desk().user(person.user()).await.map_err(crate::login::NotRegistered::from)?,
    };
    Ok(Json(user.into()))
}

/// Your logins that go on
#[utoipa::path(get, path = "/api/v1/me/logins", tag = "me",
    responses((status = 200, description = "All of them, oldest first", body = Listed<LoginShown>)))]
async fn list_logins(person: Person, State(api): State<Api>) -> Result<Json<Listed<LoginShown>>, Problem> {
    let data = api.desk().logins(&person).await?.into_iter().map(LoginShown::from).collect();
    Ok(Json(Listed { data, next_cursor: None }))
}

/// End one of your logins
#[utoipa::path(delete, path = "/api/v1/me/logins/{id}", tag = "me",
    params(("id" = String, Path, pattern = "^login_[0-9a-f]{32}$")),
    responses((status = 204, description = "It is at an end")))]
async fn end_login(person: Person, State(api): State<Api>, Id(id): Id<LoginId>) -> Result<Done, Problem> {
    api.desk().log_out(&person, id).await?;
    Ok(Done)
}

/// The organizations you belong to
#[utoipa::path(get, path = "/api/v1/me/orgs", tag = "me",
    responses((status = 200, description = "All of them, longest first", body = Listed<MembershipShown>)))]
async fn list_my_orgs(
    person: Person,
    State(api): State<Api>,
) -> Result<Json<Listed<MembershipShown>>, Problem> {
    let data = api.desk().memberships(person.user()).await?;
    Ok(Json(Listed { data: data.into_iter().map(MembershipShown::from).collect(), next_cursor: None }))
}

/// Turn this login to another of your organizations
#[utoipa::path(post, path = "/api/v1/me/org", tag = "me", request_body = Turn,
    responses((status = 200, description = "The login as it is now", body = HereShown)))]
async fn turn_to_org(
    person: Person,
    State(api): State<Api>,
    Json(turn): Json<Turn>,
) -> Result<Json<HereShown>, Problem> {
    Ok(Json(api.desk().turn_to(&person, turn.org_id).await?.into()))
}

/// Give the password or the second factor again, for what asks for a proof of the last 10 minutes
#[utoipa::path(post, path = "/api/v1/me/proof", tag = "me", request_body = ProofAsked,
    responses((status = 200, description = "The login as it is now", body = HereShown)))]
async fn prove_again(
    person: Person,
    State(api): State<Api>,
    Json(asked): Json<ProofAsked>,
) -> Result<Json<HereShown>, Problem> {
    check_code(asked.totp.as_deref(), "totp")?;
    if asked.password.is_some() == asked.totp.is_some() {
        return Err(Problem::unfit("password", "Give the password or the code of the second factor."));
    }
    let proof =
        Proof { password: asked.password.map(|password| password.0), code: asked.totp.map(Code::Totp) };
    let proved = api.desk().prove_again(&person, &proof).await;
    Ok(Json(late(&api, person.arrival(), proved).await?.into()))
}

/// What becomes of a proof that somebody who is logged in gave: a wrong one is answered no sooner than a wrong login.
pub(super) async fn late<T>(
    api: &Api,
    arrival: &Arrival,
    proved: Result<T, NotProved>,
) -> Result<T, Problem> {
    match proved {
        Err(NotProved::Refused) => {
            hold_back(api, arrival, api.desk().settings().floor).await?;
            Err(Problem::not_proved())
        }
        other => Ok(other?),
    }
}

impl From<User> for UserShown {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email,
            username: user.username,
            state: UserState::word(user.state),
            operator: user.operator,
            email_verified_at: user.email_verified_at.map(Instant),
            totp_confirmed_at: user.totp_confirmed_at.map(Instant),
            created_at: user.created_at.into(),
            last_login_at: user.last_login_at.map(Instant),
        }
    }
}

impl From<SignedIn> for HereShown {
    fn from(login: SignedIn) -> Self {
        Self {
            id: login.login.to_string(),
            org_id: login.org.map(|org| org.to_string()),
            role: login.role.map(OrgRole::word),
            created_at: login.created_at.into(),
            proved_at: login.proved_at.into(),
            expires_at: login.expires_at.into(),
            ends_at: login.ends_at.into(),
        }
    }
}

impl From<Login> for LoginShown {
    fn from(login: Login) -> Self {
        Self {
            id: login.id.to_string(),
            org_id: login.org.map(|org| org.to_string()),
            created_at: login.created_at.into(),
            seen_at: login.seen_at.into(),
            expires_at: login.expires_at.into(),
            ends_at: login.ends_at.into(),
            ip: login.ip,
            user_agent: login.user_agent,
            impersonated_by: login.impersonated_by.map(|by| by.to_string()),
        }
    }
}

impl From<Membership> for MembershipShown {
    fn from(membership: Membership) -> Self {
        Self {
            org_id: membership.org.to_string(),
            name: membership.name,
            state: OrgState::word(membership.state),
            role: OrgRole::word(membership.role),
            created_at: membership.created_at.into(),
        }
    }
}
