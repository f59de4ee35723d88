//! What a login is checked against: the hash of the password and the sealed second factor. Neither has a `Debug`.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;
use domain::time::Timestamp;

use super::{COLUMNS, User, UserRefused, UserState, Users, email, user};
use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{ReadFailed, Tx, WriteFailed};
use crate::logins;

/// A second factor.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    /// The seed, sealed for the installation, the person's identifier and [`crate::sealed_values::TOTP`].
    pub sealed: Vec<u8>,
    /// When its first code was given; none while it does not count yet.
    pub confirmed_at: Option<Timestamp>,
    /// The time step of the last code that was taken.
    pub last_step: u64,
}

/// A person with all that a login is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// The password's hash; none when none was ever set.
    pub password: Option<String>,
    /// The second factor.
    pub totp: Option<Totp>,
}

impl Users<'_> {
    /// The account that somebody means by what they typed: an e-mail address, or else a user name. An account that
    /// was erased is not found.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(&self, email_or_username: &str) -> Result<Option<Account>, ReadFailed> {
        let folded = email::fold(email_or_username);
        let column = if folded.contains('@') { "email =" } else { "username =" };
        let statement =
            Statement::new(COLUMNS).and(column, Some(folded)).and("state <>", Some(UserState::Erased.word()));
        self.db.fetch_optional(statement).await?.as_ref().map(account).transpose()
    }

    /// The account with this identifier, for a person who proves themselves again.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is none.
    pub async fn account(&self, id: UserId) -> Result<Account, UserRefused> {
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = self.db.fetch_optional(statement).await?;
        Ok(account(&row.ok_or_else(|| UserRefused::not_found(id))?)?)
    }

    /// Sets a password. Every login of the person ends, and every token that was mailed to set one.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is no such person, [`UserRefused::Erased`] when there was one.
    pub async fn set_password(&self, id: UserId, hash: &str, act: &Act) -> Result<(), UserRefused> {
        let mut tx = self.db.begin().await?;
        set_password_in(&mut tx, id, hash, act).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps the same password under another hash, unless the password was changed meanwhile. No login ends.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn rehash(&self, id: UserId, old: &str, new: &str, act: &Act) -> Result<(), WriteFailed> {
        let statement = Statement::new("UPDATE users SET password = $1 WHERE id = $2 AND password = $3")
            .bind(new)
            .bind(id.to_string())
            .bind(old);
        let mut tx = self.db.begin().await?;
        if tx.execute(statement).await? > 0 {
            let detail = Detail::none().text("password", "hashed anew");
            audit::append(&mut tx, &act.done(Action::USER_UPDATE, id, detail)).await?;
        }
        tx.commit().await
    }
}

/// Sets a password in a transaction that does more.
pub(crate) async fn set_password_in(
    tx: &mut Tx,
    id: UserId,
    hash: &str,
    act: &Act,
) -> Result<(), UserRefused> {
    living(tx, id).await?;
    let statement = Statement::new("UPDATE users SET password = $1, not_before = $2 WHERE id = $3")
        .bind(hash)
        .bind(act.at)
        .bind(id.to_string());
    tx.execute(statement).await?;
    let ended = logins::end_all_in(tx, id, None, act).await?;
    let statement = Statement::new("DELETE FROM mailed_tokens WHERE kind = 'reset' AND user_id = $1");
    tx.execute(statement.bind(id.to_string())).await?;
    let detail = Detail::none().number("logins_ended", ended);
    audit::append(tx, &act.done(Action::USER_PASSWORD, id, detail)).await?;
    Ok(())
}

/// The account, for those who are about to change it.
pub(crate) async fn living(tx: &mut Tx, id: UserId) -> Result<Account, UserRefused> {
    let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
    let row = tx.fetch_optional(statement).await?.ok_or_else(|| UserRefused::not_found(id))?;
    match account(&row)? {
        found if found.user.state == UserState::Erased => Err(UserRefused::Erased(id)),
        found => Ok(found),
    }
}

fn account(row: &Row) -> Result<Account, ReadFailed> {
    let sealed: Option<Vec<u8>> = row.get("totp_sealed")?;
    let (confirmed_at, last_step) = (row.time_optional("totp_confirmed_at")?, row.number("totp_step")?);
    Ok(Account {
        user: user(row)?,
        password: row.get("password")?,
        totp: sealed.map(|sealed| Totp { sealed, confirmed_at, last_step }),
    })
}
