//! The sections about the listeners themselves: their certificates, and how many may come through the public one at once.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::{Capacity, Proxies};

use super::{is_inside, readable};
use crate::config::fault::Fault;
use crate::config::roots::RIGHTS_OF_OTHERS;
use crate::config::{Tls, raw, safety};

/// How many may come at once.
pub(super) fn capacity(raw: &raw::Network) -> Capacity {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Capacity {
        connections: count(raw.max_connections),
        connections_per_source: count(raw.max_connections_per_address),
        in_flight: count(raw.max_in_flight),
    }
}

/// Where the certificate of this section is; `None` for plain HTTP, and when a fault was added.
pub(super) fn tls(section: &str, raw: &raw::Tls, data_dir: &Path, faults: &mut Vec<Fault>) -> Option<Tls> {
    let file = |text: &str| (!text.is_empty()).then(|| data_dir.join(text));
    match (file(&raw.certificate), file(&raw.key)) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            readable(&format!("{section}.certificate"), &certificate, faults);
            readable(&format!("{section}.key"), &key, faults);
            kept_from_others(&format!("{section}.key"), &key, faults);
            Some(Tls { certificate, key, reload: Duration::from_millis(raw.reload_ms) })
        }
        (certificate, _) => {
            let name = if certificate.is_some() { "key" } else { "certificate" };
            let fix = "Give both files, or neither for plain HTTP.";
            faults.push(Fault::new(
                format!("{section}.{name}"),
                "a certificate and its key belong together",
                fix,
            ));
            None
        }
    }
}

/// Finds a public listener that sends keys and prompts in the clear over a network of others.
pub(super) fn in_the_clear(public: SocketAddr, proxies: &Proxies, faults: &mut Vec<Fault>) {
    if !is_inside(public.ip()) && proxies.trusted.is_empty() {
        let problem = "the public listener speaks plain HTTP and would be reachable from outside";
        let fix =
            "Give it a certificate ([tls]), or name the TLS proxy before it in network.trusted_proxies.";
        faults.push(Fault::new("listen.public", problem, fix).of(&safety::PLAIN_HTTP));
    }
}

fn kept_from_others(name: &str, key: &PathBuf, faults: &mut Vec<Fault>) {
    let mode = std::fs::metadata(key).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & RIGHTS_OF_OTHERS != 0 {
        let problem =
            format!("others than its owner can get at {} (mode {:03o})", key.display(), mode & 0o777);
        let fix = format!("Run `chmod 600 {}`.", key.display());
        faults.push(Fault::new(name, problem, fix).of(&safety::READABLE_SECRETS));
    }
}
