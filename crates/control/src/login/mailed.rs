//! What is proved by reading one's mail: an address, and the right to a new password. Nothing here tells whether an
//! address is known: what there is to say is said in a letter.

use std::sync::Arc;

use domain::audit::{Act, Actor};
use domain::id::UserId;
use domain::secret::Secret;
use domain::token::{Kind, Token};
use store::mailed_tokens::{MailRefused, NewMailedToken, Purpose};
use store::users::{User, UserRefused, UserState, email};

use super::attempt::{Asked, Proof};
use super::{Desk, NotProved, NotRegistered, Unavailable};
use crate::api::arrival::Arrival;
use crate::api::caller::Person;
use crate::mail::{Letter, letters};

/// How long a token that was mailed works.
pub const MAILED_TOKEN_SECONDS: i64 = 24 * 60 * 60;

impl Desk {
    /// Mails a token for a new password to whoever has this address, if anybody does.
    ///
    /// # Errors
    /// [`Unavailable`] when the books do not answer.
    pub async fn forgot(&self, email: &str, arrival: &Arrival) -> Result<(), Unavailable> {
        let Some(mail) = &self.mail else { return Ok(()) };
        let Some(account) = self.store.users().find(email).await? else { return Ok(()) };
        let user = account.user;
        if user.state != UserState::Active || !mail.has_room(&user.email, arrival.at) {
            return Ok(());
        }
        let act = arrival.act(Actor::anonymous(None));
        let (token, new) = self.mailed_token(Kind::Reset, Purpose::Reset, &user, &user.email, arrival)?;
        match self.store.mailed_tokens().issue(&new, &act).await {
            Ok(()) => mail.post(letters::reset(&user.email, &self.settings.url, &token), arrival.at),
            Err(MailRefused::Read(failed)) => return Err(failed.into()),
            Err(MailRefused::Write(failed)) => return Err(failed.into()),
            // The account changed meanwhile: there is nothing to send.
            Err(_) => {}
        }
        Ok(())
    }

    /// Sets a password by a token that was mailed. Every login of the person ends.
    ///
    /// # Errors
    /// [`NotRegistered::Token`] when the token is not good.
    pub async fn reset(
        &self,
        token: &Token,
        password: &Arc<Secret>,
        arrival: &Arrival,
    ) -> Result<(), NotRegistered> {
        let (digest, tokens) = (self.digest(token), self.store.mailed_tokens());
        let found = tokens.find(Purpose::Reset, &digest, arrival.at).await.map_err(NotProved::from)?;
        let Some(found) = found else { return Err(NotRegistered::Token) };
        let hash = self.hash(password).await?;
        tokens.reset(&digest, &hash, &arrival.act(Actor::user(found.user))).await?;
        if let Some(mail) = &self.mail {
            mail.post(letters::password_changed(&found.email), arrival.at);
        }
        Ok(())
    }

    /// Proves an address by the token that was mailed to it. The address of an account that never had a proved one is
    /// proved with the account's password: whoever made the account and whoever reads the mail are then one.
    ///
    /// # Errors
    /// [`NotRegistered::Token`] when the token is not good, or not that of `holder`, who is logged in.
    pub async fn verify(
        &self,
        token: &Token,
        password: Option<Arc<Secret>>,
        holder: Option<UserId>,
        arrival: &Arrival,
    ) -> Result<User, NotRegistered> {
        let (digest, tokens) = (self.digest(token), self.store.mailed_tokens());
        let found = tokens.find(Purpose::Verification, &digest, arrival.at).await.map_err(NotProved::from)?;
        let found = found.filter(|found| holder.is_none_or(|holder| holder == found.user));
        let Some(found) = found else { return Err(NotRegistered::Token) };
        if self.user(found.user).await?.email_verified_at.is_none() {
            let proof = Proof { password, code: None };
            self.prove_account(found.user, &proof, Asked::Password, arrival).await?;
        }
        let act = arrival.act(Actor::user(found.user));
        Ok(tokens.verify(&digest, Some(found.user), &act).await?)
    }

    /// Takes the wish of this person for another address. It is theirs once they have proved to read it; the address
    /// they have is told.
    ///
    /// # Errors
    /// [`NotRegistered`] when the address is none.
    pub async fn change_email(&self, person: &Person, wish: &str) -> Result<(), NotRegistered> {
        let (email, arrival) = (email::email(wish)?, person.arrival());
        let user = self.user(person.user()).await?;
        let known = self.store.users().find(&email).await.map_err(NotProved::from)?;
        let is_anothers = known.is_some_and(|known| known.user.id != user.id);
        // Recorded and told like any wish, but a token for another's address would lead nowhere: the one who has it
        // learns of it instead.
        let letter = |url: &str, token: &Token| match is_anothers {
            true => letters::known(&email, url),
            false => letters::verification(&email, url, token),
        };
        self.issue_and_post(&user, &email, person.act(), arrival, letter).await?;
        if let Some(mail) = &self.mail {
            mail.post(letters::email_changes(&user.email, &email), arrival.at);
        }
        Ok(())
    }

    /// Mails a token that proves the address of a new account.
    pub(super) async fn send_verification(
        &self,
        user: &User,
        email: &str,
        arrival: &Arrival,
    ) -> Result<(), NotRegistered> {
        let act = arrival.act(Actor::user(user.id));
        self.issue_and_post(user, email, act, arrival, |url, token| letters::verification(email, url, token))
            .await
    }

    async fn issue_and_post(
        &self,
        user: &User,
        email: &str,
        act: Act,
        arrival: &Arrival,
        letter: impl FnOnce(&str, &Token) -> Letter,
    ) -> Result<(), NotRegistered> {
        let Some(mail) = self.mail.as_ref().filter(|mail| mail.has_room(email, arrival.at)) else {
            return Ok(());
        };
        let (token, new) = self
            .mailed_token(Kind::Verification, Purpose::Verification, user, email, arrival)
            .map_err(NotProved::from)?;
        self.store.mailed_tokens().issue(&new, &act).await?;
        mail.post(letter(&self.settings.url, &token), arrival.at);
        Ok(())
    }

    fn mailed_token(
        &self,
        kind: Kind,
        purpose: Purpose,
        user: &User,
        email: &str,
        arrival: &Arrival,
    ) -> Result<(Token, NewMailedToken), Unavailable> {
        let (token, digest) = self.token(kind)?;
        let expires_at = arrival.at.plus_seconds(MAILED_TOKEN_SECONDS);
        let new = NewMailedToken { purpose, user: user.id, email: email.to_owned(), digest, expires_at };
        Ok((token, new))
    }
}

impl From<MailRefused> for NotRegistered {
    fn from(refused: MailRefused) -> Self {
        match refused {
            MailRefused::Unknown => Self::Token,
            MailRefused::BadEmail(bad) => bad.into(),
            // Somebody got the address meanwhile: the token leads nowhere, and who it was is nobody's business.
            MailRefused::User(UserRefused::EmailTaken) => Self::Token,
            MailRefused::User(refused) => refused.into(),
            MailRefused::Read(failed) => NotProved::from(failed).into(),
            MailRefused::Write(failed) => NotProved::from(failed).into(),
        }
    }
}
