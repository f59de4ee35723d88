//! The command line through the built program: what it makes, what it says, and that it says no secret.

mod accounts;
mod audit;
mod demo;
mod examination;
mod installation;
mod keys;
mod retention;
mod serving;
mod upstreams;
mod users;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a command left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// An installation of one test, and everything its commands said.
pub struct Place {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    said: std::cell::RefCell<String>,
}

impl Place {
    /// An empty place without an installation.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new(), said: String::new().into() }
    }

    /// A fresh installation.
    pub fn installed() -> Self {
        let place = Self::empty();
        place.ok(&["init"]);
        place
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PORTCULLIS_DATA_DIR", self.data())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Ran { code: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) };
        self.said.borrow_mut().push_str(&format!("{}{}", ran.out, ran.err));
        ran
    }

    /// What a command printed that must succeed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.err);
        assert_eq!(ran.err, "", "{arguments:?}");
        ran.out
    }

    /// The JSON document of a command that must succeed.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(&[arguments, &["--json"]].concat());
        assert_eq!(out.trim_end().lines().count(), 1, "one document on one line: {out}");
        serde_json::from_str(&out).unwrap()
    }

    /// What a command complained of that must fail.
    pub fn fails(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ran.err.starts_with("portcullis: "), "{}", ran.err);
        ran.err
    }

    /// Asserts that `secret` is neither in anything that was said nor in any file but those named.
    pub fn keeps(&self, secret: &str, but_in: &[&str]) {
        assert!(!self.said.borrow().contains(secret), "a secret was printed");
        for entry in std::fs::read_dir(self.data()).unwrap() {
            let path = entry.unwrap().path();
            let exempt = but_in.iter().any(|name| path.ends_with(name));
            assert!(exempt || !holds(&path, secret), "a secret is in {}", path.display());
        }
    }

    /// Forgets what was said, after an answer that rightly held a secret.
    pub fn forget_what_was_said(&self) {
        self.said.borrow_mut().clear();
    }
}

fn holds(path: &Path, text: &str) -> bool {
    path.is_file() && std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// Asserts that `text` holds every one of `parts`.
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
}
