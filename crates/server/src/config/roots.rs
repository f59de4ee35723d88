//! The root secrets behind their references: read, judged, and turned into the only things that may hold them.
//! Nothing here is ever printed; a fault names the place of a secret and never quotes it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use domain::secret::Secret;
use vault::access_token::AccessKeys;
use vault::digest::{Pepper, equal};
use vault::envelope::Vault;
use vault::keyring::{self, Keyring};
use vault::mac::MacKey;
use vault::signing::SigningKeys;

use super::environment::Variables;
use super::fault::Fault;
use super::reference::Reference;
use super::weakness::weakness;
use super::{Secrets, safety};

/// Rights that let others than the owner at a file.
pub const RIGHTS_OF_OTHERS: u32 = 0o077;

/// Whom access tokens are for.
const AUDIENCE: &str = "portcullis-admin";
/// The secrets that installations of earlier releases lack; `serve` makes them.
const LATER: [&str; 3] = ["secrets.audit", "secrets.jwt", "secrets.cursor"];

/// What the root secrets protect.
pub struct Roots {
    /// Digests API keys.
    pub pepper: Pepper,
    /// Seals and opens provider keys.
    pub vault: Vault,
    /// Signs the audit trail.
    pub audit: SigningKeys,
    /// Signs and verifies access tokens.
    pub jwt: AccessKeys,
    /// Tags what callers bring back: the places of lists, and the tokens of forms.
    pub cursor: MacKey,
    /// The password of the account at the mail server; none where none is configured.
    pub mail_password: Option<Secret>,
    /// The token of the provider that keeps keys outside; none where none is configured.
    pub transit_token: Option<Secret>,
}

/// Where references lead.
pub(super) struct Place<'a> {
    pub data_dir: &'a Path,
    pub variables: &'a Variables,
    /// Who makes access tokens.
    pub issuer: &'a str,
    /// The password of the account at the mail server.
    pub mail_password: Option<&'a Reference>,
    /// The token of the provider that keeps keys outside.
    pub transit_token: Option<&'a Reference>,
}

/// Reads and judges all root secrets; `None` exactly when a fault was added that stops every start.
pub(super) fn load(secrets: &Secrets, place: &Place<'_>, faults: &mut Vec<Fault>) -> Option<Roots> {
    let before = faults.len();
    let pepper = read("secrets.pepper", &secrets.pepper, place, faults);
    let mut keys = Vec::new();
    for reference in &secrets.encryption_keys {
        keys.extend(keys_of("secrets.encryption_keys", reference, place, faults));
    }
    let audit = keys_of("secrets.audit", &secrets.audit, place, faults);
    let jwt = keys_of("secrets.jwt", &secrets.jwt, place, faults);
    let cursor = read("secrets.cursor", &secrets.cursor, place, faults);
    for (name, reference, secret) in
        [("secrets.pepper", &secrets.pepper, &pepper), ("secrets.cursor", &secrets.cursor, &cursor)]
    {
        if let Some(secret) = secret {
            judge(name, reference, secret.open(), faults);
        }
    }
    distinct(
        &[
            ("secrets.pepper", pepper.as_slice()),
            ("secrets.encryption_keys", &keys),
            ("secrets.audit", &audit),
            ("secrets.jwt", &jwt),
            ("secrets.cursor", cursor.as_slice()),
        ],
        faults,
    );
    let pepper = pepper.and_then(|pepper| made("secrets.pepper", || Pepper::new(pepper), before, faults));
    let keyring = made("secrets.encryption_keys", || Keyring::new(keys), before, faults);
    let audit = made("secrets.audit", || SigningKeys::new(audit), before, faults);
    let access = || AccessKeys::new(jwt, place.issuer.to_owned(), AUDIENCE.to_owned());
    let jwt = made("secrets.jwt", access, before, faults);
    let mail_password =
        place.mail_password.and_then(|reference| read("mail.password", reference, place, faults));
    let transit_token =
        place.transit_token.and_then(|reference| read("transit.token", reference, place, faults));
    let cursor = cursor.and_then(|cursor| made("secrets.cursor", || MacKey::new(cursor), before, faults));
    if safety::has_hard(&faults[before..]) {
        return None;
    }
    Some(Roots {
        pepper: pepper?,
        vault: Vault::new(keyring?),
        audit: audit?,
        jwt: jwt?,
        cursor: cursor?,
        mail_password,
        transit_token,
    })
}

