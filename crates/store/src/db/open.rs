//! Opening a database file: who may read it, how its connections behave, and bringing its tables up to date. What
//! cannot be brought up to date is not opened.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::audit::chain::Hash;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, raw_sql};

use super::{Db, ReadFailed};

/// The migrations in their order: version, title, text. They only go forward, and one that was released is never
/// edited: a database remembers the text it was made with.
const MIGRATIONS: [(i64, &str, &str); 16] = [
    (1, "first tables", include_str!("../../migrations/0001_first_tables.sql")),
    (2, "vault check", include_str!("../../migrations/0002_vault_check.sql")),
    (3, "audit", include_str!("../../migrations/0003_audit.sql")),
    (4, "key restrictions", include_str!("../../migrations/0004_key_restrictions.sql")),
    (5, "people", include_str!("../../migrations/0005_people.sql")),
    (6, "addresses of organizations", include_str!("../../migrations/0006_org_addresses.sql")),
    (7, "retention", include_str!("../../migrations/0007_retention.sql")),
    (8, "key providers of organizations", include_str!("../../migrations/0008_key_provider.sql")),
    (9, "imported keys", include_str!("../../migrations/0009_imported_keys.sql")),
    (10, "limits of projects", include_str!("../../migrations/0010_project_limits.sql")),
    (11, "impersonation and recovery", include_str!("../../migrations/0011_impersonation_and_recovery.sql")),
    (12, "attempts and names", include_str!("../../migrations/0012_attempts_and_names.sql")),
    (13, "units", include_str!("../../migrations/0013_units.sql")),
    (14, "pinned answers", include_str!("../../migrations/0014_pinned_answers.sql")),
    (15, "files and batches", include_str!("../../migrations/0015_files_and_batches.sql")),
    (16, "usage as a star", include_str!("../../migrations/0016_star.sql")),
];

/// The version of the tables that this release makes.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// Pages of 4 KiB that the write-ahead log may have before it is folded into the file.
const LOG_PAGES: &str = "4000";
/// The owner alone reads and writes the file.
const FILE_MODE: u32 = 0o600;
/// A migration may change any number of rows, which are not kept in memory until its end.
const FOR_MANY_ROWS: &str = "PRAGMA temp_store = DEFAULT; PRAGMA cache_spill = ON";
/// How the connection that writes goes about it otherwise.
const FOR_FEW_ROWS: &str = "PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF";
/// Connections that read; each is a thread.
const READERS: u32 = 4;
/// How long a writer waits for another process that is writing.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a caller waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// Times that opening is tried while another process opens the same file: turning on the write-ahead log needs the
/// file alone for a moment, and does not wait for it.
const OPEN_ATTEMPTS: u32 = 50;
/// Times that a migration is tried: it fails when another process made the same tables a moment before, and the next
/// look finds them made.
const MIGRATION_ATTEMPTS: u32 = 6;
/// Pause between two such tries.
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// Why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailed {
    /// The file or its folder cannot be reached.
    #[error("the database file {path} cannot be reached: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{path} is not a Portcullis database; name another file or restore this one from a backup")]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer release has been here.
    #[error(
        "the database has tables of a newer release (version {found}, this one knows {known}); run that release, or restore the backup made before it"
    )]
    Newer {
        /// The first version that is not known here.
        found: i64,
        /// The newest version that is.
        known: i64,
    },
    /// Its history is not the one of any release.
    #[error("migration {version} of the database differs from the one of this release; restore a backup")]
    Altered {
        /// The version that differs.
        version: i64,
    },
    /// A migration began and never ended.
    #[error("migration {version} of the database was never finished; restore the backup made before it")]
    Unfinished {
        /// The version that was left.
        version: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration {version} failed and was taken back: {source}")]
    Migration {
        /// The version that failed.
        version: i64,
        /// What the database said.
        source: ReadFailed,
    },
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] ReadFailed),
}

