//! Root secrets: every place they come from, and every reason to refuse them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const PEPPER: &str = "q8Yb0c5mKJ3nVw7xT1eZr4uHs9fGdL2aPoQiXkMvBtE=";
const KEY: &str = "hE2mYkVbqT0xJ9rNfWc4oPzLsUiGd7a1XwQvB5tR8K0=";
const OLDER: &str = "9f4c01e7b2a85d3360fb1c7ae94d20583b6f8ea1d75c492e0b13f6a87cd5e294";

const AUDIT: &str = "t3Qz8Lw1VnBxKc6YpJ0sRfGh4UeMdA9oTi2ZbWkXyN8=";
const JWT: &str = "Yk5v0ZrTq1NcXw8LbGs3PdMhJ7eUaQ9fVi4WoRtKz2A=";
const CURSOR: &str = "mB6xE9nVrT4kPz1LsQy7GwHd0cJfUa3oNi8XtRvZe5K=";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.file("pepper.key", &format!("{PEPPER}\n"), 0o600);
        world.file("vault.key", &format!("{KEY}\n"), 0o600);
        world.file("audit.key", &format!("{AUDIT}\n"), 0o600);
        world.file("jwt.key", &format!("{JWT}\n"), 0o600);
        world.file("cursor.key", &format!("{CURSOR}\n"), 0o600);
        world
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The faults that stop every start, and those that a check of production safety found.
    fn load(&self, pepper: &str, keys: &[&str], variables: &Variables) -> (String, String) {
        let secrets = Secrets {
            pepper: pepper.parse().unwrap(),
            encryption_keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
            audit: "file:audit.key".parse().unwrap(),
            jwt: "file:jwt.key".parse().unwrap(),
            cursor: "file:cursor.key".parse().unwrap(),
        };
        let mut faults = Vec::new();
        let mail = "env:MAIL".parse().unwrap();
        let mail_password = variables.get("MAIL").map(|_| &mail);
        let place = Place {
            data_dir: self.folder.path(),
            variables,
            issuer: "portcullis",
            mail_password,
            transit_token: None,
        };
        let roots = load(&secrets, &place, &mut faults);
        let (doubts, faults): (Vec<Fault>, Vec<Fault>) =
            faults.into_iter().partition(|fault| fault.check.is_some());
        assert_eq!(roots.is_some(), faults.is_empty());
        let text = |list: &[Fault]| list.iter().map(|fault| format!("{fault}\n")).collect::<String>();
        let (faults, doubts) = (text(&faults), text(&doubts));
        for secret in [PEPPER, KEY, OLDER, AUDIT, JWT, CURSOR] {
            assert!(!faults.contains(secret) && !doubts.contains(secret));
        }
        (faults, doubts)
    }

    fn check(&self, pepper: &str, keys: &[&str], expect_fault: &str) {
        let variables =
            Variables::from([("PEPPER", PEPPER), ("KEY", KEY), ("BOTH", &format!("{KEY},{OLDER}"))]);
        let (faults, _) = self.load(pepper, keys, &variables);
        assert!(faults.contains(expect_fault), "{faults}");
        assert_eq!(faults.is_empty(), expect_fault.is_empty(), "{faults}");
    }
}

#[test]
fn files_and_variables_hold_secrets() {
    let world = World::new();
    world.check("file:pepper.key", &["file:vault.key"], "");
    world.check("env:PEPPER", &["env:KEY"], "");
    world.check("env:PEPPER", &["env:BOTH"], "");
    world.file("two.key", &format!("{OLDER}\n"), 0o600);
    world.check("file:pepper.key", &["file:vault.key", "file:two.key"], "");
}

#[test]
fn what_is_missing_or_unusable_is_said() {
    let world = World::new();
    world.check("file:gone.key", &["file:vault.key"], "`portcullis init`");
    world.check("env:GONE", &["env:KEY"], "the variable GONE is not set");
    world.file("short.key", "too short", 0o600);
    world.check("file:short.key", &["file:vault.key"], "fewer than 32 bytes");
    world.check("file:pepper.key", &["file:short.key"], "base64");
    world.file("empty.key", "\n", 0o600);
    world.check("file:pepper.key", &["file:empty.key"], "no encryption key is given");
}

