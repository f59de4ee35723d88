//! Sealing with the key that the owner of a secret chose: one of the installation's ring, or one that a provider outside
//! keeps. Whoever seals or opens at leisure does it here; the request path opens with the vault alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::OrgId;
use domain::secret::Secret;
use store::{ReadFailed, Store};
use vault::envelope::{Bind, DoesNotOpen, Fetched, RewrapFailed, SealFailed, Vault};
use vault::remote::{Remote, RemoteFailed, RemoteKey};

/// The provider of keys outside, and what it is used for.
#[derive(Clone)]
pub struct Elsewhere {
    /// The provider.
    pub remote: Arc<dyn Remote>,
    /// The key for whoever chose none; without it, that is the ring.
    pub default_key: Option<RemoteKey>,
}

/// Why a secret was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    /// Its owner chose a key of a provider that is not configured.
    #[error(transparent)]
    Nowhere(#[from] Nowhere),
    /// The vault or the provider did not do it.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// What the owner chose cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
}

/// A key of a provider that is not configured.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the key {0} is chosen, but no key provider is configured: give transit.address and transit.token")]
pub struct Nowhere(RemoteKey);

/// Why a secret was not opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotOpened {
    /// Its data key is wrapped by a provider that is not configured.
    #[error(
        "its key is kept by a key provider, and none is configured: give transit.address and transit.token"
    )]
    Nowhere,
    /// The provider did not unwrap its data key.
    #[error(transparent)]
    Remote(#[from] RemoteFailed),
    /// It does not open.
    #[error(transparent)]
    DoesNotOpen(#[from] DoesNotOpen),
}

/// What each organization chose.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    by_org: HashMap<OrgId, RemoteKey>,
    default_key: Option<RemoteKey>,
}

impl Choices {
    /// The key for a value of this owner; `None` for the ring.
    #[must_use]
    pub fn of(&self, owner: Option<OrgId>) -> Option<&RemoteKey> {
        owner.and_then(|org| self.by_org.get(&org)).or(self.default_key.as_ref())
    }
}

/// Seals and opens.
pub struct Sealer {
    store: Store,
    vault: RwLock<Arc<Vault>>,
    elsewhere: Option<Elsewhere>,
}

impl Sealer {
    /// With this vault, and a provider outside if one is configured.
    #[must_use]
    pub fn new(store: Store, vault: Arc<Vault>, elsewhere: Option<Elsewhere>) -> Self {
        Self { store, vault: RwLock::new(vault), elsewhere }
    }

    /// The books it works on.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The vault in use.
    #[must_use]
    pub fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes another vault into use: one with other keys in its ring.
    pub fn use_vault(&self, vault: Arc<Vault>) {
        *self.vault.write().unwrap_or_else(PoisonError::into_inner) = vault;
    }

    /// Seals `secret` for the row `bind` with the key that its tenant chose.
    ///
    /// # Errors
    /// [`NotSealed`]; while a provider outside is unavailable nothing of its tenants is sealed, with no other key
    /// either.
    pub async fn seal(&self, secret: &Secret, bind: &Bind<'_>) -> Result<Vec<u8>, NotSealed> {
        match self.chosen(bind.org).await? {
            None => Ok(self.vault().seal(secret, bind)?),
            Some(key) => {
                let elsewhere = self.elsewhere.as_ref().ok_or_else(|| Nowhere(key.clone()))?;
                Ok(self.vault().seal_by(elsewhere.remote.as_ref(), &key, secret, bind).await?)
            }
        }
    }

    /// Opens what was sealed for `bind`, and asks the provider of its key where that is needed.
    ///
    /// # Errors
    /// [`NotOpened`] with the reason.
    pub async fn open(&self, sealed: &[u8], bind: &Bind<'_>) -> Result<Secret, NotOpened> {
        let vault = self.vault();
        if !vault.is_remote(sealed) || vault.reachable_until(sealed).is_some() {
            return Ok(vault.open(sealed, bind)?);
        }
        let elsewhere = self.elsewhere.as_ref().ok_or(NotOpened::Nowhere)?;
        vault.fetch(elsewhere.remote.as_ref(), sealed).await?;
        Ok(vault.open(sealed, bind)?)
    }

    /// Fetches the data key of a value, so that the request path can open it.
    ///
    /// # Errors
    /// [`NotOpened`] when its provider does not unwrap it, or there is none.
    pub async fn fetch(&self, sealed: &[u8]) -> Result<Fetched, NotOpened> {
        let vault = self.vault();
        if !vault.is_remote(sealed) {
            return Ok(Fetched::InTheRing);
        }
        let elsewhere = self.elsewhere.as_ref().ok_or(NotOpened::Nowhere)?;
        Ok(vault.fetch(elsewhere.remote.as_ref(), sealed).await?)
    }

    /// What everybody chose, read at once.
    ///
    /// # Errors
    /// The store's, when it does not answer.
    pub async fn choices(&self) -> Result<Choices, ReadFailed> {
        let by_org = self.store.orgs().key_providers().await?;
        let by_org = by_org.into_iter().filter_map(|(org, key)| Some((org, key.parse().ok()?)));
        Ok(Choices { by_org: by_org.collect(), default_key: self.default_key().cloned() })
    }

    /// Wraps the data key of a value with the newest form of `key` (`None`: of the ring); `None` when it is.
    pub(super) async fn rewrap(
        &self,
        key: Option<&RemoteKey>,
        sealed: &[u8],
        bind: &Bind<'_>,
    ) -> Result<Option<Vec<u8>>, NotRewrapped> {
        let vault = self.vault();
        let elsewhere = self.elsewhere.as_ref().map(|elsewhere| elsewhere.remote.as_ref());
        match key {
            Some(key) => {
                let remote = elsewhere.ok_or_else(|| Nowhere(key.clone()))?;
                Ok(vault.rewrap_by(remote, key, sealed, bind).await?)
            }
            None if vault.wrapped_by_newest(sealed) => Ok(None),
            None => {
                if let Some(remote) = elsewhere {
                    vault.fetch(remote, sealed).await.map_err(RewrapFailed::from)?;
                }
                Ok(vault.rewrap(sealed, bind).map(Some)?)
            }
        }
    }

    fn default_key(&self) -> Option<&RemoteKey> {
        self.elsewhere.as_ref().and_then(|elsewhere| elsewhere.default_key.as_ref())
    }

    async fn chosen(&self, owner: Option<OrgId>) -> Result<Option<RemoteKey>, ReadFailed> {
        let own = match owner {
            Some(org) => self.store.orgs().key_provider(org).await?,
            None => None,
        };
        Ok(own.and_then(|key| key.parse().ok()).or_else(|| self.default_key().cloned()))
    }
}

/// Why a value was not wrapped anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRewrapped {
    #[error(transparent)]
    Nowhere(#[from] Nowhere),
    #[error(transparent)]
    Rewrap(#[from] RewrapFailed),
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}
