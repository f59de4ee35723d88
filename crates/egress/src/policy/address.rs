//! Our own table of addresses that are not the public Internet. It knows no names, no ports and no configuration.
//!
//! Sources: the IANA special-purpose registries for IPv4 and IPv6, and the metadata endpoints that the clouds
//! document. The standard library's tests for these ranges are unstable and narrower.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is to the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// An ordinary address of the public Internet.
    Public,
    /// Private, local or reserved for a purpose: only for an operator's entry that covers it.
    Special,
    /// Serves, or may serve, a cloud's credentials: only for an operator's entry of exactly this address.
    Guarded,
    /// Not a destination for anyone: unspecified, multicast, reserved, outside global unicast.
    Never,
    /// An IPv6 address that carries one or two IPv4 addresses, which a translator or a tunnel would reach.
    Wraps([Option<Ipv4Addr>; 2]),
}

/// The first row that holds the address decides.
const V4: &[(Ipv4Net, Class)] = &[
    (v4([0, 0, 0, 0], 8), Class::Never),            // this network
    (v4([10, 0, 0, 0], 8), Class::Special),         // private use
    (v4([100, 100, 100, 200], 32), Class::Guarded), // Alibaba Cloud metadata
    (v4([100, 64, 0, 0], 10), Class::Special),      // carrier-grade NAT
    (v4([127, 0, 0, 0], 8), Class::Special),        // loopback
    (v4([168, 63, 129, 16], 32), Class::Guarded),   // Azure WireServer
    (v4([169, 254, 0, 0], 16), Class::Guarded),     // link-local: metadata of nearly every cloud
    (v4([172, 16, 0, 0], 12), Class::Special),      // private use
    (v4([192, 0, 0, 192], 32), Class::Guarded),     // Oracle Cloud metadata
    (v4([192, 0, 0, 0], 24), Class::Special),       // IETF protocol assignments
    (v4([192, 0, 2, 0], 24), Class::Special),       // documentation
    (v4([192, 31, 196, 0], 24), Class::Special),    // AS112
    (v4([192, 52, 193, 0], 24), Class::Special),    // AMT
    (v4([192, 88, 99, 0], 24), Class::Special),     // 6to4 relays, deprecated
    (v4([192, 168, 0, 0], 16), Class::Special),     // private use
    (v4([192, 175, 48, 0], 24), Class::Special),    // AS112
    (v4([198, 18, 0, 0], 15), Class::Special),      // benchmarking
    (v4([198, 51, 100, 0], 24), Class::Special),    // documentation
    (v4([203, 0, 113, 0], 24), Class::Special),     // documentation
    (v4([224, 0, 0, 0], 4), Class::Never),          // multicast
    (v4([240, 0, 0, 0], 4), Class::Never),          // reserved, and broadcast
];

/// The first row that holds the address decides; an address in no row is public inside 2000::/3 and never outside.
const V6: &[(Ipv6Net, Class)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), Class::Special), // loopback
    (v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128), Class::Special), // PCP anycast
    (v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128), Class::Special), // TURN anycast
    (v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128), Class::Special), // DNS-SD anycast
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), Class::Special), // benchmarking
    (v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32), Class::Special), // AMT
    (v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48), Class::Special), // AS112
    (v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), Class::Special), // ORCHID, deprecated
    (v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28), Class::Special), // ORCHIDv2
    (v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28), Class::Special), // drone remote identification
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Class::Special), // documentation
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), Class::Special), // AS112
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Class::Special), // documentation
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), Class::Guarded), // AWS metadata and credentials
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Class::Guarded), // Google Cloud metadata
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Class::Special), // unique local
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Class::Guarded), // link-local
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Class::Special), // site-local, deprecated
];

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Prefixes whose last 32 bits are an IPv4 address: compatible, mapped, translated (SIIT) and NAT64.
const IPV4_AT_THE_END: &[Ipv6Net] = &[
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96),
];
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    let [a, b, c, d] = octets;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(groups: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = groups;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// The class of `address`.
pub(super) fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => {
            V4.iter().find(|(net, _)| net.contains(&address)).map_or(Class::Public, |(_, class)| *class)
        }
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address.is_unspecified() {
        return Class::Never;
    }
    if let Some((_, class)) = V6.iter().find(|(net, _)| net.contains(&address)) {
        return *class;
    }
    if let Some(inner) = wrapped(address) {
        return Class::Wraps(inner);
    }
    if GLOBAL_UNICAST.contains(&address) { Class::Public } else { Class::Never }
}

