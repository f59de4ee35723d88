//! A destination that the policy has passed. Only the policy makes one, so holding a `Target` is the proof.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};

/// The two schemes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    pub(crate) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A host name in its canonical form, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Name(String),
    Address(IpAddr),
}

/// Where a URL leads, without its path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.text())?;
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A checked URL: what a request may be sent to. Cheap to clone. It prints as its origin alone, because paths and
/// queries can carry secrets.
#[derive(Clone)]
pub struct Target(Arc<Parts>);

struct Parts {
    place: Arc<Place>,
    uri: Uri,
}

/// What targets on one origin share.
struct Place {
    origin: Origin,
    /// What the `Host` header says of it.
    host: HeaderValue,
}

/// The path to add is not a plain relative path below the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path must be relative, without empty, `.` or `..` segments, query, fragment or encoded separators"
)]
pub struct BadPath;

impl Target {
    /// `None` when the path or the query is no legal request target.
    pub(crate) fn new(origin: Origin, path: &str, query: Option<&str>) -> Option<Self> {
        let mut text = format!("{origin}{path}");
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        let uri = Uri::try_from(text).ok()?;
        let host = HeaderValue::from_str(uri.authority()?.as_str()).ok()?;
        Some(Self::at(Arc::new(Place { origin, host }), uri))
    }

    fn at(place: Arc<Place>, uri: Uri) -> Self {
        Self(Arc::new(Parts { place, uri }))
    }

    /// The whole URL in its canonical form.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The host: a lower-case ASCII name without its root dot, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.origin().host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    /// The port that is connected to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.origin().port
    }

    /// The target one relative path further down, on the same origin and with the same query. `path` is one or
    /// more non-empty segments without a leading slash; percent-encode a foreign name as one segment first. A slash within
    /// a name, which Amazon's have, may be encoded as `%2F`: the parts on both its sides are judged like segments.
    ///
    /// # Errors
    /// When the path could leave the base: `..` in any spelling, an absolute path, a URL, a query.
    pub fn join(&self, path: &str) -> Result<Self, BadPath> {
        // Whoever decodes it sees segments, so they are held to the same rules.
        if !path.split('/').flat_map(|segment| segment.split("%2F")).all(is_plain_segment) {
            return Err(BadPath);
        }
        let base = self.uri().path().trim_end_matches('/');
        let text = match self.uri().query() {
            Some(query) => format!("{base}/{path}?{query}"),
            None => format!("{base}/{path}"),
        };
        let mut parts = self.uri().clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| BadPath)?);
        let uri = Uri::from_parts(parts).map_err(|_| BadPath)?;
        Ok(Self::at(Arc::clone(&self.0.place), uri))
    }

    /// The same target with one more member of the query, `name=value` of letters, digits and `-._~`; the name of one of
    /// several values may end in `%5B%5D`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn asking(&self, member: &str) -> Result<Self, BadPath> {
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        let name_of = |name: &str| plain(name.strip_suffix("%5B%5D").unwrap_or(name));
        if !member.split_once('=').is_some_and(|(name, value)| name_of(name) && plain(value)) {
            return Err(BadPath);
        }
        let text = match self.uri().query() {
            Some(query) => format!("{}?{query}&{member}", self.uri().path()),
            None => format!("{}?{member}", self.uri().path()),
        };
        let mut parts = self.uri().clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(text).map_err(|_| BadPath)?);
        let uri = Uri::from_parts(parts).map_err(|_| BadPath)?;
        Ok(Self::at(Arc::clone(&self.0.place), uri))
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.place.origin
    }

    /// The value of the `Host` header.
    pub(crate) fn host_header(&self) -> HeaderValue {
        self.0.place.host.clone()
    }

    /// Path and query alone: the form in which an HTTP/1.1 server is asked (RFC 9112, 3.2.1).
    pub(crate) fn origin_form(&self) -> Uri {
        self.uri().path_and_query().cloned().map_or_else(Uri::default, Uri::from)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.origin())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin().fmt(f)
    }
}

