//! Provider keys as people handle them, at the command line and in the admin API: what may be kept, where it may lead,
//! how it is sealed, and what its provider says of it. It knows neither who asks nor how an answer looks.

pub mod catalogue;
pub mod discover;

use std::fmt;
use std::sync::Arc;

use domain::id::ProviderKeyId;
use domain::route::Owner;
use domain::secret::Secret;
use egress::{Policy, Rejected};
use store::provider_keys::{NewSecret, ProviderKey};
use vault::envelope::Bind;

use catalogue::{Catalogue, KeyRule, Proof, Provider, Unknown};
use discover::{Listed, Undiscovered};

use crate::vault_keys::sealer::{NotOpened, NotSealed, Sealer};

/// What provider keys are sealed for; part of what a sealed value is bound to.
pub const PURPOSE: &str = "provider_key";
/// Most bytes of a secret.
pub const MAX_SECRET_BYTES: usize = vault::envelope::MAX_SECRET_BYTES;

/// Who says where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Whoever runs the installation: to any place that its configuration permits.
    Operator,
    /// A tenant: to public places, and to what the configuration opens for tenants.
    Tenant,
}

/// Why a connection cannot be made as it was asked for. No message holds any part of a key.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is not to be had.
    #[error(transparent)]
    Provider(#[from] Unknown),
    /// The provider has no address of its own.
    #[error("{0} has no address of its own: give one")]
    NoUrl(String),
    /// The address is not permitted.
    #[error("the base URL is refused: {0}")]
    Url(#[from] Rejected),
    /// An address that carries more than a place.
    #[error("the base URL is refused: it carries a query. Give scheme, host and path only")]
    UrlQuery,
    /// An address at which this key cannot be used.
    #[error("{0}")]
    Place(String),
    /// The provider answers nobody without a key.
    #[error("{0} needs a key")]
    NoKey(String),
    /// The key cannot be one of this provider's.
    #[error("{0}")]
    Key(String),
}

/// The ways to upstreams.
#[derive(Clone)]
pub struct Upstreams {
    catalogue: Arc<dyn Catalogue>,
    policy: Arc<Policy>,
    tenants: Arc<Policy>,
    client: egress::Client,
    sealer: Arc<Sealer>,
}

impl fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upstreams")
    }
}

impl Upstreams {
    /// The ways out through `client`, to where `policy` lets operators and `tenants` lets everybody else.
    #[must_use]
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        policy: Arc<Policy>,
        tenants: Policy,
        client: egress::Client,
        sealer: Arc<Sealer>,
    ) -> Self {
        Self { catalogue, policy, tenants: Arc::new(tenants), client, sealer }
    }

    /// The providers that can be connected here.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        self.catalogue.providers()
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Unknown`] when it is not one of them.
    pub fn provider(&self, slug: &str) -> Result<Provider, Unknown> {
        self.catalogue.provider(slug)
    }

    /// The address of a connection: `given`, or else the provider's own; without slashes at its end.
    ///
    /// # Errors
    /// [`Unfit`] when there is none, or it leads where `by` may not send anything.
    pub fn base_url(&self, provider: &Provider, given: Option<&str>, by: By) -> Result<String, Unfit> {
        let own = provider.base_url.as_deref();
        let given = given.map(|url| url.trim_end_matches('/')).filter(|url| Some(*url) != own);
        // What the installation itself says of a provider is not a tenant's choice.
        let (url, by) = match (given, own) {
            (Some(url), _) => (url, by),
            (None, Some(own)) => (own, By::Operator),
            (None, None) => return Err(Unfit::NoUrl(provider.title.clone())),
        };
        match by {
            By::Operator => self.policy.check(url)?,
            By::Tenant => self.tenants.check(url)?,
        };
        if url.contains('?') { Err(Unfit::UrlQuery) } else { Ok(url.to_owned()) }
    }

    /// Whether `secret` can be a key of the provider at `base_url`.
    ///
    /// # Errors
    /// [`Unfit`] when it cannot, or there is none where one is needed.
    pub fn check_key(
        &self,
        provider: &Provider,
        base_url: &str,
        secret: Option<&Secret>,
    ) -> Result<(), Unfit> {
        match secret {
            Some(secret) => {
                self.catalogue.check_key(provider, secret).map_err(Unfit::Key)?;
                self.catalogue.check_place(provider, base_url, secret).map_err(Unfit::Place)
            }
            None if provider.key == KeyRule::Required => Err(Unfit::NoKey(provider.title.clone())),
            None => Ok(()),
        }
    }

    /// Seals a secret for the provider key it belongs to.
    ///
    /// # Errors
    /// [`NotSealed`] when it is too long, or nothing can be sealed for its owner.
    pub async fn seal(
        &self,
        id: ProviderKeyId,
        owner: Owner,
        secret: Option<&Secret>,
    ) -> Result<NewSecret, NotSealed> {
        let Some(secret) = secret else {
            return Ok(NewSecret { sealed: None, masked: "none".to_owned() });
        };
        let sealed = self.sealer.seal(secret, &bind(id, owner)).await?;
        Ok(NewSecret { sealed: Some(sealed), masked: secret.masked() })
    }

    /// The models that the upstream at `base_url` lists for the holder of `secret`.
    ///
    /// # Errors
    /// [`Undiscovered`] when it does not, or would have to be shown more of the secret than its calls show.
    pub async fn models(
        &self,
        provider: &Provider,
        base_url: &str,
        secret: Option<&Secret>,
    ) -> Result<Listed, Undiscovered> {
        if provider.proof == Proof::Derived {
            return Err(Undiscovered::Unlisted);
        }
        discover::models(&self.policy, &self.client, base_url, provider.proof, secret).await
    }

    /// The same for a key that is kept.
    ///
    /// # Errors
    /// [`Undiscovered`] when it does not, or the kept secret does not open.
    pub async fn models_of(&self, key: &ProviderKey) -> Result<Listed, Undiscovered> {
        let provider = self.provider(&key.provider).map_err(|_| Undiscovered::Unlisted)?;
        let secret = self.open(key).await?;
        self.models(&provider, &key.base_url, secret.as_ref()).await
    }

    async fn open(&self, key: &ProviderKey) -> Result<Option<Secret>, NotOpened> {
        match &key.sealed {
            None => Ok(None),
            Some(sealed) => self.sealer.open(sealed, &bind(key.id, key.owner)).await.map(Some),
        }
    }
}

/// What the secret of a provider key is bound to.
#[must_use]
pub fn bind(id: ProviderKeyId, owner: Owner) -> Bind<'static> {
    Bind { org: owner.org(), record: id.uuid(), purpose: PURPOSE }
}
