//! API keys as bodies have them: what a key is to be, and what is to be different.

use data_encoding::HEXLOWER_PERMISSIVE;
use domain::address::Block;
use domain::id::ProjectId;
use domain::limit::Limits;
use domain::scope::KeyState;
use domain::time::Timestamp;
use domain::token::{Kind, Prefix};
use serde::Deserialize;
use store::edit::Edit;
use store::keys::KeyChange;
use utoipa::ToSchema;

use super::shown::{KeyStateWord, ScopeWord};
use crate::api::json::name::Name;
use crate::api::json::{Instant, clearable, given, id};
use crate::api::problem::Problem;

/// The most a key may raise its body limit to: 32 MiB.
const BODY_BYTES_AT_MOST: u32 = 32 << 20;
/// How long a key goes on beside its successor unless it is said: a day.
const GRACE_SECONDS: u32 = 86_400;
/// The longest that a key may go on beside its successor: a year.
const GRACE_SECONDS_AT_MOST: u32 = 31_536_000;

/// An API key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(super) struct KeyAsked {
    pub(super) name: Name,
    #[serde(deserialize_with = "id")]
    #[schema(value_type = String, pattern = "^proj_[0-9a-f]{32}$")]
    pub(super) project_id: ProjectId,
    /// Whether it is for real traffic.
    #[serde(default)]
    kind: KindWord,
    /// The models it may ask for; empty means all.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub(super) models: Vec<String>,
    /// What it may be used for; empty means everything.
    #[serde(default)]
    #[schema(max_items = 16)]
    pub(super) scopes: Vec<ScopeWord>,
    /// The addresses and blocks it may be used from; null is anywhere, an empty list is nowhere.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    pub(super) allowed_ips: Option<Vec<Block>>,
    /// Its limits; what is absent is the installation's, or its project's or organization's where that is less.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    limits: Option<LimitsAsked>,
    /// When it stops working; null for never.
    #[serde(default)]
    pub(super) expires_at: Option<Instant>,
    /// A key that was made elsewhere, in the place of a fresh one.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    registered: Option<Registered>,
}

/// What an installation learns of a key that was made elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Registered {
    /// The first eight characters behind `pc_live_` or `pc_test_`.
    #[schema(pattern = "^[0-9a-hjkmnp-tv-z]{8}$")]
    prefix: String,
    /// SHA-256 of the whole key in lower case.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    sha256: String,
}

/// What is to change of an API key; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
pub(super) struct KeyEdit {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// `active` or `disabled`; for good it is revoked elsewhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    state: Option<KeyStateWord>,
    /// The models it may ask for; empty means all.
    #[serde(default, deserialize_with = "given")]
    #[schema(max_items = 1000, nullable = false)]
    models: Option<Vec<String>>,
    /// What it may be used for; empty means everything.
    #[serde(default, deserialize_with = "given")]
    #[schema(max_items = 16, nullable = false)]
    scopes: Option<Vec<ScopeWord>>,
    /// The addresses and blocks it may be used from; null is anywhere, an empty list is nowhere.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    allowed_ips: Option<Option<Vec<Block>>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    limits: Option<LimitsAsked>,
    /// When it stops working; null for never.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<Instant>)]
    expires_at: Option<Option<Instant>>,
}

/// Limits, as far as they are named.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitsAsked {
    /// Requests in any 60 seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, nullable = false)]
    requests_per_minute: Option<u32>,
    /// Requests in any second.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, nullable = false)]
    burst_per_second: Option<u32>,
    /// Requests in flight.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, nullable = false)]
    concurrent: Option<u32>,
    /// Bytes of a request body.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 33_554_432, nullable = false)]
    body_bytes: Option<u32>,
    /// Tokens in any 60 seconds; null for no such limit.
    #[serde(default, deserialize_with = "clearable")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    tokens_per_minute: Option<Option<u32>>,
}

/// Whether a key is for real traffic.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = KeyKind)]
enum KindWord {
    #[default]
    Live,
    Test,
}

/// How an old key ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRotation)]
pub(super) struct RotationAsked {
    /// How long the old key goes on, in seconds; 0 revokes it at once.
    #[serde(default = "grace")]
    #[schema(default = 86_400, maximum = 31_536_000)]
    grace_seconds: u32,
    /// Whether the new key is for real traffic.
    #[serde(default)]
    kind: KindWord,
}

fn grace() -> u32 {
    GRACE_SECONDS
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Live => Self::Live,
            KindWord::Test => Self::Test,
        }
    }
}

impl RotationAsked {
    /// What the new key's text begins with.
    pub(super) fn kind(&self) -> Kind {
        self.kind.into()
    }

    /// How long the old key goes on.
    ///
    /// # Errors
    /// [`Problem`] when it is longer than a year.
    pub(super) fn grace_seconds(&self) -> Result<i64, Problem> {
        if self.grace_seconds > GRACE_SECONDS_AT_MOST {
            return Err(Problem::unfit("grace_seconds", "An old key goes on for a year at most."));
        }
        Ok(i64::from(self.grace_seconds))
    }
}