/// A segment of RFC 3986 `pchar`s that stays one segment, however often a server decodes it.
fn is_plain_segment(segment: &str) -> bool {
    if segment.is_empty() || segment == "." || segment == ".." {
        return false;
    }
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'%' => matches!(
                (bytes.next().and_then(hex), bytes.next().and_then(hex)),
                (Some(high), Some(low)) if stays_data(high * 16 + low)
            ),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b';' => true,
            b'=' | b':' | b'@' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !plain {
            return false;
        }
    }
    true
}

/// Whether an encoded byte is only data once decoded: no separator, no dot, no second encoding, no control.
fn stays_data(byte: u8) -> bool {
    !matches!(byte, b'/' | b'\\' | b'.' | b'%') && !byte.is_ascii_control()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Policy;

    fn target(url: &str) -> Target {
        Policy::default().check(url).expect("a permitted URL")
    }

    fn check(base: &str, path: &str, expect: Option<&str>) {
        let joined = target(base).join(path).map(|target| target.uri().to_string());
        assert_eq!(joined.ok().as_deref(), expect, "{base} + {path}");
    }

    #[test]
    fn a_path_is_added_below_the_base() {
        check("https://example.com", "v1/models", Some("https://example.com/v1/models"));
        check("https://example.com/v1", "chat/completions", Some("https://example.com/v1/chat/completions"));
        check("https://example.com/v1/", "chat/completions", Some("https://example.com/v1/chat/completions"));
        check(
            "https://example.com/v1?api-version=2",
            "models",
            Some("https://example.com/v1/models?api-version=2"),
        );
        check(
            "https://example.com/v1",
            "models/a:generate",
            Some("https://example.com/v1/models/a:generate"),
        );
        check("https://example.com/v1", "a%20b", Some("https://example.com/v1/a%20b"));
        check("https://example.com/v1", "arn%3Aa%2Fb/c", Some("https://example.com/v1/arn%3Aa%2Fb/c"));
    }

    #[test]
    fn a_query_is_added_to() {
        let check = |base: &str, member: &str, expect: Option<&str>| {
            let asking = target(base).asking(member).map(|target| target.uri().to_string());
            assert_eq!(asking.ok().as_deref(), expect, "{base} {member}");
        };
        check("https://example.com/a", "alt=sse", Some("https://example.com/a?alt=sse"));
        check("https://example.com/a?v=1", "alt=sse", Some("https://example.com/a?v=1&alt=sse"));
        for member in ["alt", "=sse", "alt=", "a=b&c=d", "a=b#c", "a=%41", "a=b c", "a=b=c"] {
            check("https://example.com/a", member, None);
        }
    }

    #[test]
    fn a_path_that_could_leave_the_base_is_refused() {
        for path in
            ["", "/admin", "a//b", "a/", ".", "../x", "a/..", "%2e%2E/x", "a%2fb", "a%5cb", "a%252e", "a%0"]
                .into_iter()
                .chain([
                    "%2F",
                    "%2Fa",
                    "a%2F",
                    "a%2F%2Fb",
                    "..%2Fx",
                    "a%2F..",
                    "a%2F.%2Fb",
                    "a/..%2Fb",
                    "a%252F",
                ])
        {
            check("https://example.com/v1", path, None);
        }
        for path in
            ["a?b", "a#b", "a\\b", "a b", "a\u{e9}", "https://evil.example/x", "//evil.example", "a%0ab"]
        {
            check("https://example.com/v1", path, None);
        }
    }

    #[test]
    fn it_prints_without_path_and_query() {
        let target = target("https://example.com/hook/SECRET?key=SECRET");
        assert_eq!(format!("{target} {target:?}"), "https://example.com Target(https://example.com)");
    }

    proptest! {
        #[test]
        fn whatever_is_joined_stays_below(path in prop_oneof![any::<String>(), "[a-z./%2eEfF\\\\?#:@]{0,16}"]) {
            let base = target("https://example.com/v1");
            if let Ok(joined) = base.join(&path) {
                prop_assert_eq!(joined.uri().authority(), base.uri().authority());
                let again = url::Url::parse(&joined.uri().to_string()).expect("a URL");
                prop_assert!(again.path().starts_with("/v1/"));
                prop_assert_eq!(again.path(), joined.uri().path());
            }
        }
    }
}
