//! The second factor: begun with a sealed seed, in force from its first code, and no code is taken twice. Which code
//! is right is not known here.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;

use super::account::living;
use super::{UserRefused, Users, recovery};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};

/// Whether a code may count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotpStep {
    /// It is the first of its time step.
    Fresh,
    /// A code of this time step or a later one was taken already.
    Spent,
}

/// Why a second factor was not switched on or off.
#[derive(Debug, thiserror::Error)]
pub enum TotpRefused {
    /// There is one in force.
    #[error("a second factor is in force already; switch it off first")]
    On,
    /// There is none to confirm or to switch off.
    #[error("there is no second factor")]
    Off,
    /// The code was used before.
    #[error("this code was used before; wait for the next one")]
    Spent,
    /// The account cannot be changed.
    #[error(transparent)]
    User(#[from] UserRefused),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

impl Users<'_> {
    /// Keeps a sealed seed that does not count until its first code was given; one that was begun before is replaced.
    ///
    /// # Errors
    /// [`TotpRefused::On`] when a second factor is in force.
    pub async fn begin_totp(&self, id: UserId, sealed: &[u8], act: &Act) -> Result<(), TotpRefused> {
        let mut tx = self.db.begin().await?;
        if living(&mut tx, id).await?.user.totp_confirmed_at.is_some() {
            return Err(TotpRefused::On);
        }
        let statement = Statement::new("UPDATE users SET totp_sealed = $1, totp_step = 0 WHERE id = $2");
        tx.execute(statement.bind(sealed).bind(id.to_string())).await?;
        finish(tx, id, "begun", act).await
    }

    /// Puts the second factor in force; `step` is the time step of the code that proved it, `recovery` the digests of
    /// the codes that stand in for it.
    ///
    /// # Errors
    /// [`TotpRefused::Off`] when none was begun, [`TotpRefused::On`] when it is in force.
    pub async fn confirm_totp(
        &self,
        id: UserId,
        step: u64,
        recovery: &[[u8; 32]],
        act: &Act,
    ) -> Result<(), TotpRefused> {
        let mut tx = self.db.begin().await?;
        let found = living(&mut tx, id).await?.totp.ok_or(TotpRefused::Off)?;
        if found.confirmed_at.is_some() {
            return Err(TotpRefused::On);
        }
        if spend(&mut tx, id, step).await? == TotpStep::Spent {
            return Err(TotpRefused::Spent);
        }
        let statement = Statement::new("UPDATE users SET totp_confirmed_at = $1 WHERE id = $2");
        tx.execute(statement.bind(act.at).bind(id.to_string())).await?;
        recovery::put(&mut tx, id, recovery, act).await?;
        finish(tx, id, "on", act).await
    }

    /// Switches the second factor off and forgets its seed and its recovery codes.
    ///
    /// # Errors
    /// [`TotpRefused::Off`] when there is none.
    pub async fn remove_totp(&self, id: UserId, act: &Act) -> Result<(), TotpRefused> {
        let mut tx = self.db.begin().await?;
        living(&mut tx, id).await?.totp.ok_or(TotpRefused::Off)?;
        let statement = Statement::new(
            "UPDATE users SET totp_sealed = NULL, totp_confirmed_at = NULL, totp_step = 0 WHERE id = $1",
        );
        tx.execute(statement.bind(id.to_string())).await?;
        recovery::forget(&mut tx, id).await?;
        finish(tx, id, "off", act).await
    }

    /// Takes the code of a time step. Of several that come with one code at the same time, one gets it.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; the code must then not count.
    pub async fn spend_totp(&self, id: UserId, step: u64) -> Result<TotpStep, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let spent = spend(&mut tx, id, step).await?;
        tx.commit().await?;
        Ok(spent)
    }
}

async fn spend(tx: &mut Tx, id: UserId, step: u64) -> Result<TotpStep, WriteFailed> {
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    let statement = Statement::new("UPDATE users SET totp_step = $1 WHERE id = $2 AND totp_step < $1")
        .bind(step)
        .bind(id.to_string());
    Ok(if tx.execute(statement).await? > 0 { TotpStep::Fresh } else { TotpStep::Spent })
}

async fn finish(mut tx: Tx, id: UserId, state: &'static str, act: &Act) -> Result<(), TotpRefused> {
    let detail = Detail::none().text("second_factor", state);
    audit::append(&mut tx, &act.done(Action::USER_TOTP, id, detail)).await?;
    Ok(tx.commit().await?)
}
