//! Writes that carry an idempotency key: each is done once, and its answer is given again to whoever sends it again.
//! What the answers say is not known here; a secret that is shown once must not be among it.

use domain::id::OrgId;
use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// How long an answer is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

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
    /// It is the first of its key: do it, then [`finish`](Idempotency::finish) or [`abandon`](Idempotency::abandon) it.
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
}

/// The answers to writes.
pub struct Idempotency<'a> {
    db: &'a Db,
}

impl<'a> Idempotency<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Claims a key for a request, of which `request` is a digest. Of several at the same time, one is
    /// [`Begun::Fresh`]. One whose answer never came, because the process died, is running until it is forgotten:
    /// nobody can say what it did.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn begin(
        &self,
        owner: &Owner,
        name: &str,
        request: &[u8; 32],
        now: Timestamp,
    ) -> Result<Begun, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let of = of(owner, name);
        let statement = Statement::new("DELETE FROM idempotency WHERE created_at <= ")
            .push_bind(now.plus_seconds(-KEPT_SECONDS));
        tx.execute(of.narrow(statement)).await?;
        let statement = Statement::new("SELECT request, status, body FROM idempotency WHERE 1 = 1");
        if let Some(row) = tx.fetch_optional(of.narrow(statement)).await? {
            return Ok(known(&row, request)?);
        }
        let statement = Statement::new(
            "INSERT INTO idempotency (actor, org, name, request, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(of.actor)
        .bind(of.org)
        .bind(of.name)
        .bind(request.as_slice())
        .bind(now);
        tx.execute(statement).await?;
        tx.commit().await?;
        Ok(Begun::Fresh)
    }

    /// Keeps the answer to a write that was [`Begun::Fresh`].
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn finish(
        &self,
        owner: &Owner,
        name: &str,
        status: u16,
        body: &str,
    ) -> Result<(), WriteFailed> {
        let statement = Statement::new("UPDATE idempotency SET status = ")
            .push_bind(status)
            .push(", body = ")
            .push_bind(body)
            .push(" WHERE status IS NULL");
        self.run(of(owner, name).narrow(statement)).await.map(drop)
    }

    /// Gives a key free whose write was not done, so that it can be tried again.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn abandon(&self, owner: &Owner, name: &str) -> Result<(), WriteFailed> {
        let statement = Statement::new("DELETE FROM idempotency WHERE status IS NULL");
        self.run(of(owner, name).narrow(statement)).await.map(drop)
    }

    async fn run(&self, statement: Statement) -> Result<u64, WriteFailed> {
        let mut tx: Tx = self.db.begin().await?;
        let touched = tx.execute(statement).await?;
        tx.commit().await?;
        Ok(touched)
    }
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

fn known(row: &Row, request: &[u8; 32]) -> Result<Begun, ReadFailed> {
    let (same, status): (Vec<u8>, Option<u16>) = (row.get("request")?, row.number_optional("status")?);
    if same != request {
        return Ok(Begun::Mismatch);
    }
    Ok(match status {
        Some(status) => Begun::Replay { status, body: row.text("body")? },
        None => Begun::Running,
    })
}
