//! Logins in which an operator acts as a person, to help them. Such a login is short, is never refreshed, stands and
//! falls with the operator's own, and its beginning and its end are recorded however it ends. What may be done in it is
//! decided elsewhere.

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::plain::plain;
use domain::audit::{Act, USER_AGENT_CHARS};
use domain::id::{LoginId, OrgId, UserId};
use domain::time::Timestamp;

use super::open::home;
use super::{LoginRefused, Logins, SIGNED_IN, SignedIn, holding, signed_in};
use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{ReadFailed, Tx, WriteFailed};
use crate::users::account::living;
use crate::users::{UserRefused, UserState};

/// Who acts as the person of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonation {
    /// The operator.
    pub by: UserId,
    /// Until when the operator's own login goes on unless it is refreshed; none when it does not, or the operator is
    /// none any more.
    pub(super) until: Option<Timestamp>,
}

/// A login as somebody else that is to begin.
#[derive(Debug, Clone)]
pub struct NewImpersonation {
    /// Its identifier.
    pub id: LoginId,
    /// The person.
    pub user: UserId,
    /// The organization it is for; none for the one the person has belonged to for longest.
    pub org: Option<OrgId>,
    /// The operator.
    pub by: UserId,
    /// The operator's own login.
    pub from: LoginId,
    /// Why, for the audit trail.
    pub reason: String,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// Why nobody acts as this person.
#[derive(Debug, thiserror::Error)]
pub enum ImpersonationRefused {
    /// There is no such person.
    #[error("there is no person {0}")]
    NotFound(UserId),
    /// The person runs the installation.
    #[error("{0} is an operator: nobody acts as an operator")]
    Operator(UserId),
    /// The person cannot log in.
    #[error("{0} is locked out or erased")]
    NotActive(UserId),
    /// The login could not begin.
    #[error(transparent)]
    Login(#[from] LoginRefused),
}

/// Which logins as somebody else are to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// This one.
    One(LoginId),
    /// Those as this person.
    As(UserId),
    /// Those that this operator began.
    By(UserId),
    /// Those that were begun from this login.
    From(LoginId),
}

impl Logins<'_> {
    /// Begins a login in which an operator acts as a person. What the operator began before ends: one at a time. It
    /// takes no place among the person's own logins.
    ///
    /// # Errors
    /// [`ImpersonationRefused`] when the person is none that anybody may act as.
    pub async fn impersonate(
        &self,
        new: &NewImpersonation,
        act: &Act,
    ) -> Result<SignedIn, ImpersonationRefused> {
        let mut tx = self.db.begin().await.map_err(LoginRefused::from)?;
        match living(&mut tx, new.user).await.map(|account| account.user) {
            Ok(user) if user.operator => return Err(ImpersonationRefused::Operator(new.user)),
            Ok(user) if user.state == UserState::Active => {}
            Ok(_) | Err(UserRefused::Erased(_)) => return Err(ImpersonationRefused::NotActive(new.user)),
            Err(UserRefused::Read(failed)) => return Err(LoginRefused::Read(failed).into()),
            Err(UserRefused::Write(failed)) => return Err(LoginRefused::Write(failed).into()),
            Err(_) => return Err(ImpersonationRefused::NotFound(new.user)),
        }
        Ok(begin(tx, new, act).await?)
    }

    /// Ends a login in which an operator acts as a person.
    ///
    /// # Errors
    /// [`LoginRefused::NotFound`] when there is none, or it is at an end.
    pub async fn end_impersonation(&self, id: LoginId, act: &Act) -> Result<(), LoginRefused> {
        let mut tx = self.db.begin().await?;
        if end_impersonations(&mut tx, Which::One(id), act).await? == 0 {
            return Err(LoginRefused::NotFound(id));
        }
        Ok(tx.commit().await?)
    }

    /// Records the end of those logins as somebody else that hold no longer, and says how many they were: their time
    /// passed, or the operator's own login ended.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; none is recorded then.
    pub async fn end_lapsed_impersonations(&self, act: &Act) -> Result<u64, WriteFailed> {
        let open =
            || Statement::new(SIGNED_IN).push(" AND l.impersonated_by IS NOT NULL AND l.ended_at IS NULL");
        // Most of the time there is none, and then nothing is written.
        if self.db.fetch_all(open()).await?.is_empty() {
            return Ok(0);
        }
        let (mut tx, mut count) = (self.db.begin().await?, 0);
        for row in tx.fetch_all(open()).await? {
            let found = signed_in(&row)?;
            if !found.holds(act.at) {
                count += end_impersonations(&mut tx, Which::One(found.login), act).await?;
            }
        }
        tx.commit().await?;
        Ok(count)
    }
}

