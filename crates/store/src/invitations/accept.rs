//! Accepting an invitation: what it gives, and the account if the person has none, are one transaction, so that of
//! several who hold the same token one gets in.

use domain::audit::Act;
use domain::id::UserId;

use super::{COLUMNS, Grants, Invitation, InvitationState, Invitations, close, invitation};
use crate::db::statement::Statement;
use crate::db::{ReadFailed, Tx, WriteFailed};
use crate::members::{self, MemberRefused};
use crate::users::account::living;
use crate::users::change::stand;
use crate::users::{self, NewUser, User, UserRefused, UserState};

/// Why an invitation was not accepted; it is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// There is none with this token that is still open.
    #[error("the invitation is unknown, used, withdrawn or expired")]
    Unknown,
    /// It is for another address.
    #[error("the invitation is for another e-mail address")]
    OtherAddress,
    /// The account cannot be made, or is not in use.
    #[error(transparent)]
    User(#[from] UserRefused),
    /// The membership cannot be given.
    #[error(transparent)]
    Member(#[from] MemberRefused),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

impl Invitations<'_> {
    /// The open invitation whose token has this peppered digest, for those who show it before it is accepted.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(&self, digest: &[u8; 32], act: &Act) -> Result<Option<Invitation>, ReadFailed> {
        self.db.fetch_optional(open(digest, act)).await?.as_ref().map(invitation).transpose()
    }

    /// Makes an account for somebody new and gives it what the invitation gives. Whether it becomes an operator is
    /// said by the invitation alone.
    ///
    /// # Errors
    /// [`NotAccepted`] when the invitation is not open or for another address, or the account cannot be made.
    pub async fn accept_as_new(
        &self,
        digest: &[u8; 32],
        new: &NewUser,
        act: &Act,
    ) -> Result<User, NotAccepted> {
        let mut tx = self.db.begin().await?;
        let found = take(&mut tx, digest, act).await?;
        let operator = !matches!(found.grants, Grants::Membership { .. });
        if found.grants == Grants::Setup {
            // Whoever came first has set the installation up.
            let first = Statement::new("SELECT id FROM users LIMIT 1");
            if tx.fetch_optional(first).await?.is_some() {
                return Err(NotAccepted::Unknown);
            }
        }
        let user = users::create_in(&mut tx, &NewUser { operator, ..new.clone() }, act).await?;
        admit(&mut tx, &found, &user, act).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Gives somebody who has an account what the invitation gives.
    ///
    /// # Errors
    /// [`NotAccepted`] when the invitation is not open or for another address, or they are a member already.
    pub async fn accept_as(&self, digest: &[u8; 32], id: UserId, act: &Act) -> Result<User, NotAccepted> {
        let mut tx = self.db.begin().await?;
        let found = take(&mut tx, digest, act).await?;
        let mut user = living(&mut tx, id).await?.user;
        if user.state != UserState::Active || found.grants == Grants::Setup {
            return Err(NotAccepted::Unknown);
        }
        if found.grants == Grants::Operator && !user.operator {
            user = stand(&mut tx, User { operator: true, ..user }, "operator", act).await?;
        }
        admit(&mut tx, &found, &user, act).await?;
        tx.commit().await?;
        Ok(user)
    }
}

/// Takes an invitation out of the hands of everybody else.
async fn take(tx: &mut Tx, digest: &[u8; 32], act: &Act) -> Result<Invitation, NotAccepted> {
    let row = tx.fetch_optional(open(digest, act)).await?.ok_or(NotAccepted::Unknown)?;
    let found = invitation(&row)?;
    close(tx, found.id, InvitationState::Accepted).await?;
    Ok(found)
}

async fn admit(tx: &mut Tx, found: &Invitation, user: &User, act: &Act) -> Result<(), NotAccepted> {
    if found.email.as_ref().is_some_and(|email| *email != user.email) {
        return Err(NotAccepted::OtherAddress);
    }
    if let Grants::Membership { org, role } = found.grants {
        members::add_in(tx, org, user.id, role, act).await?;
    }
    Ok(())
}

/// Invitations of a suspended organization are not open.
fn open(digest: &[u8; 32], act: &Act) -> Statement {
    Statement::new(COLUMNS)
        .and("digest =", Some(digest.as_slice()))
        .and("state =", Some(InvitationState::Pending.word()))
        .and("expires_at >", Some(act.at))
        .push(" AND (org_id IS NULL OR org_id IN (SELECT id FROM orgs WHERE state = 'active'))")
}
