//! Debian packages, for a machine where we are root. Elsewhere the error names the package.

use std::process::Command;

use anyhow::{Result, bail};

use crate::program::{can_install_system_packages, on_path, run, say};

/// Makes sure that a program is on the path, installing the packages that bring it.
pub fn program(name: &str, packages: &[&str]) -> Result<()> {
    if on_path(name).is_some() {
        return Ok(());
    }
    install(packages, &format!("`{name}` is missing"))
}

/// Installs packages because of `why`.
pub fn install(packages: &[&str], why: &str) -> Result<()> {
    let names = packages.join(" ");
    if !can_install_system_packages() {
        bail!("{why}. Install it with your system's package manager (on Debian: apt-get install {names})");
    }
    say(&format!("setup: {why}; installing {names}"));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq").arg("-y");
        command
    };
    // An old package list is the usual reason for a failed installation, so it is renewed first.
    run(apt().arg("update"))?;
    run(apt().args(["install", "--no-install-recommends"]).args(packages))
}
