//! The kill -9 suite: `tests/kill/rounds.py` against the built binary.

use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::program::{cargo, run};
use crate::setup::python;

/// What a release is shown with.
pub const FULL_ROUNDS: u32 = 20;
/// What every test run does.
pub const FEW_ROUNDS: u32 = 2;

/// Builds the binary and kills it `count` times.
pub fn rounds(places: &Places, count: u32) -> Result<()> {
    python::suites(places)?;
    run(cargo(&places.root).args(["build", "--bin", "portcullis"]))?;
    suite(places, count)
}

/// The suite against a binary that is already built.
pub fn suite(places: &Places, count: u32) -> Result<()> {
    let mut python = Command::new(places.venv_program("python"));
    python.current_dir(&places.root).arg("tests/kill/rounds.py");
    run(python.args(["--rounds", &count.to_string()]).arg("--binary").arg(places.debug_binary()))
}