async fn begin(mut tx: Tx, new: &NewImpersonation, act: &Act) -> Result<SignedIn, LoginRefused> {
    let org = home(&mut tx, new.user, new.org).await?;
    end_impersonations(&mut tx, Which::By(new.by), act).await?;
    let ip = act.ip.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
    let statement = Statement::new(
        "INSERT INTO logins (id, user_id, org_id, created_at, seen_at, proved_at, expires_at, ends_at, ip, user_agent, \
         impersonated_by, impersonated_from) VALUES ($1, $2, $3, $4, $4, $4, $5, $5, $6, $7, $8, $9)",
    )
    .bind(new.id.to_string())
    .bind(new.user.to_string())
    .bind(org.map(|org| org.to_string()))
    .bind(act.at)
    .bind(new.ends_at)
    .bind(ip)
    .bind(plain(&act.user_agent, USER_AGENT_CHARS))
    .bind(new.by.to_string())
    .bind(new.from.to_string());
    tx.execute(statement).await?;
    // Fails when the operator's own login ended a moment ago.
    let found = holding(&mut tx, new.id, act.at).await?;
    let seconds = new.ends_at.millis_since(act.at) / 1_000;
    let detail = detail(new.id, new.by).number("seconds", seconds).text("reason", &new.reason);
    let entry = act.done(Action::IMPERSONATION_START, new.user, detail);
    let entry = if let Some(org) = org { entry.of(org) } else { entry };
    audit::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(found)
}

/// Ends logins as somebody else in a transaction that does more, and says how many they were.
pub(crate) async fn end_impersonations(tx: &mut Tx, which: Which, act: &Act) -> Result<u64, WriteFailed> {
    let (column, value) = match which {
        Which::One(id) => ("id =", id.to_string()),
        Which::As(user) => ("user_id =", user.to_string()),
        Which::By(user) => ("impersonated_by =", user.to_string()),
        Which::From(login) => ("impersonated_from =", login.to_string()),
    };
    let open = Statement::new(
        "SELECT id, user_id, org_id, impersonated_by FROM logins WHERE impersonated_by IS NOT NULL AND ended_at IS NULL",
    );
    let mut count = 0;
    for row in tx.fetch_all(open.and(column, Some(value))).await? {
        let (id, user, by): (LoginId, UserId, UserId) =
            (row.parse("id")?, row.parse("user_id")?, row.parse("impersonated_by")?);
        let org: Option<OrgId> = row.parse_optional("org_id")?;
        let statement = Statement::new("UPDATE logins SET ended_at = $1 WHERE id = $2");
        tx.execute(statement.bind(act.at).bind(id.to_string())).await?;
        let entry = act.done(Action::IMPERSONATION_END, user, detail(id, by));
        let entry = if let Some(org) = org { entry.of(org) } else { entry };
        audit::append(tx, &entry).await?;
        count += 1;
    }
    Ok(count)
}

fn detail(login: LoginId, by: UserId) -> Detail {
    Detail::none().text("login", login).text("impersonated_by", by)
}

/// Who acts in a login, from a row of [`SIGNED_IN`].
pub(super) fn impersonation(row: &Row) -> Result<Option<Impersonation>, ReadFailed> {
    let Some(by) = row.parse_optional("impersonated_by")? else { return Ok(None) };
    let began = row.time_optional("from_created_at")?.zip(row.time_optional("by_not_before")?);
    let ends = row.time_optional("from_expires_at")?.zip(row.time_optional("from_ends_at")?);
    let is_operator: Option<bool> = row.get("by_operator")?;
    let state: Option<String> = row.get("by_state")?;
    let stands = is_operator == Some(true)
        && state.as_deref() == Some(UserState::Active.word())
        && row.time_optional("from_ended_at")?.is_none()
        && began.is_some_and(|(began, not_before)| began >= not_before);
    let until = ends.filter(|_| stands).map(|(expires_at, ends_at)| expires_at.min(ends_at));
    Ok(Some(Impersonation { by, until }))
}
