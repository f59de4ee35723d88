//! What a World leaves where somebody could look, and the encryption keys it is given meanwhile.

use control::vault_keys::sealer::{NotSealed, Sealer};
use domain::id::ProviderKeyId;
use domain::route::{Owner, Serves};
use domain::secret::Secret;
use domain::time::Clock;

use super::logs::logs;
use super::{PROVIDER_KEY, World, load, walk};

impl World {
    /// Changes a setting for the next reading of the configuration.
    pub fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Reads the encryption keys anew, as a running gate does when it is told to.
    pub async fn read_keys_anew(&mut self) -> anyhow::Result<()> {
        let (_, roots) = load(&self.settings);
        self.running.as_mut().unwrap().use_vault(roots.vault).await.map(drop)
    }

    /// A file of the data folder.
    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// The vault that the settings describe.
    pub fn vault(&self) -> vault::envelope::Vault {
        load(&self.settings).1.vault
    }

    /// What seals and opens as the settings and the organizations want it.
    pub fn sealer(&self) -> Sealer {
        let (config, roots) = load(&self.settings);
        let now = self.now();
        let clock = Clock::new(move || now);
        server::key_provider::sealer(&config, &self.store, roots.vault, roots.transit_token, &clock).unwrap()
    }

    /// Adds a connection of this World's organization to its upstream, sealed as that organization wants it.
    pub async fn add_own_connection(&self, name: &str, model: &str) -> Result<ProviderKeyId, NotSealed> {
        let mut new = self.new_connection(name, &load(&self.settings).1);
        new.owner = Owner::Org(self.org);
        new.serves = Serves::Listed(vec![model.to_owned()]);
        let secret = Secret::new(PROVIDER_KEY.as_bytes().to_vec());
        let bind = control::provider_keys::bind(new.id, new.owner);
        new.sealed = Some(self.sealer().seal(&secret, &bind).await?);
        self.store.provider_keys().insert(&new, &self.act()).await.unwrap();
        Ok(new.id)
    }

    /// Every place where something could be left or shown, with what is in it now.
    pub async fn sinks(&mut self) -> Vec<(String, Vec<u8>)> {
        let admin = self.admin();
        let mut sinks = vec![
            ("the metrics".to_owned(), self.scrape(admin).await.into_bytes()),
            ("the logs".to_owned(), logs().0.lock().unwrap().clone()),
            ("the answers".to_owned(), self.caller.transcript()),
        ];
        for path in walk(self.dir.path()) {
            if path.extension().is_none_or(|extension| extension != "key") {
                sinks.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
        sinks
    }
}
