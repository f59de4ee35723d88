//! `make sbom`: what the program is made of, as CycloneDX JSON, for whoever has to know without building it.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::places::Places;
use crate::program::{run, say};
use crate::setup::tools;

/// Where it is written.
const FOLDER: &str = "target/sbom";
/// The crate that is the program.
const CRATE: &str = "crates/server";
/// Fewest packages that can be right: with fewer, something was not seen.
const FEWEST: usize = 100;

/// Writes it and checks what can be checked: that it says what it is, and that each package has a version and a
/// licence.
pub fn write(places: &Places) -> Result<()> {
    let manifest = places.root.join(CRATE).join("Cargo.toml");
    let mut command = tools::cyclonedx(places)?;
    command.arg("--manifest-path").arg(&manifest);
    // Of the build for Linux: what other systems would add is in no release.
    command.args(["--format", "json", "--spec-version", "1.5", "--target", "x86_64-unknown-linux-gnu"]);
    run(command.args(["--override-filename", "portcullis", "--quiet"]))?;
    let made = places.root.join(CRATE).join("portcullis.json");
    let folder = places.root.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let kept = folder.join("portcullis.cdx.json");
    let text = fs::read_to_string(&made).with_context(|| format!("{} was not made", made.display()))?;
    tidy_up(places)?;
    // Where it was made is nobody's business.
    let text = text.replace(&format!("{}/", places.root.display()), "");
    fs::write(&kept, &text).with_context(|| format!("cannot write {}", kept.display()))?;
    let packages = check(&serde_json::from_str(&text).context("the bill of materials is not JSON")?)?;
    say(&format!("{}: {packages} packages", kept.display()));
    Ok(())
}

/// The tool writes one beside each crate of the workspace.
fn tidy_up(places: &Places) -> Result<()> {
    let crates = fs::read_dir(places.root.join("crates"))?.chain(fs::read_dir(&places.root)?);
    for entry in crates {
        let stray = entry?.path().join("portcullis.json");
        if stray.exists() {
            fs::remove_file(&stray).with_context(|| format!("cannot remove {}", stray.display()))?;
        }
    }
    Ok(())
}

/// How many packages it lists.
fn check(bill: &Value) -> Result<usize> {
    if bill["bomFormat"] != "CycloneDX" {
        bail!("it is no CycloneDX document");
    }
    let packages = bill["components"].as_array().context("it lists no packages")?;
    if packages.len() < FEWEST {
        bail!("it lists {} packages only", packages.len());
    }
    for package in packages {
        let own = package["purl"].as_str().is_some_and(|purl| purl.contains("download_url=file"));
        if package["version"].is_null() || (package["licenses"].is_null() && !own) {
            bail!("{} has no version or no licence", package["name"]);
        }
    }
    Ok(packages.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bill_that_says_too_little_is_refused() {
        let package = json!({"name": "a", "version": "1.0.0", "licenses": [{"expression": "MIT"}]});
        let bill = |packages: Vec<Value>| json!({"bomFormat": "CycloneDX", "components": packages});
        assert_eq!(check(&bill(vec![package.clone(); FEWEST])).unwrap(), FEWEST);
        assert!(check(&bill(vec![package.clone(); 3])).is_err());
        assert!(check(&json!({"components": vec![package.clone(); FEWEST]})).is_err());
        let mut without = package;
        without["licenses"] = Value::Null;
        assert!(check(&bill(vec![without; FEWEST])).is_err());
    }
}
