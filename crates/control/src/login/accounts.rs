//! Accounts from their beginning: the first of an installation, those that people make themselves, and what a person
//! changes of their own.

use std::sync::Arc;

use domain::audit::Actor;
use domain::id::UserId;
use domain::secret::Secret;
use store::invitations::NotAccepted;
use store::users::email::{self, BadEmail, BadUsername};
use store::users::{NewUser, User, UserRefused};
use vault::password::judge;

use super::attempt::{Asked, Proof};
use super::{Desk, NotHashed, NotProved, Registration};
use crate::api::arrival::Arrival;
use crate::api::caller::Person;
use crate::mail::letters;

/// What a new account is made of.
pub struct Wish {
    /// The e-mail address, in any spelling.
    pub email: String,
    /// The user name, in any spelling.
    pub username: Option<String>,
    /// The password.
    pub password: Arc<Secret>,
}

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum NotRegistered {
    /// Only who was invited gets an account.
    #[error("registration is closed")]
    Closed,
    /// The token gives no account.
    #[error("the token is unknown, used or expired")]
    Token,
    /// The address is none.
    #[error(transparent)]
    BadEmail(#[from] BadEmail),
    /// The user name is none.
    #[error(transparent)]
    BadUsername(#[from] BadUsername),
    /// Somebody has this user name.
    #[error("somebody has this user name already")]
    UsernameTaken,
    /// The password was not taken.
    #[error(transparent)]
    Password(#[from] NotHashed),
    /// The person did not prove to be the one.
    #[error(transparent)]
    NotProved(#[from] NotProved),
    /// The invitation gives no account to this person.
    #[error(transparent)]
    NotAccepted(NotAccepted),
    /// The account cannot be made or changed.
    #[error(transparent)]
    User(UserRefused),
}

impl Desk {
    /// Takes the wish of somebody for an account. What becomes of it is said by mail alone, so that nobody learns who
    /// has one.
    ///
    /// # Errors
    /// [`NotRegistered`] for what has nothing to do with the address.
    pub async fn register(&self, wish: Wish, arrival: &Arrival) -> Result<(), NotRegistered> {
        let Some(mail) = self.mail.as_ref().filter(|_| self.settings.registration == Registration::Open)
        else {
            return Err(NotRegistered::Closed);
        };
        let new = self.new_user(wish, arrival).await?;
        if let Some(name) = &new.username
            && self.store.users().find(name).await.map_err(NotProved::from)?.is_some()
        {
            return Err(NotRegistered::UsernameTaken);
        }
        let known = self.store.users().find(&new.email).await.map_err(NotProved::from)?;
        let user = match known {
            Some(known) if known.user.email_verified_at.is_some() => {
                mail.post(letters::known(&known.user.email, &self.settings.url), arrival.at);
                return Ok(());
            }
            Some(known) => known.user,
            None => self.store.users().create(&new, &arrival.act(Actor::user(new.id))).await?,
        };
        self.send_verification(&user, &user.email, arrival).await?;
        Ok(())
    }

    /// Sets another password for this person, who gives the one they have. Every login ends.
    ///
    /// # Errors
    /// [`NotRegistered`]; the password is then as it was.
    pub async fn change_password(
        &self,
        person: &Person,
        old: Arc<Secret>,
        new: Arc<Secret>,
    ) -> Result<(), NotRegistered> {
        judge(&new).map_err(NotHashed::from)?;
        let proof = Proof { password: Some(old), code: None };
        let account = self.prove_account(person.user(), &proof, Asked::Password, person.arrival()).await?;
        let hash = self.hash(&new).await?;
        self.store.users().set_password(person.user(), &hash, &person.act()).await?;
        if let Some(mail) = &self.mail {
            mail.post(letters::password_changed(&account.user.email), person.arrival().at);
        }
        Ok(())
    }

    /// Gives this person another user name, or none.
    ///
    /// # Errors
    /// [`NotRegistered`] when it is bad or taken.
    pub async fn rename(&self, person: &Person, username: Option<&str>) -> Result<User, NotRegistered> {
        Ok(self.store.users().set_username(person.user(), username, &person.act()).await?)
    }

    /// The text to store of a password that was just chosen.
    ///
    /// # Errors
    /// [`NotHashed`] when it is too easily guessed, or too many are looked at.
    pub async fn hash(&self, password: &Arc<Secret>) -> Result<String, NotHashed> {
        judge(password)?;
        Ok(self.hasher.place().await?.hash(password).await?)
    }

    pub(super) async fn new_user(&self, wish: Wish, arrival: &Arrival) -> Result<NewUser, NotRegistered> {
        let email = email::email(&wish.email)?;
        let username = wish.username.as_deref().map(email::username).transpose()?;
        let hash = self.hash(&wish.password).await?;
        let id = vault::entropy::uuid_v7(arrival.at).map_err(NotProved::from)?;
        Ok(NewUser {
            id: UserId::new(id),
            email,
            username,
            password: Some(hash),
            operator: false,
            email_verified_at: None,
            created_at: arrival.at,
        })
    }
}

impl From<UserRefused> for NotRegistered {
    fn from(refused: UserRefused) -> Self {
        match refused {
            UserRefused::BadEmail(bad) => bad.into(),
            UserRefused::BadUsername(bad) => bad.into(),
            UserRefused::UsernameTaken => Self::UsernameTaken,
            UserRefused::Read(failed) => NotProved::from(failed).into(),
            UserRefused::Write(failed) => NotProved::from(failed).into(),
            other => Self::User(other),
        }
    }
}

impl From<NotAccepted> for NotRegistered {
    fn from(refused: NotAccepted) -> Self {
        match refused {
            NotAccepted::Unknown => Self::Token,
            NotAccepted::User(refused) => refused.into(),
            NotAccepted::Read(failed) => NotProved::from(failed).into(),
            NotAccepted::Write(failed) => NotProved::from(failed).into(),
            other => Self::NotAccepted(other),
        }
    }
}