/// The IPv4 addresses inside an address of a transition prefix. Teredo has two: its server, and its client with
/// every bit turned over (RFC 4380, 4).
fn wrapped(address: Ipv6Addr) -> Option<[Option<Ipv4Addr>; 2]> {
    let octets = address.octets();
    let at = |start: usize| {
        let mut inner = [0; 4];
        inner.copy_from_slice(&octets[start..start + 4]);
        u32::from_be_bytes(inner)
    };
    if IPV4_AT_THE_END.iter().any(|net| net.contains(&address)) {
        return Some([Some(Ipv4Addr::from(at(12))), None]);
    }
    if SIX_TO_FOUR.contains(&address) {
        return Some([Some(Ipv4Addr::from(at(2))), None]);
    }
    TEREDO.contains(&address).then(|| [Some(Ipv4Addr::from(at(4))), Some(Ipv4Addr::from(!at(12)))])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expect: Class) {
        assert_eq!(class(input.parse().expect("an address")), expect, "{input}");
    }

    #[test]
    fn both_sides_of_ranges() {
        check("9.255.255.255", Class::Public);
        check("10.0.0.0", Class::Special);
        check("100.63.255.255", Class::Public);
        check("100.127.255.255", Class::Special);
        check("100.100.100.200", Class::Guarded);
        check("172.15.255.255", Class::Public);
        check("172.31.255.255", Class::Special);
        check("168.63.129.15", Class::Public);
        check("168.63.129.16", Class::Guarded);
        check("168.63.129.17", Class::Public);
        check("255.255.255.255", Class::Never);
        check("2001:1::", Class::Public);
        check("2001:1::1", Class::Special);
        check("2001:1::4", Class::Public);
        check("2001:3f:ffff::", Class::Special);
        check("2001:40::", Class::Public);
        check("3fff:1000::", Class::Public);
        check("1fff:ffff::", Class::Never);
        check("4000::", Class::Never);
        check("64:ff9b:1::1", Class::Never);
        check("fd20:ce::254", Class::Guarded);
    }

    #[test]
    fn what_is_wrapped_is_found() {
        let one = |text: &str| Class::Wraps([Some(text.parse().expect("an IPv4 address")), None]);
        check("::ffff:127.0.0.1", one("127.0.0.1"));
        check("::10.0.0.1", one("10.0.0.1"));
        check("64:ff9b::8.8.8.8", one("8.8.8.8"));
        check("2002:a9fe:a9fe::1", one("169.254.169.254"));
        let teredo = [Some(Ipv4Addr::new(65, 54, 227, 120)), Some(Ipv4Addr::LOCALHOST)];
        check("2001:0:4136:e378:8000:63bf:80ff:fffe", Class::Wraps(teredo));
    }

    proptest! {
        /// The standard library's stable tests are the oracle: what they call private is never public here.
        #[test]
        fn nothing_that_std_calls_private_is_public(bits: u32, wide: u128) {
            let address = Ipv4Addr::from(bits);
            let private = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_multicast() || address.is_broadcast() || address.is_documentation()
                || address.is_unspecified();
            prop_assert!(!private || class(IpAddr::V4(address)) != Class::Public);
            let address = Ipv6Addr::from(wide);
            let private = address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast()
                || address.is_loopback() || address.to_ipv4().is_some();
            prop_assert!(!private || class(IpAddr::V6(address)) != Class::Public);
        }
    }
}
