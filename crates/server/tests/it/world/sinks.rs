//! What a World leaves where somebody could look, and the encryption keys it is given meanwhile.

use super::logs::logs;
use super::{World, load, walk};

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
