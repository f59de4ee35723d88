//! `make check`: what must hold before anything is worth testing, cheapest first.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::program::{cargo, run, say};
use crate::setup::tools;
use crate::tidy;

/// Format, rules of the house, licences and bans, lints, documentation. Every check runs, then all faults are told.
pub fn everything(places: &Places) -> Result<()> {
    let root = &places.root;
    let mut failed = vec![];
    let mut check = |name: &'static str, work: &dyn Fn() -> Result<()>| {
        let start = Instant::now();
        match work() {
            Ok(()) => say(&format!("ok     {:6.1} s  {name}", start.elapsed().as_secs_f64())),
            Err(fault) => {
                say(&format!("FAILED {:6.1} s  {name}: {fault:#}", start.elapsed().as_secs_f64()));
                failed.push(name);
            }
        }
    };
    check("format", &|| run(cargo(root).args(["fmt", "--all", "--check"])));
    check("tidy", &|| tidy::everything(places));
    check("licences, bans, sources", &|| {
        run(tools::deny(places)?.args(["--log-level", "error", "check", "bans", "licenses", "sources"]))
    });
    check("lints", &|| {
        run(cargo(root).args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    check("documentation", &|| {
        let mut doc = cargo(root);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        run(doc.args(["doc", "--quiet", "--workspace", "--no-deps"]))
    });
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join("; ")) }
}
