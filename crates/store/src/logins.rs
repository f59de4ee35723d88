//! Logins: from the password to the end of the last refresh. What is kept of a refresh token is its digest; who may
//! log in is decided elsewhere, and whether a login still holds is decided here.

mod end;
mod impersonate;
mod open;
mod refresh;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{LoginId, OrgId, UserId};
use domain::role::OrgRole;
use domain::time::Timestamp;

use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};
use crate::orgs::OrgState;
use crate::users::UserState;

pub(crate) use end::end_all_in;
pub use impersonate::{Impersonation, ImpersonationRefused, NewImpersonation};
pub(crate) use impersonate::{Which, end_impersonations};
pub use open::NewLogin;
pub use refresh::{REFRESH_GRACE_MS, Refresh, Refreshed};

/// Most logins of one person that go on at the same time; one more ends the one that was not used for longest.
pub const MAX_LOGINS: usize = 32;

/// Who is behind a login, read anew for every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The login.
    pub login: LoginId,
    /// The person.
    pub user: UserId,
    /// Where the person's account is in its life.
    pub user_state: UserState,
    /// Whether this is an operator of the installation.
    pub operator: bool,
    /// When it was proved that the person reads their e-mail address.
    pub email_verified_at: Option<Timestamp>,
    /// Logins of this person that began earlier are at an end.
    pub not_before: Timestamp,
    /// When the login began.
    pub created_at: Timestamp,
    /// When the password or the second factor was last given.
    pub proved_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
    /// When it ends whatever is done.
    pub ends_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// The organization it is for, if the person is a member of it.
    pub org: Option<OrgId>,
    /// The role in that organization.
    pub role: Option<OrgRole>,
    /// Where that organization is in its life.
    pub org_state: Option<OrgState>,
    /// The operator who acts as the person, if it is not the person.
    pub impersonation: Option<Impersonation>,
}

impl SignedIn {
    /// Whether the login is good for anything at this instant.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.user_state == UserState::Active
            && self.ended_at.is_none()
            && self.created_at >= self.not_before
            && now < self.expires_at
            && now < self.ends_at
            && self
                .impersonation
                .as_ref()
                .is_none_or(|as_other| !self.operator && as_other.until.is_some_and(|until| now < until))
    }
}

/// A login as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Its identifier.
    pub id: LoginId,
    /// The organization it is for.
    pub org: Option<OrgId>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub seen_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
    /// When it ends whatever is done.
    pub ends_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Where it came from.
    pub ip: String,
    /// What the person's program called itself.
    pub user_agent: String,
    /// The operator who acts in it as the person, if it is not the person.
    pub impersonated_by: Option<UserId>,
}

/// Why a login was not begun, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum LoginRefused {
    /// There is no such login, or it is at an end.
    #[error("there is no login {0}")]
    NotFound(LoginId),
    /// The account was disabled or got another password since it was looked at.
    #[error("the account changed meanwhile; log in again")]
    Changed,
    /// The person is no member of this organization.
    #[error("there is no organization {0}")]
    NoSuchOrg(OrgId),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The logins of all people.
pub struct Logins<'a> {
    db: &'a Db,
}

const SIGNED_IN: &str = "SELECT l.id, l.user_id, u.state AS user_state, u.operator, u.email_verified_at, u.not_before, \
    l.created_at, l.proved_at, l.expires_at, l.ends_at, l.ended_at, m.org_id, m.role, o.state AS org_state, \
    l.impersonated_by, b.state AS by_state, b.operator AS by_operator, b.not_before AS by_not_before, \
    f.created_at AS from_created_at, f.expires_at AS from_expires_at, f.ends_at AS from_ends_at, \
    f.ended_at AS from_ended_at FROM logins l JOIN users u ON u.id = l.user_id \
    LEFT JOIN users b ON b.id = l.impersonated_by \
    LEFT JOIN logins f ON f.id = l.impersonated_from AND f.user_id = l.impersonated_by \
    LEFT JOIN members m ON m.org_id = l.org_id AND m.user_id = l.user_id \
    LEFT JOIN orgs o ON o.id = m.org_id WHERE 1 = 1";
pub(crate) const COLUMNS: &str = "SELECT id, org_id, created_at, seen_at, expires_at, ends_at, ended_at, ip, \
                                  user_agent, impersonated_by FROM logins WHERE 1 = 1";

