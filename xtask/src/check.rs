//! `make check`: what must hold before anything is worth testing, cheapest first.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::program::{cargo, run, say};
use crate::setup::{debian, tools};
use crate::{advisories, secrets, tidy};

/// Format, rules of the house, licences and bans, lints (of the fuzz targets, too), documentation. Every check runs,
/// then all faults are told.
pub fn everything(places: &Places) -> Result<()> {
    checks(places, None)
}

/// The checks of this name alone.
pub fn only(places: &Places, name: &str) -> Result<()> {
    checks(places, Some(name))
}

fn checks(places: &Places, only: Option<&str>) -> Result<()> {
    let (root, fuzz) = (&places.root, places.root.join("fuzz"));
    let (mut failed, mut ran) = (vec![], 0);
    let mut check = |name: &'static str, work: &dyn Fn() -> Result<()>| {
        if only.is_some_and(|only| only != name) {
            return;
        }
        ran += 1;
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
    check("format of the fuzz targets", &|| run(cargo(&fuzz).args(["fmt", "--check"])));
    check("tidy", &|| tidy::everything(places));
    check("licences, bans, sources", &|| {
        run(tools::deny(places)?.args(["--log-level", "error", "check", "bans", "licenses", "sources"]))
    });
    check("advisories", &|| advisories::hold(places));
    check("secrets", &|| secrets::scan(places));
    check("lints", &|| {
        run(cargo(root).args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    // Beside the builds of the product, with which it shares most crates, and apart from those of the fuzzer, which are
    // instrumented and may be running.
    check("lints of the fuzz targets", &|| {
        debian::program("g++", &["g++"])?;
        let mut clippy = cargo(&fuzz);
        clippy.arg("clippy").arg("--quiet").arg("--target-dir").arg(root.join("target"));
        run(clippy.args(["--", "-D", "warnings"]))
    });
    check("documentation", &|| {
        let mut doc = cargo(root);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        run(doc.args(["doc", "--quiet", "--workspace", "--no-deps"]))
    });
    if ran == 0 {
        bail!("there is no such check");
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join("; ")) }
}
