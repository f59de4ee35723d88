//! Refreshing a login: each token works once, and one that comes a second time is in two hands. Then the login ends,
//! unless it comes so soon that two windows of one browser are the likelier reason.

use domain::audit::Act;
use domain::audit::Outcome;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::LoginId;
use domain::time::Timestamp;

use super::{Logins, SIGNED_IN, SignedIn, signed_in};
use crate::audit;
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};

/// How long after a token was spent its second coming is taken for haste.
pub const REFRESH_GRACE_MS: u64 = 10_000;

/// A token in exchange for another. Without `Debug`, for it holds digests.
#[derive(Clone)]
pub struct Refresh {
    /// The peppered digest of the token that was sent.
    pub spent: [u8; 32],
    /// The peppered digest of the one that takes its place.
    pub next: [u8; 32],
    /// When the login ends unless it is refreshed again; never after its absolute end.
    pub expires_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// The login goes on with the next token.
    Done(Box<SignedIn>),
    /// The token was spent a moment ago by somebody else who has it: they have the next one, and the login goes on.
    JustSpent,
    /// The token was spent before: the login was ended by this.
    Reused(LoginId),
    /// There is no such token, or its login is at an end.
    Unknown,
}

impl Logins<'_> {
    /// Spends a refresh token and puts the next in its place. Of several that come with one token at the same time,
    /// one gets it.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; the token is then as it was.
    pub async fn refresh(&self, refresh: &Refresh, act: &Act) -> Result<Refreshed, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let statement = Statement::new("SELECT login_id, spent_at FROM refresh_tokens WHERE digest = $1");
        let Some(token) = tx.fetch_optional(statement.bind(refresh.spent.as_slice())).await? else {
            return Ok(Refreshed::Unknown);
        };
        let statement = Statement::new(SIGNED_IN).and("l.id =", Some(token.text("login_id")?));
        let Some(row) = tx.fetch_optional(statement).await? else { return Ok(Refreshed::Unknown) };
        let found = signed_in(&row)?;
        if !found.holds(act.at) {
            return Ok(Refreshed::Unknown);
        }
        match token.time_optional("spent_at")? {
            Some(at) if act.at.millis_since(at) < REFRESH_GRACE_MS => Ok(Refreshed::JustSpent),
            Some(_) => {
                end_reused(&mut tx, &found, act).await?;
                tx.commit().await?;
                Ok(Refreshed::Reused(found.login))
            }
            None => {
                let expires_at = refresh.expires_at.min(found.ends_at);
                go_on(&mut tx, &found, refresh, expires_at, act.at).await?;
                tx.commit().await?;
                Ok(Refreshed::Done(Box::new(SignedIn { expires_at, ..found })))
            }
        }
    }
}

async fn go_on(
    tx: &mut Tx,
    found: &SignedIn,
    refresh: &Refresh,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), WriteFailed> {
    let statement = Statement::new("UPDATE refresh_tokens SET spent_at = $1 WHERE digest = $2");
    tx.execute(statement.bind(now).bind(refresh.spent.as_slice())).await?;
    keep(tx, &refresh.next, found.login, now).await?;
    let statement = Statement::new("UPDATE logins SET seen_at = $1, expires_at = $2 WHERE id = $3");
    tx.execute(statement.bind(now).bind(expires_at).bind(found.login.to_string())).await.map(drop)
}

async fn end_reused(tx: &mut Tx, found: &SignedIn, act: &Act) -> Result<(), WriteFailed> {
    let statement = Statement::new("UPDATE logins SET ended_at = $1 WHERE id = $2");
    tx.execute(statement.bind(act.at).bind(found.login.to_string())).await?;
    let detail = Detail::none().text("login", found.login);
    audit::append(tx, &act.entry(Action::LOGIN_REUSE, found.user, Outcome::Refused, detail)).await
}

/// Keeps a token that was not used yet.
pub(super) async fn keep(
    tx: &mut Tx,
    digest: &[u8; 32],
    login: LoginId,
    now: Timestamp,
) -> Result<(), WriteFailed> {
    let statement =
        Statement::new("INSERT INTO refresh_tokens (digest, login_id, created_at) VALUES ($1, $2, $3)")
            .bind(digest.as_slice())
            .bind(login.to_string())
            .bind(now);
    tx.execute(statement).await.map(drop)
}
