//! Root secrets: every place they come from, and every reason to refuse them.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const PEPPER: &str = "q8Yb0c5mKJ3nVw7xT1eZr4uHs9fGdL2aPoQiXkMvBtE=";
const KEY: &str = "hE2mYkVbqT0xJ9rNfWc4oPzLsUiGd7a1XwQvB5tR8K0=";
const OLDER: &str = "9f4c01e7b2a85d3360fb1c7ae94d20583b6f8ea1d75c492e0b13f6a87cd5e294";

const AUDIT: &str = "t3Qz8Lw1VnBxKc6YpJ0sRfGh4UeMdA9oTi2ZbWkXyN8=";

struct World {
    folder: tempfile::TempDir,
    environment: Environment,
}

impl World {
    fn new(environment: Environment) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap(), environment };
        world.file("pepper.key", &format!("{PEPPER}\n"), 0o600);
        world.file("vault.key", &format!("{KEY}\n"), 0o600);
        world.file("audit.key", &format!("{AUDIT}\n"), 0o600);
        world
    }

    fn file(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Faults and warnings as text.
    fn load(&self, pepper: &str, keys: &[&str], variables: &Variables) -> (String, String) {
        let secrets = Secrets {
            pepper: pepper.parse().unwrap(),
            encryption_keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
            audit: "file:audit.key".parse().unwrap(),
        };
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let place = Place { data_dir: self.folder.path(), environment: self.environment, variables };
        let roots = load(&secrets, &place, &mut faults, &mut warnings);
        assert_eq!(roots.is_some(), faults.is_empty());
        let text = |list: &[Fault]| list.iter().map(|fault| format!("{fault}\n")).collect::<String>();
        let (faults, warnings) = (text(&faults), text(&warnings));
        for secret in [PEPPER, KEY, OLDER, AUDIT] {
            assert!(!faults.contains(secret) && !warnings.contains(secret));
        }
        (faults, warnings)
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
    let world = World::new(Environment::Production);
    world.check("file:pepper.key", &["file:vault.key"], "");
    world.check("env:PEPPER", &["env:KEY"], "");
    world.check("env:PEPPER", &["env:BOTH"], "");
    world.file("two.key", &format!("{OLDER}\n"), 0o600);
    world.check("file:pepper.key", &["file:vault.key", "file:two.key"], "");
}

#[test]
fn what_is_missing_or_unusable_is_said() {
    let world = World::new(Environment::Development);
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
    let world = World::new(Environment::Development);
    world.check("env:PEPPER", &["env:PEPPER"], "the same");
    world.check("env:PEPPER", &["env:KEY", "env:KEY"], "given twice");
    let bytes = keyring::parse_key(KEY).ok().unwrap();
    let hex = data_encoding::HEXLOWER.encode(bytes.open());
    world.file("hex.key", &hex, 0o600);
    world.check("file:hex.key", &["env:KEY"], "the same");
}

#[test]
fn the_key_of_the_audit_trail_is_one_of_its_own() {
    let world = World::new(Environment::Development);
    for (text, fault) in [
        (KEY.to_owned(), "used for something else"),
        (PEPPER.to_owned(), "used for something else"),
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
fn rights_of_others_stop_production_and_are_warned_of_elsewhere() {
    for (environment, stops) in [(Environment::Production, true), (Environment::Development, false)] {
        let world = World::new(environment);
        world.file("pepper.key", PEPPER, 0o640);
        let (faults, warnings) = world.load("file:pepper.key", &["file:vault.key"], &Variables::default());
        let said = if stops { &faults } else { &warnings };
        assert!(said.contains("mode 640") && said.contains("chmod 600"), "{said}");
        assert_eq!(faults.is_empty(), !stops);
    }
}

#[test]
fn weak_secrets_stop_production_and_are_warned_of_elsewhere() {
    for (environment, stops) in [(Environment::Production, true), (Environment::Development, false)] {
        let world = World::new(environment);
        world.file("pepper.key", "change-me-to-something-long-and-random", 0o600);
        world.file("vault.key", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0o600);
        let (faults, warnings) = world.load("file:pepper.key", &["file:vault.key"], &Variables::default());
        let said = if stops { &faults } else { &warnings };
        assert!(said.contains("samples use") && said.contains("plain sequence"), "{said}");
        assert_eq!(faults.is_empty(), !stops);
    }
}
