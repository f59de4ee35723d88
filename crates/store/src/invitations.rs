//! Invitations: to an organization with a role, or to run the installation. What is kept is the digest of a token;
//! the token itself is shown once, elsewhere.

mod accept;
mod create;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{InvitationId, OrgId, UserId};
use domain::role::OrgRole;
use domain::time::Timestamp;
use domain::token::Prefix;

use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::page::{self, Page, Paged};
use crate::users::email::BadEmail;

pub use accept::NotAccepted;

/// What an invitation gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grants {
    /// The first account of an installation that has none, as an operator.
    Setup,
    /// To run the installation.
    Operator,
    /// A role in an organization.
    Membership {
        /// The organization.
        org: OrgId,
        /// The role.
        role: OrgRole,
    },
}

/// Where an invitation is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Not used yet; it may have expired.
    Pending,
    /// Used.
    Accepted,
    /// Withdrawn.
    Revoked,
}

impl InvitationState {
    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            InvitationState::Pending => "pending",
            InvitationState::Accepted => "accepted",
            InvitationState::Revoked => "revoked",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Accepted, Self::Revoked].into_iter().find(|state| state.word() == word)
    }
}

/// An invitation as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its identifier.
    pub id: InvitationId,
    /// What it gives.
    pub grants: Grants,
    /// The address that alone may use it; none for whoever holds it.
    pub email: Option<String>,
    /// The public first characters of its token.
    pub prefix: Prefix,
    /// Who invited; none for an operator token or the command line.
    pub invited_by: Option<UserId>,
    /// Where it is in its life.
    pub state: InvitationState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// An invitation to be made. Without `Debug`, for it holds the digest.
#[derive(Clone)]
pub struct NewInvitation {
    /// Its identifier.
    pub id: InvitationId,
    /// What it gives.
    pub grants: Grants,
    /// The address that alone may use it, in any spelling; none for whoever holds it.
    pub email: Option<String>,
    /// The public first characters of its token.
    pub prefix: Prefix,
    /// The peppered digest of the whole token.
    pub digest: [u8; 32],
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Why an invitation was not made, found or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum InvitationRefused {
    /// The address is none.
    #[error(transparent)]
    BadEmail(#[from] BadEmail),
    /// There is no such invitation.
    #[error("there is no invitation {0}")]
    NotFound(InvitationId),
    /// There is no such organization.
    #[error("there is no organization {0}")]
    NoSuchOrg(OrgId),
    /// It would give more than the one who invites may give.
    #[error("nobody invites to more than a part of the own rights")]
    BeyondOwnRights,
    /// It was used or withdrawn before.
    #[error("the invitation {0} is not open any more")]
    NotOpen(InvitationId),
    /// The same token or identifier is registered.
    #[error("this invitation is already registered")]
    Duplicate,
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// Invitations: of one organization, or all.
pub struct Invitations<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

pub(crate) const COLUMNS: &str = "SELECT id, purpose, org_id, role, email, prefix, invited_by, state, created_at, \
                                  expires_at FROM invitations WHERE 1 = 1";

impl<'a> Invitations<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// A page of the invitations, used and withdrawn ones too.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn page(&self, page: &Page) -> Result<Paged<Invitation>, ReadFailed> {
        let id = |uuid| InvitationId::new(uuid).to_string();
        let place = |invitation: &Invitation| (invitation.created_at, invitation.id.uuid());
        page::read(self.db, self.select(), &page::BY_ID, page, id, invitation, place).await
    }

    /// The invitation with this identifier.
    ///
    /// # Errors
    /// [`InvitationRefused::NotFound`] when there is none.
    pub async fn get(&self, id: InvitationId) -> Result<Invitation, InvitationRefused> {
        let row = self.db.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        Ok(invitation(&row.ok_or(InvitationRefused::NotFound(id))?)?)
    }

    /// Withdraws an invitation that nobody used yet.
    ///
    /// # Errors
    /// [`InvitationRefused::NotFound`] when there is none, [`InvitationRefused::NotOpen`] when it was used or
    /// withdrawn before.
    pub async fn revoke(&self, id: InvitationId, act: &Act) -> Result<(), InvitationRefused> {
        let mut tx = self.db.begin().await?;
        let row = tx.fetch_optional(self.select().and("id =", Some(id.to_string()))).await?;
        let found = invitation(&row.ok_or(InvitationRefused::NotFound(id))?)?;
        if found.state != InvitationState::Pending {
            return Err(InvitationRefused::NotOpen(id));
        }
        close(&mut tx, id, InvitationState::Revoked).await?;
        record(&mut tx, Action::INVITATION_REVOKE, &found, act).await?;
        Ok(tx.commit().await?)
    }

    fn select(&self) -> Statement {
        Statement::new(COLUMNS).and("org_id =", self.org.map(|org| org.to_string()))
    }
}

async fn close(tx: &mut Tx, id: InvitationId, state: InvitationState) -> Result<(), WriteFailed> {
    let statement = Statement::new("UPDATE invitations SET state = $1 WHERE id = $2");
    tx.execute(statement.bind(state.word()).bind(id.to_string())).await.map(drop)
}

async fn record(tx: &mut Tx, action: Action, invitation: &Invitation, act: &Act) -> Result<(), WriteFailed> {
    let detail = Detail::none().text("prefix", invitation.prefix);
    let entry = match invitation.grants {
        Grants::Setup => act.done(action, invitation.id, detail.text("grants", "setup")),
        Grants::Operator => act.done(action, invitation.id, detail.text("grants", "operator")),
        Grants::Membership { org, role } => {
            act.done(action, invitation.id, detail.text("grants", role.word())).of(org)
        }
    };
    audit::append(tx, &entry).await
}

pub(crate) fn invitation(row: &Row) -> Result<Invitation, ReadFailed> {
    let grants = match row.text("purpose")?.as_str() {
        "setup" => Grants::Setup,
        "operator" => Grants::Operator,
        // The table allows no fourth word, and no membership without its organization and role.
        _ => Grants::Membership { org: row.parse("org_id")?, role: row.read("role", OrgRole::parse)? },
    };
    Ok(Invitation {
        id: row.parse("id")?,
        grants,
        email: row.get("email")?,
        prefix: row.read("prefix", Prefix::parse)?,
        invited_by: row.parse_optional("invited_by")?,
        state: row.read("state", InvitationState::parse)?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}
