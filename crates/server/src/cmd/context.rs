//! What every command is given: flags, variables, the clock, and where to print. It opens what a command asks for
//! and nothing else.

use anyhow::{Context as _, Result, bail};
use domain::audit::{Act, Actor};
use domain::time::{Clock, Timestamp};
use store::Store;
use uuid::Uuid;

use super::foundation;
use super::output::{Output, complain};
use crate::config::environment::Variables;
use crate::config::roots::Roots;
use crate::config::{Config, Flags, Loaded};

/// What a command is given.
pub struct Context {
    /// Settings from the command line.
    pub flags: Flags,
    /// The process environment.
    pub variables: Variables,
    /// The time of day.
    pub clock: Clock,
    /// Where and how to print.
    pub output: Output,
}

impl Context {
    /// The checked configuration, without the root secrets.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn config(&self) -> Result<Config> {
        Ok(Config::load(&self.flags, &self.variables)?.config)
    }

    /// The checked configuration with the root secrets; what is unwise is said on standard error.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn config_with_roots(&self) -> Result<(Loaded, Roots)> {
        foundation::complete_for(&self.flags, &self.variables)?;
        let (loaded, roots) = Config::load_with_roots(&self.flags, &self.variables)?;
        loaded.warnings.iter().for_each(|warning| complain(&format!("warning: {warning}")));
        Ok((loaded, roots))
    }

    /// The database of the configured installation.
    ///
    /// # Errors
    /// When the configuration has faults, or there is no database, or it does not open.
    pub async fn store(&self) -> Result<Store> {
        open_store(&self.config()?).await
    }

    /// What is done now at this command line, by the account of the operating system that does it.
    #[must_use]
    pub fn act(&self) -> Act {
        Act::new(Actor::operator_cli(&format!("uid:{}", rustix::process::getuid().as_raw())), self.now())
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new identifier.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    pub fn new_id(&self) -> Result<Uuid> {
        Ok(vault::entropy::uuid_v7(self.now())?)
    }
}

/// Opens the database of `config`; one that is not there is not made, since it would be an empty installation.
///
/// # Errors
/// When it is not there, or does not open.
pub async fn open_store(config: &Config) -> Result<Store> {
    let database = config.database();
    if !database.exists() {
        bail!(
            "there is no installation in {}. Make one with `portcullis init`, or name another with --data-dir",
            config.data_dir.display()
        );
    }
    Store::open(&database, vault::digest::sha256_of_parts)
        .await
        .with_context(|| format!("the database {} does not open", database.display()))
}
