//! No secret is in the repository: the files as they are and the history, by gitleaks with `.gitleaks.toml`. A scan that
//! found nothing proves little, so it is first given something to find.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::program::{run, succeeds};
use crate::setup::tools;

/// Scans the files and the history.
pub fn scan(places: &Places) -> Result<()> {
    // Outside of the repository, where no exception of the configuration names a folder.
    let folder = std::env::temp_dir().join(format!("portcullis-planted-{}", std::process::id()));
    plant(&folder)?;
    // Ours is found by our own rule, the provider's by one of those that come with the scanner.
    let mut overlooked = vec![];
    for name in ["ours", "theirs"] {
        if succeeds(&mut of_folder(places, &folder.join(name))?) {
            overlooked.push(name);
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    if !overlooked.is_empty() {
        bail!("the scanner overlooks what was planted ({}): look at .gitleaks.toml", overlooked.join(", "));
    }
    run(&mut of_folder(places, &places.root)?)?;
    run(quietly(tools::gitleaks(places)?.arg("git")).arg(&places.root))
}

fn of_folder(places: &Places, folder: &Path) -> Result<Command> {
    let mut command = tools::gitleaks(places)?;
    quietly(command.arg("dir")).arg(folder);
    Ok(command)
}

fn quietly(command: &mut Command) -> &mut Command {
    command.args([
        "--no-banner",
        "--redact",
        "--log-level",
        "warn",
        "--verbose",
        "--config",
        ".gitleaks.toml",
    ])
}

/// Writes two files where product code would be, with what must never be there: made of pieces, so that this file holds
/// none.
fn plant(folder: &Path) -> Result<()> {
    let body = "7h2kq9wz4txc8vbn3m5rd6f1gj0psyae2k9w4xc8bn5m6f1jpsa7";
    let token = format!("pc_{}_{body}", "live");
    let provider = format!("AKIA{}", "QYLPMN5HHHFPZAM2");
    for (name, secret) in [("ours", token), ("theirs", provider)] {
        let file = folder.join(name).join("crates/gateway/src/planted.rs");
        let parent = file.parent().context("a file has a folder")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&file, format!("const KEY: &str = \"{secret}\";\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
