//! The provider that keeps keys outside, in the checked configuration.

use std::time::Duration;

use control::vault_keys::transit::Settings;
use vault::remote::RemoteKey;

use super::reference::Reference;

/// HashiCorp Vault or OpenBao.
#[derive(Debug, Clone)]
pub struct Transit {
    /// Where it is and how long it may take.
    pub settings: Settings,
    /// Where its token is.
    pub token: Reference,
    /// The key for whoever chose none; none for the ring.
    pub default_key: Option<RemoteKey>,
    /// How long an unwrapped data key is kept in memory.
    pub keep: Duration,
}
