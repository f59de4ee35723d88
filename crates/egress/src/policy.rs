//! The one rule set for outbound URLs, used when a URL is saved, when it is used and when a socket is opened.
//! It knows text and addresses; it resolves nothing and connects nowhere.

mod address;
pub(crate) mod allowed;
mod name;
mod syntax;
#[cfg(test)]
mod vectors;

use std::net::{IpAddr, SocketAddr};

use url::Url;

use crate::target::{Host, Origin, Scheme, Target};
use address::Class;
use allowed::Allowed;

/// The longest URL that is read, in bytes, as it is written and in its canonical form.
const MAX_URL_BYTES: usize = 2_048;

/// Said for a refused name and for a refused address alike, so that the answer tells nobody which names exist
/// inside or what they point at.
const NOT_PERMITTED: &str = "the host is not a permitted destination; only the operator's configuration can \
                             allow a private endpoint";

/// Why a URL, or an address it led to, is refused. The texts are safe to show: they repeat nothing of the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// More than 2,048 bytes, as it is written or in its canonical form.
    #[error("the URL is longer than {MAX_URL_BYTES} bytes")]
    TooLong,
    /// White space or a control character anywhere.
    #[error("the URL holds white space or a control character")]
    Character,
    /// A backslash anywhere: parsers disagree about what it means.
    #[error("the URL holds a backslash")]
    Backslash,
    /// Not `https`, or `http` to a place that the operator has not listed.
    #[error(
        "the URL must start with https://; http:// is only for an endpoint that the configuration allows"
    )]
    Scheme,
    /// Not `scheme://host`: too few or too many slashes.
    #[error("the URL must have exactly two slashes between its scheme and its host")]
    Slashes,
    /// A user name or a password before the host.
    #[error("the URL must not carry a user name or a password")]
    UserInfo,
    /// The host is neither a host name nor an IP address.
    #[error("the URL's host is not a valid host name or IP address")]
    Host,
    /// A `#fragment`, which is never sent and so has no business here.
    #[error("the URL must not carry a fragment")]
    Fragment,
    /// A port other than 443 that the operator has not listed, or no port number at all.
    #[error("the URL's port must be 443; another port is only for an endpoint that the configuration allows")]
    Port,
    /// A name that is local, special-use or known to serve cloud metadata.
    #[error("{NOT_PERMITTED}")]
    Name,
    /// An address that is not public, in the URL itself or among the answers of the resolver.
    #[error("{NOT_PERMITTED}")]
    Address,
}

impl Rejected {
    /// The word for programs; it never changes its meaning.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Character => "character",
            Self::Backslash => "backslash",
            Self::Scheme => "scheme",
            Self::Slashes => "slashes",
            Self::UserInfo => "user_info",
            Self::Host => "host",
            Self::Fragment => "fragment",
            Self::Port => "port",
            Self::Name => "name",
            Self::Address => "address",
        }
    }
}

/// An address and port that the policy admitted. The dialler takes nothing else, so an unchecked address cannot
/// be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked(SocketAddr);

impl Checked {
    pub(crate) const fn socket(self) -> SocketAddr {
        self.0
    }
}

/// Which outbound URLs are permitted: public hosts over `https` on port 443, and what the operator listed.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allow: Vec<Allowed>,
}

impl Policy {
    /// A policy that permits `allow` beside the public Internet.
    #[must_use]
    pub const fn new(allow: Vec<Allowed>) -> Self {
        Self { allow }
    }

