//! The one rule of direction: which crate may depend on which, and what may not be anywhere below a crate.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places::Places;
use crate::program::{cargo, output};

struct House {
    name: &'static str,
    /// Our own crates that it may name.
    may_use: &'static [&'static str],
    /// Packages that may not be anywhere in its tree.
    never: &'static [&'static str],
    /// The sentence to read when it does.
    because: &'static str,
}

const SQL: &[&str] = &["sqlx", "sqlx-core", "sqlx-sqlite", "sqlx-postgres", "libsqlite3-sys"];
const SQL_OR_ADMIN: &[&str] =
    &["store", "control", "sqlx", "sqlx-core", "sqlx-sqlite", "libsqlite3-sys", "axum"];
const RUNTIME: &[&str] =
    &["tokio", "mio", "hyper", "hyper-util", "axum", "async-std", "smol", "sqlx", "rustls"];
const HTTP_OR_SQL: &[&str] = &["hyper", "hyper-util", "http", "axum", "sqlx", "sqlx-core", "libsqlite3-sys"];
const HTTP_OR_REDIS: &[&str] = &["hyper", "hyper-util", "http", "axum", "redis"];

const HOUSES: [House; 11] = [
    House {
        name: "domain",
        may_use: &[],
        never: RUNTIME,
        because: "domain says what is true; it does no I/O and knows no framework",
    },
    House {
        name: "vault",
        may_use: &["domain"],
        never: HTTP_OR_SQL,
        because: "vault names ciphers, not where secrets are kept or sent",
    },
    House {
        name: "wire",
        may_use: &["domain"],
        never: RUNTIME,
        because: "wire turns bytes into facts; it opens no socket and runs on no runtime",
    },
    House {
        name: "egress",
        may_use: &["domain"],
        never: SQL,
        because: "egress opens outbound sockets and knows no table",
    },
    House {
        name: "live",
        may_use: &["domain"],
        never: HTTP_OR_SQL,
        because: "live holds what the request path may read and write; it knows neither SQL nor HTTP",
    },
    House {
        name: "store",
        may_use: &["domain"],
        never: HTTP_OR_REDIS,
        because: "store names SQL and nothing of the network",
    },
    House {
        name: "gateway",
        may_use: &["domain", "wire", "vault", "egress", "live"],
        never: SQL_OR_ADMIN,
        because: "the request path cannot reach the database because it cannot name it",
    },
    House {
        name: "control",
        may_use: &["domain", "vault", "egress", "live", "store"],
        never: &["gateway"],
        because: "control answers people and runs jobs; the request path is not its business",
    },
    House {
        name: "server",
        may_use: &["domain", "vault", "wire", "egress", "live", "store", "gateway", "control"],
        never: &["ring", "openssl", "openssl-sys", "native-tls", "reqwest"],
        because: "one crypto library and one way out: aws-lc-rs and egress",
    },
    House { name: "bench", may_use: &[], never: SQL, because: "what measures the gate stands outside of it" },
    House { name: "xtask", may_use: &[], never: &[], because: "automation knows nothing of the product" },
];

/// Every breach of the direction.
pub fn breaches(places: &Places) -> Result<Vec<String>> {
    let mut metadata = cargo(&places.root);
    let text = output(metadata.args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let mut found = vec![];
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let manifest = std::fs::read_to_string(package["manifest_path"].as_str().unwrap_or_default())?;
        if !manifest.contains("[lints]\nworkspace = true") {
            found.push(format!(
                "{name}: its Cargo.toml does not say `[lints] workspace = true`: lints are law for all"
            ));
        }
        let Some(house) = HOUSES.iter().find(|house| house.name == name) else {
            found.push(format!("{name}: a new crate needs its row in xtask/src/tidy/direction.rs"));
            continue;
        };
        let used = package["dependencies"].as_array().into_iter().flatten();
        let used: Vec<&str> = used.filter_map(|dependency| dependency["name"].as_str()).collect();
        found.extend(wrong_uses(house, &used));
        if !house.never.is_empty() {
            found.extend(wrong_depths(house, &tree(places, name)?));
        }
    }
    Ok(found)
}

fn wrong_uses(house: &House, used: &[&str]) -> Vec<String> {
    let ours = |name: &&&str| HOUSES.iter().any(|other| other.name == **name);
    let wrong = used.iter().filter(ours).filter(|name| !house.may_use.contains(name));
    wrong.map(|name| format!("{} depends on {name}: {}", house.name, house.because)).collect()
}

fn wrong_depths(house: &House, tree: &[String]) -> Vec<String> {
    let wrong = house.never.iter().filter(|never| tree.iter().any(|name| name == *never));
    wrong.map(|never| format!("{never} is below {}: {}", house.name, house.because)).collect()
}

/// The names of all packages that a crate links, with the features it has when built for itself.
fn tree(places: &Places, name: &str) -> Result<Vec<String>> {
    let mut command: Command = cargo(&places.root);
    command.args(["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let text = output(&mut command)?;
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(name: &str) -> &'static House {
        HOUSES.iter().find(|house| house.name == name).unwrap()
    }

    #[test]
    fn the_gateway_may_not_use_the_store() {
        assert_eq!(wrong_uses(house("gateway"), &["domain", "tokio", "live"]), [""; 0]);
        let found = wrong_uses(house("gateway"), &["domain", "store"]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("gateway depends on store: "), "{}", found[0]);
    }

    #[test]
    fn sql_is_found_at_any_depth_below_the_gateway() {
        let tree = ["gateway", "live", "sqlx-core"].map(str::to_owned);
        assert_eq!(wrong_depths(house("gateway"), &tree).len(), 1);
        assert_eq!(wrong_depths(house("gateway"), &tree[..2]), [""; 0]);
    }

    #[test]
    fn nobody_may_use_the_binary_and_the_table_has_no_cycle() {
        for (at, house) in HOUSES.iter().enumerate() {
            let earlier = &HOUSES[..at];
            let known = |name: &&&str| earlier.iter().any(|other| other.name == **name);
            assert_eq!(house.may_use.iter().filter(known).count(), house.may_use.len(), "{}", house.name);
        }
    }
}
