//! The end of logins: one, or all of a person.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{LoginId, UserId};

use super::impersonate::{Which, end_impersonations};
use super::{LoginRefused, Logins, going_on};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};

impl Logins<'_> {
    /// Ends a login of a person, and what was begun from it as somebody else; also one in which somebody else acts as
    /// the person.
    ///
    /// # Errors
    /// [`LoginRefused::NotFound`] when the person has no such login that goes on.
    pub async fn end(&self, user: UserId, id: LoginId, act: &Act) -> Result<(), LoginRefused> {
        let mut tx = self.db.begin().await?;
        let found =
            going_on("SELECT id FROM logins WHERE 1 = 1", user, act.at).and("id =", Some(id.to_string()));
        if tx.fetch_optional(found).await?.is_none() {
            return Err(LoginRefused::NotFound(id));
        }
        if end_impersonations(&mut tx, Which::One(id), act).await? > 0 {
            return Ok(tx.commit().await?);
        }
        end_impersonations(&mut tx, Which::From(id), act).await?;
        let statement = Statement::new("UPDATE logins SET ended_at = $1 WHERE id = $2");
        tx.execute(statement.bind(act.at).bind(id.to_string())).await?;
        let entry = act.done(Action::LOGIN_END, user, Detail::none().text("login", id));
        audit::append(&mut tx, &entry).await?;
        Ok(tx.commit().await?)
    }

    /// Ends the logins of a person that go on, but for the one to keep, and says how many they were.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; none has ended then.
    pub async fn end_all(&self, user: UserId, keep: Option<LoginId>, act: &Act) -> Result<u64, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let ended = end_all_in(&mut tx, user, keep, act).await?;
        let detail = Detail::none().number("logins_ended", ended);
        audit::append(&mut tx, &act.done(Action::LOGIN_END, user, detail)).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// Ends the logins of a person, but for one, in a transaction that does more: also those in which somebody else acts as
/// the person, or the person as somebody else. It says how many the first were.
pub(crate) async fn end_all_in(
    tx: &mut Tx,
    user: UserId,
    keep: Option<LoginId>,
    act: &Act,
) -> Result<u64, WriteFailed> {
    let now = act.at;
    end_impersonations(tx, Which::As(user), act).await?;
    end_impersonations(tx, Which::By(user), act).await?;
    let statement = Statement::new("UPDATE logins SET ended_at = ")
        .push_bind(now)
        .push(" WHERE ended_at IS NULL")
        .and("user_id =", Some(user.to_string()))
        .and("id <>", keep.map(|id| id.to_string()))
        .and("ends_at >", Some(now))
        .and("expires_at >", Some(now));
    tx.execute(statement).await
}
