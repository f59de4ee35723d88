//! The sections about who is at the other end: proxies that are believed, and callers without a proven key.

use domain::address::Block;
use gateway::{Counts, Named, Proxies, Strangers};

use crate::config::fault::Fault;
use crate::config::raw;

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
