//! API keys as facts, and the scope that only a verified key can give.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, OrgId, ProjectId};
use crate::limit::Limits;
use crate::time::Timestamp;

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// In use.
    Active,
    /// Switched off by a person; may be switched on again.
    Disabled,
    /// Withdrawn for good.
    Revoked,
}

impl KeyState {
    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Active => "active",
            KeyState::Disabled => "disabled",
            KeyState::Revoked => "revoked",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Revoked].into_iter().find(|state| state.word() == word)
    }
}

/// What the gate knows of one API key. Found by its full digest only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub id: KeyId,
    /// Its tenant.
    pub org: OrgId,
    /// Its project.
    pub project: ProjectId,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// The models it may ask for, by the names a request uses; empty means all.
    pub models: Vec<String>,
    /// Its limits.
    pub limits: Limits,
}

/// The true reason why a credential was refused. For the log and the audit chain, never for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No credential was sent.
    Missing,
    /// Two different credentials were sent, or one in the query string.
    Misplaced,
    /// The credential breaks the grammar.
    Malformed,
    /// Nobody has this credential.
    Unknown,
    /// The credential is of a kind that cannot call models.
    WrongKind,
    /// Switched off.
    Disabled,
    /// Past its expiry.
    Expired,
    /// Withdrawn.
    Revoked,
}

impl Denied {
    /// The word in logs and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Denied::Missing => "missing",
            Denied::Misplaced => "misplaced",
            Denied::Malformed => "malformed",
            Denied::Unknown => "unknown",
            Denied::WrongKind => "wrong_kind",
            Denied::Disabled => "disabled",
            Denied::Expired => "expired",
            Denied::Revoked => "revoked",
        }
    }
}

/// Whose data a call may touch. It comes from a verified key and nowhere else; `xtask tidy` names the one file
/// of the request path that may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    org: OrgId,
    project: ProjectId,
    key: KeyId,
}

impl Scope {
    /// The scope of a key that was found by its digest.
    ///
    /// # Errors
    /// [`Denied`] when the key is disabled, expired or revoked at `now`.
    pub fn of_verified_key(key: &ApiKey, now: Timestamp) -> Result<Self, Denied> {
        match key.state {
            KeyState::Disabled => return Err(Denied::Disabled),
            KeyState::Revoked => return Err(Denied::Revoked),
            KeyState::Active => {}
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            return Err(Denied::Expired);
        }
        Ok(Self { org: key.org, project: key.project, key: key.id })
    }

    /// The tenant.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        self.project
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }
}
