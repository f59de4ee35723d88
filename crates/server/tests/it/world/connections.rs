//! The upstream connections of a World, each with the planted provider key.

use std::net::SocketAddr;

use domain::id::ProviderKeyId;
use domain::route::{Owner, Serves};
use domain::secret::Secret;
use server::config::roots::Roots;
use vault::envelope::Bind;

use super::{PROVIDER_KEY, World, fresh, load};

impl World {
    /// Adds a connection with the planted provider key.
    pub async fn add_connection(&self, name: &str, provider: &str, address: SocketAddr, models: &[&str]) {
        let (_, roots) = load(&self.settings);
        self.connect(name, provider, address, models, &roots).await;
    }

    pub(super) async fn connect(
        &self,
        name: &str,
        provider: &str,
        address: SocketAddr,
        models: &[&str],
        roots: &Roots,
    ) {
        let mut new = self.new_connection(name, roots);
        new.provider = provider.to_owned();
        new.base_url = format!("http://{address}/v1");
        new.serves = Serves::Listed(models.iter().map(|&model| model.to_owned()).collect());
        self.store.provider_keys().insert(&new, &self.act()).await.unwrap();
    }

    /// Adds a connection to a cloud, at this path of this World's own upstream, with a key of its own that must not be
    /// seen anywhere either.
    pub async fn connect_cloud(&mut self, provider: &str, path: &str, secret: &str, models: &[&str]) {
        let (_, roots) = load(&self.settings);
        let mut new = self.new_connection(provider, &roots);
        let bind = Bind { org: None, record: new.id.uuid(), purpose: "provider_key" };
        let key = Secret::new(secret.as_bytes().to_vec());
        new.provider = provider.to_owned();
        new.base_url = format!("http://{}{path}", self.upstream.address);
        new.masked = key.masked();
        new.sealed = Some(roots.vault.seal(&key, &bind).unwrap());
        new.serves = Serves::Listed(models.iter().map(|&model| model.to_owned()).collect());
        self.store.provider_keys().insert(&new, &self.act()).await.unwrap();
        self.secrets.extend(secret.split([':', '\n']).filter(|part| part.len() >= 16).map(str::to_owned));
    }

    /// Adds a connection to this World's own upstream, made to measure.
    pub async fn add_connection_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut store::provider_keys::NewProviderKey),
    ) -> ProviderKeyId {
        let mut new = self.new_connection(name, &load(&self.settings).1);
        change(&mut new);
        self.store.provider_keys().insert(&new, &self.act()).await.unwrap();
        new.id
    }

    pub(super) fn new_connection(&self, name: &str, roots: &Roots) -> store::provider_keys::NewProviderKey {
        let id = ProviderKeyId::new(fresh());
        let bind = Bind { org: None, record: id.uuid(), purpose: "provider_key" };
        let secret = Secret::new(PROVIDER_KEY.as_bytes().to_vec());
        store::provider_keys::NewProviderKey {
            id,
            owner: Owner::Platform,
            name: name.to_owned(),
            provider: "openai".to_owned(),
            base_url: format!("http://{}/v1", self.upstream.address),
            masked: secret.masked(),
            sealed: Some(roots.vault.seal(&secret, &bind).unwrap()),
            serves: Serves::Listed(vec!["gpt-test".to_owned()]),
            priority: 100,
            fallback_to_platform: false,
            created_at: self.now(),
        }
    }
}
