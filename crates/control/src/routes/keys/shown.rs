//! API keys as answers have them: everything but the key, and once the key itself.

use domain::limit::Limits;
use domain::scope::{Access, KeyState};
use domain::time::Timestamp;
use domain::token::Token;
use serde::{Deserialize, Serialize};
use store::keys::Key;
use utoipa::ToSchema;

use crate::api::json::{Instant, MadeOnce};

/// Age at which a key is to be replaced: 90 days.
const ROTATION_DUE_MS: u64 = 90 * 24 * 3_600 * 1_000;

/// An API key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyShown {
    #[schema(pattern = "^key_[0-9a-f]{32}$")]
    id: String,
    #[schema(pattern = "^proj_[0-9a-f]{32}$")]
    project_id: String,
    /// The person who made it; null for one that was made at the command line.
    #[schema(pattern = "^user_[0-9a-f]{32}$")]
    made_by: Option<String>,
    name: String,
    /// The first eight characters of its body, which are not secret.
    prefix: String,
    state: KeyStateWord,
    /// The models it may ask for; empty means all.
    models: Vec<String>,
    /// What it may be used for; empty means everything.
    scopes: Vec<ScopeWord>,
    /// The addresses and blocks it may be used from; null is anywhere, an empty list is nowhere.
    allowed_ips: Option<Vec<String>>,
    limits: LimitsShown,
    expires_at: Option<Instant>,
    created_at: Instant,
    /// When the last call with it that is in the books began.
    last_used_at: Option<Instant>,
    /// Whether it is older than 90 days and in use.
    rotation_due: bool,
}

/// An API key that was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct KeyMade {
    /// The key itself, shown this once; null where it was made elsewhere, or where the answer is a repeated one.
    secret: Option<String>,
    #[serde(flatten)]
    key: KeyShown,
}

/// The limits of a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyLimits)]
struct LimitsShown {
    /// Requests in any 60 seconds.
    requests_per_minute: u32,
    /// Requests in any second.
    burst_per_second: u32,
    /// Requests in flight.
    concurrent: u32,
    /// Bytes of a request body.
    body_bytes: u32,
    /// Tokens in any 60 seconds; null for no such limit.
    tokens_per_minute: Option<u32>,
}

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyState)]
pub(super) enum KeyStateWord {
    Active,
    Disabled,
    Revoked,
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyScope)]
pub(super) enum ScopeWord {
    Chat,
    Completions,
    Embeddings,
    Models,
    Moderations,
    Images,
    Audio,
    Rerank,
    Batches,
}

impl KeyShown {
    /// The key as it is seen at `now`.
    pub(super) fn at(key: Key, now: Timestamp) -> Self {
        let age = now.millis_since(key.created_at);
        Self {
            rotation_due: key.state == KeyState::Active && age >= ROTATION_DUE_MS,
            id: key.id.to_string(),
            project_id: key.project.to_string(),
            made_by: key.user.map(|user| user.to_string()),
            name: key.name,
            prefix: key.prefix.to_string(),
            state: key.state.into(),
            models: key.models,
            scopes: key.scopes.into_iter().map(ScopeWord::from).collect(),
            allowed_ips: key.allowed_ips.map(|blocks| blocks.iter().map(ToString::to_string).collect()),
            limits: key.limits.into(),
            expires_at: key.expires_at.map(Instant),
            created_at: key.created_at.into(),
            last_used_at: key.last_used_at.map(Instant),
        }
    }
}

impl KeyMade {
    /// The one answer that holds a key.
    pub(super) fn once(token: Option<&Token>, key: Key, now: Timestamp) -> MadeOnce<Self> {
        let secret = token.map(|token| token.reveal().to_owned());
        MadeOnce(Self { secret, key: KeyShown::at(key, now) }, "secret")
    }
}

impl From<Limits> for LimitsShown {
    fn from(limits: Limits) -> Self {
        let Limits { requests_per_minute, burst_per_second, concurrent, body_bytes, tokens_per_minute } =
            limits;
        Self { requests_per_minute, burst_per_second, concurrent, body_bytes, tokens_per_minute }
    }
}

impl From<KeyState> for KeyStateWord {
    fn from(state: KeyState) -> Self {
        match state {
            KeyState::Active => Self::Active,
            KeyState::Disabled => Self::Disabled,
            KeyState::Revoked => Self::Revoked,
        }
    }
}

impl From<KeyStateWord> for KeyState {
    fn from(word: KeyStateWord) -> Self {
        match word {
            KeyStateWord::Active => Self::Active,
            KeyStateWord::Disabled => Self::Disabled,
            KeyStateWord::Revoked => Self::Revoked,
        }
    }
}

impl From<Access> for ScopeWord {
    fn from(access: Access) -> Self {
        match access {
            Access::Chat => Self::Chat,
            Access::Completions => Self::Completions,
            Access::Embeddings => Self::Embeddings,
            Access::Models => Self::Models,
            Access::Moderations => Self::Moderations,
            Access::Images => Self::Images,
            Access::Audio => Self::Audio,
            Access::Rerank => Self::Rerank,
            Access::Batches => Self::Batches,
        }
    }
}

impl From<ScopeWord> for Access {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Chat => Self::Chat,
            ScopeWord::Completions => Self::Completions,
            ScopeWord::Embeddings => Self::Embeddings,
            ScopeWord::Models => Self::Models,
            ScopeWord::Moderations => Self::Moderations,
            ScopeWord::Images => Self::Images,
            ScopeWord::Audio => Self::Audio,
            ScopeWord::Rerank => Self::Rerank,
            ScopeWord::Batches => Self::Batches,
        }
    }
}
