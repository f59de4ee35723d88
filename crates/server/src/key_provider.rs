//! Joins the provider that keeps keys outside to whoever seals and opens. Without one configured, everything is done
//! with the ring.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use control::vault_keys::sealer::{Elsewhere, Sealer};
use control::vault_keys::transit::Transit;
use domain::secret::Secret;
use domain::time::Clock;
use store::Store;
use vault::envelope::Vault;
use vault::remote::{DataKeys, RemoteKey};

use crate::boot;
use crate::config::Config;

/// The provider, and what it unwrapped.
pub struct KeyProvider {
    /// The provider.
    pub transit: Arc<Transit>,
    /// The data keys at hand.
    pub data_keys: Arc<DataKeys>,
    default_key: Option<RemoteKey>,
}

impl KeyProvider {
    /// The configured one, if there is one.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn new(
        config: &Config,
        token: Option<Secret>,
        policy: &egress::Policy,
        client: &egress::Client,
        clock: &Clock,
    ) -> Result<Option<Self>> {
        let (Some(transit), Some(token)) = (&config.transit, token) else { return Ok(None) };
        let asked = Transit::new(client.clone(), policy, &transit.settings, token);
        Ok(Some(Self {
            transit: Arc::new(asked.context("the key provider cannot be asked")?),
            data_keys: Arc::new(DataKeys::new(clock.clone(), transit.keep)),
            default_key: transit.default_key.clone(),
        }))
    }

    /// The vault that opens with the data keys at hand.
    #[must_use]
    pub fn equip(keys: Option<&Self>, vault: Vault) -> Arc<Vault> {
        Arc::new(match keys {
            Some(keys) => vault.with_data_keys(Arc::clone(&keys.data_keys)),
            None => vault,
        })
    }

    /// What seals and opens with `vault` and this provider.
    #[must_use]
    pub fn sealer(keys: Option<&Self>, store: Store, vault: Arc<Vault>) -> Sealer {
        let elsewhere = keys.map(|keys| Elsewhere {
            remote: Arc::clone(&keys.transit) as Arc<dyn vault::remote::Remote>,
            default_key: keys.default_key.clone(),
        });
        Sealer::new(store, vault, elsewhere)
    }
}

/// The configured provider, for a command that has no way out of its own.
///
/// # Errors
/// When it cannot be asked.
pub fn provider(config: &Config, token: Option<Secret>, clock: &Clock) -> Result<Option<KeyProvider>> {
    let (policy, client) = boot::egress_client(config)?;
    KeyProvider::new(config, token, &policy, &client, clock)
}

/// What a command seals and opens with.
///
/// # Errors
/// When the configured provider cannot be asked.
pub fn sealer(
    config: &Config,
    store: &Store,
    vault: Vault,
    token: Option<Secret>,
    clock: &Clock,
) -> Result<Sealer> {
    let keys = provider(config, token, clock)?;
    let vault = KeyProvider::equip(keys.as_ref(), vault);
    Ok(KeyProvider::sealer(keys.as_ref(), store.clone(), vault))
}