impl KeyAsked {
    /// What its text begins with.
    pub(super) fn kind(&self) -> Kind {
        self.kind.into()
    }

    /// The limits it is to have; those that are not named are `default`.
    pub(super) fn limits(&self, default: &Limits) -> Result<Limits, Problem> {
        self.limits.as_ref().map_or(Ok(*default), |asked| asked.over(default))
    }

    /// Refuses a key that would never work.
    pub(super) fn check_expiry(&self, now: Timestamp) -> Result<(), Problem> {
        in_future(self.expires_at, now)
    }

    /// The prefix and SHA-256 of a key that was made elsewhere.
    pub(super) fn registered(&self) -> Result<Option<(Prefix, [u8; 32])>, Problem> {
        let Some(Registered { prefix, sha256 }) = &self.registered else { return Ok(None) };
        let prefix = Prefix::parse(prefix).ok_or_else(|| {
            Problem::unfit("registered.prefix", "These are not eight characters of a key, in lower case.")
        })?;
        let sha256 = HEXLOWER_PERMISSIVE.decode(sha256.as_bytes()).ok();
        let sha256 = sha256.and_then(|bytes| bytes.try_into().ok());
        let unfit = || Problem::unfit("registered.sha256", "These are not 64 hexadecimal digits.");
        Ok(Some((prefix, sha256.ok_or_else(unfit)?)))
    }
}

impl KeyEdit {
    /// Whether it may let the key do what it could not do before.
    pub(super) fn gives_more(&self) -> bool {
        let Self { name: _, state: _, models, scopes, allowed_ips, limits, expires_at } = self;
        models.is_some()
            || scopes.is_some()
            || allowed_ips.is_some()
            || limits.is_some()
            || expires_at.is_some()
    }

    /// The state it is to be in.
    pub(super) fn state(&self) -> Result<Option<KeyState>, Problem> {
        match self.state {
            Some(KeyStateWord::Revoked) => {
                Err(Problem::unfit("state", "A key is revoked with POST /api/v1/keys/{id}/revoke."))
            }
            state => Ok(state.map(KeyState::from)),
        }
    }

    /// Refuses an end that has passed.
    pub(super) fn check_expiry(&self, now: Timestamp) -> Result<(), Problem> {
        in_future(self.expires_at.flatten(), now)
    }

    /// Its limits, if they are to be different.
    pub(super) fn limits(&self, present: &Limits) -> Result<Option<Limits>, Problem> {
        self.limits.as_ref().map(|asked| asked.over(present)).transpose()
    }

    /// The wish, with limits that were checked.
    pub(super) fn change(self, limits: Option<Limits>) -> KeyChange {
        KeyChange {
            name: Edit::from(self.name.map(|name| name.0)),
            models: Edit::from(self.models),
            scopes: Edit::from(self.scopes.map(|words| words.into_iter().map(Into::into).collect())),
            allowed_ips: Edit::from(self.allowed_ips),
            limits: Edit::from(limits),
            expires_at: Edit::from(self.expires_at.map(|at| at.map(|at| at.0))),
        }
    }
}

impl LimitsAsked {
    fn over(&self, present: &Limits) -> Result<Limits, Problem> {
        let named = [
            ("limits.requests_per_minute", self.requests_per_minute),
            ("limits.burst_per_second", self.burst_per_second),
            ("limits.concurrent", self.concurrent),
            ("limits.body_bytes", self.body_bytes),
            ("limits.tokens_per_minute", self.tokens_per_minute.flatten()),
        ];
        if let Some((field, _)) = named.into_iter().find(|(_, value)| *value == Some(0)) {
            return Err(Problem::unfit(
                field,
                "A limit is at least 1; a key that may do nothing is disabled.",
            ));
        }
        if self.body_bytes.is_some_and(|bytes| bytes > BODY_BYTES_AT_MOST) {
            return Err(Problem::unfit("limits.body_bytes", "A body has at most 33554432 bytes."));
        }
        Ok(Limits {
            requests_per_minute: self.requests_per_minute.unwrap_or(present.requests_per_minute),
            burst_per_second: self.burst_per_second.unwrap_or(present.burst_per_second),
            concurrent: self.concurrent.unwrap_or(present.concurrent),
            body_bytes: self.body_bytes.unwrap_or(present.body_bytes),
            tokens_per_minute: self.tokens_per_minute.unwrap_or(present.tokens_per_minute),
        })
    }
}

fn in_future(at: Option<Instant>, now: Timestamp) -> Result<(), Problem> {
    match at {
        Some(at) if at.0 <= now => Err(Problem::unfit("expires_at", "This has passed.")),
        _ => Ok(()),
    }
}
