//! `make run`: replaces this process with the gate, so that signals and the exit code are the gate's own.

use std::os::unix::process::CommandExt;

use anyhow::{Result, bail};

use crate::model;
use crate::places::Places;
use crate::program::{cargo, run, say};

/// The gate in front of its own demo provider.
pub fn with_demo_provider(places: &Places, rest: &[&str]) -> Result<()> {
    let mut gate = cargo(&places.root);
    gate.args(["run", "--release", "--bin", "portcullis", "--", "demo"]).args(rest);
    Err(gate.exec().into())
}

/// The gate in front of a real language model on this machine.
pub fn with_model(places: &Places, name: &str, rest: &[&str]) -> Result<()> {
    if !model::NAMES.contains(&name) {
        bail!("no model is called {name}; there is: {}", model::NAMES.join(", "));
    }
    run(cargo(&places.root).args(["build", "--release", "--bin", "portcullis"]))?;
    model::install(places)?;
    let server = model::start(places)?;
    say(&format!("{name} answers on {} (process {})", server.base_url, server.child.id()));
    // The model server watches its parent, and exec keeps our process number: it ends with the gate.
    let mut gate = std::process::Command::new(places.release_binary());
    gate.current_dir(&places.root).arg("demo");
    gate.args(["--provider", "llamacpp", "--provider-url", &server.base_url]).args(rest);
    Err(gate.exec().into())
}
