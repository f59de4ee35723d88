//! The Python environments: one for the suites, one for the local model server. Each remembers what was installed
//! into it, so that an unchanged list costs nothing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::debian;
use crate::places::Places;
use crate::program::{on_path, run, say, succeeds};

/// What the openai package of the suites needs at least.
const OLDEST: &str = "import sys; sys.exit(sys.version_info < (3, 10))";

/// The environment of the suites.
pub fn suites(places: &Places) -> Result<()> {
    environment(&places.venv(), &places.root.join("tests/sdk/python/requirements.txt"))
}

/// The environment of what walks the admin API: apart, because it brings many packages of its own.
pub fn api(places: &Places) -> Result<()> {
    environment(&places.api_venv(), &places.root.join("tests/api/requirements.txt"))
}

/// The environment of the matrix of clients and upstreams.
pub fn matrix(places: &Places) -> Result<()> {
    environment(&places.matrix_venv(), &places.matrix().join("python/requirements.txt"))
}

/// Creates the environment when it is missing and installs the list when it changed.
pub fn environment(venv: &Path, requirements: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let stamp = venv.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    create(venv)?;
    say(&format!("setup: installing {} into {}", requirements.display(), venv.display()));
    run(pip(venv).arg("-r").arg(requirements))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// `pip install`, quietly, in an environment.
pub fn pip(venv: &Path) -> Command {
    let mut command = Command::new(venv.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    command
}

fn create(venv: &Path) -> Result<()> {
    if succeeds(Command::new(venv.join("bin/python")).args(["-m", "pip", "--version"])) {
        return Ok(());
    }
    debian::program("python3", &["python3", "python3-venv"])?;
    let python = on_path("python3").context("python3 is not on the path")?;
    if !succeeds(Command::new(&python).args(["-c", OLDEST])) {
        bail!("{} is older than Python 3.10, which the official OpenAI client needs", python.display());
    }
    if !succeeds(Command::new(&python).args(["-c", "import venv, ensurepip"])) {
        debian::install(&["python3-venv"], "Python's venv module is missing")?;
    }
    run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(venv))
}
