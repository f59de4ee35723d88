//! Tokens that are sent by e-mail: to prove that an address is read, and to set a new password. What is kept is a
//! digest, and what a token does happens in the transaction that spends it.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;
use domain::time::Timestamp;

use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::users::account::{living, set_password_in};
use crate::users::change::set_email_in;
use crate::users::email::{self, BadEmail};
use crate::users::{User, UserRefused, UserState};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To prove that the address it was sent to is read.
    Verification,
    /// To set a new password.
    Reset,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Verification => "verification",
            Purpose::Reset => "reset",
        }
    }
}

/// A token that is to be sent. Without `Debug`, for it holds the digest.
#[derive(Clone)]
pub struct NewMailedToken {
    /// What it is for.
    pub purpose: Purpose,
    /// The person.
    pub user: UserId,
    /// The address it is sent to, in any spelling; for a verification, the one that the person will then have.
    pub email: String,
    /// Its peppered digest.
    pub digest: [u8; 32],
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// Why a token was not issued or not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailRefused {
    /// There is none that is still good.
    #[error("the token is unknown, used or expired")]
    Unknown,
    /// The address is none.
    #[error(transparent)]
    BadEmail(#[from] BadEmail),
    /// The account cannot be changed.
    #[error(transparent)]
    User(#[from] UserRefused),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// A token's person and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailed {
    /// The person.
    pub user: UserId,
    /// The address it was sent to, folded.
    pub email: String,
}

/// The tokens that were sent by e-mail.
pub struct MailedTokens<'a> {
    db: &'a Db,
}

impl<'a> MailedTokens<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Keeps a token; those that were sent to the same person for the same purpose stop working. It is recorded as
    /// done by `act`, as every change below is: the wish for another address, or for a new password.
    ///
    /// # Errors
    /// [`MailRefused`] when the address is bad or there is no such person.
    pub async fn issue(&self, new: &NewMailedToken, act: &Act) -> Result<(), MailRefused> {
        let email = email::email(&new.email)?;
        let mut tx = self.db.begin().await?;
        let user = living(&mut tx, new.user).await?.user;
        forget(&mut tx, new.purpose, new.user).await?;
        let statement = Statement::new(
            "INSERT INTO mailed_tokens (digest, kind, user_id, email, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(new.digest.as_slice())
        .bind(new.purpose.word())
        .bind(new.user.to_string())
        .bind(email.as_str())
        .bind(act.at)
        .bind(new.expires_at);
        tx.execute(statement).await?;
        let entry = match new.purpose {
            Purpose::Reset => Some(act.done(Action::USER_RESET, new.user, Detail::none())),
            // The first proof of an address belongs to the registration, which has its own row.
            Purpose::Verification if email == user.email => None,
            Purpose::Verification => {
                let detail = Detail::none().text("from", &user.email).text("to", &email);
                Some(act.done(Action::USER_EMAIL, new.user, detail))
            }
        };
        if let Some(entry) = entry {
            audit::append(&mut tx, &entry).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whose a good token is, for those who must know before they spend it; `None` when it is not good.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(
        &self,
        purpose: Purpose,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Mailed>, ReadFailed> {
        self.db.fetch_optional(good(purpose, digest, now)).await?.as_ref().map(mailed).transpose()
    }

    /// Spends a verification token: its person has the address it was sent to from now on. If `user` is given, it has
    /// to be theirs.
    ///
    /// # Errors
    /// [`MailRefused::Unknown`] when it is not good, [`UserRefused::EmailTaken`] when somebody else got the address
    /// meanwhile.
    pub async fn verify(
        &self,
        digest: &[u8; 32],
        user: Option<UserId>,
        act: &Act,
    ) -> Result<User, MailRefused> {
        let mut tx = self.db.begin().await?;
        let found = take(&mut tx, Purpose::Verification, digest, act.at).await?;
        if user.is_some_and(|user| user != found.user) {
            return Err(MailRefused::Unknown);
        }
        let user = set_email_in(&mut tx, found.user, &found.email, act).await?;
        audit::append(&mut tx, &act.done(Action::USER_VERIFY, found.user, Detail::none())).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Spends a reset token: the password is set, and every login of the person ends.
    ///
    /// # Errors
    /// [`MailRefused::Unknown`] when it is not good, or its person is locked out.
    pub async fn reset(&self, digest: &[u8; 32], hash: &str, act: &Act) -> Result<UserId, MailRefused> {
        let mut tx = self.db.begin().await?;
        let found = take(&mut tx, Purpose::Reset, digest, act.at).await?;
        if living(&mut tx, found.user).await?.user.state != UserState::Active {
            return Err(MailRefused::Unknown);
        }
        set_password_in(&mut tx, found.user, hash, act).await?;
        tx.commit().await?;
        Ok(found.user)
    }
}

fn good(purpose: Purpose, digest: &[u8; 32], now: Timestamp) -> Statement {
    Statement::new("SELECT user_id, email FROM mailed_tokens WHERE 1 = 1")
        .and("digest =", Some(digest.as_slice()))
        .and("kind =", Some(purpose.word()))
        .and("expires_at >", Some(now))
}

/// Takes a token out of the hands of everybody else. A token that was used is not kept.
async fn take(
    tx: &mut Tx,
    purpose: Purpose,
    digest: &[u8; 32],
    now: Timestamp,
) -> Result<Mailed, MailRefused> {
    let row = tx.fetch_optional(good(purpose, digest, now)).await?.ok_or(MailRefused::Unknown)?;
    let found = mailed(&row)?;
    forget(tx, purpose, found.user).await?;
    Ok(found)
}

async fn forget(tx: &mut Tx, purpose: Purpose, user: UserId) -> Result<(), WriteFailed> {
    let statement = Statement::new("DELETE FROM mailed_tokens WHERE kind = $1 AND user_id = $2");
    tx.execute(statement.bind(purpose.word()).bind(user.to_string())).await.map(drop)
}

fn mailed(row: &Row) -> Result<Mailed, ReadFailed> {
    Ok(Mailed { user: row.parse("user_id")?, email: row.text("email")? })
}
