//! One entry of the operator's list of permitted private endpoints, and its text form. It knows no addresses by
//! heart; what an entry may open is decided by the policy.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::address::{self, Class};
use super::name;
use crate::target::Scheme;

/// A place that the operator permits: `host`, `address` or `network/prefix`, each with an optional `:port` or
/// `:*`. Without a port it means the scheme's own: 80 for `http`, 443 for `https`. IPv6 with a port is written in
/// brackets. It permits plain `http` and private addresses for exactly that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    place: Place,
    ports: Ports,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Name(String),
    Network(IpNet),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ports {
    OfTheScheme,
    One(u16),
    Any,
}

/// Why an entry cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// A URL, or something with a path.
    #[error("write `host:port`, not a URL: no scheme, user or path")]
    Url,
    /// A wildcard: an entry opens one place, so that a new name under a domain opens nothing by itself.
    #[error("a wildcard cannot be allowed: list each host name")]
    Wildcard,
    /// The port is not a number from 1 to 65535 and not `*`.
    #[error("the port must be a number from 1 to 65535, or `*` for any")]
    Port,
    /// IPv6 with a port, without brackets.
    #[error("write IPv6 with a port in brackets: `[fd00::1]:8000`")]
    Brackets,
    /// Not a network: bad prefix length, or address bits beyond the prefix.
    #[error("write a network as its first address and a prefix length: `10.0.0.0/8`")]
    Network,
    /// A number in place of a name, in a form other than the usual one.
    #[error("write an IPv4 address as four decimal numbers: `127.0.0.1`")]
    Address,
    /// The host is not a name.
    #[error("the host is not a valid host name, address or network")]
    Host,
    /// Unspecified, multicast or reserved.
    #[error("the address is unspecified, multicast or reserved: nothing can be reached there")]
    NotADestination,
    /// The name of a cloud's metadata service.
    #[error("the name of a cloud metadata service cannot be allowed")]
    Metadata,
}

impl Allowed {
    /// Whether this entry lists host name `name`, in its canonical form.
    pub(super) fn names(&self, name: &str, scheme: Scheme, port: u16) -> bool {
        matches!(&self.place, Place::Name(own) if own == name) && self.opens(scheme, port)
    }

    /// Whether this entry's network holds `address`.
    pub(super) fn contains(&self, address: IpAddr, scheme: Scheme, port: u16) -> bool {
        matches!(&self.place, Place::Network(net) if net.contains(&address)) && self.opens(scheme, port)
    }

    /// Whether this entry lists `address` alone.
    pub(super) fn is_exactly(&self, address: IpAddr, scheme: Scheme, port: u16) -> bool {
        matches!(&self.place, Place::Network(net) if *net == IpNet::from(address)) && self.opens(scheme, port)
    }

    fn opens(&self, scheme: Scheme, port: u16) -> bool {
        match self.ports {
            Ports::OfTheScheme => port == scheme.default_port(),
            Ports::One(own) => own == port,
            Ports::Any => true,
        }
    }
}

impl FromStr for Allowed {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        if text.contains("//") || text.contains(['@', '?', '#', '\\']) {
            return Err(BadEntry::Url);
        }
        let (place, ports) = split(text)?;
        Ok(Self { place: read_place(place)?, ports: read_ports(ports)? })
    }
}

/// The place and the text after its colon.
fn split(text: &str) -> Result<(&str, Option<&str>), BadEntry> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let (inside, after) = bracketed.split_once(']').ok_or(BadEntry::Host)?;
        if !inside.contains(':') {
            return Err(BadEntry::Host);
        }
        return match after.strip_prefix(':') {
            None if after.is_empty() => Ok((inside, None)),
            None => Err(BadEntry::Host),
            Some(port) => Ok((inside, Some(port))),
        };
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((place, port)) if !port.contains(':') => Ok((place, Some(port))),
        // More than one colon: IPv6. It is only whole when all of it is an address or a network.
        Some(_) if read_network(text).is_some() => Ok((text, None)),
        Some(_) => Err(BadEntry::Brackets),
    }
}

