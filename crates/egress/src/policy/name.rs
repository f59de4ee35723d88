//! Host names: their one canonical form, and which of them are refused before any question is put to a resolver.
//! It knows no addresses.

/// The longest name and the longest label, in bytes (RFC 1035, 2.3.4).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// Suffixes that never name a public host: the special-use registry (RFC 6761, 6762, 7686, 8375, 9476) and the
/// private suffixes of RFC 6762, appendix G, and `svc`, the services of a Kubernetes cluster. `example` is left out: it is what documentation and tests call public.
const LOCAL_SUFFIXES: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
    "test",
];

/// Names under which clouds serve credentials to their machines, each refused with everything beneath it.
const METADATA_NAMES: &[&str] = &[
    "api.metadata.cloud.ibm.com",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata",
    "metadata.azure.com",
    "metadata.azure.internal",
    "metadata.goog",
    "metadata.google.internal",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.tencentyun.com",
    "rancher-metadata",
];

/// `host` as the URL parser left it (lower case, ASCII), without its root dot; `None` when it is not a host name.
pub(super) fn canonical(host: &str) -> Option<String> {
    let name = host.strip_suffix('.').unwrap_or(host);
    let valid = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.split('.').all(is_label)
        && !name.rsplit('.').next().is_some_and(is_numeric_in_any_script);
    valid.then(|| name.to_owned())
}

/// Whether `name` is one under which a cloud serves metadata. No configuration opens these.
pub(super) fn serves_metadata(name: &str) -> bool {
    METADATA_NAMES.iter().any(|known| is_or_is_under(name, known))
}

/// Whether `name` means something only on this host or network: a single label, which a resolver would complete
/// from its search list, or a special-use suffix.
pub(super) fn is_local(name: &str) -> bool {
    !name.contains('.') || LOCAL_SUFFIXES.iter().any(|suffix| is_or_is_under(name, suffix))
}

fn is_or_is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    label.len() <= MAX_LABEL_BYTES
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.is_empty()
}

/// The URL parser reads ASCII digits as an IPv4 address and knows no others; a resolver or a library further on
/// that takes digits of another script for digits would see an address where we saw a name.
fn is_numeric_in_any_script(label: &str) -> bool {
    url::quirks::domain_to_unicode(label).chars().all(char::is_numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form_or_none() {
        let check =
            |input: &str, expect: Option<&str>| assert_eq!(canonical(input).as_deref(), expect, "{input}");
        check("api.example.com.", Some("api.example.com"));
        check("a_b.example.com", Some("a_b.example.com"));
        check("a..b", None);
        check("..", None);
        check(".", None);
        check("-a.com", None);
        check("a-.com", None);
        check("a.123", None);
        check("xn--9hbcp.xn--9hb", None);
        check(&"a".repeat(64), None);
        check(&["a"; 127].join("."), Some(&["a"; 127].join(".")));
        check(&["a"; 128].join("."), None);
    }

    #[test]
    fn suffixes_end_at_a_dot() {
        for local in ["printer", "printer.local", "a.b.home.arpa", "localhost"] {
            assert!(is_local(local), "{local}");
        }
        for public in ["notlocal.example", "mylocal.com", "internal.example.com", "local.dev"] {
            assert!(!is_local(public), "{public}");
        }
        assert!(serves_metadata("x.metadata.google.internal"));
        assert!(!serves_metadata("mymetadata.azure.com"));
    }
}
