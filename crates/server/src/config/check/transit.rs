//! The section about the provider that keeps keys outside.

use std::time::Duration;

use control::vault_keys::transit::Settings;
use url::Url;
use vault::remote::RemoteKey;

use super::accounts::{has_userinfo, stays_inside};
use crate::config::fault::Fault;
use crate::config::reference::Reference;
use crate::config::transit::Transit;
use crate::config::{raw, safety};

/// The provider; `None` for none, and when a fault was added that stops every start.
pub(super) fn transit(raw: &raw::Transit, faults: &mut Vec<Fault>) -> Option<Transit> {
    if raw.address.is_empty() {
        if !raw.default_key.is_empty() {
            let fix = "Give transit.address as well.";
            faults.push(Fault::new("transit.default_key", "there is no provider that keeps this key", fix));
        }
        return None;
    }
    let before = faults.len();
    address(&raw.address, faults);
    let plain = |segment: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !segment.is_empty() && segment.bytes().all(fits)
    };
    if !raw.mount.split('/').all(plain) {
        let fix = "Give the path of the engine, such as \"transit\".";
        faults.push(Fault::new("transit.mount", "this is no path of an engine", fix));
    }
    if !raw.namespace.bytes().all(|byte| byte.is_ascii_graphic()) {
        let fix = "Give its path, such as \"team/gate\".";
        faults.push(Fault::new("transit.namespace", "this is no namespace", fix));
    }
    let token = token(raw);
    if token.is_none() {
        let fix = "Secrets are never written here: give file:PATH or env:NAME.";
        faults.push(Fault::new("transit.token", "it is not a reference", fix));
    }
    let default_key = (!raw.default_key.is_empty()).then(|| raw.default_key.parse::<RemoteKey>());
    if let Some(Err(error)) = &default_key {
        let fix = "Give one such as \"transit:portcullis\".";
        faults.push(Fault::new("transit.default_key", error.to_string(), fix));
    }
    if safety::has_hard(&faults[before..]) {
        return None;
    }
    Some(Transit {
        settings: Settings {
            address: raw.address.trim_end_matches('/').to_owned(),
            mount: raw.mount.clone(),
            namespace: (!raw.namespace.is_empty()).then(|| raw.namespace.clone()),
            timeout: Duration::from_millis(raw.timeout_ms),
        },
        token: token?,
        default_key: default_key.and_then(Result::ok),
        keep: Duration::from_secs(raw.keep_seconds),
    })
}

fn address(text: &str, faults: &mut Vec<Fault>) {
    let url = Url::parse(text).ok().filter(|url| {
        let bare =
            url.query().is_none() && url.fragment().is_none() && url.path() == "/" && !has_userinfo(url);
        ["http", "https"].contains(&url.scheme()) && url.has_host() && bare
    });
    match url {
        None => {
            let fix = "Give scheme, host and port, such as \"https://bao.example.org:8200\".";
            faults.push(Fault::new("transit.address", "this is no address of a key provider", fix));
        }
        Some(url) if url.scheme() == "http" && !stays_inside(&url) => {
            let problem = "data keys would cross a network of others in the clear";
            let fix = "Let the key provider speak https and write that.";
            faults.push(Fault::new("transit.address", problem, fix).of(&safety::PLAIN_KEYS));
        }
        Some(_) => {}
    }
}

/// Where the token is; `None` without a provider, and for what is no reference.
pub(in crate::config) fn token(raw: &raw::Transit) -> Option<Reference> {
    if raw.address.is_empty() { None } else { raw.token.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut raw::Transit)) -> (Option<Transit>, String) {
        let mut raw =
            raw::Transit { address: "https://bao.example.org:8200".to_owned(), ..Default::default() };
        change(&mut raw);
        let mut faults = Vec::new();
        let transit = transit(&raw, &mut faults);
        (transit, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_an_address_there_is_none() {
        let (none, faults) = checked(|raw| raw.address = String::new());
        assert!(none.is_none() && faults.is_empty(), "{faults}");
        let (none, faults) = checked(|raw| {
            raw.address = String::new();
            raw.default_key = "transit:gate".to_owned();
        });
        assert!(none.is_none() && faults.contains("no provider"), "{faults}");
    }

    #[test]
    fn the_defaults_are_those_of_the_engine() {
        let (transit, faults) = checked(|_| ());
        assert_eq!(faults, "");
        let transit = transit.unwrap();
        assert_eq!((transit.settings.mount.as_str(), transit.settings.namespace), ("transit", None));
        assert_eq!((transit.keep, transit.default_key), (Duration::from_secs(300), None));
        assert_eq!(transit.token, Reference::File("transit.token".to_owned()));
    }

    #[test]
    fn each_fault_has_its_name() {
        for (change, said) in [
            ((|raw| raw.address = "bao:8200".to_owned()) as fn(&mut raw::Transit), "transit.address"),
            (|raw| raw.address = "https://user:pw@bao:8200".to_owned(), "transit.address"),
            (|raw| raw.address = "https://bao:8200/v1".to_owned(), "transit.address"),
            (|raw| raw.mount = "a//b".to_owned(), "transit.mount"),
            (|raw| raw.mount = "../sys".to_owned(), "transit.mount"),
            (|raw| raw.namespace = "a b".to_owned(), "transit.namespace"),
            (|raw| raw.token = "s.hunter2".to_owned(), "transit.token: it is not a reference"),
            (|raw| raw.default_key = "gate".to_owned(), "transit.default_key"),
        ] {
            let (transit, faults) = checked(change);
            assert!(transit.is_none() && faults.starts_with(said), "{faults}");
            assert!(!faults.contains("hunter2") && !faults.contains("pw@"), "{faults}");
        }
    }

    #[test]
    fn plain_http_stays_at_home() {
        for (address, said) in [
            ("http://127.0.0.1:8200", ""),
            ("http://10.0.0.7:8200", ""),
            ("http://bao.example.org:8200", "`plain_keys`"),
        ] {
            let (transit, faults) = checked(|raw| raw.address = address.to_owned());
            assert!(transit.is_some() && faults.contains(said), "{faults}");
            assert_eq!(faults.is_empty(), said.is_empty(), "{faults}");
        }
    }
}
