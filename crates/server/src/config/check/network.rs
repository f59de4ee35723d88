//! The sections about who is at the other end: proxies that are believed, and callers without a proven key.

use domain::address::Block;
use domain::origin::Origin;
use gateway::{Counts, Named, Pages, Proxies, Strangers, Unprotected};

use crate::config::fault::Fault;
use crate::config::{raw, safety};

/// The proxies before the gate; `None` exactly when a fault was added.
pub(super) fn proxies(raw: &raw::Network, faults: &mut Vec<Fault>) -> Option<Proxies> {
    let before = faults.len();
    let mut trusted = Vec::new();
    for entry in &raw.trusted_proxies {
        match entry.parse::<Block>() {
            Ok(block) => trusted.push(block),
            Err(error) => faults.push(Fault::new(
                "network.trusted_proxies",
                format!("`{entry}`: {error}"),
                "Give the address of a proxy, or the block it is in.",
            )),
        }
    }
    let named = match raw.forwarded_header.as_str() {
        "x-forwarded-for" => Named::XForwardedFor,
        "forwarded" => Named::Forwarded,
        _ => {
            let fix = "Write \"x-forwarded-for\" or \"forwarded\".";
            faults.push(Fault::new("network.forwarded_header", "this header is not understood", fix));
            return None;
        }
    };
    (faults.len() == before).then_some(Proxies { trusted, named })
}

/// Where callers may come from, by the setting of this name; a list that is not whole has added a fault.
pub(super) fn allowed_ips(name: &str, list: &[String], faults: &mut Vec<Fault>) -> Vec<Block> {
    let parsed = list.iter().filter_map(|entry| match entry.parse::<Block>() {
        Ok(block) => Some(block),
        Err(error) => {
            let fix = "Give an address, or a block such as 192.0.2.0/24; 0.0.0.0/0 and ::/0 are everyone.";
            faults.push(Fault::new(name, format!("`{entry}`: {error}"), fix));
            None
        }
    });
    parsed.collect()
}

/// The web pages that may call from browsers; `None` exactly when a fault was added that stops every start.
pub(super) fn pages(raw: &raw::Network, unprotected: Unprotected, faults: &mut Vec<Fault>) -> Option<Pages> {
    const NAME: &str = "network.allowed_origins";
    let mut listed = Vec::new();
    for entry in &raw.allowed_origins {
        match entry.parse::<Origin>() {
            Ok(origin) => {
                if !origin.is_protected() {
                    let problem = format!("`{entry}`: anybody on its way can change this page");
                    let fix = "Serve it over https and list that.";
                    faults.push(Fault::new(NAME, problem, fix).of(&safety::PLAIN_ORIGINS));
                }
                listed.push(origin);
            }
            Err(bad) => faults.push(Fault::new(NAME, format!("`{entry}`: {bad}"), bad.fix())),
        }
    }
    (listed.len() == raw.allowed_origins.len())
        .then(|| Pages { everywhere: listed.into_iter().collect(), unprotected })
}

/// How callers without a proven key are held off; `None` exactly when a fault was added.
pub(super) fn strangers(raw: &raw::Limits, faults: &mut Vec<Fault>) -> Option<Strangers> {
    let counts = match raw.ip_counts.as_str() {
        "failures" => Counts::Failures,
        "all" => Counts::All,
        _ => {
            let fix = "Write \"failures\" or \"all\".";
            faults.push(Fault::new("limits.ip_counts", "there is no such way of counting", fix));
            return None;
        }
    };
    Some(Strangers {
        requests_per_minute: u32::try_from(raw.ip_requests_per_minute).unwrap_or(u32::MAX),
        counts,
        parked: usize::try_from(raw.parked_refusals).unwrap_or(0),
    })
}
