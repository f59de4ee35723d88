//! What the admin API is told of the configuration: from which pages it may be called, how often, by whose word on
//! addresses. What it answers is not known here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use control::api::{ClientOf, Settings, UnprotectedPages};
use gateway::Unprotected;
use http::HeaderMap;

use crate::config::{Config, Environment, SecurityContact};

/// The settings of the API on the admin listener at `address`.
#[must_use]
pub fn settings(config: &Config, address: SocketAddr) -> Settings {
    let origins = origins(config, address);
    let plain = origins.iter().any(|origin| origin.starts_with("http://"));
    Settings {
        caller_requests_per_minute: config.accounts.admin_requests_per_minute,
        public_requests_per_minute: config.accounts.login_requests_per_minute,
        failures_per_minute: config.strangers.requests_per_minute,
        allowed_ips: config.admin_allowed_ips.clone(),
        key_limits: config.limits,
        org_requests_per_minute: config.org_requests_per_minute,
        // A cookie for TLS alone would never come back over plain HTTP, which only development may use.
        cookies_secure: !(plain && config.environment == Environment::Development),
        unprotected_pages: match config.pages.unprotected {
            Unprotected::Allowed => UnprotectedPages::Allowed,
            Unprotected::Refused => UnprotectedPages::Refused,
        },
        origins,
        security_txt: config.site.as_ref().map(SecurityContact::text),
    }
}

/// The caller behind a connection, as the trusted proxies name it.
pub fn client_of(config: &Config) -> ClientOf {
    let proxies = config.proxies.clone();
    Arc::new(move |peer: IpAddr, headers: &HeaderMap| proxies.client(peer, headers))
}

/// Our own pages: those at the address that people are told, or else at the listener's own.
fn origins(config: &Config, address: SocketAddr) -> Vec<String> {
    match &config.accounts.admin_url {
        Some(url) => vec![origin_of(url).to_owned()],
        None => {
            let scheme = if config.admin_tls.is_some() { "https" } else { "http" };
            let by_name =
                address.ip().is_loopback().then(|| format!("{scheme}://localhost:{}", address.port()));
            [format!("{scheme}://{address}")].into_iter().chain(by_name).collect()
        }
    }
}

/// Scheme, host and port of an address, without its path.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        let check = |url: &str, expect: &str| assert_eq!(origin_of(url), expect);
        check("https://gate.example", "https://gate.example");
        check("https://gate.example:8443/admin", "https://gate.example:8443");
        check("http://127.0.0.1:8081/", "http://127.0.0.1:8081");
    }
}
