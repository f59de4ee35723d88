//! The policy for outbound URLs against what other readers of the same text would make of it. The first line of the
//! input is the operator's list, the last a path to join, the URL is what stands between.

#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use egress::{Allowed, Policy, Target};
use http::Uri;
use libfuzzer_sys::fuzz_target;

/// Entries that a list may have here.
const MAX_ENTRIES: usize = 8;

/// Answers only on the machine that runs it, in nearly every cloud.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (list, rest) = text.split_once('\n').unwrap_or(("", &text));
    let (url, path) = rest.rsplit_once('\n').unwrap_or((rest, "v1/models"));

    if let Some(target) = judged(&Policy::default(), url) {
        check_public(url, &target);
        check_joined(&target, path);
    }
    let entries: Vec<Allowed> = list.split(',').take(MAX_ENTRIES).filter_map(entry).collect();
    let names_metadata = list.contains(&METADATA.to_string());
    if let Some(target) = judged(&Policy::new(entries), url) {
        check_joined(&target, path);
        let address = target.host().parse::<IpAddr>().ok();
        let reached = address.is_some_and(|address| reaches(address).contains(&METADATA));
        assert!(!reached || names_metadata, "metadata is open to {target:?} with {list:?}");
    }
});

/// An entry of the list, which prints as it reads.
fn entry(text: &str) -> Option<Allowed> {
    let entry = text.parse::<Allowed>().ok()?;
    assert_eq!(entry.to_string().parse::<Allowed>().as_ref(), Ok(&entry), "{text:?}");
    Some(entry)
}

/// What the policy makes of a URL, which is a fixed point of it.
fn judged(policy: &Policy, url: &str) -> Option<Target> {
    let target = policy.check(url).ok()?;
    let uri = target.uri();
    let again = policy.check(&uri.to_string()).map(|again| again.uri().clone());
    assert_eq!(again.as_ref(), Ok(uri), "the canonical form is judged again");
    let read = url::Url::parse(&uri.to_string()).expect("the canonical form is a URL");
    let plain = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    assert_eq!(read.host_str().map(plain), Some(target.host()));
    assert_eq!(read.port_or_known_default(), Some(target.port()));
    assert_eq!(uri.host().map(plain), Some(target.host()));
    assert!(read.username().is_empty() && read.password().is_none() && read.fragment().is_none());
    assert_eq!((read.path(), read.query()), (uri.path(), uri.query()));
    Some(target)
}

/// What passes without a list is `https` to port 443 of a public host, for every reader.
fn check_public(url: &str, target: &Target) {
    assert_eq!((target.uri().scheme_str(), target.port()), (Some("https"), 443));
    let host = target.host();
    match host.parse::<IpAddr>() {
        Ok(address) => assert!(is_public(address), "{address} is not public"),
        Err(_) => {
            assert!(host.is_ascii() && host.contains('.') && host == host.to_ascii_lowercase(), "{host}");
            assert_eq!(number_address(&host), None, "{host} is an address to the C library");
        }
    }
    // A reader that takes the text as it stands finds the same host, where it finds a plain name.
    if let Ok(uri) = url.parse::<Uri>()
        && let Some(found) = uri.host()
        && found.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        && number_address(found).is_none()
        && !found.to_ascii_lowercase().contains("xn--")
    {
        assert_eq!(found.trim_end_matches('.').to_ascii_lowercase(), host);
    }
}

fn check_joined(base: &Target, path: &str) {
    let Ok(joined) = base.join(path) else { return };
    assert_eq!(joined.uri().authority(), base.uri().authority());
    assert_eq!(joined.uri().query(), base.uri().query());
    let read = url::Url::parse(&joined.uri().to_string()).expect("a joined URL is a URL");
    assert_eq!(read.path(), joined.uri().path(), "another reader moves the path");
    let below = format!("{}/", base.uri().path().trim_end_matches('/'));
    assert!(read.path().starts_with(&below) && read.path().len() > below.len(), "{path:?} leaves the base");
}

/// Ranges that are not the public Internet, by the standard library and by what it has no stable test for.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmarks = a == 198 && (b == 18 || b == 19);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast();
            !(known
                || v4.is_documentation()
                || v4.is_unspecified()
                || a == 0
                || a >= 240
                || shared
                || benchmarks)
        }
        IpAddr::V6(v6) => v6.segments()[0] >> 13 == 1 && reaches(address).is_empty() && !v6.is_multicast(),
    }
}

/// The IPv4 addresses that a packet to this address may end at.
fn reaches(address: IpAddr) -> Vec<Ipv4Addr> {
    let v6 = match address {
        IpAddr::V4(v4) => return vec![v4],
        IpAddr::V6(v6) => v6,
    };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        _ if v6 == Ipv6Addr::LOCALHOST || v6 == Ipv6Addr::UNSPECIFIED => vec![],
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => vec![v4(g, h)],
        [0x2002, ..] => vec![v4(b, c)],
        [0x2001, 0, ..] => vec![v4(c, d), v4(!g, !h)],
        _ => vec![],
    }
}

/// The address that `inet_aton` reads: one to four numbers, decimal, octal or hexadecimal, the last of which fills
/// what is left.
fn number_address(host: &str) -> Option<u32> {
    let parts: Vec<u64> =
        host.strip_suffix('.').unwrap_or(host).split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 32 - 8 * first.len();
    if room < 64 && *last >= 1 << room {
        return None;
    }
    let high = first.iter().fold(0, |sum, part| (sum << 8) | part);
    u32::try_from((high << room) | last).ok()
}

fn number(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (&lower[..], 10),
    };
    // The URL standard reads `0x` as nought.
    let digits = if digits.is_empty() && radix == 16 { "0" } else { digits };
    let legal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if legal { u64::from_str_radix(digits, radix).ok() } else { None }
}
