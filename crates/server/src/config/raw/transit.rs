//! The section about the provider that keeps keys outside the installation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[transit]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Transit {
    /// Where HashiCorp Vault or OpenBao is: scheme, host and port; empty for none.
    pub address: String,
    /// The path that its Transit engine is mounted at.
    pub mount: String,
    /// The namespace; empty for none.
    pub namespace: String,
    /// `file:PATH` or `env:NAME` of the token.
    pub token: String,
    /// The key for the provider keys of organizations that chose none and of the installation; empty for the ring.
    pub default_key: String,
    /// How long an unwrapped data key is kept in memory.
    pub keep_seconds: u64,
    /// The most that one question may take.
    pub timeout_ms: u64,
}

impl Default for Transit {
    fn default() -> Self {
        Self {
            address: String::new(),
            mount: "transit".to_owned(),
            namespace: String::new(),
            token: "file:transit.token".to_owned(),
            default_key: String::new(),
            keep_seconds: 300,
            timeout_ms: 2_000,
        }
    }
}
