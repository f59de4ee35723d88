//! SQL behind one seam: what is written down, one file per family of tables. It knows neither HTTP nor the live
//! state, holds sealed values and digests only, and never the secret behind one.

pub mod audit;
pub mod batches;
pub mod changes;
mod db;
pub mod edit;
pub mod files;
pub mod idempotency;
pub mod invitations;
pub mod keys;
pub mod login_failures;
pub mod logins;
pub mod mailed_tokens;
pub mod members;
pub mod models;
pub mod name;
pub mod operator_tokens;
pub mod orgs;
pub mod page;
pub mod pinned;
pub mod projects;
pub mod provider_keys;
pub mod retention;
pub mod sealed_values;
pub mod switch;
pub mod tenant;
pub mod traces;
pub mod usage;
pub mod users;

use std::path::Path;
use std::sync::Arc;

use domain::audit::chain::Hash;
use domain::id::OrgId;

pub use db::open::OpenFailed;
pub use db::{ReadFailed, WriteFailed};

use db::{Db, statement::Statement};

/// Why requests cannot be served from the database.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// It does not answer, or a table is not there or cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// It has the tables of another release, which has been here since it was opened.
    #[error("the database has tables of version {found}, and this release those of version {known}")]
    Version {
        /// The version of its tables.
        found: i64,
        /// The version that this release made.
        known: i64,
    },
}

/// The version of the tables, and a row of each without which nothing works.
const CORE: &str = "SELECT (SELECT MAX(version) FROM _sqlx_migrations WHERE success) AS version, \
                    (SELECT limits FROM orgs LIMIT 1) AS o, (SELECT state FROM projects LIMIT 1) AS p, \
                    (SELECT digest FROM api_keys LIMIT 1) AS k, (SELECT sealed FROM provider_keys LIMIT 1) AS v, \
                    (SELECT version FROM models LIMIT 1) AS m, (SELECT state FROM users LIMIT 1) AS u, \
                    (SELECT ends_at FROM logins LIMIT 1) AS l, (SELECT cost_nanos FROM usage LIMIT 1) AS r, \
                    (SELECT this FROM audit LIMIT 1) AS a, (SELECT seq FROM changes LIMIT 1) AS c";

/// The database. Cloning it is cheap: clones share their connections.
#[derive(Clone)]
pub struct Store {
    db: Db,
    kinds: Arc<usage::Kinds>,
}

impl Store {
    /// Opens the database file at `path`, makes it if there is none (mode 0600), and brings its tables up to date.
    /// Several processes may hold one file open at the same time. `hash` chains the audit trail: SHA-256, given by the
    /// caller, for this crate names no cipher.
    ///
    /// # Errors
    /// [`OpenFailed`] when the file cannot be reached, is no database of ours, comes from a newer release, or
    /// cannot be brought up to date.
    pub async fn open(path: &Path, hash: Hash) -> Result<Self, OpenFailed> {
        Ok(Self { db: db::open::sqlite(path, hash).await?, kinds: Arc::default() })
    }

    /// Waits for what is running, then closes every connection. Every clone is closed with it.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Whether the database answers, has the tables of this release, and gives rows of those that every request needs.
    /// It looks at one row of each.
    ///
    /// # Errors
    /// [`NotReady`] with what is wrong.
    pub async fn ready(&self) -> Result<(), NotReady> {
        let row = self.db.fetch_optional(Statement::new(CORE)).await?.ok_or(sqlx::Error::RowNotFound);
        let found = row.map_err(ReadFailed::from)?.get("version")?;
        let known = db::open::newest();
        if found == known { Ok(()) } else { Err(NotReady::Version { found, known }) }
    }

    /// Organizations.
    #[must_use]
    pub fn orgs(&self) -> orgs::Orgs<'_> {
        orgs::Orgs::new(&self.db, None)
    }

    /// Projects of organizations.
    #[must_use]
    pub fn projects(&self) -> projects::Projects<'_> {
        projects::Projects::new(&self.db, None)
    }

    /// API keys of projects.
    #[must_use]
    pub fn keys(&self) -> keys::Keys<'_> {
        keys::Keys::new(&self.db, None)
    }

    /// Tokens of operators.
    #[must_use]
    pub fn operator_tokens(&self) -> operator_tokens::OperatorTokens<'_> {
        operator_tokens::OperatorTokens::new(&self.db)
    }

    /// Upstream connections with their sealed keys.
    #[must_use]
    pub fn provider_keys(&self) -> provider_keys::ProviderKeys<'_> {
        provider_keys::ProviderKeys::new(&self.db, provider_keys::Whose::Anybodys)
    }

    /// Sealed values of all tables, and the check value.
    #[must_use]
    pub fn sealed_values(&self) -> sealed_values::SealedValues<'_> {
        sealed_values::SealedValues::new(&self.db)
    }

    /// The installation's own model rows, laid over the catalogue.
    #[must_use]
    pub fn models(&self) -> models::Models<'_> {
        models::Models::new(&self.db)
    }

    /// People.
    #[must_use]
    pub fn users(&self) -> users::Users<'_> {
        users::Users::new(&self.db)
    }

    /// Members of one organization, for operators and the command line; a member of it has [`Store::of`].
    #[must_use]
    pub fn members(&self, org: OrgId) -> members::Members<'_> {
        members::Members::new(&self.db, org)
    }

    /// Invitations.
    #[must_use]
    pub fn invitations(&self) -> invitations::Invitations<'_> {
        invitations::Invitations::new(&self.db, None)
    }

    /// Logins and their refresh tokens.
    #[must_use]
    pub fn logins(&self) -> logins::Logins<'_> {
        logins::Logins::new(&self.db)
    }

    /// Tokens that were sent by e-mail.
    #[must_use]
    pub fn mailed_tokens(&self) -> mailed_tokens::MailedTokens<'_> {
        mailed_tokens::MailedTokens::new(&self.db)
    }

    /// Failed logins.
    #[must_use]
    pub fn login_failures(&self) -> login_failures::LoginFailures<'_> {
        login_failures::LoginFailures::new(&self.db)
    }

    /// Answers to writes that may be sent twice.
    #[must_use]
    pub fn idempotency(&self) -> idempotency::Idempotency<'_> {
        idempotency::Idempotency::new(&self.db)
    }

    /// Records of calls.
    #[must_use]
    pub fn usage(&self) -> usage::Usage<'_> {
        usage::Usage::new(&self.db, &self.kinds)
    }

    /// Answers that providers keep.
    #[must_use]
    pub fn pinned(&self) -> pinned::PinnedAnswers<'_> {
        pinned::PinnedAnswers::new(&self.db)
    }

    /// Files that providers keep.
    #[must_use]
    pub fn files(&self) -> files::Files<'_> {
        files::Files::new(&self.db)
    }

    /// Batches that providers work through.
    #[must_use]
    pub fn batches(&self) -> batches::Batches<'_> {
        batches::Batches::new(&self.db)
    }

    /// Who did what, in a chain that cannot be changed unseen.
    #[must_use]
    pub fn audit(&self) -> audit::Audit<'_> {
        audit::Audit::new(&self.db)
    }

    /// How long data is kept, and the removal of what is past its time.
    #[must_use]
    pub fn retention(&self) -> retention::Retention<'_> {
        retention::Retention::new(&self.db)
    }

    /// What the request path must learn of.
    #[must_use]
    pub fn changes(&self) -> changes::Changes<'_> {
        changes::Changes::new(&self.db)
    }
}
