//! The folder of an installation: its configuration file and its key files, made once and never overwritten.
//! `init` and `demo` lay it; nothing else writes these files.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::output::complain;
use crate::config::environment::Variables;
use crate::config::reference::Reference;
use crate::config::{Config, DEFAULT_FILE, FILE_NAME, Flags, Loaded};

/// Name of the pepper's file.
pub const PEPPER_FILE: &str = "pepper.key";
/// Name of the file with the encryption keys.
pub const VAULT_FILE: &str = "vault.key";
/// Name of the file with the key that signs the audit trail.
pub const AUDIT_FILE: &str = "audit.key";
/// Name of the file with the key that signs access tokens.
pub const JWT_FILE: &str = "jwt.key";
/// Name of the file with the secret behind what callers bring back unchanged.
pub const CURSOR_FILE: &str = "cursor.key";
/// What installations of earlier releases lack, with what each file is for.
const LATER: [(&str, &str); 3] = [
    (AUDIT_FILE, "it signs the audit trail"),
    (JWT_FILE, "it signs access tokens of the admin API"),
    (CURSOR_FILE, "it tags what callers of the admin API bring back"),
];
/// Rights of the folder: its owner alone.
const FOLDER_MODE: u32 = 0o700;
/// Rights of its files: its owner alone.
const FILE_MODE: u32 = 0o600;
/// The line of the default file that names the data folder.
const DATA_DIR_LINE: &str = "data_dir = \"portcullis-data\"";

/// What was made.
#[derive(Debug)]
pub struct Laid {
    /// The configuration file.
    pub config: PathBuf,
    /// The pepper.
    pub pepper: PathBuf,
    /// The encryption key.
    pub vault: PathBuf,
    /// The key that signs the audit trail.
    pub audit: PathBuf,
    /// The key that signs access tokens.
    pub jwt: PathBuf,
    /// The secret behind what callers bring back.
    pub cursor: PathBuf,
}

impl Laid {
    /// The files with secrets.
    #[must_use]
    pub fn keys(&self) -> [&Path; 5] {
        [&self.pepper, &self.vault, &self.audit, &self.jwt, &self.cursor]
    }
}

/// Whether the folder holds a foundation already.
#[must_use]
pub fn is_laid(data_dir: &Path) -> bool {
    [PEPPER_FILE, VAULT_FILE].iter().all(|name| data_dir.join(name).exists())
}

/// Makes what is missing: the whole foundation, or nothing when it is there.
///
/// # Errors
/// As [`lay`].
pub fn lay_out(data_dir: &Path) -> Result<()> {
    if !is_laid(data_dir) {
        return lay(data_dir, None).map(drop);
    }
    LATER.iter().try_for_each(|(name, _)| complete(&data_dir.join(name)).map(drop))
}

/// Makes a key where there is none.
fn complete(file: &Path) -> Result<Completed> {
    if file.exists() {
        return Ok(Completed::WasThere);
    }
    match write_new(file, &format!("{}\n", vault::keyring::generate()?)) {
        // Another command of the same installation was faster.
        Err(_) if file.exists() => Ok(Completed::WasThere),
        written => written.map(|()| Completed::Made),
    }
}

/// Makes the keys that the configured installation lacks because an earlier release made it: those that are to be
/// files, if the pepper is there. Says on standard error what it made. Faults of the configuration are left to those
/// who load it.
///
/// # Errors
/// When it cannot be written.
pub fn complete_for(flags: &Flags, variables: &Variables) -> Result<()> {
    let Ok(Loaded { config, .. }) = Config::load(flags, variables) else { return Ok(()) };
    let there = match &config.secrets.pepper {
        Reference::File(path) => config.data_dir.join(path).exists(),
        Reference::Variable(name) => variables.get(name).is_some() && config.data_dir.exists(),
    };
    let secrets = &config.secrets;
    for (reference, (_, purpose)) in [&secrets.audit, &secrets.jwt, &secrets.cursor].into_iter().zip(LATER) {
        let Reference::File(file) = reference else { continue };
        let file = config.data_dir.join(file);
        if there && complete(&file)? == Completed::Made {
            complain(&format!(
                "{} was made: {purpose}. Keep a copy with those of the other key files",
                file.display()
            ));
        }
    }
    Ok(())
}

/// What became of a key that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Completed {
    WasThere,
    Made,
}

