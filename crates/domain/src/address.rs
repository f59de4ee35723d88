//! Network addresses as rules need them: blocks of addresses (CIDR), and the source a caller is counted by. It
//! resolves no names and knows no header.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A block of addresses, such as `10.1.0.0/16`, `2001:db8::/32` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Block {
    first: IpAddr,
    bits: u8,
}

/// A text that is no block of addresses.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an address or a block such as 10.1.0.0/16 or 2001:db8::/32, without bits set behind its length")]
pub struct NotABlock;

impl Block {
    /// Whether the address lies in the block. An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) counts as IPv4.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => cut_v4(address, self.bits) == Some(first),
            (IpAddr::V6(first), IpAddr::V6(address)) => cut_v6(address, self.bits) == Some(first),
            _ => false,
        }
    }
}

impl FromStr for Block {
    type Err = NotABlock;

    fn from_str(text: &str) -> Result<Self, NotABlock> {
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) => {
                let plain = !bits.is_empty() && bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
                (address, Some(plain.then(|| bits.parse::<u8>().ok()).flatten().ok_or(NotABlock)?))
            }
        };
        let first: IpAddr = address.parse().map_err(|_| NotABlock)?;
        // A block of mapped addresses would silently hold nothing, because callers are compared as IPv4.
        if first != first.to_canonical() {
            return Err(NotABlock);
        }
        let bits = bits.unwrap_or(if first.is_ipv4() { 32 } else { 128 });
        let cut = match first {
            IpAddr::V4(v4) => cut_v4(v4, bits).map(IpAddr::V4),
            IpAddr::V6(v6) => cut_v6(v6, bits).map(IpAddr::V6),
        };
        if cut == Some(first) { Ok(Self { first, bits }) } else { Err(NotABlock) }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

impl From<Block> for String {
    fn from(block: Block) -> Self {
        block.to_string()
    }
}

impl TryFrom<String> for Block {
    type Error = NotABlock;

    fn try_from(text: String) -> Result<Self, NotABlock> {
        text.parse()
    }
}

/// Whether a list of blocks lets the address in. No list lets everyone in; a list that is empty lets nobody in.
#[must_use]
pub fn allowed(list: Option<&[Block]>, address: IpAddr) -> bool {
    list.is_none_or(|blocks| blocks.iter().any(|block| block.holds(address)))
}

/// The address without its last bits; `None` when it has fewer than `bits`.
fn cut_v4(address: Ipv4Addr, bits: u8) -> Option<Ipv4Addr> {
    let behind = 32u32.checked_sub(u32::from(bits))?;
    Some(Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(behind).unwrap_or(0)))
}

fn cut_v6(address: Ipv6Addr, bits: u8) -> Option<Ipv6Addr> {
    let behind = 128u32.checked_sub(u32::from(bits))?;
    Some(Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(behind).unwrap_or(0)))
}

/// What a caller without a proven identity is counted by: an IPv4 address, or the /64 of an IPv6 address, which
/// is the least that one subscriber is given (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// One address.
    V4([u8; 4]),
    /// The first half of the address.
    V6([u8; 8]),
}

impl Source {
    /// The source of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(octets) => write!(f, "{}", Ipv4Addr::from(*octets)),
            Self::V6(octets) => {
                let mut whole = [0; 16];
                whole[..8].copy_from_slice(octets);
                write!(f, "{}/64", Ipv6Addr::from(whole))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_holds_what_lies_in_it() {
        let check = |block: &str, address: &str, expect: bool| {
            let block: Block = block.parse().unwrap();
            assert_eq!(block.holds(address.parse().unwrap()), expect, "{address} in {block}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("10.0.0.0/8", "::ffff:10.0.0.1", true);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::", false);
        check("::/0", "2001:db8::1", true);
        check("::1", "::1", true);
    }

    #[test]
    fn no_list_is_everyone_and_an_empty_one_nobody() {
        let check = |list: Option<&[&str]>, address: &str, expect: bool| {
            let list =
                list.map(|blocks| blocks.iter().map(|block| block.parse().unwrap()).collect::<Vec<_>>());
            assert_eq!(allowed(list.as_deref(), address.parse().unwrap()), expect, "{address} in {list:?}");
        };
        check(None, "192.0.2.7", true);
        check(Some(&[]), "192.0.2.7", false);
        check(Some(&["2001:db8::/32", "192.0.2.0/24"]), "192.0.2.7", true);
        check(Some(&["2001:db8::/32", "192.0.2.0/24"]), "192.0.3.7", false);
    }

    #[test]
    fn only_blocks_parse() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/08x",
            "10.0.0/8",
            "host/8",
            "::ffff:10.0.0.0/104",
            "fe80::1%eth0",
            " 10.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Block>(), Err(NotABlock), "{text:?}");
        }
        assert_eq!("10.0.0.0/8".parse::<Block>().unwrap().to_string(), "10.0.0.0/8");
        assert_eq!("::1".parse::<Block>().unwrap().to_string(), "::1/128");
    }

    #[test]
    fn sources_are_addresses_or_halves() {
        let check = |address: &str, expect: &str| {
            assert_eq!(Source::of(address.parse().unwrap()).to_string(), expect);
        };
        check("192.0.2.7", "192.0.2.7");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9a-f:./ ]{0,24}") {
            if let Ok(block) = text.parse::<Block>() {
                prop_assert_eq!(block.to_string().parse(), Ok(block));
                prop_assert!(block.holds(block.first));
            }
        }
    }
}
