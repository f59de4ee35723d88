//! The change feed: every write that the request path must learn of leaves a row here, in its own transaction. The
//! numbers only grow, and since writers take turns, a reader that saw one has seen all before it.

use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// Most changes that one reading returns; the next reading continues after them.
pub const MAX_CHANGES: u32 = 1_000;

/// The changes that are kept: those before the newest so many are removed as others are written. A reader that is further
/// behind finds a gap in the numbers, and has to take it that anything may have changed.
pub const KEPT: i64 = 10_000;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: i64,
    /// `key`, `org`, `project` or `route`; a newer release may write others, so this is not an enum.
    pub kind: String,
    /// The identifier of what changed, `provider/model` of a model row, or `vault` when keys were sealed anew.
    pub subject: String,
    /// When it was written.
    pub at: Timestamp,
}

/// The kinds that this release writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Key,
    Org,
    Project,
    Route,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Key => "key",
            Kind::Org => "org",
            Kind::Project => "project",
            Kind::Route => "route",
        }
    }
}

/// The change feed.
pub struct Changes<'a> {
    db: &'a Db,
}

impl<'a> Changes<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The number of the last change; zero when nothing ever changed.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn latest(&self) -> Result<i64, ReadFailed> {
        let statement = Statement::new("SELECT seq FROM changes ORDER BY seq DESC LIMIT 1");
        self.db.fetch_optional(statement).await?.map_or(Ok(0), |row| row.get("seq"))
    }

    /// The changes after number `seq`, oldest first, at most [`MAX_CHANGES`] of them.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn since(&self, seq: i64) -> Result<Vec<Change>, ReadFailed> {
        let statement =
            Statement::new("SELECT seq, kind, subject, at FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(seq)
                .bind(MAX_CHANGES);
        self.db.fetch_all(statement).await?.iter().map(change).collect()
    }
}

/// Leaves a change in the transaction that makes it, and gives its number. What is too old goes.
pub(crate) async fn note(
    tx: &mut Tx,
    kind: Kind,
    subject: impl ToString,
    at: Timestamp,
) -> Result<i64, WriteFailed> {
    let statement =
        Statement::new("INSERT INTO changes (kind, subject, at) VALUES ($1, $2, $3) RETURNING seq")
            .bind(kind.word())
            .bind(subject.to_string())
            .bind(at);
    let row = tx.fetch_optional(statement).await?.ok_or(WriteFailed::from(sqlx::Error::RowNotFound))?;
    let seq = row.get("seq")?;
    let statement =
        Statement::new("DELETE FROM changes WHERE seq <= $1").bind(i64::saturating_sub(seq, KEPT));
    tx.execute(statement).await?;
    Ok(seq)
}

fn change(row: &Row) -> Result<Change, ReadFailed> {
    Ok(Change {
        seq: row.get("seq")?,
        kind: row.text("kind")?,
        subject: row.text("subject")?,
        at: row.time("at")?,
    })
}
