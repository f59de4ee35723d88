//! The sections about people: their accounts, and the way of e-mail to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[accounts]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accounts {
    /// Who may make an account: `closed` (who was invited) or `open` (everybody).
    pub registration: String,
    /// Who makes access tokens, as they say themselves.
    pub issuer: String,
    /// Where people reach the admin API, for the links in e-mails; empty for the address of the admin listener.
    pub admin_url: String,
    /// Life of an access token.
    pub access_token_minutes: u64,
    /// Life of a refresh token; each use begins it anew.
    pub refresh_token_days: u64,
    /// Longest life of a login, however often it is refreshed.
    pub login_days: u64,
    /// When a failed login is answered, whatever failed; longer than hashing a password takes.
    pub login_floor_ms: u64,
    /// How passwords are hashed: `argon2id` or `bcrypt`.
    pub password_hash: String,
    /// Memory that hashing a password by argon2id takes.
    pub password_memory_kib: u64,
    /// Passes over that memory.
    pub password_passes: u64,
    /// Two to this power are the rounds of hashing a password by bcrypt.
    pub password_bcrypt_cost: u64,
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The mail server: `smtps://host:465`, `smtp://host:587` (STARTTLS) or `smtp+plain://host:25`; empty for none.
    pub smtp_url: String,
    /// The account there; empty for none.
    pub username: String,
    /// `file:PATH` or `env:NAME` of its password; empty for none.
    pub password: String,
    /// The sender.
    pub from: String,
    /// A folder that takes the messages in the place of a server, for development; empty for none.
    pub sink_dir: String,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            registration: "closed".to_owned(),
            issuer: "portcullis".to_owned(),
            admin_url: String::new(),
            access_token_minutes: 24 * 60,
            refresh_token_days: 30,
            login_days: 90,
            login_floor_ms: 400,
            password_hash: "argon2id".to_owned(),
            password_memory_kib: u64::from(vault::password::LEAST_COST.memory_kib),
            password_passes: u64::from(vault::password::LEAST_COST.passes),
            password_bcrypt_cost: 12,
        }
    }
}
