//! The adopted vectors about addresses and URLs, every row of them.

use std::net::IpAddr;

use serde_json::Value;

use super::address::{self, Class};
use super::allowed::{Allowed, BadEntry};
use super::{Policy, Rejected};
use crate::failed::Failed;
use crate::resolve::checked;
use crate::resolve::tests::{Always, run};

const ADDRESSES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ssrf_ip.jsonl"));
const URLS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ssrf_url.jsonl"));

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// The text of a field, without the mark that keeps secret scanners calm.
fn text(value: &Value) -> String {
    value.as_str().expect("a text").replace('\u{27c2}', "")
}

#[test]
fn every_address_row() {
    for row in rows(ADDRESSES) {
        let id = text(&row["id"]);
        let address: IpAddr = text(&row["input"]["ip"]).parse().expect("an address");
        let class = address::class(address);
        let allowed = row["expect"]["verdict"] == "allow";
        assert_eq!(class == Class::Public, allowed, "{id}: {class:?}");
        // The same address is refused in a URL and as an answer for a name.
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        assert_eq!(Policy::default().check(&format!("https://{host}/")).is_ok(), allowed, "{id}");
        assert_eq!(resolved(&[address]).is_ok(), allowed, "{id}");
        if let Some(inner) = row["expect"]["embedded_v4"].as_str() {
            let Class::Wraps(wrapped) = class else { panic!("{id}: {class:?}") };
            assert!(wrapped.into_iter().flatten().any(|v4| v4.to_string() == inner), "{id}: {wrapped:?}");
        }
    }
}

#[test]
fn every_url_row() {
    for row in rows(URLS) {
        let id = text(&row["id"]);
        let input = &row["input"];
        if input.get("joined_path").is_some() {
            check_join(&id, &row);
        } else if input.get("dns").is_some() {
            check_resolved(&id, &row);
        } else if input.get("policy").is_some() {
            check_listed(&id, &row);
        } else {
            check_url(&id, &row);
        }
    }
}

fn check_url(id: &str, row: &Value) {
    let judged = Policy::default().check(&text(&row["input"]["url"]));
    let expect = &row["expect"];
    if expect["verdict"] == "allow" {
        let target = judged.unwrap_or_else(|rejected| panic!("{id}: {rejected:?}"));
        if let Some(host) = expect["canonical_host"].as_str() {
            assert_eq!(target.host(), host, "{id}");
        }
        return;
    }
    assert_eq!((&expect["verdict"], &expect["stage"]), (&"reject".into(), &"parse".into()), "{id}");
    let rejected = judged.err().unwrap_or_else(|| panic!("{id}: passed"));
    let reasons: &[Rejected] = match expect["reason"].as_str().expect("a reason") {
        "scheme" => &[Rejected::Scheme],
        "nonstandard_authority" => &[Rejected::Slashes],
        "userinfo" => &[Rejected::UserInfo],
        "backslash" => &[Rejected::Backslash],
        "control_char" | "whitespace" => &[Rejected::Character],
        "port" => &[Rejected::Port],
        "blocked_ip" => &[Rejected::Address],
        "blocked_name" => &[Rejected::Name],
        "blocked_ip_or_name" => &[Rejected::Address, Rejected::Name],
        // The URL standard reads an empty hexadecimal number as nought, and so as an address.
        "invalid_host" => &[Rejected::Host, Rejected::Address],
        other => panic!("{id}: {other}"),
    };
    assert!(reasons.contains(&rejected), "{id}: {rejected:?}");
}

/// A name that passes as a name, and is refused for what it resolves to.
fn check_resolved(id: &str, row: &Value) {
    assert_eq!(row["expect"]["stage"], "resolve", "{id}");
    let target = Policy::default().check(&text(&row["input"]["url"])).expect(id);
    let answers: Vec<IpAddr> = row["input"]["dns"][target.host()]
        .as_array()
        .expect("answers")
        .iter()
        .map(|answer| text(answer).parse().expect("an address"))
        .collect();
    assert!(matches!(resolved(&answers), Err(Failed::Refused(Rejected::Address))), "{id}");
}

fn resolved(answers: &[IpAddr]) -> Result<(), Failed> {
    let policy = Policy::default();
    let target = policy.check("https://vector.example/").expect("a permitted URL");
    run(checked(&policy, &Always(answers.to_vec()), target.origin())).map(drop)
}

/// Our list adds private endpoints and never narrows the public Internet, so these rows ask over `http`, where
/// the list alone decides. A wildcard is no entry at all, which refuses its rows as they want.
fn check_listed(id: &str, row: &Value) {
    let mut allow = Vec::new();
    for entry in row["input"]["policy"]["allow_hosts"].as_array().expect("hosts") {
        match text(entry).parse::<Allowed>() {
            Ok(entry) => allow.push(entry),
            Err(refused) => assert_eq!(refused, BadEntry::Wildcard, "{id}"),
        }
    }
    assert_eq!(allow.len(), 1, "{id}");
    let url = text(&row["input"]["url"]).replacen("https://", "http://", 1);
    let judged = Policy::new(allow).check(&url);
    assert_eq!(judged.is_ok(), row["expect"]["verdict"] == "allow", "{id}: {judged:?}");
}

fn check_join(id: &str, row: &Value) {
    let base = Policy::default().check(&text(&row["input"]["base_url"])).expect(id);
    let joined = base.join(&text(&row["input"]["joined_path"]));
    assert_eq!(joined.is_ok(), row["expect"]["verdict"] == "allow", "{id}");
    if let Ok(joined) = joined {
        assert_eq!(joined.uri().authority(), base.uri().authority(), "{id}");
        assert!(joined.uri().path().starts_with(base.uri().path()), "{id}");
    }
}
