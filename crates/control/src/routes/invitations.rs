//! Invitations to the organization, and their acceptance by somebody new or by somebody who has an account. The token
//! goes to the invited by mail; where no mail is sent, it is shown once to the one who invites.

use axum::extract::State;
use domain::audit::Act;
use domain::id::{InvitationId, OrgId};
use domain::role::OrgRole;
use domain::time::Timestamp;
use domain::token::{Kind, Token};
use serde::{Deserialize, Serialize};
use store::invitations::{
    Grants, Invitation, InvitationRefused, InvitationState, Invitations, NewInvitation,
};
use store::members::By;
use store::orgs::Org;
use store::page::Paged;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::me::UserShown;
use super::members::RoleWord;
use super::registration;
use crate::api::Api;
use crate::api::access::{ANY_ROLE, RUN, Routes, Rule};
use crate::api::caller::{Member, Operator, Person, Visitor};
use crate::api::json::password::PasswordText;
use crate::api::json::token::TokenText;
use crate::api::json::{Done, Id, Instant, Json, Made, MadeOnce, given};
use crate::api::page::{Listed, Pages, Paging};
use crate::api::problem::Problem;
use crate::login::{MAILED_TOKEN_SECONDS, NotRegistered, Wish};
use crate::mail::letters;

/// The routes of this noun.
pub(super) fn routes(all: Routes) -> Routes {
    all.add(Rule::Org(ANY_ROLE), routes!(list_invitations))
        .add(Rule::Org(RUN), routes!(create_invitation))
        .add(Rule::Org(ANY_ROLE), routes!(get_invitation))
        .add(Rule::Org(RUN), routes!(revoke_invitation))
        .add(Rule::Operator, routes!(invite_for_org))
        .add(Rule::Public, routes!(accept_invitation))
        .add(Rule::Person, routes!(accept_own_invitation))
}

/// An invitation to the organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
struct InvitationShown {
    #[schema(pattern = "^inv_[0-9a-f]{32}$")]
    id: String,
    /// The address that alone may use it; null once the person was erased.
    email: Option<String>,
    role: RoleWord,
    /// The first eight characters of its token, which are not secret.
    prefix: String,
    state: InvitationStateWord,
    /// Who invited; null for an operator's token and the command line.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    invited_by: Option<String>,
    created_at: Instant,
    expires_at: Instant,
}

/// Where an invitation is in its life.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InvitationState)]
enum InvitationStateWord {
    Pending,
    Accepted,
    Revoked,
    Expired,
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
struct InvitationMade {
    /// Its token, shown this once; null where it was sent by mail, or where the answer is a repeated one.
    secret: Option<String>,
    #[serde(flatten)]
    invitation: InvitationShown,
}

/// Somebody to be invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvitation)]
struct InvitationAsked {
    #[schema(max_length = 254)]
    email: String,
    role: RoleWord,
}

/// Somebody new who was invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Acceptance)]
struct AcceptanceAsked {
    /// The token of the invitation.
    token: TokenText,
    #[schema(max_length = 254)]
    email: String,
    #[serde(default, deserialize_with = "given")]
    #[schema(min_length = 3, max_length = 64, nullable = false)]
    username: Option<String>,
    password: PasswordText,
}

/// Somebody who has an account and was invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OwnAcceptance {
    /// The token of the invitation.
    token: TokenText,
}

/// The invitations to the organization
#[utoipa::path(get, path = "/api/v1/invitations", tag = "invitations", params(Paging),
    responses((status = 200, description = "A page of them", body = Listed<InvitationShown>)))]
async fn list_invitations(
    member: Member,
    State(api): State<Api>,
    pages: Pages,
) -> Result<Json<Listed<InvitationShown>>, Problem> {
    let now = api.clock().now();
    let Paged { rows, next } = member.books().invitations().page(pages.page()).await?;
    let shown = rows.into_iter().map(|invitation| InvitationShown::at(invitation, now));
    let rows = shown.collect::<Result<Vec<_>, _>>()?;
    Ok(pages.listed(Paged { rows, next }, |shown| shown))
}

/// Invite somebody
#[utoipa::path(post, path = "/api/v1/invitations", tag = "invitations", request_body = InvitationAsked,
    responses((status = 201, description = "The person is invited", body = InvitationMade)))]
async fn create_invitation(
    member: Member,
    State(api): State<Api>,
    Json(asked): Json<InvitationAsked>,
) -> Result<MadeOnce<InvitationMade>, Problem> {
    member.proved_within_10_minutes()?;
    let (books, act) = (member.books(), member.act());
    let org = books.org().get(&member.org().to_string()).await?;
    invite(&api, (&books.invitations(), By::Role(member.role())), &org, asked, &act).await
}

/// Invite somebody to an organization
///
/// So an organization gets its first owner.
#[utoipa::path(post, path = "/api/v1/orgs/{id}/invitations", tag = "orgs", request_body = InvitationAsked,
    params(("id" = String, Path, pattern = "^org_[0-9a-f]{32}$")),
    responses((status = 201, description = "The person is invited", body = InvitationMade)))]
async fn invite_for_org(
    operator: Operator,
    State(api): State<Api>,
    Id(id): Id<OrgId>,
    Json(asked): Json<InvitationAsked>,
) -> Result<MadeOnce<InvitationMade>, Problem> {
    operator.proved_within_10_minutes()?;
    let store = operator.store();
    let org = store.orgs().get(&id.to_string()).await?;
    invite(&api, (&store.invitations(), By::Operator), &org, asked, &operator.act()).await
}