/// Makes what holds a secret, unless something was said of that secret already.
fn made<T, E: std::fmt::Display>(
    name: &str,
    make: impl FnOnce() -> Result<T, E>,
    before: usize,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    if faults[before..].iter().any(|fault| fault.check.is_none() && fault.subject.starts_with(name)) {
        return None;
    }
    let refused =
        |bad: E| faults.push(Fault::new(name, bad.to_string(), "`openssl rand -base64 32` makes one."));
    make().map_err(refused).ok()
}

/// Every purpose has a secret of its own: two that share one are a fault, in whatever spelling.
fn distinct(purposes: &[(&str, &[Secret])], faults: &mut Vec<Fault>) {
    for (index, (name, secrets)) in purposes.iter().enumerate() {
        for (other, others) in &purposes[..index] {
            if secrets.iter().any(|secret| others.iter().any(|other| is_same(secret, other))) {
                faults.push(Fault::new(
                    *name,
                    format!("it is the same secret as {other}"),
                    "Give every purpose a secret of its own: `openssl rand -base64 32` makes one.",
                ));
            }
        }
    }
}

/// Whether two secrets are equal, as bytes or as what they say in one of the text forms of a key.
fn is_same(one: &Secret, other: &Secret) -> bool {
    let parsed = |secret: &Secret| {
        std::str::from_utf8(secret.open()).ok().and_then(|text| keyring::parse_key(text).ok())
    };
    let (read, other_read) = (parsed(one), parsed(other));
    let (one, other) = (read.as_ref().unwrap_or(one), other_read.as_ref().unwrap_or(other));
    equal(one.open(), other.open())
}

/// The keys behind one reference, newest first.
fn keys_of(name: &str, reference: &Reference, place: &Place<'_>, faults: &mut Vec<Fault>) -> Vec<Secret> {
    let text = read(name, reference, place, faults);
    text.map_or_else(Vec::new, |text| several_keys(name, reference, &text, faults))
}

/// The keys of one source, newest first: it may hold several, separated by commas or white space.
fn several_keys(name: &str, reference: &Reference, text: &Secret, faults: &mut Vec<Fault>) -> Vec<Secret> {
    let Ok(text) = std::str::from_utf8(text.open()) else {
        faults.push(Fault::new(reference.to_string(), "it is not text", "Store keys as base64 or hex."));
        return Vec::new();
    };
    let mut keys = Vec::new();
    for part in text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty()) {
        match keyring::parse_key(part) {
            Ok(key) => {
                judge(name, reference, key.open(), faults);
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

/// Finds what looks made by a person.
fn judge(name: &str, reference: &Reference, secret: &[u8], faults: &mut Vec<Fault>) {
    if let Some(problem) = weakness(secret) {
        let fault = Fault::new(
            format!("{name} ({reference})"),
            problem,
            "`openssl rand -base64 32` makes a good one.",
        )
        .of(&safety::WEAK_SECRETS);
        faults.push(fault);
    }
}

fn read(name: &str, reference: &Reference, place: &Place<'_>, faults: &mut Vec<Fault>) -> Option<Secret> {
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
            file_rights(name, &file, faults);
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
        ErrorKind::NotFound if LATER.contains(&name) => {
            "`portcullis serve` makes it where an installation lacks it; if it was lost, restore it from a backup."
        }
        ErrorKind::NotFound => {
            "Make an installation with `portcullis init`, or restore the file from a backup."
        }
        _ => "Give the account of the gate the right to read it.",
    };
    Fault::new(name, problem, fix)
}

fn file_rights(name: &str, file: &Path, faults: &mut Vec<Fault>) {
    let mode = std::fs::metadata(file).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & RIGHTS_OF_OTHERS != 0 {
        let problem =
            format!("others than its owner can get at {} (mode {:03o})", file.display(), mode & 0o777);
        let fix = format!("Run `chmod 600 {}`.", file.display());
        faults.push(Fault::new(name, problem, fix).of(&safety::READABLE_SECRETS));
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