#[test]
fn equal_roots_are_refused_in_any_spelling() {
    let world = World::new();
    world.check("env:PEPPER", &["env:PEPPER"], "it is the same secret as secrets.pepper");
    world.check("env:PEPPER", &["env:KEY", "env:KEY"], "given twice");
    let bytes = keyring::parse_key(KEY).ok().unwrap();
    let hex = data_encoding::HEXLOWER.encode(bytes.open());
    world.file("hex.key", &hex, 0o600);
    world.check("file:hex.key", &["env:KEY"], "it is the same secret as secrets.pepper");
}

/// The row `jwt-state-boot-same-secret`.
#[test]
fn each_pair_of_purposes_is_kept_apart() {
    let files = ["pepper.key", "vault.key", "audit.key", "jwt.key", "cursor.key"];
    let names =
        ["secrets.pepper", "secrets.encryption_keys", "secrets.audit", "secrets.jwt", "secrets.cursor"];
    for (later, file) in files.iter().enumerate() {
        for earlier in 0..later {
            let world = World::new();
            for file in [file, files[earlier]] {
                world.file(file, OLDER, 0o600);
            }
            let said = format!("{}: it is the same secret as {}", names[later], names[earlier]);
            world.check("file:pepper.key", &["file:vault.key"], &said);
        }
    }
}

#[test]
fn the_keys_of_access_tokens_are_read_like_the_others() {
    let world = World::new();
    for (text, fault) in [
        (String::new(), "no key of access tokens"),
        ("too short".to_owned(), "base64"),
        (format!("{JWT} {JWT}"), "given twice"),
        (format!("{JWT},{OLDER}"), ""),
    ] {
        world.file("jwt.key", &text, 0o600);
        world.check("file:pepper.key", &["file:vault.key"], fault);
    }
    world.file("cursor.key", "short", 0o600);
    world.check("file:pepper.key", &["file:vault.key"], "secrets.cursor: the key has fewer than 32 bytes");
}

#[test]
fn the_password_of_the_mail_account_may_be_whatever_the_server_wants() {
    let (faults, doubts) =
        World::new().load("file:pepper.key", &["file:vault.key"], &Variables::from([("MAIL", "hunter2")]));
    assert_eq!((faults.as_str(), doubts.as_str()), ("", ""));
}

#[test]
fn the_key_of_the_audit_trail_is_one_of_its_own() {
    let world = World::new();
    for (text, fault) in [
        (KEY.to_owned(), "the same secret as secrets.encryption_keys"),
        (PEPPER.to_owned(), "the same secret as secrets.pepper"),
        (String::new(), "no signing key"),
        ("too short".to_owned(), "base64"),
        (format!("{AUDIT} {AUDIT}"), "given twice"),
        (format!("{AUDIT},{OLDER}"), ""),
    ] {
        world.file("audit.key", &text, 0o600);
        world.check("file:pepper.key", &["file:vault.key"], fault);
    }
}

#[test]
fn rights_of_others_are_found() {
    let world = World::new();
    world.file("pepper.key", PEPPER, 0o640);
    let (faults, doubts) = world.load("file:pepper.key", &["file:vault.key"], &Variables::default());
    assert!(doubts.contains("mode 640") && doubts.contains("chmod 600"), "{doubts}");
    assert!(doubts.contains("`readable_secrets`") && faults.is_empty(), "{doubts}{faults}");
}

#[test]
fn weak_secrets_are_found() {
    let world = World::new();
    world.file("pepper.key", "change-me-to-something-long-and-random", 0o600);
    world.file("vault.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0o600);
    world.file("cursor.key", "my secret of the cursors, which is long enough", 0o600);
    let (faults, doubts) = world.load("file:pepper.key", &["file:vault.key"], &Variables::default());
    assert!(doubts.contains("samples use") && doubts.contains("plain sequence"), "{doubts}");
    assert!(doubts.contains("secrets.cursor (file:cursor.key)"), "{doubts}");
    assert!(doubts.contains("`weak_secrets`") && faults.is_empty(), "{doubts}{faults}");
}
