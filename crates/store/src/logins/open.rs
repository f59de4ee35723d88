//! The beginning of a login.

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::plain::plain;
use domain::audit::{Act, USER_AGENT_CHARS};
use domain::id::{LoginId, OrgId, UserId};
use domain::time::Timestamp;

use super::{COLUMNS, LoginRefused, Logins, MAX_LOGINS, SignedIn, going_on, holding, login};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};
use crate::users::UserState;
use crate::users::account::living;

/// A login that is to begin. Without `Debug`, for it holds a digest.
#[derive(Clone)]
pub struct NewLogin {
    /// Its identifier.
    pub id: LoginId,
    /// The person.
    pub user: UserId,
    /// [`not_before`](crate::users::User::not_before) as it was read with the hash that the password was checked
    /// against: a password that was changed meanwhile begins no login.
    pub not_before: Timestamp,
    /// The organization it is for; none for the one the person has belonged to for longest.
    pub org: Option<OrgId>,
    /// The peppered digest of its first refresh token.
    pub refresh: [u8; 32],
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
    /// When it ends whatever is done.
    pub ends_at: Timestamp,
}

impl Logins<'_> {
    /// Begins a login. If the person has [`MAX_LOGINS`] that go on, the one that was not used for longest ends.
    ///
    /// # Errors
    /// [`LoginRefused::Changed`] when the account was disabled or changed since it was looked at,
    /// [`LoginRefused::NoSuchOrg`] when the person is no member of the organization.
    pub async fn open(&self, new: &NewLogin, act: &Act) -> Result<SignedIn, LoginRefused> {
        let mut tx = self.db.begin().await?;
        let user = living(&mut tx, new.user).await.map_err(|_| LoginRefused::Changed)?.user;
        if user.state != UserState::Active || user.not_before != new.not_before {
            return Err(LoginRefused::Changed);
        }
        let org = home(&mut tx, new.user, new.org).await?;
        make_room(&mut tx, new.user, act.at).await?;
        insert(&mut tx, new, org, act).await?;
        let found = holding(&mut tx, new.id, act.at).await?;
        let entry = act.done(Action::LOGIN_SUCCEED, new.user, Detail::none().text("login", new.id));
        let entry = if let Some(org) = found.org { entry.of(org) } else { entry };
        audit::append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// The organization that the login is for: the one that was asked for, or the oldest membership.
pub(super) async fn home(
    tx: &mut Tx,
    user: UserId,
    asked: Option<OrgId>,
) -> Result<Option<OrgId>, LoginRefused> {
    let statement = Statement::new(
        "SELECT m.org_id FROM members m JOIN orgs o ON o.id = m.org_id WHERE o.state = 'active'",
    )
    .and("m.user_id =", Some(user.to_string()))
    .and("m.org_id =", asked.map(|org| org.to_string()))
    .push(" ORDER BY m.created_at, m.org_id LIMIT 1");
    match (tx.fetch_optional(statement).await?, asked) {
        (Some(row), _) => Ok(Some(row.parse("org_id")?)),
        (None, Some(org)) => Err(LoginRefused::NoSuchOrg(org)),
        (None, None) => Ok(None),
    }
}

/// Ends what was not used for longest, so that one more fits. Those in which somebody else acts are not of the number.
async fn make_room(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), LoginRefused> {
    let statement =
        going_on(COLUMNS, user, now).push(" AND impersonated_by IS NULL ORDER BY seen_at DESC, id DESC");
    for row in tx.fetch_all(statement).await?.iter().skip(MAX_LOGINS - 1) {
        let statement = Statement::new("UPDATE logins SET ended_at = $1 WHERE id = $2");
        tx.execute(statement.bind(now).bind(login(row)?.id.to_string())).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, new: &NewLogin, org: Option<OrgId>, act: &Act) -> Result<(), WriteFailed> {
    let ip = act.ip.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
    let statement = Statement::new(
        "INSERT INTO logins (id, user_id, org_id, created_at, seen_at, proved_at, expires_at, ends_at, ip, user_agent) \
         VALUES ($1, $2, $3, $4, $4, $4, $5, $6, $7, $8)",
    )
    .bind(new.id.to_string())
    .bind(new.user.to_string())
    .bind(org.map(|org| org.to_string()))
    .bind(act.at)
    .bind(new.expires_at.min(new.ends_at))
    .bind(new.ends_at)
    .bind(ip)
    .bind(plain(&act.user_agent, USER_AGENT_CHARS));
    tx.execute(statement).await?;
    super::refresh::keep(tx, &new.refresh, new.id, act.at).await?;
    let statement = Statement::new("UPDATE users SET last_login_at = $1 WHERE id = $2");
    tx.execute(statement.bind(act.at).bind(new.user.to_string())).await.map(drop)
}
