//! The catalogue of providers as this installation has it: the shipped table, without what is for trials where it is
//! not one, and with the addresses that the configuration puts in the place of the shipped ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use control::provider_keys::Upstreams;
use control::provider_keys::catalogue::{Catalogue, KeyRule, Proof, Provider, Unknown};
use control::vault_keys::sealer::Sealer;
use domain::secret::Secret;
use egress::Policy;
use gateway::ProviderUrls;
use url::Url;
use wire::catalog::{self, Auth, Production, check_host, check_key_format};

use crate::boot;
use crate::config::{Config, Environment};

/// The providers of one installation.
#[derive(Debug, Clone)]
pub struct Providers {
    environment: Environment,
    urls: BTreeMap<&'static str, String>,
}

impl Providers {
    /// The providers as `config` has them.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { environment: config.environment, urls: config.egress.provider_urls.clone() }
    }

    /// Where a key that comes with a request may be sent: to the providers that issue keys, at the addresses that are
    /// known here.
    #[must_use]
    pub fn urls(&self) -> ProviderUrls {
        let issuing = self.providers().into_iter().filter(|provider| provider.key == KeyRule::Required);
        issuing.filter_map(|provider| Some((provider.slug, Arc::from(provider.base_url?)))).collect()
    }

    fn is_offered(&self, row: &catalog::Provider) -> bool {
        row.production == Production::Allowed || self.environment != Environment::Production
    }

    fn shown(&self, row: &catalog::Provider) -> Provider {
        Provider {
            slug: row.slug,
            title: row.title.to_owned(),
            base_url: self.urls.get(row.slug).cloned().or_else(|| row.base_url.map(str::to_owned)),
            key: match row.key {
                catalog::KeyRule::Required => KeyRule::Required,
                catalog::KeyRule::Optional => KeyRule::Optional,
            },
            proof: match row.auth {
                Auth::Aws | Auth::GoogleServiceAccount => Proof::Derived,
                Auth::Bearer => Proof::Bearer,
                Auth::AnthropicKey => Proof::AnthropicKey,
                Auth::GoogleKey => Proof::GoogleKey,
                Auth::AzureKey => Proof::AzureKey,
            },
            surfaces: row.endpoints(),
            local: row.local,
            docs_url: row.docs_url,
            notes: row.notes,
        }
    }
}

impl Catalogue for Providers {
    fn providers(&self) -> Vec<Provider> {
        catalog::providers().iter().filter(|row| self.is_offered(row)).map(|row| self.shown(row)).collect()
    }

    fn provider(&self, slug: &str) -> Result<Provider, Unknown> {
        match catalog::provider(slug) {
            None => Err(Unknown::NoSuch(slug.to_owned())),
            Some(row) if self.is_offered(row) => Ok(self.shown(row)),
            Some(row) => Err(Unknown::ForTrials(row.title)),
        }
    }

    fn check_key(&self, provider: &Provider, secret: &Secret) -> Result<(), String> {
        // What is not in the table has no format to check against.
        let row = catalog::provider(provider.slug).ok_or_else(|| "no such provider".to_owned())?;
        check_key_format(row, secret.open()).map_err(|bad| bad.to_string())
    }

    fn check_place(&self, provider: &Provider, base_url: &str, secret: &Secret) -> Result<(), String> {
        let row = catalog::provider(provider.slug).ok_or_else(|| "no such provider".to_owned())?;
        let url = Url::parse(base_url).map_err(|_| "the base URL is none".to_owned())?;
        let host = url.host_str().unwrap_or_default();
        check_host(row, host, secret.open()).map_err(|no_region| no_region.to_string())
    }
}

/// The ways to upstreams of an installation that runs.
#[must_use]
pub fn upstreams(
    config: &Config,
    policy: Arc<Policy>,
    client: egress::Client,
    sealer: Arc<Sealer>,
) -> Upstreams {
    let tenants = Policy::new(config.egress.tenant_allow.clone());
    Upstreams::new(Arc::new(Providers::new(config)), policy, tenants, client, sealer)
}

/// The ways to upstreams for a command.
///
/// # Errors
/// When outbound connections cannot be prepared.
pub fn upstreams_of(config: &Config, sealer: Sealer) -> Result<Upstreams> {
    let (policy, client) = boot::egress_client(config)?;
    Ok(upstreams(config, policy, client, Arc::new(sealer)))
}
