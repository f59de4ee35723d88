//! API keys as facts, and the scope that only a verified key can give.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::address::{Block, allowed};
use crate::id::{KeyId, OrgId, ProjectId, UserId};
use crate::limit::{Limits, OrgLimits, ProjectLimits};
use crate::origin::Origins;
use crate::time::Timestamp;
use crate::usage::Surface;

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

/// What a key may be used for: one word per family of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Conversations with a model, in every dialect.
    Chat,
    /// Completions of plain text.
    Completions,
    /// Embeddings.
    Embeddings,
    /// The list of models.
    Models,
    /// Moderation of texts and pictures.
    Moderations,
    /// Pictures, made and changed.
    Images,
    /// Speech, made and written down.
    Audio,
    /// Documents in the order of their relevance.
    Rerank,
    /// Files, and batches of requests beside what each request needs.
    Batches,
}

impl Access {
    /// Every access.
    pub const ALL: [Access; 9] = [
        Access::Chat,
        Access::Completions,
        Access::Embeddings,
        Access::Models,
        Access::Moderations,
        Access::Images,
        Access::Audio,
        Access::Rerank,
        Access::Batches,
    ];

    /// The word in commands and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Access::Chat => "chat",
            Access::Completions => "completions",
            Access::Embeddings => "embeddings",
            Access::Models => "models",
            Access::Moderations => "moderations",
            Access::Images => "images",
            Access::Audio => "audio",
            Access::Rerank => "rerank",
            Access::Batches => "batches",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|access| access.word() == word)
    }

    /// What a call through this endpoint needs.
    #[must_use]
    pub fn of(surface: Surface) -> Self {
        match surface {
            Surface::Chat
            | Surface::Responses
            | Surface::Messages
            | Surface::MessageTokens
            | Surface::Generate
            | Surface::GenerateTokens => Access::Chat,
            Surface::Completions => Access::Completions,
            Surface::Embeddings | Surface::EmbedContent => Access::Embeddings,
            Surface::Moderations => Access::Moderations,
            Surface::Images | Surface::ImageEdits => Access::Images,
            Surface::Speech | Surface::Transcriptions => Access::Audio,
            Surface::Rerank => Access::Rerank,
            Surface::Batches => Access::Batches,
        }
    }
}

/// Whether the calls of an organization may bring a provider key of their own with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InlineKeys {
    /// A call that brings one is refused.
    #[default]
    Refused,
    /// They may.
    Allowed,
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
    /// Who made it; none for a key of the command line.
    pub user: Option<UserId>,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// The models it may ask for, by the names a request uses; empty means all.
    pub models: Vec<String>,
    /// What it may be used for; empty means everything.
    pub scopes: Vec<Access>,
    /// Where it may be used from. None is anywhere; a list that is empty is nowhere.
    pub allowed_ips: Option<Vec<Block>>,
    /// Its limits.
    pub limits: Limits,
    /// The limits of its project.
    pub project_limits: ProjectLimits,
    /// The limits of its organization.
    pub org_limits: OrgLimits,
    /// Where any key of its organization may be used from. None is anywhere; a list that is empty is nowhere.
    pub org_allowed_ips: Option<Vec<Block>>,
    /// The web pages that its organization lets call it from browsers.
    pub org_origins: Origins,
    /// Whether the calls of its organization may bring a provider key of their own.
    pub org_inline_keys: InlineKeys,
    /// Hours for which traces of its calls are kept; zero keeps none.
    pub trace_hours: u32,
}

impl ApiKey {
    /// Whether the key may be used for this.
    #[must_use]
    pub fn may(&self, access: Access) -> bool {
        self.scopes.is_empty() || self.scopes.contains(&access)
    }
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
    /// Good, but its own list does not hold this address.
    IpNotAllowed,
    /// Good, but the list of its organization does not hold this address.
    IpNotAllowedByOrg,
    /// Not looked at: the list of the installation does not hold this address.
    IpNotAllowedHere,
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
            Denied::IpNotAllowed => "ip_not_allowed",
            Denied::IpNotAllowedByOrg => "ip_not_allowed_by_org",
            Denied::IpNotAllowedHere => "ip_not_allowed_here",
        }
    }
}

/// Whose data a call may touch. It comes from a verified key and nowhere else; `xtask tidy` names the one file
/// of the request path that may make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    org: OrgId,
    project: ProjectId,
    user: Option<UserId>,
    key: KeyId,
}

impl Scope {
    /// The scope of a key that was found by its digest.
    ///
    /// # Errors
    /// [`Denied`] when the key is disabled, expired or revoked at `now`, or may not be used from `client`.
    pub fn of_verified_key(key: &ApiKey, client: IpAddr, now: Timestamp) -> Result<Self, Denied> {
        match key.state {
            KeyState::Disabled => return Err(Denied::Disabled),
            KeyState::Revoked => return Err(Denied::Revoked),
            KeyState::Active => {}
        }
        if key.expires_at.is_some_and(|at| at <= now) {
            return Err(Denied::Expired);
        }
        if !allowed(key.org_allowed_ips.as_deref(), client) {
            return Err(Denied::IpNotAllowedByOrg);
        }
        if !allowed(key.allowed_ips.as_deref(), client) {
            return Err(Denied::IpNotAllowed);
        }
        Ok(Self { org: key.org, project: key.project, user: key.user, key: key.id })
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

    /// The person who made the key.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> KeyId {
        self.key
    }
}