impl<'a> Logins<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Who is behind a login, also one that is at an end; `None` when there is none.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn find(&self, id: LoginId) -> Result<Option<SignedIn>, ReadFailed> {
        let statement = Statement::new(SIGNED_IN).and("l.id =", Some(id.to_string()));
        self.db.fetch_optional(statement).await?.as_ref().map(signed_in).transpose()
    }

    /// The logins of a person that go on, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self, user: UserId, now: Timestamp) -> Result<Vec<Login>, ReadFailed> {
        let statement = going_on(COLUMNS, user, now).push(" ORDER BY created_at, id");
        self.db.fetch_all(statement).await?.iter().map(login).collect()
    }

    /// Remembers that the person behind a login gave the password or the second factor again. It is recorded as done
    /// by `act`, as every change below is.
    ///
    /// # Errors
    /// [`LoginRefused::NotFound`] when there is no such login, or it is at an end.
    pub async fn prove(&self, id: LoginId, act: &Act) -> Result<SignedIn, LoginRefused> {
        let mut tx = self.db.begin().await?;
        let found = holding(&mut tx, id, act.at).await?;
        let statement = Statement::new("UPDATE logins SET proved_at = $1 WHERE id = $2");
        tx.execute(statement.bind(act.at).bind(id.to_string())).await?;
        audit::append(&mut tx, &act.done(Action::LOGIN_PROVE, id, Detail::none())).await?;
        tx.commit().await?;
        Ok(SignedIn { proved_at: act.at, ..found })
    }

    /// Turns a login to another organization of its person.
    ///
    /// # Errors
    /// [`LoginRefused::NoSuchOrg`] when the person is no member of it, or it is suspended.
    pub async fn set_org(&self, id: LoginId, org: OrgId, act: &Act) -> Result<SignedIn, LoginRefused> {
        let mut tx = self.db.begin().await?;
        let before = holding(&mut tx, id, act.at).await?;
        let statement = Statement::new("UPDATE logins SET org_id = $1 WHERE id = $2");
        tx.execute(statement.bind(org.to_string()).bind(id.to_string())).await.map_err(|failed| {
            if failed.is_dangling() { LoginRefused::NoSuchOrg(org) } else { failed.into() }
        })?;
        let found = holding(&mut tx, id, act.at).await?;
        if found.org != Some(org) || found.org_state != Some(OrgState::Active) {
            return Err(LoginRefused::NoSuchOrg(org));
        }
        let none = || "none".to_owned();
        let detail =
            Detail::none().text("from", before.org.map_or_else(none, |org| org.to_string())).text("to", org);
        audit::append(&mut tx, &act.done(Action::LOGIN_ORG, id, detail).of(org)).await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// The logins of a person that go on.
fn going_on(columns: &'static str, user: UserId, now: Timestamp) -> Statement {
    Statement::new(columns)
        .and("user_id =", Some(user.to_string()))
        .and("expires_at >", Some(now))
        .and("ends_at >", Some(now))
        .push(" AND ended_at IS NULL")
}

/// The login, if it is good for anything.
async fn holding(tx: &mut Tx, id: LoginId, now: Timestamp) -> Result<SignedIn, LoginRefused> {
    let statement = Statement::new(SIGNED_IN).and("l.id =", Some(id.to_string()));
    let row = tx.fetch_optional(statement).await?.ok_or(LoginRefused::NotFound(id))?;
    let found = signed_in(&row)?;
    if found.holds(now) { Ok(found) } else { Err(LoginRefused::NotFound(id)) }
}

fn signed_in(row: &Row) -> Result<SignedIn, ReadFailed> {
    let role: Option<String> = row.get("role")?;
    let org_state: Option<String> = row.get("org_state")?;
    Ok(SignedIn {
        login: row.parse("id")?,
        user: row.parse("user_id")?,
        user_state: row.read("user_state", UserState::parse)?,
        operator: row.get("operator")?,
        email_verified_at: row.time_optional("email_verified_at")?,
        not_before: row.time("not_before")?,
        created_at: row.time("created_at")?,
        proved_at: row.time("proved_at")?,
        expires_at: row.time("expires_at")?,
        ends_at: row.time("ends_at")?,
        ended_at: row.time_optional("ended_at")?,
        org: row.parse_optional("org_id")?,
        // The tables allow no other word.
        role: role.as_deref().and_then(OrgRole::parse),
        org_state: org_state.as_deref().and_then(OrgState::parse),
        impersonation: impersonate::impersonation(row)?,
    })
}

pub(crate) fn login(row: &Row) -> Result<Login, ReadFailed> {
    Ok(Login {
        id: row.parse("id")?,
        org: row.parse_optional("org_id")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        expires_at: row.time("expires_at")?,
        ends_at: row.time("ends_at")?,
        ended_at: row.time_optional("ended_at")?,
        ip: row.text("ip")?,
        user_agent: row.text("user_agent")?,
        impersonated_by: row.parse_optional("impersonated_by")?,
    })
}
