//! The sections about the public listener itself: its certificate, and how many may come through it at once.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::Capacity;

use super::readable;
use crate::config::fault::Fault;
use crate::config::roots::RIGHTS_OF_OTHERS;
use crate::config::{Environment, Tls, raw};

/// How many may come at once.
pub(super) fn capacity(raw: &raw::Network) -> Capacity {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Capacity {
        connections: count(raw.max_connections),
        connections_per_source: count(raw.max_connections_per_address),
        in_flight: count(raw.max_in_flight),
    }
}

/// Where the certificate is; `None` for plain HTTP, and when a fault was added.
pub(super) fn tls(
    raw: &raw::Tls,
    data_dir: &Path,
    environment: Option<Environment>,
    faults: &mut Vec<Fault>,
) -> Option<Tls> {
    let file = |text: &str| (!text.is_empty()).then(|| data_dir.join(text));
    match (file(&raw.certificate), file(&raw.key)) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            readable("tls.certificate", &certificate, faults);
            readable("tls.key", &key, faults);
            if environment == Some(Environment::Production) {
                kept_from_others(&key, faults);
            }
            Some(Tls { certificate, key, reload: Duration::from_millis(raw.reload_ms) })
        }
        (certificate, _) => {
            let name = if certificate.is_some() { "tls.key" } else { "tls.certificate" };
            let fix = "Give both files, or neither for plain HTTP.";
            faults.push(Fault::new(name, "a certificate and its key belong together", fix));
            None
        }
    }
}

fn kept_from_others(key: &PathBuf, faults: &mut Vec<Fault>) {
    let mode = std::fs::metadata(key).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & RIGHTS_OF_OTHERS != 0 {
        let problem =
            format!("others than its owner can get at {} (mode {:03o})", key.display(), mode & 0o777);
        faults.push(Fault::new("tls.key", problem, format!("Run `chmod 600 {}`.", key.display())));
    }
}