async fn invite(
    api: &Api,
    (invitations, by): (&Invitations<'_>, By),
    org: &Org,
    asked: InvitationAsked,
    act: &Act,
) -> Result<MadeOnce<InvitationMade>, Problem> {
    let token = vault::entropy::token(Kind::Invitation).map_err(Problem::unavailable)?;
    let new = NewInvitation {
        id: InvitationId::new(api.fresh()?),
        grants: Grants::Membership { org: org.id, role: OrgRole::from(asked.role) },
        email: Some(asked.email),
        prefix: token.prefix(),
        digest: api.pepper().digest(&vault::digest::sha256_of(&token)),
        expires_at: act.at.plus_seconds(MAILED_TOKEN_SECONDS),
    };
    let made = invitations.create(&new, by, act).await?;
    let secret = match (api.desk().mail(), &made.email) {
        (Some(mail), Some(email)) => {
            mail.post(letters::invitation(email, &api.desk().settings().url, &org.name, &token), act.at);
            None
        }
        _ => Some(shown(&token)),
    };
    Ok(MadeOnce(InvitationMade { secret, invitation: InvitationShown::at(made, act.at)? }, "secret"))
}

/// An invitation
#[utoipa::path(get, path = "/api/v1/invitations/{id}", tag = "invitations",
    params(("id" = String, Path, pattern = "^inv_[0-9a-f]{32}$")),
    responses((status = 200, description = "The invitation", body = InvitationShown)))]
async fn get_invitation(
    member: Member,
    State(api): State<Api>,
    Id(id): Id<InvitationId>,
) -> Result<Json<InvitationShown>, Problem> {
    let invitation = member.books().invitations().get(id).await?;
    Ok(Json(InvitationShown::at(invitation, api.clock().now())?))
}

/// Withdraw an invitation
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "invitations",
    params(("id" = String, Path, pattern = "^inv_[0-9a-f]{32}$")),
    responses((status = 204, description = "It is withdrawn")))]
async fn revoke_invitation(member: Member, Id(id): Id<InvitationId>) -> Result<Done, Problem> {
    member.books().invitations().revoke(id, &member.act()).await?;
    Ok(Done)
}

/// Accept an invitation as somebody new
///
/// Whoever has an account with the address accepts it logged in, at `/api/v1/me/invitations/accept`.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "invitations", request_body = AcceptanceAsked,
    responses((status = 201, description = "The account; log in with it", body = UserShown)))]
async fn accept_invitation(
    visitor: Visitor,
    State(api): State<Api>,
    Json(asked): Json<AcceptanceAsked>,
) -> Result<Made<UserShown>, Problem> {
    let AcceptanceAsked { token, email, username, password } = asked;
    registration::accept(&api, &visitor, token, Wish { email, username, password: password.0 }).await
}

/// Accept an invitation to your address
#[utoipa::path(post, path = "/api/v1/me/invitations/accept", tag = "me", request_body = OwnAcceptance,
    responses((status = 204, description = "You are a member")))]
async fn accept_own_invitation(
    person: Person,
    State(api): State<Api>,
    Json(asked): Json<OwnAcceptance>,
) -> Result<Done, Problem> {
    let unknown = || Problem::unfit("token", "The invitation is unknown, used, withdrawn or expired.");
    let token = asked.token.of(Kind::Invitation).ok_or_else(unknown)?;
    match api.desk().accept_as(&person, &token).await {
        Ok(_) => Ok(Done),
        Err(NotRegistered::Token) => Err(unknown()),
        Err(other) => Err(other.into()),
    }
}

fn shown(token: &Token) -> String {
    token.reveal().to_owned()
}

impl InvitationShown {
    /// The invitation as it is seen at `now`. An organization's invitations are memberships: of the installation's own
    /// nothing is told here.
    fn at(invitation: Invitation, now: Timestamp) -> Result<Self, Problem> {
        let Grants::Membership { role, .. } = invitation.grants else {
            return Err(Problem::not_found());
        };
        let state = match invitation.state {
            InvitationState::Pending if invitation.expires_at <= now => InvitationStateWord::Expired,
            InvitationState::Pending => InvitationStateWord::Pending,
            InvitationState::Accepted => InvitationStateWord::Accepted,
            InvitationState::Revoked => InvitationStateWord::Revoked,
        };
        Ok(Self {
            id: invitation.id.to_string(),
            email: invitation.email,
            role: role.into(),
            prefix: invitation.prefix.to_string(),
            state,
            invited_by: invitation.invited_by.map(|user| user.to_string()),
            created_at: invitation.created_at.into(),
            expires_at: invitation.expires_at.into(),
        })
    }
}

impl From<InvitationRefused> for Problem {
    fn from(refused: InvitationRefused) -> Self {
        match refused {
            InvitationRefused::BadEmail(bad) => Self::unfit("email", bad.to_string()),
            InvitationRefused::NotFound(_) | InvitationRefused::NoSuchOrg(_) => Self::not_found(),
            InvitationRefused::BeyondOwnRights => {
                Self::forbidden("Owners and admins are invited by owners alone.")
            }
            InvitationRefused::NotOpen(_) => Self::conflict("The invitation was used or withdrawn before."),
            InvitationRefused::Duplicate => Self::internal("a fresh token is not fresh"),
            InvitationRefused::Read(failed) => failed.into(),
            InvitationRefused::Write(failed) => failed.into(),
        }
    }
}
