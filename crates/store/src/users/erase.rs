//! Erasure: of a person a pseudonym is left, so that the books and the audit trail still add up.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, UserId};

use super::account::living;
use super::{UserRefused, UserState, Users};
use crate::audit;
use crate::db::Tx;
use crate::db::statement::Statement;
use crate::logins::{Which, end_impersonations};
use crate::{provider_keys, traces};

/// What goes with the person, in an order in which nothing refers to what is gone. `$1` is the identifier.
const GOES: [&str; 7] = [
    "DELETE FROM refresh_tokens WHERE login_id IN (SELECT id FROM logins WHERE user_id = $1)",
    "DELETE FROM logins WHERE user_id = $1",
    "DELETE FROM recovery_codes WHERE user_id = $1",
    "DELETE FROM mailed_tokens WHERE user_id = $1",
    "DELETE FROM members WHERE user_id = $1",
    "DELETE FROM idempotency WHERE actor = $1",
    "UPDATE users SET username = NULL, password = NULL, operator = FALSE, email_verified_at = NULL, \
     totp_sealed = NULL, totp_confirmed_at = NULL, totp_step = 0, last_login_at = NULL WHERE id = $1",
];

impl Users<'_> {
    /// Erases what is kept of a person: names, password, second factor, memberships, logins, tokens, own provider
    /// keys. The API keys they made belong to their projects and stay, as the rows of the audit trail do.
    ///
    /// # Errors
    /// [`UserRefused::LastOwner`] when an organization with other members would be left without an owner,
    /// [`UserRefused::Erased`] when it was done before.
    pub async fn erase(&self, id: UserId, act: &Act) -> Result<(), UserRefused> {
        let mut tx = self.db.begin().await?;
        let found = living(&mut tx, id).await?.user;
        if let Some(org) = orphaned(&mut tx, id).await? {
            return Err(UserRefused::LastOwner(org));
        }
        for which in [Which::As(id), Which::By(id)] {
            end_impersonations(&mut tx, which, act).await?;
        }
        provider_keys::remove_own(&mut tx, id, None, act).await?;
        let statement = Statement::new(
            "UPDATE invitations SET email = NULL, state = CASE state WHEN 'pending' \
             THEN 'revoked' ELSE state END WHERE email = $1",
        );
        tx.execute(statement.bind(found.email)).await?;
        for sql in GOES {
            tx.execute(Statement::new(sql).bind(id.to_string())).await?;
        }
        let statement =
            Statement::new("UPDATE users SET email = $1, state = $2, not_before = $3 WHERE id = $4")
                .bind(format!("{id}@erased.invalid"))
                .bind(UserState::Erased.word())
                .bind(act.at)
                .bind(id.to_string());
        tx.execute(statement).await?;
        let traces = traces::erase(&mut tx, id).await?;
        let detail = Detail::none().number("traces", traces);
        audit::append(&mut tx, &act.done(Action::USER_ERASE, id, detail)).await?;
        Ok(tx.commit().await?)
    }
}

/// An organization that has members and would have no owner who can log in.
async fn orphaned(tx: &mut Tx, id: UserId) -> Result<Option<OrgId>, UserRefused> {
    let statement = Statement::new(
        "SELECT m.org_id FROM members m WHERE m.user_id = $1 AND m.role = 'owner' \
         AND EXISTS (SELECT 1 FROM members n WHERE n.org_id = m.org_id AND n.user_id <> $1) \
         AND NOT EXISTS (SELECT 1 FROM members n JOIN users u ON u.id = n.user_id WHERE n.org_id = m.org_id \
         AND n.user_id <> $1 AND n.role = 'owner' AND u.state = 'active') ORDER BY m.org_id LIMIT 1",
    );
    let row = tx.fetch_optional(statement.bind(id.to_string())).await?;
    Ok(row.map(|row| row.parse("org_id")).transpose()?)
}
