//! What the database holds: that it opens, that sealed secrets open, that connections may be used.

use std::os::unix::fs::PermissionsExt;

use control::provider_keys::bind;
use control::vault_keys::sealer::Sealer;
use control::vault_keys::{self, CheckValue};
use domain::time::Clock;
use gateway::Unprotected;
use store::Store;
use store::provider_keys::ProviderKey;
use wire::catalog;

use super::{Check, retention};
use crate::config::Config;
use crate::config::roots::{RIGHTS_OF_OTHERS, Roots};
use crate::config::safety::Settled;
use crate::key_provider::{self, KeyProvider};
use crate::safety;

pub(super) async fn examine(config: &Config, roots: Option<Roots>, clock: &Clock, checks: &mut Vec<Check>) {
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
    if let Some(roots) = &roots {
        checks.push(encryption_keys(&store, roots).await);
    }
    let sealer = match roots {
        Some(roots) => sealer(&store, config, roots, clock, checks).await,
        None => None,
    };
    match store.provider_keys().list().await {
        Ok(rows) if rows.is_empty() => {
            let fix = "Connect one with `portcullis provider add`.";
            checks.push(Check::warn("providers", "no provider is connected", fix));
        }
        Ok(rows) => {
            for row in &rows {
                connection(row, config, sealer.as_ref(), checks).await;
            }
        }
        Err(failed) => {
            checks.push(Check::fail("providers", failed.to_string(), "Restore the database from a backup."))
        }
    }
    safe(&store, config, checks).await;
    retention::examine(&store, clock.now(), checks).await;
    store.close().await;
}

/// What production safety says to the books, and the pages of organizations that it passes over.
async fn safe(store: &Store, config: &Config, checks: &mut Vec<Check>) {
    let (found, orgs) = match (safety::of_books(store).await, store.orgs().list().await) {
        (Ok(found), Ok(orgs)) => (found, orgs),
        (Err(failed), _) | (_, Err(failed)) => {
            checks.push(Check::fail("safety", failed.to_string(), "Restore the database from a backup."));
            return;
        }
    };
    let Settled { faults, warnings, overridden } = config.safety.settle(found);
    checks.extend(faults.into_iter().map(Check::fault));
    checks.extend(warnings.into_iter().map(Check::unwise));
    checks.extend(overridden.into_iter().map(Check::overridden));
    if config.pages.unprotected == Unprotected::Refused {
        for org in orgs {
            for page in org.allowed_origins.iter().filter(|page| !page.is_protected()) {
                let detail = format!("its page {page} is over plain HTTP and not let in");
                checks.push(Check::warn(
                    &format!("org {}", org.name),
                    detail,
                    "Serve it over https and list that.",
                ));
            }
        }
    }
}

/// What the secrets of connections are opened with, once it is known whether the key provider is there.
async fn sealer(
    store: &Store,
    config: &Config,
    roots: Roots,
    clock: &Clock,
    checks: &mut Vec<Check>,
) -> Option<Sealer> {
    let name = "transit";
    let keys = match key_provider::provider(config, roots.transit_token, clock) {
        Ok(keys) => keys,
        Err(error) => {
            let fix = "Correct [transit] in the configuration.";
            checks.push(Check::fail(name, format!("{error:#}"), fix));
            return None;
        }
    };
    if let (Some(keys), Some(transit)) = (&keys, &config.transit) {
        checks.push(match keys.transit.look().await {
            Ok(()) => Check::ok(name, transit.settings.address.clone()),
            Err(failed) => {
                let fix = "Start or unseal it, and see that its token is valid.";
                Check::fail(name, failed.to_string(), fix)
            }
        });
    }
    let vault = KeyProvider::equip(keys.as_ref(), roots.vault);
    Some(KeyProvider::sealer(keys.as_ref(), store.clone(), vault))
}

/// The check value tells wrong keys also where there is no provider key yet.
async fn encryption_keys(store: &Store, roots: &Roots) -> Check {
    let name = "encryption keys";
    match vault_keys::examine(store, &roots.vault).await {
        Ok(CheckValue::Opens) => Check::ok(name, "they open the check value of the database"),
        Ok(CheckValue::NotMade) => Check::ok(name, "there is no check value yet; the first `serve` makes it"),
        Err(refused) => {
            let fix = "Correct secrets.encryption_keys, or restore the key file from its copy.";
            Check::fail(name, refused.to_string(), fix)
        }
    }
}

async fn connection(row: &ProviderKey, config: &Config, sealer: Option<&Sealer>, checks: &mut Vec<Check>) {
    let name = format!("provider {}", row.name);
    let again = format!("Remove it with `portcullis provider remove {}` and add it again.", row.name);
    let before = checks.len();
    if let Some(sealed) = &row.sealed {
        let opened = match sealer {
            Some(sealer) => Some(sealer.open(sealed, &bind(row.id, row.owner)).await),
            None => None,
        };
        match opened {
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
    if catalog::provider(&row.provider).is_none() {
        checks.push(Check::fail(&name, format!("no provider is called {}", row.provider), again));
    }
    if checks.len() == before {
        checks.push(Check::ok(&name, row.base_url.clone()));
    }
}