fn read_network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn read_place(text: &str) -> Result<Place, BadEntry> {
    if let Some(net) = read_network(text) {
        if net.addr() != net.network() {
            return Err(BadEntry::Network);
        }
        let single = net.prefix_len() == net.max_prefix_len();
        if single && address::class(net.addr()) == Class::Never {
            return Err(BadEntry::NotADestination);
        }
        return Ok(Place::Network(net));
    }
    if let Some((before, _)) = text.split_once('/') {
        return Err(if before.parse::<IpAddr>().is_ok() { BadEntry::Network } else { BadEntry::Url });
    }
    if text.contains('*') {
        return Err(BadEntry::Wildcard);
    }
    match url::Host::parse(text).map_err(|_| BadEntry::Host)? {
        url::Host::Domain(host) => {
            let name = name::canonical(&host).ok_or(BadEntry::Host)?;
            if name::serves_metadata(&name) { Err(BadEntry::Metadata) } else { Ok(Place::Name(name)) }
        }
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => Err(BadEntry::Address),
    }
}

fn read_ports(text: Option<&str>) -> Result<Ports, BadEntry> {
    match text {
        None => Ok(Ports::OfTheScheme),
        Some("*") => Ok(Ports::Any),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(0) | Err(_) => Err(BadEntry::Port),
            Ok(port) => Ok(Ports::One(port)),
        },
        Some(_) => Err(BadEntry::Port),
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed =
            matches!(&self.place, Place::Network(IpNet::V6(_))) && self.ports != Ports::OfTheScheme;
        if bracketed {
            f.write_str("[")?;
        }
        match &self.place {
            Place::Name(name) => f.write_str(name)?,
            Place::Network(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr())?,
            Place::Network(net) => write!(f, "{net}")?,
        }
        if bracketed {
            f.write_str("]")?;
        }
        match self.ports {
            Ports::OfTheScheme => Ok(()),
            Ports::One(port) => write!(f, ":{port}"),
            Ports::Any => f.write_str(":*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expect: Result<&str, BadEntry>) {
        let read = input.parse::<Allowed>().map(|entry| entry.to_string());
        assert_eq!(read.as_deref().map_err(|refused| *refused), expect, "{input}");
    }

    #[test]
    fn entries_read_and_print() {
        check("localhost:11434", Ok("localhost:11434"));
        check("LLM.Corp.:8000", Ok("llm.corp:8000"));
        check("127.0.0.1", Ok("127.0.0.1"));
        check("127.0.0.1/32:8080", Ok("127.0.0.1:8080"));
        check("10.0.0.0/8", Ok("10.0.0.0/8"));
        check("10.0.0.0/8:*", Ok("10.0.0.0/8:*"));
        check("fd00::1", Ok("fd00::1"));
        check("fd00::/8", Ok("fd00::/8"));
        check("[fd00::1]", Ok("fd00::1"));
        check("[fd00::/8]:8000", Ok("[fd00::/8]:8000"));
        check("0.0.0.0/0", Ok("0.0.0.0/0"));
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        check("http://localhost:11434", Err(BadEntry::Url));
        check("localhost/v1", Err(BadEntry::Url));
        check("me@localhost", Err(BadEntry::Url));
        check("*.corp.example", Err(BadEntry::Wildcard));
        check("localhost:0", Err(BadEntry::Port));
        check("localhost:http", Err(BadEntry::Port));
        check("localhost:", Err(BadEntry::Port));
        check("localhost:65536", Err(BadEntry::Port));
        check("fd00::1:8000:x", Err(BadEntry::Brackets));
        check("10.0.0.1/8", Err(BadEntry::Network));
        check("10.0.0.0/33", Err(BadEntry::Network));
        check("127.1", Err(BadEntry::Address));
        check("0x7f000001:80", Err(BadEntry::Address));
        check("", Err(BadEntry::Host));
        check("a b", Err(BadEntry::Host));
        check("[localhost]", Err(BadEntry::Host));
        check("[::1", Err(BadEntry::Host));
        check("0.0.0.0:8080", Err(BadEntry::NotADestination));
        check("ff02::1", Err(BadEntry::NotADestination));
        check("metadata.google.internal", Err(BadEntry::Metadata));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_what_prints_reads_back(
            text in prop_oneof![any::<String>(), "[a-f0-9.:/*\\[\\]]{0,20}", "[a-z.]{1,10}(:[0-9]{1,5})?"],
        ) {
            if let Ok(entry) = text.parse::<Allowed>() {
                prop_assert_eq!(entry.to_string().parse::<Allowed>(), Ok(entry));
            }
        }
    }
}
