//! Configuration files and flags: read or refused with words for each fault, never with a secret among them; and what
//! was read, written down setting by setting, reads the same again. A NUL ends the file; each line after it is a flag
//! of the form `name=value`.

#![no_main]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use server::config::environment::Variables;
use server::config::fault::Faults;
use server::config::reference::Reference;
use server::config::{Config, FILE_NAME, Flags, Loaded, Setting};
use toml::{Table, Value};

/// Flags that one input may have.
const MAX_FLAGS: usize = 8;
/// Secrets shorter than this are found in any text.
const LEAST_SECRET_BYTES: usize = 8;

thread_local! {
    static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(folder());
}

fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder for the file")
}

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    // Named files are opened to see whether they can be; a device may act on that.
    if text.contains("dev") || text.contains('\\') {
        return;
    }
    let (file, flags) = text.split_once('\0').unwrap_or((&text, ""));
    let flags: Vec<(String, String)> = flags
        .lines()
        .take(MAX_FLAGS)
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    FOLDER.with_borrow(|folder| match load(folder.path(), file, flags.clone()) {
        Ok(loaded) => {
            let again = load(folder.path(), &written(&loaded.settings), vec![]);
            let again = again.unwrap_or_else(|faults| panic!("what was in force is refused: {faults}"));
            assert_eq!(format!("{:?}", again.config), format!("{:?}", loaded.config));
        }
        Err(faults) => check_faults(file, &flags, &faults),
    });
});

fn load(folder: &Path, text: &str, mut settings: Vec<(String, String)>) -> Result<Loaded, Faults> {
    let path = folder.join(FILE_NAME);
    std::fs::write(&path, text).expect("the file is written");
    settings.push(("data_dir".to_owned(), folder.to_str().expect("a plain path").to_owned()));
    Config::load(&Flags { config: Some(path), settings }, &Variables::default())
}

/// Every setting in force as a file.
fn written(settings: &BTreeMap<String, Setting>) -> String {
    let mut document = Table::new();
    for (path, setting) in settings {
        match path.split_once('.') {
            None => drop(document.insert(path.clone(), setting.value.clone())),
            Some((section, name)) => {
                let section = document.entry(section).or_insert_with(|| Value::Table(Table::new()));
                let section = section.as_table_mut().expect("a section");
                section.insert(name.to_owned(), setting.value.clone());
            }
        }
    }
    toml::to_string(&document).expect("settings are TOML")
}

fn check_faults(file: &str, flags: &[(String, String)], faults: &Faults) {
    assert!(!faults.0.is_empty());
    assert!(faults.0.iter().all(|fault| !fault.problem.is_empty() && !fault.fix.is_empty()));
    let table: Table = toml::from_str(file).unwrap_or_default();
    let secrets = table.get("secrets").and_then(Value::as_table);
    let in_file = secrets.and_then(|secrets| secrets.get("pepper")).and_then(Value::as_str);
    let in_flags = flags.iter().filter(|(name, _)| name == "secrets.pepper").map(|(_, value)| value.as_str());
    let said = faults.to_string();
    // A text that says where a secret is may be quoted: it is none.
    let is_secret = |text: &&str| text.len() >= LEAST_SECRET_BYTES && text.parse::<Reference>().is_err();
    for secret in in_file.into_iter().chain(in_flags).filter(is_secret) {
        // A text that also stands elsewhere may be quoted from there.
        let elsewhere = file.matches(secret).count()
            + flags.iter().filter(|(name, value)| name.contains(secret) || value.contains(secret)).count()
            > 1;
        let ordinary = file.replacen(secret, "", 1).len() == file.len()
            && !flags.iter().any(|(_, value)| value == secret);
        assert!(elsewhere || ordinary || !said.contains(secret), "a secret is quoted");
    }
}
