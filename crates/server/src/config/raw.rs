//! The settings as they are written: texts and numbers, nothing decided. It knows shapes and defaults only; what a
//! value may be is the business of `check`.

mod accounts;
mod transit;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use accounts::{Accounts, Mail};
pub use transit::Transit;

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "Portcullis configuration")]
pub struct Raw {
    /// `development` or `production`.
    pub environment: String,
    /// Folder of the database, the journal and the key files.
    pub data_dir: String,
    /// Addresses to listen on.
    pub listen: Listen,
    /// References to the root secrets.
    pub secrets: Secrets,
    /// What is before the gate, and how many may come through it at once.
    pub network: Network,
    /// The certificate of the public listener.
    pub tls: Tls,
    /// The certificate of the admin listener.
    pub admin_tls: Tls,
    /// Limits of API keys without limits of their own, of organizations and of callers without a key.
    pub limits: Limits,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What may be called beyond the public internet.
    pub egress: Egress,
    /// Attempts after the first.
    pub retries: Retries,
    /// The journal of calls.
    pub journal: Journal,
    /// Models and prices.
    pub catalog: Catalog,
    /// Logs.
    pub log: Log,
    /// Answers that are held whole.
    pub answers: Answers,
    /// People and their logins.
    pub accounts: Accounts,
    /// The way of e-mail.
    pub mail: Mail,
    /// The provider that keeps keys outside.
    pub transit: Transit,
    /// Who runs the installation.
    pub site: Site,
    /// What production may do without.
    pub safety: Safety,
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Address and port for applications.
    pub public: String,
    /// Address and port for operators.
    pub admin: String,
}

/// `[secrets]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// `file:PATH` or `env:NAME` of the pepper.
    pub pepper: String,
    /// `file:PATH` or `env:NAME` of each encryption key, newest first.
    pub encryption_keys: Vec<String>,
    /// `file:PATH` or `env:NAME` of the key that signs the audit trail; older keys may follow it and only verify.
    pub audit: String,
    /// `file:PATH` or `env:NAME` of the key that signs access tokens; older keys may follow it and only verify.
    pub jwt: String,
    /// `file:PATH` or `env:NAME` of the secret behind what callers bring back unchanged, such as the cursors of lists.
    pub cursor: String,
}

/// `[network]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Addresses and blocks of the proxies whose word on the caller's address is believed.
    pub trusted_proxies: Vec<String>,
    /// The header in which they name it: `x-forwarded-for` or `forwarded`.
    pub forwarded_header: String,
    /// Origins of the web pages that may call any organization from browsers.
    pub allowed_origins: Vec<String>,
    /// Addresses and blocks that callers may come from; an empty list is nowhere.
    pub allowed_ips: Vec<String>,
    /// Addresses and blocks that callers of the admin listener may come from; an empty list is nowhere.
    pub admin_allowed_ips: Vec<String>,
    /// Connections at once.
    pub max_connections: u64,
    /// Connections at once from one address.
    pub max_connections_per_address: u64,
    /// Requests at once.
    pub max_in_flight: u64,
}

/// `[tls]` and `[admin_tls]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate chain; empty for plain HTTP.
    pub certificate: String,
    /// PEM file of its private key.
    pub key: String,
    /// How often the files are looked at.
    pub reload_ms: u64,
}

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests in any 60 seconds.
    pub requests_per_minute: u64,
    /// Requests in any second.
    pub burst_per_second: u64,
    /// Requests in flight.
    pub concurrent: u64,
    /// Bytes of a request body.
    pub body_bytes: u64,
    /// Requests of an organization in any 60 seconds, over all of its keys.
    pub org_requests_per_minute: u64,
    /// Requests of one person in any 60 seconds, over all keys that this person made.
    pub user_requests_per_minute: u64,
    /// Counted requests of one address in any 60 seconds, before its credential is looked at.
    pub ip_requests_per_minute: u64,
    /// Which requests count: `failures` or `all`.
    pub ip_counts: String,
    /// Refusals that wait for their time at once.
    pub parked_refusals: u64,
    /// Requests of one person to the admin API in any 60 seconds.
    pub admin_requests_per_minute: u64,
    /// Attempts of one address to log in, register or reset a password in any 60 seconds.
    pub login_requests_per_minute: u64,
}

/// `[timeouts]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Connecting to an upstream, TLS included.
    pub connect_ms: u64,
    /// Waiting for the first byte of its answer.
    pub first_byte_ms: u64,
    /// Silence within its answer.
    pub between_bytes_ms: u64,
    /// The whole call.
    pub whole_ms: u64,
    /// Receiving the head of a request.
    pub header_ms: u64,
    /// Receiving the body of a request.
    pub body_ms: u64,
    /// A caller that takes nothing of its answer.
    pub write_ms: u64,
    /// Silence on a stream after which a comment keeps the connection open.
    pub keep_alive_ms: u64,
    /// Calls still running when the gate is told to stop.
    pub drain_ms: u64,
}

