//! The seam between the tables and the database that keeps them. Another database is another variant here and in the
//! folder below; the families of tables know only statements, rows and transactions.

pub(crate) mod open;
pub(crate) mod row;
pub(crate) mod statement;

use domain::audit::chain::Hash;
use sqlx::{AssertSqlSafe, SqlitePool};

use row::Row;
use statement::{Bind, Statement};

/// The database could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be read: {0}")]
pub struct ReadFailed(#[from] sqlx::Error);

/// The database could not be written; nothing of the transaction was kept.
#[derive(Debug, thiserror::Error)]
#[error("the database cannot be written: {0}")]
pub struct WriteFailed(#[from] sqlx::Error);

impl From<ReadFailed> for WriteFailed {
    fn from(failed: ReadFailed) -> Self {
        Self(failed.0)
    }
}

impl WriteFailed {
    /// Whether a row with the same unique value is there already.
    pub(crate) fn is_duplicate(&self) -> bool {
        self.0.as_database_error().is_some_and(|error| error.is_unique_violation())
    }

    /// The JSON text of a value.
    pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Self> {
        serde_json::to_string(value).map_err(|error| Self(sqlx::Error::Encode(Box::new(error))))
    }

    /// What was to be written is another attempt's to write by now.
    pub(crate) fn superseded() -> Self {
        Self(sqlx::Error::Protocol("another attempt has taken the place of this one".to_owned()))
    }

    /// Whether the row that is referred to is not there.
    pub(crate) fn is_dangling(&self) -> bool {
        self.0.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
    }
}

/// One database.
#[derive(Clone)]
pub(crate) enum Db {
    /// One file. SQLite has one writer at a time: a pool of one connection makes writers of this process queue in
    /// order, and those of other processes wait for the file's lock.
    Sqlite { readers: SqlitePool, writer: SqlitePool, hash: Hash },
}

/// A transaction that may write; dropped without [`Tx::commit`], it leaves nothing behind.
pub(crate) enum Tx {
    Sqlite { tx: sqlx::Transaction<'static, sqlx::Sqlite>, hash: Hash },
}

/// Turns a [`Statement`] into a query of the database `$database`.
macro_rules! query {
    ($database:ty, $statement:expr) => {{
        // The text of a statement is made of literals alone: its type takes nothing else.
        let Statement { sql, binds } = $statement;
        binds.into_iter().fold(sqlx::query::<$database>(AssertSqlSafe(sql)), |query, bind| match bind {
            Bind::Text(value) => query.bind(value),
            Bind::Whole(value) => query.bind(value),
            Bind::Blob(value) => query.bind(value),
            Bind::Truth(value) => query.bind(value),
        })
    }};
}

impl Db {
    pub(crate) async fn fetch_all(&self, statement: Statement) -> Result<Vec<Row>, ReadFailed> {
        match self {
            Self::Sqlite { readers, .. } => {
                let rows = query!(sqlx::Sqlite, statement).fetch_all(readers).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    pub(crate) async fn fetch_optional(&self, statement: Statement) -> Result<Option<Row>, ReadFailed> {
        match self {
            Self::Sqlite { readers, .. } => {
                Ok(query!(sqlx::Sqlite, statement).fetch_optional(readers).await?.map(Row::Sqlite))
            }
        }
    }

    /// Begins a transaction that holds the right to write from its first line, so that what it reads cannot change
    /// under it and it never has to be tried again.
    pub(crate) async fn begin(&self) -> Result<Tx, WriteFailed> {
        match self {
            Self::Sqlite { writer, hash, .. } => {
                Ok(Tx::Sqlite { tx: writer.begin_with("BEGIN IMMEDIATE").await?, hash: *hash })
            }
        }
    }

    /// Folds the write-ahead log into the file and empties it, so that no old form of a row is left in it. False when
    /// a reader stands in the way: then writers are not made to wait for it.
    pub(crate) async fn empty_log(&self) -> Result<bool, ReadFailed> {
        match self {
            Self::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await?;
                sqlx::query("PRAGMA busy_timeout = 100").execute(&mut *connection).await?;
                let emptied: Result<i64, sqlx::Error> =
                    sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
                let patience =
                    AssertSqlSafe(format!("PRAGMA busy_timeout = {}", open::BUSY_TIMEOUT.as_millis()));
                sqlx::query(patience).execute(&mut *connection).await?;
                Ok(emptied? == 0)
            }
        }
    }

    /// The hash that chains the audit trail.
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Sqlite { hash, .. } => *hash,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { readers, writer, .. } => {
                // The last connection to close folds the write-ahead log into the file, which a reader may not.
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

impl Tx {
    /// Runs a statement and says how many rows it touched.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<u64, WriteFailed> {
        match self {
            Self::Sqlite { tx, .. } => {
                Ok(query!(sqlx::Sqlite, statement).execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    pub(crate) async fn fetch_optional(&mut self, statement: Statement) -> Result<Option<Row>, WriteFailed> {
        match self {
            Self::Sqlite { tx, .. } => {
                Ok(query!(sqlx::Sqlite, statement).fetch_optional(&mut **tx).await?.map(Row::Sqlite))
            }
        }
    }

    pub(crate) async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, WriteFailed> {
        match self {
            Self::Sqlite { tx, .. } => {
                let rows = query!(sqlx::Sqlite, statement).fetch_all(&mut **tx).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// The hash that chains the audit trail.
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Sqlite { hash, .. } => *hash,
        }
    }

    pub(crate) async fn commit(self) -> Result<(), WriteFailed> {
        match self {
            Self::Sqlite { tx, .. } => Ok(tx.commit().await?),
        }
    }
}
