//! What the database holds: that it opens, that sealed secrets open, that connections may be used.

use std::os::unix::fs::PermissionsExt;

use store::Store;
use store::provider_keys::ProviderKey;
use wire::catalog::{self, Production};

use super::Check;
use crate::cmd::provider;
use crate::config::roots::{RIGHTS_OF_OTHERS, Roots};
use crate::config::{Config, Environment};

pub(super) async fn examine(config: &Config, roots: Option<&Roots>, checks: &mut Vec<Check>) {
    let path = config.database();
    let shown = path.display();
    let Ok(metadata) = std::fs::metadata(&path) else {
        let fix = "Make an installation with `portcullis init`, or restore the file from a backup.";
        checks.push(Check::fail("database", format!("{shown} is not there"), fix));
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & RIGHTS_OF_OTHERS != 0 {
        let detail = format!("others than its owner can get at {shown} (mode {mode:03o})");
        checks.push(Check::warn("database", detail, format!("Run `chmod 600 {shown}`.")));
    }
    let store = match Store::open(&path, vault::digest::sha256_of_parts).await {
        Ok(store) => store,
        Err(failed) => {
            let fix = "Use the release that wrote it, or restore it from a backup.";
            checks.push(Check::fail("database", failed.to_string(), fix));
            return;
        }
    };
    checks.push(Check::ok("database", format!("{shown} opens and is up to date")));
    match store.provider_keys().list().await {
        Ok(rows) if rows.is_empty() => {
            let fix = "Connect one with `portcullis provider add`.";
            checks.push(Check::warn("providers", "no provider is connected", fix));
        }
        Ok(rows) => rows.iter().for_each(|row| connection(row, config, roots, checks)),
        Err(failed) => {
            checks.push(Check::fail("providers", failed.to_string(), "Restore the database from a backup."))
        }
    }
    store.close().await;
}

fn connection(row: &ProviderKey, config: &Config, roots: Option<&Roots>, checks: &mut Vec<Check>) {
    let name = format!("provider {}", row.name);
    let again = format!("Remove it with `portcullis provider remove {}` and add it again.", row.name);
    let before = checks.len();
    if let Some(sealed) = &row.sealed {
        match roots.map(|roots| roots.vault.open(sealed, &provider::bind(row.id, row))) {
            None => {
                checks.push(Check::warn(&name, "its secret was not tried", "Mend the root secrets first."))
            }
            Some(Err(error)) => {
                let fix = format!("Restore the encryption key that sealed it, or: {again}");
                checks.push(Check::fail(&name, error.to_string(), fix));
            }
            Some(Ok(secret)) => drop(secret),
        }
    }
    if let Err(rejected) = egress::Policy::new(config.egress.allow.clone()).check(&row.base_url) {
        let fix = "Correct egress.allow in the configuration, or add the provider again.";
        checks.push(Check::fail(&name, format!("its base URL is refused: {rejected}"), fix));
    }
    match catalog::provider(&row.provider) {
        None => checks.push(Check::fail(&name, format!("no provider is called {}", row.provider), again)),
        Some(known)
            if known.production == Production::Refused && config.environment == Environment::Production =>
        {
            checks.push(Check::fail(
                &name,
                format!("{} is for trials and refused in production", known.title),
                again,
            ));
        }
        Some(_) => {}
    }
    if checks.len() == before {
        checks.push(Check::ok(&name, row.base_url.clone()));
    }
}
