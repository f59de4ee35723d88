//! No package of the lock files has a weakness that the `advisories` folder knows. The folder is first held against a
//! lock file that must fail, so that an empty or unread folder is not taken for a clean tree.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::program::{run, succeeds};
use crate::setup::tools;

/// The lock files of the product and of the fuzz targets.
const LOCKS: [&str; 2] = ["Cargo.lock", "fuzz/Cargo.lock"];
/// Where the folder is tried.
const PLANTED: &str = "target/planted.lock";
/// A lock file with a package of which the folder knows a weakness.
const WEAK: &str = "version = 4\n\n[[package]]\nname = \"h2\"\nversion = \"0.4.15\"\n\
    source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";

/// Holds the lock files against the folder.
pub fn hold(places: &Places) -> Result<()> {
    let planted = places.root.join(PLANTED);
    fs::write(&planted, WEAK).with_context(|| format!("cannot write {}", planted.display()))?;
    let audit = |lock: &str| {
        let mut command = tools::audit(places)?;
        command.args(["--db", "advisories", "--no-fetch", "--stale", "--quiet", "--deny", "warnings"]);
        command.args(["--file", lock]);
        anyhow::Ok(command)
    };
    if succeeds(&mut audit(PLANTED)?) {
        bail!("the advisories are not read: a weak package passes");
    }
    LOCKS.iter().try_for_each(|lock| run(&mut audit(lock)?))
}
