//! The root secrets behind their references: read, judged, and turned into the only things that may hold them.
//! Nothing here is ever printed; a fault names the place of a secret and never quotes it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::secret::Secret;
use vault::digest::{Pepper, equal};
use vault::envelope::Vault;
use vault::keyring::{self, Keyring};
use vault::signing::SigningKeys;

use super::environment::Variables;
use super::fault::Fault;
use super::reference::Reference;
use super::weakness::weakness;
use super::{Environment, Secrets};

/// Rights that let others than the owner at a file.
pub const RIGHTS_OF_OTHERS: u32 = 0o077;

/// What the root secrets protect.
pub struct Roots {
    /// Digests API keys.
    pub pepper: Pepper,
    /// Seals and opens provider keys.
    pub vault: Vault,
    /// Signs the audit trail.
    pub audit: SigningKeys,
}

/// Where references lead, and how strict to be.
pub(super) struct Place<'a> {
    pub data_dir: &'a Path,
    pub environment: Environment,
    pub variables: &'a Variables,
}

/// Reads and judges all root secrets; `None` exactly when a fault was added.
pub(super) fn load(
    secrets: &Secrets,
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) -> Option<Roots> {
    let before = faults.len();
    let pepper = read("secrets.pepper", &secrets.pepper, place, faults, warnings);
    let mut keys = Vec::new();
    for reference in &secrets.encryption_keys {
        let Some(text) = read("secrets.encryption_keys", reference, place, faults, warnings) else {
            continue;
        };
        keys.extend(several_keys("secrets.encryption_keys", reference, &text, place, faults, warnings));
    }
    let audit = read("secrets.audit", &secrets.audit, place, faults, warnings)
        .map_or_else(Vec::new, |text| {
            several_keys("secrets.audit", &secrets.audit, &text, place, faults, warnings)
        });
    if let Some(pepper) = &pepper {
        judge("secrets.pepper", &secrets.pepper, pepper.open(), place, faults, warnings);
        if keys.iter().any(|key| is_same(pepper, key)) {
            faults.push(Fault::new(
                "secrets",
                "the pepper and an encryption key are the same",
                "Give every purpose a secret of its own: `openssl rand -base64 32` makes one.",
            ));
        }
    }
    let others = |signing: &Secret| {
        keys.iter().any(|key| equal(key.open(), signing.open()))
            || pepper.as_ref().is_some_and(|pepper| is_same(pepper, signing))
    };
    if audit.iter().any(others) {
        faults.push(Fault::new(
            "secrets.audit",
            "the key that signs the audit trail is used for something else as well",
            "Give every purpose a secret of its own: `openssl rand -base64 32` makes one.",
        ));
    }
    let pepper = Pepper::new(pepper?).map_err(|weak| {
        faults.push(Fault::new("secrets.pepper", weak.to_string(), "`openssl rand -base64 32` makes one."));
    });
    let keyring = (faults.len() == before).then(|| Keyring::new(keys))?.map_err(|bad| {
        faults.push(Fault::new(
            "secrets.encryption_keys",
            bad.to_string(),
            "`openssl rand -base64 32` makes one.",
        ));
    });
    let audit = SigningKeys::new(audit).map_err(|bad| {
        faults.push(Fault::new("secrets.audit", bad.to_string(), "`openssl rand -base64 32` makes one."));
    });
    Some(Roots { pepper: pepper.ok()?, vault: Vault::new(keyring.ok()?), audit: audit.ok()? })
}

/// Whether the pepper is this key, as bytes or in one of the text forms of a key.
fn is_same(pepper: &Secret, key: &Secret) -> bool {
    let parsed = std::str::from_utf8(pepper.open()).ok().and_then(|text| keyring::parse_key(text).ok());
    equal(pepper.open(), key.open()) || parsed.is_some_and(|parsed| equal(parsed.open(), key.open()))
}

/// The keys of one source, newest first: it may hold several, separated by commas or white space.
fn several_keys(
    name: &str,
    reference: &Reference,
    text: &Secret,
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) -> Vec<Secret> {
    let Ok(text) = std::str::from_utf8(text.open()) else {
        faults.push(Fault::new(reference.to_string(), "it is not text", "Store keys as base64 or hex."));
        return Vec::new();
    };
    let mut keys = Vec::new();
    for part in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()) {
        match keyring::parse_key(part) {
            Ok(key) => {
                judge(name, reference, key.open(), place, faults, warnings);
                keys.push(key);
            }
            Err(bad) => faults.push(Fault::new(
                format!("{name} ({reference})"),
                bad.to_string(),
                "`openssl rand -base64 32` makes one.",
            )),
        }
    }
    keys
}

/// Weak secrets stop production and are warned of elsewhere.
fn judge(
    name: &str,
    reference: &Reference,
    secret: &[u8],
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    if let Some(problem) = weakness(secret) {
        let fault = Fault::new(
            format!("{name} ({reference})"),
            problem,
            "`openssl rand -base64 32` makes a good one.",
        );
        by_severity(place.environment, faults, warnings).push(fault);
    }
}

fn by_severity<'a>(
    environment: Environment,
    faults: &'a mut Vec<Fault>,
    warnings: &'a mut Vec<Fault>,
) -> &'a mut Vec<Fault> {
    match environment {
        Environment::Production => faults,
        Environment::Development => warnings,
    }
}

fn read(
    name: &str,
    reference: &Reference,
    place: &Place<'_>,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) -> Option<Secret> {
    let bytes = match reference {
        Reference::Variable(variable) => match place.variables.get(variable) {
            Some(value) => value.as_bytes().to_vec(),
            None => {
                let fix = format!("Set {variable}, or name another place for it.");
                faults.push(Fault::new(name, format!("the variable {variable} is not set"), fix));
                return None;
            }
        },
        Reference::File(path) => {
            let file = place.data_dir.join(path);
            file_rights(name, &file, place.environment, faults, warnings);
            match std::fs::read(&file) {
                Ok(bytes) => bytes,
                Err(error) => {
                    faults.push(cannot_read(name, &file, &error));
                    return None;
                }
            }
        }
    };
    Some(trimmed(bytes))
}

fn cannot_read(name: &str, file: &Path, error: &std::io::Error) -> Fault {
    let problem = format!("{} cannot be read: {error}", file.display());
    let fix = match error.kind() {
        ErrorKind::NotFound if name == "secrets.audit" => {
            "`portcullis serve` makes it where an installation lacks it; if it was lost, restore it from a backup."
        }
        ErrorKind::NotFound => {
            "Make an installation with `portcullis init`, or restore the file from a backup."
        }
        _ => "Give the account of the gate the right to read it.",
    };
    Fault::new(name, problem, fix)
}

fn file_rights(
    name: &str,
    file: &Path,
    environment: Environment,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Fault>,
) {
    let mode = std::fs::metadata(file).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & RIGHTS_OF_OTHERS != 0 {
        let problem =
            format!("others than its owner can get at {} (mode {:03o})", file.display(), mode & 0o777);
        let fault = Fault::new(name, problem, format!("Run `chmod 600 {}`.", file.display()));
        by_severity(environment, faults, warnings).push(fault);
    }
}

/// Files end in a newline that is not part of the secret. The untrimmed bytes are zeroed with the secret.
fn trimmed(mut bytes: Vec<u8>) -> Secret {
    let end = bytes.trim_ascii_end().len();
    let start = bytes.len() - bytes.trim_ascii_start().len();
    bytes.truncate(end);
    bytes.drain(..start.min(end));
    Secret::new(bytes)
}

#[cfg(test)]
mod tests;
