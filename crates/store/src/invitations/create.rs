//! An invitation's beginning.

use domain::audit::action::Action;
use domain::audit::{Act, ActorKind};

use super::{Grants, Invitation, InvitationRefused, InvitationState, Invitations, NewInvitation, record};
use crate::db::Tx;
use crate::db::statement::Statement;
use crate::members::By;
use crate::users::email;

impl Invitations<'_> {
    /// Makes an invitation on the authority of `by`. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`InvitationRefused`] when it gives more than `by` may give, the address is bad, or the organization unknown.
    pub async fn create(
        &self,
        new: &NewInvitation,
        by: By,
        act: &Act,
    ) -> Result<Invitation, InvitationRefused> {
        let allowed = match new.grants {
            Grants::Setup => false,
            Grants::Operator => by == By::Operator && self.org.is_none(),
            Grants::Membership { org, role } if self.org.is_none_or(|own| own == org) => by.may_grant(role),
            Grants::Membership { org, .. } => return Err(InvitationRefused::NoSuchOrg(org)),
        };
        if !allowed {
            return Err(InvitationRefused::BeyondOwnRights);
        }
        let mut tx = self.db.begin().await?;
        let made = insert(&mut tx, new, act).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Makes the invitation that sets up a new installation, in the place of any made before; none when somebody has
    /// an account.
    ///
    /// # Errors
    /// [`InvitationRefused`] when it cannot be kept.
    pub async fn set_up(
        &self,
        new: &NewInvitation,
        act: &Act,
    ) -> Result<Option<Invitation>, InvitationRefused> {
        let mut tx = self.db.begin().await?;
        if tx.fetch_optional(Statement::new("SELECT id FROM users LIMIT 1")).await?.is_some() {
            return Ok(None);
        }
        let statement = Statement::new(
            "UPDATE invitations SET state = 'revoked' WHERE purpose = 'setup' AND state = 'pending'",
        );
        tx.execute(statement).await?;
        let made = insert(&mut tx, &NewInvitation { grants: Grants::Setup, ..new.clone() }, act).await?;
        tx.commit().await?;
        Ok(Some(made))
    }
}

async fn insert(tx: &mut Tx, new: &NewInvitation, act: &Act) -> Result<Invitation, InvitationRefused> {
    let (purpose, org, role) = match new.grants {
        Grants::Setup => ("setup", None, None),
        Grants::Operator => ("operator", None, None),
        Grants::Membership { org, role } => ("membership", Some(org), Some(role)),
    };
    let email = new.email.as_deref().map(email::email).transpose()?;
    let person = act.actor.kind == ActorKind::User.word();
    let made = Invitation {
        id: new.id,
        grants: new.grants,
        email,
        prefix: new.prefix,
        invited_by: if person { act.actor.id.parse().ok() } else { None },
        state: InvitationState::Pending,
        created_at: act.at,
        expires_at: new.expires_at,
    };
    let statement = Statement::new(
        "INSERT INTO invitations (id, purpose, org_id, role, email, prefix, digest, invited_by, state, created_at, \
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(made.id.to_string())
    .bind(purpose)
    .bind(org.map(|org| org.to_string()))
    .bind(role.map(|role| role.word().to_owned()))
    .bind(made.email.clone())
    .bind(made.prefix.as_str())
    .bind(new.digest.as_slice())
    .bind(made.invited_by.map(|user| user.to_string()))
    .bind(made.state.word())
    .bind(made.created_at)
    .bind(made.expires_at);
    match (tx.execute(statement).await, org) {
        (Err(failed), _) if failed.is_duplicate() => return Err(InvitationRefused::Duplicate),
        (Err(failed), Some(org)) if failed.is_dangling() => return Err(InvitationRefused::NoSuchOrg(org)),
        (inserted, _) => inserted?,
    };
    record(tx, Action::INVITATION_CREATE, &made, act).await?;
    Ok(made)
}