/// `[egress]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Private endpoints that may be called: host, address or network, with or without a port.
    pub allow: Vec<String>,
    /// Of those, the ones that organizations and people may connect to by themselves.
    pub tenant_allow: Vec<String>,
    /// Addresses of providers in the place of the catalogue's: `slug=URL`.
    pub provider_urls: Vec<String>,
    /// PEM files of further certificate authorities.
    pub extra_roots: Vec<String>,
}

/// `[retries]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Retries {
    /// Further attempts on one upstream.
    pub per_target: u64,
}

/// `[journal]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// `always`, or a time such as `1s`.
    pub sync: String,
    /// Bytes of one journal file.
    pub segment_bytes: u64,
}

/// `[catalog]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Catalog {
    /// A catalogue file laid over the shipped one; empty for none.
    pub file: String,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// A level, or a filter.
    pub level: String,
}

/// `[answers]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Answers {
    /// Bytes of the largest answer that is held whole.
    pub max_bytes: u64,
}

/// `[site]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// Whom to tell of a weakness: a `mailto:`, `https:` or `tel:` address; empty for nobody.
    pub security_contact: String,
    /// Until when that holds, such as `2027-06-30T00:00:00Z`.
    pub security_expires: String,
}

/// `[safety]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Safety {
    /// Checks of production safety that are overridden.
    pub allow: Vec<String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            environment: "development".to_owned(),
            data_dir: "portcullis-data".to_owned(),
            listen: Listen::default(),
            secrets: Secrets::default(),
            network: Network::default(),
            tls: Tls::default(),
            admin_tls: Tls::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            egress: Egress::default(),
            retries: Retries::default(),
            journal: Journal::default(),
            catalog: Catalog::default(),
            log: Log::default(),
            answers: Answers::default(),
            accounts: Accounts::default(),
            mail: Mail::default(),
            transit: Transit::default(),
            site: Site::default(),
            safety: Safety::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self { public: "127.0.0.1:8080".to_owned(), admin: "127.0.0.1:8081".to_owned() }
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self {
            pepper: "file:pepper.key".to_owned(),
            encryption_keys: vec!["file:vault.key".to_owned()],
            audit: "file:audit.key".to_owned(),
            jwt: "file:jwt.key".to_owned(),
            cursor: "file:cursor.key".to_owned(),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            forwarded_header: "x-forwarded-for".to_owned(),
            allowed_origins: Vec::new(),
            allowed_ips: ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec(),
            admin_allowed_ips: ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec(),
            max_connections: 10_000,
            max_connections_per_address: 1_000,
            max_in_flight: 8_192,
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { certificate: String::new(), key: String::new(), reload_ms: 30_000 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let limits = domain::limit::Limits::default();
        Self {
            requests_per_minute: u64::from(limits.requests_per_minute),
            burst_per_second: u64::from(limits.burst_per_second),
            concurrent: u64::from(limits.concurrent),
            body_bytes: u64::from(limits.body_bytes),
            org_requests_per_minute: 1_000,
            user_requests_per_minute: 300,
            ip_requests_per_minute: 60,
            ip_counts: "failures".to_owned(),
            parked_refusals: 1_000,
            admin_requests_per_minute: 120,
            login_requests_per_minute: 5,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            first_byte_ms: 60_000,
            between_bytes_ms: 120_000,
            whole_ms: 600_000,
            header_ms: 10_000,
            body_ms: 30_000,
            write_ms: 60_000,
            keep_alive_ms: 15_000,
            drain_ms: 30_000,
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            allow: vec!["127.0.0.1:11434".to_owned()],
            tenant_allow: Vec::new(),
            provider_urls: Vec::new(),
            extra_roots: Vec::new(),
        }
    }
}

impl Default for Retries {
    fn default() -> Self {
        Self { per_target: 2 }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { sync: "1s".to_owned(), segment_bytes: 16 << 20 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: "text".to_owned(), level: "info".to_owned() }
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self { max_bytes: 32 << 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotated_file_says_what_the_defaults_are() {
        let written: Raw = toml::from_str(crate::config::DEFAULT_FILE).unwrap();
        assert_eq!(written, Raw::default());
    }

    #[test]
    fn the_annotated_file_leaves_no_setting_out() {
        let written: toml::Table = toml::from_str(crate::config::DEFAULT_FILE).unwrap();
        assert_eq!(written, toml::Table::try_from(Raw::default()).unwrap());
    }
}