/// Makes the folder (mode 0700) with configuration and key files (mode 0600). `config` is the configuration file to
/// write, if it is to be outside the folder.
///
/// # Errors
/// When one of the files is there already, or cannot be written; the files made until then are taken away again.
pub fn lay(data_dir: &Path, config: Option<&Path>) -> Result<Laid> {
    let laid = Laid {
        config: config.map_or_else(|| data_dir.join(FILE_NAME), Path::to_owned),
        pepper: data_dir.join(PEPPER_FILE),
        vault: data_dir.join(VAULT_FILE),
        audit: data_dir.join(AUDIT_FILE),
        jwt: data_dir.join(JWT_FILE),
        cursor: data_dir.join(CURSOR_FILE),
    };
    for path in laid.keys().into_iter().chain([laid.config.as_path()]) {
        if path.exists() {
            bail!(
                "{} is there already. Nothing was changed; name another folder with --data-dir",
                path.display()
            );
        }
    }
    make_folder(data_dir)?;
    let mut made = Vec::new();
    let written = write_all(data_dir, &laid, &mut made);
    if written.is_err() {
        take_away(&made)?;
    }
    written.map(|()| laid)
}

/// Removes files that were made in vain, so that the next attempt finds a clean place.
///
/// # Errors
/// When one of them stays; the message says which.
pub fn take_away(made: &[PathBuf]) -> Result<()> {
    for path in made.iter().filter(|path| path.exists()) {
        fs::remove_file(path).with_context(|| format!("{} is left over; remove it", path.display()))?;
    }
    Ok(())
}

fn make_folder(data_dir: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(data_dir)
        .with_context(|| format!("the folder {} cannot be made", data_dir.display()))
}

fn write_all(data_dir: &Path, laid: &Laid, made: &mut Vec<PathBuf>) -> Result<()> {
    let mut write = |path: &Path, text: &str| -> Result<()> {
        write_new(path, text)?;
        made.push(path.to_owned());
        Ok(())
    };
    for key in laid.keys() {
        write(key, &format!("{}\n", vault::keyring::generate()?))?;
    }
    write(&laid.config, &config_text(data_dir, &laid.config)?)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.or_else(|error| match error.kind() {
        ErrorKind::AlreadyExists => bail!("{} is there already and stays as it is", path.display()),
        _ => Err(error).with_context(|| format!("{} cannot be written", path.display())),
    })
}

/// The annotated default file, with the data folder as seen from where the file is.
fn config_text(data_dir: &Path, config: &Path) -> Result<String> {
    let folder = if config.parent() == Some(data_dir) {
        ".".to_owned()
    } else {
        let absolute = std::path::absolute(data_dir).context("the working directory is gone")?;
        absolute.to_str().context("the path of the data folder is not UTF-8")?.to_owned()
    };
    let line = format!("data_dir = {}", toml::Value::String(folder));
    Ok(DEFAULT_FILE.replacen(DATA_DIR_LINE, &line, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn load(config: &Path) -> Config {
        let flags = Flags { config: Some(config.to_owned()), settings: Vec::new() };
        Config::load_with_roots(&flags, &Variables::default()).map(|(loaded, _)| loaded.config).unwrap()
    }

    #[test]
    fn a_foundation_is_private_loads_and_stays() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/data");
        assert!(!is_laid(&folder));
        let laid = lay(&folder, None).unwrap();
        assert!(is_laid(&folder));
        assert_eq!(mode(&folder), 0o700);
        for file in laid.keys().into_iter().chain([laid.config.as_path()]) {
            assert_eq!(mode(file), 0o600, "{}", file.display());
        }
        let mut keys = laid.keys().map(|key| fs::read(key).unwrap());
        keys.sort();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(load(&laid.config).data_dir, folder);
        let before = fs::read(&laid.pepper).unwrap();
        assert!(lay(&folder, None).unwrap_err().to_string().contains("is there already"));
        lay_out(&folder).unwrap();
        assert_eq!(fs::read(&laid.pepper).unwrap(), before);
    }

    #[test]
    fn an_older_foundation_gets_the_key_it_lacks_and_keeps_the_others() {
        let place = tempfile::tempdir().unwrap();
        let laid = lay(place.path(), None).unwrap();
        let before = fs::read(&laid.vault).unwrap();
        let later = [&laid.audit, &laid.jwt, &laid.cursor];
        later.iter().for_each(|key| fs::remove_file(key).unwrap());
        lay_out(place.path()).unwrap();
        later.iter().for_each(|key| assert_eq!(mode(key), 0o600));
        let made = later.map(|key| fs::read(key).unwrap());
        lay_out(place.path()).unwrap();
        assert_eq!(later.map(|key| fs::read(key).unwrap()), made);
        assert_eq!(fs::read(&laid.vault).unwrap(), before);
    }

    #[test]
    fn the_configuration_may_be_elsewhere() {
        let place = tempfile::tempdir().unwrap();
        let (folder, config) = (place.path().join("a \"b\""), place.path().join("gate.toml"));
        let laid = lay(&folder, Some(&config)).unwrap();
        assert_eq!(laid.config, config);
        assert_eq!(load(&config).data_dir, folder);
    }

    #[test]
    fn a_failure_leaves_no_half_foundation() {
        let place = tempfile::tempdir().unwrap();
        let config = place.path().join("missing/gate.toml");
        assert!(lay(&place.path().join("data"), Some(&config)).is_err());
        assert!(!is_laid(&place.path().join("data")));
    }
}
