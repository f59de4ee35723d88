//! Writes that carry an idempotency key: each is done once, and its answer is given again to whoever sends it again.
//! What the answers say is not known here; a secret that is shown once must not be among it.
//!
//! Every change of the books says in its own transaction that its attempt has done something, and is not kept when
//! another attempt has taken the place of its own. So an attempt that says nothing did nothing: when it takes too long,
//! because its process died, the next one may do it, and both can never have done it.

use domain::audit::Claim;
use domain::id::OrgId;
use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// How long an answer is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// How long an attempt that has done nothing yet is waited for, in seconds: longer than any write of ours takes.
pub const RUNNING_SECONDS: i64 = 300;

/// Whose keys they are: the same key of another caller, or of the same one in another organization, is another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The identifier of the person or of the operator token.
    pub actor: String,
    /// The organization the caller acts for.
    pub org: Option<OrgId>,
}

/// What is to be done with a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is the first of its key: do it, then [`finish`](Idempotency::finish) it, or give its key
    /// free.
    Fresh,
    /// It was done; this was the answer.
    Replay {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// The key was used for another request.
    Mismatch,
    /// The first of its key is not done yet.
    Running,
    /// The first of its key did something, and its answer never came: it is not for a machine to do it again.
    Lost,
}

/// The answers to writes.
pub struct Idempotency<'a> {
    db: &'a Db,
}

impl<'a> Idempotency<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Claims a key for a request, of which `request` is a digest, with an attempt of a new identifier. Of several at
    /// the same time, one is [`Begun::Fresh`]. The attempt of a process that died before it did anything gives way after
    /// [`RUNNING_SECONDS`]; of one that did something, the key is [`Begun::Lost`].
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn begin(
        &self,
        owner: &Owner,
        name: &str,
        request: &[u8; 32],
        claim: Claim,
        now: Timestamp,
    ) -> Result<Begun, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let of = of(owner, name);
        let given_up = now.plus_seconds(-RUNNING_SECONDS);
        let statement = Statement::new("DELETE FROM idempotency WHERE (created_at <= ")
            .push_bind(now.plus_seconds(-KEPT_SECONDS))
            .push(" OR status IS NULL AND NOT acted AND created_at <= ")
            .push_bind(given_up)
            .push(")");
        tx.execute(of.narrow(statement)).await?;
        let statement =
            Statement::new("SELECT request, status, body, created_at FROM idempotency WHERE 1 = 1");
        if let Some(row) = tx.fetch_optional(of.narrow(statement)).await? {
            return Ok(known(&row, request, given_up)?);
        }
        let statement = Statement::new(
            "INSERT INTO idempotency (actor, org, name, request, claim, acted, created_at) \
             VALUES ($1, $2, $3, $4, $5, FALSE, $6)",
        )
        .bind(of.actor)
        .bind(of.org)
        .bind(of.name)
        .bind(request.as_slice())
        .bind(claim.0.as_bytes().as_slice())
        .bind(now);
        tx.execute(statement).await?;
        tx.commit().await?;
        Ok(Begun::Fresh)
    }

    /// Keeps the answer to a write that was [`Begun::Fresh`].
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn finish(&self, claim: Claim, status: u16, body: &str) -> Result<(), WriteFailed> {
        let statement = Statement::new("UPDATE idempotency SET status = ")
            .push_bind(status)
            .push(", body = ")
            .push_bind(body)
            .push(" WHERE status IS NULL");
        self.run(statement, claim).await
    }

    /// Gives a key free whose write was refused, so that it can be mended and tried again.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn abandon(&self, claim: Claim) -> Result<(), WriteFailed> {
        self.run(Statement::new("DELETE FROM idempotency WHERE status IS NULL"), claim).await
    }

    /// Gives a key free whose write broke off, unless it had done something before.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn break_off(&self, claim: Claim) -> Result<(), WriteFailed> {
        self.run(Statement::new("DELETE FROM idempotency WHERE status IS NULL AND NOT acted"), claim).await
    }

    async fn run(&self, statement: Statement, claim: Claim) -> Result<(), WriteFailed> {
        let mut tx: Tx = self.db.begin().await?;
        tx.execute(made_by(statement, claim)).await?;
        tx.commit().await
    }
}

/// Says of an attempt that it does something, in the transaction that does it; refuses when it is not the write's
/// attempt any more, and with it the transaction.
pub(crate) async fn acted(tx: &mut Tx, claim: Claim) -> Result<(), WriteFailed> {
    let statement = Statement::new("UPDATE idempotency SET acted = TRUE WHERE 1 = 1");
    match tx.execute(made_by(statement, claim)).await? {
        0 => Err(WriteFailed::superseded()),
        _ => Ok(()),
    }
}

fn made_by(statement: Statement, claim: Claim) -> Statement {
    statement.and("claim =", Some(claim.0.as_bytes().as_slice()))
}

/// One key of one owner.
struct Key<'a> {
    actor: &'a str,
    org: String,
    name: &'a str,
}

fn of<'a>(owner: &'a Owner, name: &'a str) -> Key<'a> {
    Key { actor: &owner.actor, org: owner.org.map(|org| org.to_string()).unwrap_or_default(), name }
}

impl Key<'_> {
    fn narrow(&self, statement: Statement) -> Statement {
        statement
            .and("actor =", Some(self.actor))
            .and("org =", Some(self.org.as_str()))
            .and("name =", Some(self.name))
    }
}

fn known(row: &Row, request: &[u8; 32], given_up: Timestamp) -> Result<Begun, ReadFailed> {
    let (same, status): (Vec<u8>, Option<u16>) = (row.get("request")?, row.number_optional("status")?);
    if same != request {
        return Ok(Begun::Mismatch);
    }
    Ok(match status {
        Some(status) => Begun::Replay { status, body: row.text("body")? },
        None if row.time("created_at")? <= given_up => Begun::Lost,
        None => Begun::Running,
    })
}
