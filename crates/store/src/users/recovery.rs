//! Recovery codes, by which a person logs in who has lost the second factor: kept as digests, and gone once used. What a
//! code looks like is not known here.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;

use super::account::living;
use super::{TotpRefused, Users};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// Whether a recovery code may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryCodeUse {
    /// It was one of the person's; so many are left.
    Taken {
        /// How many.
        left: u64,
    },
    /// It is none, or was used before.
    Unknown,
}

impl Users<'_> {
    /// How many recovery codes a person has left.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn recovery_codes_left(&self, id: UserId) -> Result<u64, ReadFailed> {
        left(self.db, id).await
    }

    /// Puts these codes in the place of those that a person has, which work no more.
    ///
    /// # Errors
    /// [`TotpRefused::Off`] when no second factor is in force: there is nothing to be recovered.
    pub async fn renew_recovery_codes(
        &self,
        id: UserId,
        digests: &[[u8; 32]],
        act: &Act,
    ) -> Result<(), TotpRefused> {
        let mut tx = self.db.begin().await?;
        if living(&mut tx, id).await?.user.totp_confirmed_at.is_none() {
            return Err(TotpRefused::Off);
        }
        put(&mut tx, id, digests, act).await?;
        Ok(tx.commit().await?)
    }

    /// Uses up a recovery code. Of several that come with one code at the same time, one gets it.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; the code must then not count.
    pub async fn use_recovery_code(
        &self,
        id: UserId,
        digest: &[u8; 32],
        act: &Act,
    ) -> Result<RecoveryCodeUse, WriteFailed> {
        let statement = Statement::new("DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2");
        let mut tx = self.db.begin().await?;
        if tx.execute(statement.bind(id.to_string()).bind(digest.as_slice())).await? == 0 {
            return Ok(RecoveryCodeUse::Unknown);
        }
        let row = tx.fetch_optional(count(id)).await?;
        let left = row.map_or(Ok(0), |row| row.number("n"))?;
        let detail = Detail::none().text("recovery_codes", "one used").number("left", left);
        audit::append(&mut tx, &act.done(Action::USER_RECOVERY, id, detail)).await?;
        tx.commit().await?;
        Ok(RecoveryCodeUse::Taken { left })
    }
}

/// Puts codes in the place of a person's in a transaction that does more.
pub(super) async fn put(tx: &mut Tx, id: UserId, digests: &[[u8; 32]], act: &Act) -> Result<(), WriteFailed> {
    forget(tx, id).await?;
    for digest in digests {
        let statement =
            Statement::new("INSERT INTO recovery_codes (user_id, digest, created_at) VALUES ($1, $2, $3)");
        tx.execute(statement.bind(id.to_string()).bind(digest.as_slice()).bind(act.at)).await?;
    }
    let made = u64::try_from(digests.len()).unwrap_or(u64::MAX);
    let detail = Detail::none().text("recovery_codes", "made").number("left", made);
    audit::append(tx, &act.done(Action::USER_RECOVERY, id, detail)).await
}

/// Forgets a person's codes in a transaction that does more.
pub(super) async fn forget(tx: &mut Tx, id: UserId) -> Result<(), WriteFailed> {
    let statement = Statement::new("DELETE FROM recovery_codes WHERE user_id = $1");
    tx.execute(statement.bind(id.to_string())).await.map(drop)
}

async fn left(db: &Db, id: UserId) -> Result<u64, ReadFailed> {
    db.fetch_optional(count(id)).await?.map_or(Ok(0), |row| row.number("n"))
}

fn count(id: UserId) -> Statement {
    Statement::new("SELECT COUNT(*) AS n FROM recovery_codes WHERE user_id = $1").bind(id.to_string())
}