/// Opens or makes an SQLite database.
pub(crate) async fn sqlite(path: &Path, hash: Hash) -> Result<Db, OpenFailed> {
    guard_file(path).map_err(|source| OpenFailed::File { path: path.to_owned(), source })?;
    let mut attempt = 1;
    loop {
        match try_open(path, hash).await {
            Err(failed) if attempt < attempts(&failed) => {
                attempt += 1;
                tokio::time::sleep(OPEN_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Makes the file if it is not there, and keeps others out of it. An existing file is never opened here: closing it
/// would take away the locks that SQLite holds on it for other connections of this process.
fn guard_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Err(found) if found.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
        }
        made => made.map(drop),
    }
}

async fn try_open(path: &Path, hash: Hash) -> Result<Db, OpenFailed> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // Each commit reaches the disk: a posted batch is what lets the outbox forget its records, and a
        // revocation that was answered must not come back after a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        // The books go on at the ends of the same few pages, which are then folded into the file once and not each time.
        .pragma("wal_autocheckpoint", LOG_PAGES)
        // What is deleted is overwritten: a row that has left is not to be found in the file's free pages.
        .pragma("secure_delete", "ON")
        .foreign_keys(true);
    // A transaction is small enough to stay in memory until its end. What SQLite would have written down meanwhile, to take
    // back a statement that fails, was two thirds of all that posting wrote.
    let writing = options.clone().pragma("temp_store", "MEMORY").pragma("cache_spill", "OFF");
    let writer = pool(1).connect_with(writing).await.map_err(|error| refused(path, error))?;
    if let Err(failed) = bring_up_to_date(path, &writer).await {
        writer.close().await;
        return Err(failed);
    }
    // What reads cannot write, whatever it is told.
    let reading = options.pragma("query_only", "ON");
    let readers = pool(READERS).connect_with(reading).await.map_err(|error| refused(path, error))?;
    Ok(Db::Sqlite { readers, writer, hash })
}

fn pool(size: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

async fn bring_up_to_date(path: &Path, writer: &SqlitePool) -> Result<(), OpenFailed> {
    let strange = "SELECT COUNT(*) > 0 AND SUM(name = '_sqlx_migrations') = 0 FROM sqlite_master";
    if sqlx::query_scalar(strange).fetch_one(writer).await.map_err(|error| refused(path, error))? {
        return Err(OpenFailed::NotOurs { path: path.to_owned() });
    }
    let known = newest();
    raw_sql(FOR_MANY_ROWS).execute(writer).await.map_err(|error| refused(path, error))?;
    migrator(MIGRATIONS.len()).run(writer).await.map_err(|failed| match failed {
        MigrateError::VersionMissing(found) if found > known => OpenFailed::Newer { found, known },
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
            OpenFailed::Altered { version }
        }
        MigrateError::Dirty(version) => OpenFailed::Unfinished { version },
        MigrateError::ExecuteMigration(source, version) => {
            OpenFailed::Migration { version, source: source.into() }
        }
        MigrateError::Execute(error) => refused(path, error),
        other => ReadFailed(sqlx::Error::Migrate(Box::new(other))).into(),
    })?;
    raw_sql(FOR_FEW_ROWS).execute(writer).await.map_err(|error| refused(path, error)).map(drop)
}

/// What brings a database up to the first `count` migrations.
fn migrator(count: usize) -> Migrator {
    let migration = |&(version, title, text): &(i64, &'static str, &'static str)| {
        Migration::new(version, title.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().take(count).map(migration).collect())
}

/// SQLite's primary result code, without the detail in its upper bits (<https://www.sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn refused(path: &Path, error: sqlx::Error) -> OpenFailed {
    const NOT_A_DATABASE: u32 = 26;
    match primary_code(&error) {
        Some(NOT_A_DATABASE) => OpenFailed::NotOurs { path: path.to_owned() },
        _ => ReadFailed(error).into(),
    }
}

/// How often opening is tried when it fails like this: more than once if another process may have been in the way.
fn attempts(failed: &OpenFailed) -> u32 {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    match failed {
        OpenFailed::Database(ReadFailed(error)) if matches!(primary_code(error), Some(BUSY | LOCKED)) => {
            OPEN_ATTEMPTS
        }
        OpenFailed::Migration { .. } => MIGRATION_ATTEMPTS,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