    /// Reads `url` once and judges its scheme, host and port. A host name is judged as a name here; what it
    /// resolves to is judged when the socket is opened.
    ///
    /// # Errors
    /// The first rule that the URL breaks.
    pub fn check(&self, url: &str) -> Result<Target, Rejected> {
        if url.len() > MAX_URL_BYTES {
            return Err(Rejected::TooLong);
        }
        syntax::refuse_ambiguity(url)?;
        let url = Url::parse(url).map_err(|_| Rejected::Host)?;
        // Percent-encoding and punycode make it longer; what is passed must pass again when it is read back.
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(Rejected::TooLong);
        }
        if url.fragment().is_some() {
            return Err(Rejected::Fragment);
        }
        let origin = self.origin(&url)?;
        Target::new(origin, url.path(), url.query()).ok_or(Rejected::Host)
    }

    /// Judges one answer of the resolver for `origin`.
    pub(crate) fn admit(&self, origin: &Origin, address: IpAddr) -> Option<Checked> {
        self.admits(origin, address).then(|| Checked(SocketAddr::new(address, origin.port)))
    }

    /// Whether the operator listed `origin` by its host name.
    pub(crate) fn lists_name(&self, origin: &Origin) -> bool {
        match &origin.host {
            Host::Name(name) => self.allow.iter().any(|entry| entry.names(name, origin.scheme, origin.port)),
            Host::Address(_) => false,
        }
    }

    fn origin(&self, url: &Url) -> Result<Origin, Rejected> {
        let scheme = Scheme::read(url.scheme()).ok_or(Rejected::Scheme)?;
        let host = match url.host().ok_or(Rejected::Host)? {
            url::Host::Domain(text) => Host::Name(name::canonical(text).ok_or(Rejected::Host)?),
            url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address)),
        };
        let port = url.port().unwrap_or_else(|| scheme.default_port());
        let origin = Origin { scheme, host, port };
        let listed = match &origin.host {
            Host::Name(_) => self.lists_name(&origin),
            Host::Address(address) => self.lists_address(&origin, *address),
        };
        if !listed && scheme == Scheme::Http {
            return Err(Rejected::Scheme);
        }
        if !listed && port != scheme.default_port() {
            return Err(Rejected::Port);
        }
        match &origin.host {
            Host::Name(name) if name::serves_metadata(name) => Err(Rejected::Name),
            Host::Name(name) if !listed && name::is_local(name) => Err(Rejected::Name),
            Host::Address(address) if !self.admits(&origin, *address) => Err(Rejected::Address),
            Host::Name(_) | Host::Address(_) => Ok(origin),
        }
    }

    /// The address rule. A name that the operator listed opens private addresses for itself alone; a listed
    /// network opens them for every way of reaching that very address and port.
    fn admits(&self, origin: &Origin, address: IpAddr) -> bool {
        let listed = || self.lists_name(origin) || self.lists_address(origin, address);
        match address::class(address) {
            Class::Public => true,
            Class::Special => listed(),
            Class::Guarded => {
                self.allow.iter().any(|entry| entry.is_exactly(address, origin.scheme, origin.port))
            }
            Class::Never => false,
            // The listing opens the wrapping; what is wrapped must be permitted in its own right as well.
            Class::Wraps(inner) => {
                listed() && inner.into_iter().flatten().all(|v4| self.admits(origin, IpAddr::V4(v4)))
            }
        }
    }

    fn lists_address(&self, origin: &Origin, address: IpAddr) -> bool {
        self.allow.iter().any(|entry| entry.contains(address, origin.scheme, origin.port))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(allow: &[&str]) -> Policy {
        Policy::new(allow.iter().map(|text| text.parse().expect("a valid entry")).collect())
    }

    fn check(allow: &[&str], url: &str, expect: Result<&str, Rejected>) {
        let judged = policy(allow).check(url).map(|target| target.uri().to_string());
        assert_eq!(judged.as_deref().map_err(|refused| *refused), expect, "{url} with {allow:?}");
    }

    #[test]
    fn urls_reach_one_canonical_form() {
        check(&[], "HTTPS://API.Example.COM.:0443/v1", Ok("https://api.example.com/v1"));
        check(&[], "https://api.example.com/a/../b?x=1", Ok("https://api.example.com/b?x=1"));
        check(&[], "https://b\u{fc}cher.example", Ok("https://xn--bcher-kva.example/"));
        check(&[], "https://134744072/", Ok("https://8.8.8.8/"));
        check(&[], "https://[2606:4700:4700:0::1111]/", Ok("https://[2606:4700:4700::1111]/"));
    }

    #[test]
    fn text_that_two_parsers_could_read_differently_is_refused() {
        check(&[], &format!("https://example.com/{}", "a".repeat(MAX_URL_BYTES)), Err(Rejected::TooLong));
        check(
            &[],
            &format!("https://example.com/{}", "\u{e9}".repeat(MAX_URL_BYTES / 3)),
            Err(Rejected::TooLong),
        );
        check(&[], "https://example.com/a b", Err(Rejected::Character));
        check(&[], "https://example.com\u{2003}/", Err(Rejected::Character));
        check(&[], "https://example.com/#@10.0.0.1", Err(Rejected::Fragment));
        check(&[], "https://@example.com/", Err(Rejected::UserInfo));
        check(&[], "https://example.com:65536/", Err(Rejected::Port));
        check(&[], "https://example.com:4 43/", Err(Rejected::Character));
        check(&[], "https://exam_ple-.com/", Err(Rejected::Host));
        check(&[], "https://a..b/", Err(Rejected::Host));
        check(&[], "https://?x", Err(Rejected::Host));
        check(&[], "", Err(Rejected::Scheme));
    }

    #[test]
    fn a_listed_endpoint_opens_itself_and_nothing_beside_it() {
        let allow = ["127.0.0.1:11434", "10.1.0.0/16:*", "model-server:8000", "llm.internal"];
        for open in [
            "http://127.0.0.1:11434/v1",
            "https://127.0.0.1:11434/v1",
            "http://10.1.2.3:8080/",
            "http://model-server:8000/v1",
            "https://llm.internal/v1",
            "http://llm.internal/v1",
        ] {
            check(&allow, open, Ok(open));
        }
        check(&allow, "http://127.0.0.1:11435/v1", Err(Rejected::Scheme));
        check(&allow, "https://127.0.0.1:11435/v1", Err(Rejected::Port));
        check(&allow, "https://127.0.0.1/", Err(Rejected::Address));
        check(&allow, "https://10.2.0.1/", Err(Rejected::Address));
        check(&allow, "http://localhost:11434/", Err(Rejected::Scheme));
        check(&allow, "https://model-server/", Err(Rejected::Name));
        check(&allow, "https://model-server.:8001/", Err(Rejected::Port));
        check(&allow, "https://x.llm.internal/", Err(Rejected::Name));
        check(&allow, "https://llm.internal:444/", Err(Rejected::Port));
    }

    #[test]
    fn metadata_stays_shut_under_a_wide_network() {
        let wide = ["0.0.0.0/0:*", "[::/0]:*"];
        check(&wide, "http://192.168.1.1:9000/", Ok("http://192.168.1.1:9000/"));
        for shut in [
            "http://169.254.169.254/",
            "http://169.254.170.2/",
            "http://168.63.129.16/",
            "http://100.100.100.200/",
            "http://192.0.0.192/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://224.0.0.1/",
        ] {
            check(&wide, shut, Err(Rejected::Address));
        }
        check(&["169.254.169.254"], "http://169.254.169.254/", Ok("http://169.254.169.254/"));
        check(&["169.254.169.0/24"], "http://169.254.169.254/", Err(Rejected::Address));
    }

    #[test]
    fn a_listed_wrapping_carries_only_what_is_permitted_by_itself() {
        let nat64 = ["64:ff9b::/96"];
        check(&nat64, "https://[64:ff9b::808:808]/", Ok("https://[64:ff9b::808:808]/"));
        check(&nat64, "https://[64:ff9b::a00:1]/", Err(Rejected::Address));
        check(&["64:ff9b::/96", "10.0.0.1"], "https://[64:ff9b::a00:1]/", Ok("https://[64:ff9b::a00:1]/"));
        // Teredo wraps a server and a client: one that is permitted does not vouch for the other.
        let teredo = ["2001::/32"];
        let both_public = "https://[2001:0:808:808::f7f7:f7f7]/";
        check(&teredo, both_public, Ok(both_public));
        check(&teredo, "https://[2001:0:808:808::80ff:fffe]/", Err(Rejected::Address));
        check(&teredo, "https://[2001:0:7f00:1::f7f7:f7f7]/", Err(Rejected::Address));
    }

    #[test]
    fn a_refused_name_and_a_refused_address_read_the_same() {
        assert_eq!(Rejected::Name.to_string(), Rejected::Address.to_string());
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_what_passes_is_https_to_443(
            text in prop_oneof![
                any::<String>(),
                "https?:/{0,3}[a-z0-9.:@%\\[\\]x\u{ff10}-\u{ff19}-]{0,24}(/[a-z?#\\\\]{0,8})?",
                "https://(0x)?[0-9a-f]{1,10}(\\.[0-9x]{1,4}){0,3}/",
                "https://example\\.com/\u{e9}{330,350}",
            ],
        ) {
            if let Ok(target) = Policy::default().check(&text) {
                let uri = target.uri();
                prop_assert_eq!(uri.scheme_str(), Some("https"));
                prop_assert_eq!(uri.port_u16(), None);
                if let Ok(address) = target.host().parse::<IpAddr>() {
                    prop_assert_eq!(address::class(address), Class::Public);
                }
                // The form that is used is a fixed point: judging it again changes nothing.
                let again = Policy::default().check(&uri.to_string());
                prop_assert_eq!(again.map(|target| target.uri().clone()), Ok(uri.clone()));
            }
        }
    }
}
