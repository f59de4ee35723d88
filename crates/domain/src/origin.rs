//! Web origins (RFC 6454) as browsers write them, and lists of them. An origin is listed or it is not: exact text,
//! no patterns, nobody, everybody. Which list counts for whom is not known here.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most characters of an origin: a scheme, the longest name of a host, a port.
pub const MAX_CHARS: usize = 8 + 253 + 6;
/// Most characters of a host's name, and of one label of it (RFC 1035 section 2.3.4).
const MAX_NAME_CHARS: usize = 253;
const MAX_LABEL_CHARS: usize = 63;

/// Scheme, host and port of a page, such as `https://app.example.com` or `http://localhost:3000`: in the one spelling
/// in which a browser sends it, so that two origins are equal exactly when their texts are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Origin(String);

/// Why a text cannot be listed as an origin.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum BadOrigin {
    /// It means every origin.
    #[error("`*` would let every page in")]
    Everybody,
    /// It is what a page without an origin sends.
    #[error("`null` is what a sandboxed page of anybody sends")]
    Nobody,
    /// It means several origins.
    #[error("a pattern is not understood")]
    Pattern,
    /// It is no origin.
    #[error("this is not an origin as a browser writes it")]
    NotAnOrigin,
}

impl BadOrigin {
    /// What to write instead.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::Everybody | Self::Nobody | Self::Pattern => "List each origin by itself.",
            Self::NotAnOrigin => {
                "Write https://HOST or https://HOST:PORT in lower case, without a path, a slash at the end or the \
                 scheme's own port."
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Origin {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody between the page's server and its browser can put words into its mouth: it came over TLS, or
    /// from the browser's own machine.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        let Some((scheme, host, _)) = split(&self.0) else { return false };
        scheme == Scheme::Https || is_loopback(host)
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        match text {
            "*" => return Err(BadOrigin::Everybody),
            "null" => return Err(BadOrigin::Nobody),
            _ if text.contains(|letter: char| "*^$()|?\\+{}".contains(letter)) => {
                return Err(BadOrigin::Pattern);
            }
            _ => {}
        }
        let (scheme, host, port) = split(text).ok_or(BadOrigin::NotAnOrigin)?;
        let port_holds = port.is_none_or(|port| is_written_port(scheme, port));
        if text.len() <= MAX_CHARS && is_written_host(host) && port_holds {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadOrigin::NotAnOrigin)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl TryFrom<String> for Origin {
    type Error = BadOrigin;

    fn try_from(text: String) -> Result<Self, BadOrigin> {
        text.parse()
    }
}

/// Origins that may. An empty list lets none in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Origin>", from = "Vec<Origin>")]
pub struct Origins(Vec<Origin>);

impl Origins {
    /// The listed origin that an `origin` header names, byte for byte.
    #[must_use]
    pub fn find(&self, sent: &[u8]) -> Option<&Origin> {
        let at = self.0.binary_search_by(|listed| listed.0.as_bytes().cmp(sent)).ok()?;
        self.0.get(at)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins, in the order of their texts.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Origin> {
        self.0.iter()
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(origins: T) -> Self {
        let sorted: BTreeSet<Origin> = origins.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

impl From<Vec<Origin>> for Origins {
    fn from(origins: Vec<Origin>) -> Self {
        origins.into_iter().collect()
    }
}

impl From<Origins> for Vec<Origin> {
    fn from(origins: Origins) -> Self {
        origins.0
    }
}

/// Scheme, host and port as written.
fn split(text: &str) -> Option<(Scheme, &str, Option<&str>)> {
    let (scheme, rest) = match text.split_once("://")? {
        ("http", rest) => (Scheme::Http, rest),
        ("https", rest) => (Scheme::Https, rest),
        _ => return None,
    };
    match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => Some((scheme, host, Some(port))),
        _ => Some((scheme, rest, None)),
    }
}

/// Whether a browser would write this port: a number without zeros before it that is not the scheme's own.
fn is_written_port(scheme: Scheme, port: &str) -> bool {
    let own = if scheme == Scheme::Https { 443 } else { 80 };
    port.parse::<u16>().is_ok_and(|number| number != 0 && number != own && number.to_string() == port)
}

/// Whether a browser would write this host: a name in lower case (punycode included), or an address in its shortest
/// form.
fn is_written_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        // Browsers write the last half of a mapped address in another way than Rust does; nobody serves pages there.
        return address
            .parse::<Ipv6Addr>()
            .is_ok_and(|parsed| parsed.to_string() == address && !address.contains('.'));
    }
    let last = host.rsplit('.').next().unwrap_or(host);
    // What ends in a number is an IPv4 address for every browser, or nothing (WHATWG URL section 3.5).
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        return host.parse::<Ipv4Addr>().is_ok_and(|parsed| parsed.to_string() == host);
    }
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        (1..=MAX_LABEL_CHARS).contains(&label.len()) && label.bytes().all(plain)
    };
    host.len() <= MAX_NAME_CHARS && host.split('.').all(is_label)
}

fn is_loopback(host: &str) -> bool {
    let unbracketed = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || unbracketed.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
