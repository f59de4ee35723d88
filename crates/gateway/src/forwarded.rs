//! The address a request comes from: the peer's, unless the peer is a trusted proxy; then the right-most hop that
//! is not one. What a hop says is believed only as far as the hops that pass it on are trusted.

use std::net::IpAddr;

use domain::address::Block;
use http::HeaderMap;

/// Most hops that are looked at, counted from the right. What lies further left is the caller's own invention.
const MAX_HOPS: usize = 32;
/// Longest text of one hop: `for="[` and an IPv6 address with its port, and room for `proto` and `by`.
const HOP_CHARS: usize = 256;

/// The header in which the trusted proxies name the hop before them. Only one is read: a proxy that writes one lets
/// a caller write the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Named {
    /// `x-forwarded-for: client, proxy`
    #[default]
    XForwardedFor,
    /// `forwarded: for=client, for=proxy` (RFC 7239).
    Forwarded,
}

/// The proxies before the gate.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Where they are.
    pub trusted: Vec<Block>,
    /// How they name the hop before them.
    pub named: Named,
}

impl Proxies {
    /// The address of the caller behind `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let name = match self.named {
            Named::XForwardedFor => "x-forwarded-for",
            Named::Forwarded => "forwarded",
        };
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        // Lines of one name are one list (RFC 9110 section 5.3). No address holds a comma, so a hop that a caller
        // quoted with one falls apart into pieces that are no addresses.
        let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MAX_HOPS) {
            let Some(address) = self.address(hop) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|block| block.holds(address))
    }

    fn address(&self, hop: &[u8]) -> Option<IpAddr> {
        if hop.len() > HOP_CHARS {
            return None;
        }
        let hop = std::str::from_utf8(hop).ok()?.trim_matches([' ', '\t']);
        match self.named {
            Named::XForwardedFor => node(hop),
            Named::Forwarded => {
                let mut named = hop.split(';').filter_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
                });
                let (value, none) = (named.next()?, named.next());
                let inner = value.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
                if none.is_some() { None } else { node(inner.unwrap_or(Some(value))?) }
            }
        }
    }
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let is_port =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit());
    let address: IpAddr = if let Some(rest) = text.strip_prefix('[') {
        let (inside, port) = rest.split_once(']')?;
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return None;
        }
        IpAddr::V6(inside.parse().ok()?)
    } else if let Ok(plain) = text.parse() {
        plain
    } else {
        let (v4, port) = text.split_once(':')?;
        IpAddr::V4(is_port(port).then(|| v4.parse().ok()).flatten()?)
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(named: Named, peer: &str, lines: &[&str], expect: &str) {
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let proxies = Proxies { trusted, named };
        let mut headers = HeaderMap::new();
        for line in lines {
            let name = match named {
                Named::XForwardedFor => "x-forwarded-for",
                Named::Forwarded => "forwarded",
            };
            headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let found = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(found.to_string(), expect, "{lines:?} from {peer}");
    }

    #[test]
    fn the_right_most_untrusted_hop_is_the_client() {
        let check =
            |peer: &str, lines: &[&str], expect: &str| check(Named::XForwardedFor, peer, lines, expect);
        check("10.0.0.1", &["1.1.1.1, 10.0.0.9"], "1.1.1.1");
        check("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1");
        check("10.0.0.1", &["6.6.6.6", "1.1.1.1", "10.0.0.9"], "1.1.1.1");
        check("::ffff:10.0.0.1", &["1.1.1.1"], "1.1.1.1");
        check("fd00::1", &["2001:db8::1"], "2001:db8::1");
        check("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1");
        check("10.0.0.1", &["1.1.1.1:8080"], "1.1.1.1");
        check("10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["10.0.0.7, 10.0.0.8"], "10.0.0.7");
    }

    #[test]
    fn an_untrusted_peer_is_not_asked() {
        check(Named::XForwardedFor, "203.0.113.5", &["10.0.0.1, 1.1.1.1"], "203.0.113.5");
        check(Named::Forwarded, "203.0.113.5", &["for=1.1.1.1"], "203.0.113.5");
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        let check = |line: &str, expect: &str| check(Named::XForwardedFor, "10.0.0.1", &[line], expect);
        for junk in [
            "garbage",
            "unknown",
            "_hidden",
            "\"x\"",
            "",
            "1.1.1.1.1",
            "1.1.1.1:",
            "1.1.1.1:x",
            "[::1",
            "::1]:1",
            "\u{e9}",
        ] {
            check(&format!("1.1.1.1, {junk}"), "10.0.0.1");
            check(&format!("1.1.1.1, {junk}, 10.0.0.9"), "10.0.0.9");
        }
        check(&vec!["10.0.0.2"; 10_000].join(","), "10.0.0.2");
        check(&format!("1.1.1.1{}", ",10.0.0.2".repeat(MAX_HOPS)), "10.0.0.2");
        check(&format!("{}, 2.2.2.2", "x".repeat(60_000)), "2.2.2.2");
    }

    #[test]
    fn the_standard_header_is_read_when_it_is_the_one() {
        let check = |line: &str, expect: &str| check(Named::Forwarded, "10.0.0.1", &[line], expect);
        check("for=1.1.1.1", "1.1.1.1");
        check("For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1", "2001:db8::1");
        check("for=6.6.6.6, proto=http; for=1.1.1.1, for=10.0.0.3", "1.1.1.1");
        check("for=1.1.1.1, proto=http", "10.0.0.1");
        check("for=1.1.1.1, for=_hidden", "10.0.0.1");
        check("for=1.1.1.1;for=2.2.2.2", "10.0.0.1");
        check("for=\"6.6.6.6, for=1.1.1.1", "1.1.1.1");
        check("for=\"1.1.1.1", "10.0.0.1");
    }
}
