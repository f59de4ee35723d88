//! An account's beginning, and the names that nobody has twice.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;

use super::{COLUMNS, NewUser, User, UserRefused, UserState, Users, email};
use crate::audit;
use crate::db::Tx;
use crate::db::statement::Statement;

impl Users<'_> {
    /// Makes an account. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`UserRefused`] when the address or the user name is bad or taken.
    pub async fn create(&self, new: &NewUser, act: &Act) -> Result<User, UserRefused> {
        let mut tx = self.db.begin().await?;
        let made = create_in(&mut tx, new, act).await?;
        tx.commit().await?;
        Ok(made)
    }
}

/// Makes an account in a transaction that does more.
pub(crate) async fn create_in(tx: &mut Tx, new: &NewUser, act: &Act) -> Result<User, UserRefused> {
    let email = email::email(&new.email)?;
    let username = new.username.as_deref().map(email::username).transpose()?;
    free_email(tx, &email).await?;
    free_username(tx, username.as_deref()).await?;
    let statement = Statement::new(
        "INSERT INTO users (id, email, username, password, state, operator, email_verified_at, not_before, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    )
    .bind(new.id.to_string())
    .bind(email.as_str())
    .bind(username.clone())
    .bind(new.password.clone())
    .bind(UserState::Active.word())
    .bind(new.operator)
    .bind(new.email_verified_at)
    .bind(new.created_at);
    tx.execute(statement).await?;
    let standing = if new.operator { "operator" } else { "person" };
    let detail = Detail::none().text("standing", standing);
    audit::append(tx, &act.done(Action::USER_REGISTER, new.id, detail)).await?;
    Ok(User {
        id: new.id,
        email,
        username,
        state: UserState::Active,
        operator: new.operator,
        email_verified_at: new.email_verified_at,
        totp_confirmed_at: None,
        not_before: new.created_at,
        created_at: new.created_at,
        last_login_at: None,
    })
}

/// Refuses an address that somebody has. The transaction holds the right to write, so that nobody gets it before the
/// next line.
pub(super) async fn free_email(tx: &mut Tx, email: &str) -> Result<(), UserRefused> {
    match tx.fetch_optional(Statement::new(COLUMNS).and("email =", Some(email))).await? {
        Some(_) => Err(UserRefused::EmailTaken),
        None => Ok(()),
    }
}

/// The same for a user name.
pub(super) async fn free_username(tx: &mut Tx, username: Option<&str>) -> Result<(), UserRefused> {
    let Some(username) = username else { return Ok(()) };
    match tx.fetch_optional(Statement::new(COLUMNS).and("username =", Some(username))).await? {
        Some(_) => Err(UserRefused::UsernameTaken),
        None => Ok(()),
    }
}
