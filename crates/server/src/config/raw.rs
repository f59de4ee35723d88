//! The settings as they are written: texts and numbers, nothing decided. It knows shapes and defaults only; what a
//! value may be is the business of `check`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Limits of API keys without limits of their own.
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
    /// Calls still running when the gate is told to stop.
    pub drain_ms: u64,
}

/// `[egress]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Egress {
    /// Private endpoints that may be called: host, address or network, with or without a port.
    pub allow: Vec<String>,
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

impl Default for Raw {
    fn default() -> Self {
        Self {
            environment: "development".to_owned(),
            data_dir: "portcullis-data".to_owned(),
            listen: Listen::default(),
            secrets: Secrets::default(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            egress: Egress::default(),
            retries: Retries::default(),
            journal: Journal::default(),
            catalog: Catalog::default(),
            log: Log::default(),
            answers: Answers::default(),
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
        Self { pepper: "file:pepper.key".to_owned(), encryption_keys: vec!["file:vault.key".to_owned()] }
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
            drain_ms: 30_000,
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self { allow: vec!["127.0.0.1:11434".to_owned()], extra_roots: Vec::new() }
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
