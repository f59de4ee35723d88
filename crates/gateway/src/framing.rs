//! What is checked of a parsed head before anything else: that it can be read in one way only. What it refuses ends
//! the connection, because what follows on it cannot be trusted to be a request. It knows no path and no key.

use domain::code::Code;
use http::header::{EXPECT, UPGRADE};
use http::uri::Authority;
use http::{HeaderValue, Method, Version};

use crate::head::{Head, Sent};
use crate::refusal::Refusal;

/// Most header lines of a request.
pub(crate) const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head.
pub(crate) const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most bytes of a request's target.
const MAX_TARGET_BYTES: usize = 8 << 10;
/// The methods that are understood. TRACE would echo credentials, CONNECT would open a tunnel.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::HEAD, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE];

/// Refuses a head that is ambiguous or beyond its bounds.
pub(crate) fn check(head: &Head<'_>) -> Result<(), Refusal> {
    if head.headers.len() > MAX_HEADERS {
        return Err(Refusal::new(Code::HeadTooLarge, "The request has too many headers."));
    }
    if head.uri.path().len() + head.uri.query().map_or(0, str::len) > MAX_TARGET_BYTES {
        return Err(Refusal::new(Code::UriTooLong, "The request's path and query are too long."));
    }
    if !METHODS.contains(&head.method) {
        return Err(Refusal::new(Code::MethodNotAllowed, "This method is not understood here."));
    }
    let said = match ambiguity(head) {
        None => return Ok(()),
        Some(said) => said,
    };
    Err(Refusal::new(Code::InvalidRequest, said))
}

