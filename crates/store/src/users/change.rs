//! Changes of an account: who may log in, by which names, and who runs the installation.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::UserId;

use super::account::living;
use super::{User, UserRefused, UserState, Users, email, free_email, free_username};
use crate::audit;
use crate::db::Tx;
use crate::db::statement::Statement;
use crate::logins;
use crate::switch::Switch;

impl Users<'_> {
    /// Locks a person out, which ends every login, or lets them in again.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is no such person, [`UserRefused::Erased`] when there was one.
    pub async fn set_state(&self, id: UserId, state: Switch, act: &Act) -> Result<User, UserRefused> {
        let mut tx = self.db.begin().await?;
        let mut found = living(&mut tx, id).await?.user;
        let (action, detail) = match state {
            Switch::Active => {
                found.state = UserState::Active;
                (Action::USER_ENABLE, Detail::none())
            }
            Switch::Disabled => {
                found.state = UserState::Disabled;
                found.not_before = act.at;
                let ended = logins::end_all_in(&mut tx, id, None, act).await?;
                (Action::USER_DISABLE, Detail::none().number("logins_ended", ended))
            }
        };
        let statement = Statement::new("UPDATE users SET state = $1, not_before = $2 WHERE id = $3")
            .bind(found.state.word())
            .bind(found.not_before)
            .bind(id.to_string());
        tx.execute(statement).await?;
        audit::append(&mut tx, &act.done(action, id, detail)).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Sets an e-mail address that needs no proof, because an operator or the command line says so.
    ///
    /// # Errors
    /// [`UserRefused`] when the address is bad or taken, or there is no such person.
    pub async fn set_email(&self, id: UserId, email: &str, act: &Act) -> Result<User, UserRefused> {
        let email = email::email(email)?;
        let mut tx = self.db.begin().await?;
        let before = living(&mut tx, id).await?.user.email;
        let found = set_email_in(&mut tx, id, &email, act).await?;
        let detail = Detail::none().text("from", before).text("to", &found.email);
        audit::append(&mut tx, &act.done(Action::USER_EMAIL, id, detail)).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Sets a user name, or takes it away.
    ///
    /// # Errors
    /// [`UserRefused`] when the name is bad or taken, or there is no such person.
    pub async fn set_username(
        &self,
        id: UserId,
        username: Option<&str>,
        act: &Act,
    ) -> Result<User, UserRefused> {
        let username = username.map(email::username).transpose()?;
        let mut tx = self.db.begin().await?;
        let mut found = living(&mut tx, id).await?.user;
        if found.username != username {
            free_username(&mut tx, username.as_deref()).await?;
        }
        let statement = Statement::new("UPDATE users SET username = $1 WHERE id = $2");
        tx.execute(statement.bind(username.clone()).bind(id.to_string())).await?;
        let detail = Detail::none().text("username", username.as_deref().unwrap_or("none"));
        audit::append(&mut tx, &act.done(Action::USER_UPDATE, id, detail)).await?;
        tx.commit().await?;
        found.username = username;
        Ok(found)
    }

    /// Makes a person an operator of the installation.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is no such person, [`UserRefused::Erased`] when there was one.
    pub async fn make_operator(&self, id: UserId, act: &Act) -> Result<User, UserRefused> {
        let mut tx = self.db.begin().await?;
        let found = living(&mut tx, id).await?.user;
        let found = stand(&mut tx, User { operator: true, ..found }, "operator", act).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Takes the installation out of a person's hands. Nobody is the last operator: the command line makes another.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is no such person, [`UserRefused::Erased`] when there was one.
    pub async fn unmake_operator(&self, id: UserId, act: &Act) -> Result<User, UserRefused> {
        let mut tx = self.db.begin().await?;
        let found = living(&mut tx, id).await?.user;
        let found = stand(&mut tx, User { operator: false, ..found }, "person", act).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// Writes down what a person is to the installation, in a transaction that does more.
pub(crate) async fn stand(
    tx: &mut Tx,
    user: User,
    standing: &'static str,
    act: &Act,
) -> Result<User, UserRefused> {
    let statement = Statement::new("UPDATE users SET operator = $1 WHERE id = $2");
    tx.execute(statement.bind(user.operator).bind(user.id.to_string())).await?;
    let detail = Detail::none().text("standing", standing);
    audit::append(tx, &act.done(Action::USER_OPERATOR, user.id, detail)).await?;
    Ok(user)
}

/// Sets an address, already folded, that the person is known to read.
pub(crate) async fn set_email_in(
    tx: &mut Tx,
    id: UserId,
    email: &str,
    act: &Act,
) -> Result<User, UserRefused> {
    let found = living(tx, id).await?.user;
    if found.email != email {
        free_email(tx, email).await?;
    }
    let statement = Statement::new("UPDATE users SET email = $1, email_verified_at = $2 WHERE id = $3")
        .bind(email)
        .bind(act.at)
        .bind(id.to_string());
    tx.execute(statement).await?;
    Ok(User { email: email.to_owned(), email_verified_at: Some(act.at), ..found })
}
