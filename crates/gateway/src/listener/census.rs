//! How many connections are open: in all, and from each source. It decides who may come in; it knows nothing of
//! requests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use domain::address::Source;

/// Most connections of the public listener.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// At once, in all.
    pub connections: usize,
    /// At once from one source: an IPv4 address, or an IPv6 network of 64 bits.
    pub connections_per_source: usize,
    /// Requests at once, over all connections.
    pub in_flight: usize,
}

/// The open connections. Its lock is taken when a connection opens or closes, never by a request.
pub(super) struct Census {
    capacity: Capacity,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_source: HashMap<Source, usize>,
}

/// Why a connection is not let in.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Full {
    /// There are too many in all.
    House,
    /// There are too many from its source.
    Source,
}

/// Whether a source is counted by itself.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) enum Standing {
    /// Anyone.
    Caller,
    /// A trusted proxy: many callers come from its address.
    Proxy,
}

/// The place of one open connection; dropping it makes room.
pub(super) struct Place {
    census: Arc<Census>,
    source: Option<Source>,
}

impl Census {
    pub(super) fn new(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self { capacity, open: Mutex::default() })
    }

    /// Takes a place for a connection from this address.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr, standing: Standing) -> Result<Place, Full> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.all >= self.capacity.connections {
            return Err(Full::House);
        }
        let source = (standing == Standing::Caller).then(|| Source::of(peer));
        if let Some(source) = source {
            let count = open.by_source.entry(source).or_default();
            if *count >= self.capacity.connections_per_source {
                return Err(Full::Source);
            }
            *count += 1;
        }
        open.all += 1;
        Ok(Place { census: Arc::clone(self), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.census.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        let Some(source) = self.source else { return };
        if let Some(count) = open.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                open.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census() -> Arc<Census> {
        Census::new(Capacity { connections: 4, connections_per_source: 2, in_flight: 1 })
    }

    #[test]
    fn a_source_has_its_share_and_the_house_its_bound() {
        let census = census();
        let come = |peer: &str| census.admit(peer.parse().unwrap(), Standing::Caller);
        let _one = come("192.0.2.1").ok().unwrap();
        let two = come("192.0.2.1").ok().unwrap();
        assert_eq!(come("192.0.2.1").err(), Some(Full::Source));
        let _other = come("192.0.2.2").ok().unwrap();
        drop(two);
        let _again = come("192.0.2.1").ok().unwrap();
        let _last = come("2001:db8::1").ok().unwrap();
        assert_eq!(come("2001:db8:1::1").err(), Some(Full::House));
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let census = census();
        let come = |peer: &str| census.admit(peer.parse().unwrap(), Standing::Caller);
        let (_one, _two) = (come("2001:db8::1").ok().unwrap(), come("2001:db8::ffff:1").ok().unwrap());
        assert_eq!(come("2001:db8::2:2").err(), Some(Full::Source));
        assert!(come("2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn a_proxy_has_no_share_and_nothing_is_kept_of_the_gone() {
        let census = census();
        let peer = "192.0.2.9".parse().unwrap();
        let places: Vec<_> = (0..4).map(|_| census.admit(peer, Standing::Proxy).ok().unwrap()).collect();
        assert_eq!(census.admit(peer, Standing::Proxy).err(), Some(Full::House));
        drop(places);
        drop(census.admit(peer, Standing::Caller).ok().unwrap());
        let open = census.open.lock().unwrap();
        assert_eq!((open.all, open.by_source.len()), (0, 0));
    }
}