/// What can be read in more than one way; an empty answer is good.
fn ambiguity(head: &Head<'_>) -> Option<&'static str> {
    let one_http = head.version <= Version::HTTP_11;
    let (length, coding) = (head.content_length, head.transfer_encoding);
    if length.again || (length.first.is_some() && coding.first.is_some()) {
        return Some("The request says its length in more than one way.");
    }
    if coding.again || coding.first.is_some_and(|coding| !is(coding, "chunked")) {
        return Some("The only transfer coding that is taken is chunked.");
    }
    if one_http && (head.uri.scheme().is_some() || head.uri.authority().is_some()) {
        return Some("The request's target must be a path: this is no proxy.");
    }
    if !head.all(head.expect, EXPECT).all(|expected| is(expected, "100-continue")) {
        return Some("The only expectation that is met is 100-continue.");
    }
    // Other upgrades, such as to HTTP/2, are not taken up and harm nobody. A browser opens a WebSocket for any page.
    if head.all(head.upgrade, UPGRADE).any(asks_for_websocket) {
        return Some("There are no WebSockets here.");
    }
    let Sent { first: host, again, .. } = head.host;
    match (host, head.uri.authority()) {
        _ if again => Some("The request has more than one host header."),
        (None, None) if head.version == Version::HTTP_10 => None,
        (None, None) => Some("The request names no host."),
        (Some(host), Some(authority)) if !is(host, authority.as_str()) => {
            Some("The request names two different hosts.")
        }
        (Some(host), _) if !is_host(host.as_bytes()) => Some("The host header is not a host."),
        (None, Some(authority)) if !is_plain(authority) => Some("The request's authority is not a host."),
        _ => None,
    }
}

fn asks_for_websocket(upgrade: &HeaderValue) -> bool {
    let mut protocols = upgrade.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    protocols.any(|protocol| protocol.len() >= 9 && protocol[..9].eq_ignore_ascii_case(b"websocket"))
}

fn is(value: &HeaderValue, expected: &str) -> bool {
    value.as_bytes().eq_ignore_ascii_case(expected.as_bytes())
}

fn is_plain(authority: &Authority) -> bool {
    is_host(authority.as_str().as_bytes())
}

/// A name, an IPv4 address or a bracketed IPv6 address, with or without a port (RFC 9110 section 7.2), and nothing
/// that a rebuilt URL could turn into a path, a user or a fragment.
fn is_host(host: &[u8]) -> bool {
    let (name, port) = match host.iter().rposition(|byte| *byte == b':') {
        Some(at) if !host.ends_with(b"]") => (&host[..at], Some(&host[at + 1..])),
        _ => (host, None),
    };
    let name_holds = match name.strip_prefix(b"[") {
        Some(rest) => rest.strip_suffix(b"]").is_some_and(|address| {
            std::str::from_utf8(address).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }),
        None => {
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
        }
    };
    name_holds && port.is_none_or(is_port)
}

fn is_port(port: &[u8]) -> bool {
    let digits = port.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(port).ok().and_then(|text| text.parse::<u16>().ok());
    port.is_empty() || (digits && number.is_some_and(|number| number > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn said(version: Version, method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<Code> {
        let mut request = Request::builder().version(version).method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&Head::of(&head)).err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_host_is_a_host_and_nothing_else() {
        let check = |host: &str, expect: bool| assert_eq!(is_host(host.as_bytes()), expect, "{host}");
        for good in
            ["gate", "GATE.test", "gate.test:8080", "gate:", "127.0.0.1:1", "[::1]", "[2001:db8::1]:65535"]
        {
            check(good, true);
        }
        for bad in [
            "",
            ":80",
            "a b",
            "user@gate",
            "gate/x",
            "gate?x",
            "gate#x",
            "gate\\x",
            "gate:0",
            "gate:99999",
            "gate:+80",
            "gate:80:80",
            "::1",
            "[::1",
            "[]",
            "[gate]",
            "[::1]x",
            "gate%00",
            "gäte",
            "gate,gate",
        ] {
            check(bad, false);
        }
    }

    #[test]
    fn heads_that_can_be_read_in_two_ways_are_refused() {
        let check = |method: &str, uri: &str, headers: &[(&str, &str)], expect: Option<Code>| {
            assert_eq!(said(Version::HTTP_11, method, uri, headers), expect, "{method} {uri} {headers:?}");
        };
        let bad = Some(Code::InvalidRequest);
        let host = ("host", "gate");
        check("POST", "/v1/models", &[host], None);
        check("POST", "/v1/models", &[], bad);
        check("POST", "/v1/models", &[host, host], bad);
        check("POST", "http://gate/v1/models", &[host], bad);
        check("POST", "/", &[host, ("content-length", "5"), ("content-length", "5")], bad);
        check("POST", "/", &[host, ("content-length", "5"), ("transfer-encoding", "chunked")], bad);
        check("POST", "/", &[host, ("transfer-encoding", "gzip, chunked")], bad);
        check("POST", "/", &[host, ("transfer-encoding", "Chunked")], None);
        check("POST", "/", &[host, ("expect", "100-Continue")], None);
        check("POST", "/", &[host, ("expect", "200-ok")], bad);
        check("GET", "/", &[host, ("upgrade", "h2c")], None);
        check("GET", "/", &[host, ("upgrade", "h2c, WebSocket")], bad);
        check("GET", "/", &[host, ("upgrade", "h2c"), ("upgrade", "websocket/13")], bad);
        for method in ["TRACE", "TRACK", "CONNECT", "post", "PROPFIND"] {
            let uri = if method == "CONNECT" { "gate:80" } else { "/" };
            check(method, uri, &[host], Some(Code::MethodNotAllowed));
        }
        let long = format!("/{}", "a".repeat(MAX_TARGET_BYTES));
        check("GET", &long[1..].replacen('a', "/", 1), &[host], None);
        check("GET", &long, &[host], Some(Code::UriTooLong));
        let many: Vec<_> = std::iter::once(host).chain((0..MAX_HEADERS).map(|_| ("x-a", "1"))).collect();
        check("GET", "/", &many[..MAX_HEADERS], None);
        check("GET", "/", &many, Some(Code::HeadTooLarge));
    }

    #[test]
    fn each_version_names_its_host_in_its_own_way() {
        assert_eq!(said(Version::HTTP_10, "GET", "/", &[]), None);
        assert_eq!(said(Version::HTTP_2, "GET", "https://gate/", &[]), None);
        assert_eq!(said(Version::HTTP_2, "GET", "https://gate/", &[("host", "Gate")]), None);
        let bad = Some(Code::InvalidRequest);
        assert_eq!(said(Version::HTTP_2, "GET", "https://gate/", &[("host", "other")]), bad);
        assert_eq!(said(Version::HTTP_2, "GET", "https://user@gate/", &[]), bad);
        assert_eq!(said(Version::HTTP_2, "GET", "/", &[]), bad);
    }
}
