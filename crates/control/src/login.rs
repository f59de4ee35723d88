//! The desk where people prove who they are: passwords, second factors, refresh tokens, and the accounts behind them.
//! It answers no requests: what comes of it in HTTP is the routes' business.

mod accounts;
pub mod attempt;
pub mod hasher;
mod impersonation;
mod invited;
mod mailed;
mod recovery;
mod rights;
mod second_factor;
mod sessions;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::time::{Clock, Timestamp};
use domain::token::{Kind, Token};
use live::refusals::Refusals;
use store::{ReadFailed, Store, WriteFailed};
use vault::digest::Pepper;
use vault::entropy::NoEntropy;
use vault::password::{HashFailed, Passwords, Unfit};

use crate::mail::Mailbox;
use crate::vault_keys::sealer::{NotOpened, NotSealed, Sealer};
use hasher::{Busy, Hasher};

pub use accounts::{NotRegistered, Wish};
pub use attempt::{Code, Proof};
pub use impersonation::{Acting, NotImpersonated, Wanted};
pub use mailed::MAILED_TOKEN_SECONDS;
pub use recovery::RecoveryCodes;
pub use rights::Kept;
pub use second_factor::NotSwitched;
pub use sessions::{Begun, NotContinued};

/// What the desk stands on.
pub struct Parts {
    /// The books.
    pub store: Store,
    /// Digests tokens and names.
    pub pepper: Arc<Pepper>,
    /// Seals the seeds of second factors.
    pub sealer: Arc<Sealer>,
    /// Failed logins, for the audit trail.
    pub refusals: Arc<Refusals>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Where letters go; none where no mail is sent.
    pub mail: Option<Mailbox>,
    /// The time of day.
    pub clock: Clock,
    /// Settings.
    pub settings: Settings,
}

/// Settings of the desk.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may make an account.
    pub registration: Registration,
    /// Seconds of an access token.
    pub access_seconds: i64,
    /// Seconds of a refresh token.
    pub refresh_seconds: i64,
    /// Seconds of a login, however often it is refreshed.
    pub login_seconds: i64,
    /// When an attempt that failed is answered: longer than a hash takes, so that no answer tells what was looked at.
    pub floor: Duration,
    /// Where people reach the API, without a slash at its end.
    pub url: String,
    /// What the installation is called in authenticator apps.
    pub issuer: String,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Whoever was invited.
    Closed,
    /// Everybody who reads the mail that is sent to them.
    Open,
}

/// Why somebody was not believed.
#[derive(Debug, thiserror::Error)]
pub enum NotProved {
    /// What was given is not right, or may not be tried now. The true reason is in the audit trail.
    #[error("what was given does not prove it")]
    Refused,
    /// Too many passwords are looked at.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// Something that is needed does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Something that the desk needs does not answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unavailable(Box<dyn Error + Send + Sync>);

/// A password that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotHashed {
    /// It is too easily guessed.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Too many passwords are looked at.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// It could not be hashed.
    #[error(transparent)]
    Failed(#[from] HashFailed),
}

/// The desk.
pub struct Desk {
    store: Store,
    pepper: Arc<Pepper>,
    sealer: Arc<Sealer>,
    refusals: Arc<Refusals>,
    hasher: Hasher,
    mail: Option<Mailbox>,
    clock: Clock,
    settings: Settings,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

impl Desk {
    /// A desk on this ground.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { store, pepper, sealer, refusals, passwords, mail, clock, settings } = parts;
        Self { store, pepper, sealer, refusals, hasher: Hasher::new(passwords), mail, clock, settings }
    }

    /// Settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where letters go; none where no mail is sent.
    #[must_use]
    pub fn mail(&self) -> Option<&Mailbox> {
        self.mail.as_ref()
    }

    /// A token that was just made, with what is kept of it.
    fn token(&self, kind: Kind) -> Result<(Token, [u8; 32]), NoEntropy> {
        let token = vault::entropy::token(kind)?;
        let digest = self.digest(&token);
        Ok((token, digest))
    }

    /// What is kept of a token.
    fn digest(&self, token: &Token) -> [u8; 32] {
        self.pepper.digest(&vault::digest::sha256_of(token))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

macro_rules! unavailable {
    ($($error:ty),*) => {
        $(impl From<$error> for Unavailable {
            fn from(error: $error) -> Self {
                Self(Box::new(error))
            }
        }
        impl From<$error> for NotProved {
            fn from(error: $error) -> Self {
                Self::Unavailable(error.into())
            }
        })*
    };
}

unavailable!(ReadFailed, WriteFailed, NoEntropy, NotOpened, NotSealed, HashFailed);
