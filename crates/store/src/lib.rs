//! SQL behind one seam: what is written down, one file per family of tables. It knows neither HTTP nor the live
//! state, holds sealed values and digests only, and never the secret behind one.

pub mod audit;
pub mod changes;
mod db;
pub mod keys;
pub mod models;
pub mod name;
pub mod operator_tokens;
pub mod orgs;
pub mod projects;
pub mod provider_keys;
pub mod sealed_values;
pub mod switch;
pub mod usage;

use std::path::Path;

use domain::audit::chain::Hash;

pub use db::open::OpenFailed;
pub use db::{ReadFailed, WriteFailed};

use db::{Db, statement::Statement};

/// The database. Cloning it is cheap: clones share their connections.
#[derive(Clone)]
pub struct Store {
    db: Db,
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
        Ok(Self { db: db::open::sqlite(path, hash).await? })
    }

    /// Waits for what is running, then closes every connection. Every clone is closed with it.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`ReadFailed`] when it gives none.
    pub async fn ping(&self) -> Result<(), ReadFailed> {
        self.db.fetch_all(Statement::new("SELECT 1")).await.map(drop)
    }

    /// Organizations.
    #[must_use]
    pub fn orgs(&self) -> orgs::Orgs<'_> {
        orgs::Orgs::new(&self.db)
    }

    /// Projects of organizations.
    #[must_use]
    pub fn projects(&self) -> projects::Projects<'_> {
        projects::Projects::new(&self.db)
    }

    /// API keys of projects.
    #[must_use]
    pub fn keys(&self) -> keys::Keys<'_> {
        keys::Keys::new(&self.db)
    }

    /// Tokens of operators.
    #[must_use]
    pub fn operator_tokens(&self) -> operator_tokens::OperatorTokens<'_> {
        operator_tokens::OperatorTokens::new(&self.db)
    }

    /// Upstream connections with their sealed keys.
    #[must_use]
    pub fn provider_keys(&self) -> provider_keys::ProviderKeys<'_> {
        provider_keys::ProviderKeys::new(&self.db)
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

    /// Records of calls.
    #[must_use]
    pub fn usage(&self) -> usage::Usage<'_> {
        usage::Usage::new(&self.db)
    }

    /// Who did what, in a chain that cannot be changed unseen.
    #[must_use]
    pub fn audit(&self) -> audit::Audit<'_> {
        audit::Audit::new(&self.db)
    }

    /// What the request path must learn of.
    #[must_use]
    pub fn changes(&self) -> changes::Changes<'_> {
        changes::Changes::new(&self.db)
    }
}
