//! `cargo xtask matrix`: official clients before upstreams of each protocol, and the page that says what each can do. It
//! knows how the suites are started, and nothing of what they try.

use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::program::{cargo, run};
use crate::setup::node::Node;
use crate::setup::{node, python};

/// What becomes of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// It is written anew.
    Written,
    /// It must be what the run gives.
    Checked,
}

/// Builds the gate, runs every cell and writes the page; fails when a cell failed, or has neither a result nor a reason.
pub fn write(places: &Places) -> Result<()> {
    python::matrix(places)?;
    let node = node::suites(places)?;
    run(cargo(&places.root).args(["build", "--bin", "portcullis"]))?;
    cells(places, &node, Page::Written)
}

/// Runs every cell against the built gate.
pub fn cells(places: &Places, node: &Node, page: Page) -> Result<()> {
    let mut matrix = Command::new(places.matrix_venv().join("bin/python"));
    matrix.current_dir(&places.root).env("GATE_BINARY", places.debug_binary());
    matrix.arg(places.matrix().join("run.py")).arg("--node").arg(node.program());
    if page == Page::Checked {
        matrix.arg("--check");
    }
    run(&mut matrix)
}
