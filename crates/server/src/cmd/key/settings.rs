//! What a person says of a key to be made or registered: whose it is and what it may do.

use anyhow::{Context as _, Result, bail};
use clap::Args;
use domain::id::KeyId;
use domain::limit::Limits;
use domain::scope::Access;
use domain::time::Timestamp;
use domain::token::Prefix;
use store::keys::NewKey;
use store::projects::Project;

use crate::cmd::addresses::{self, Word};
use crate::cmd::instant;
use crate::config::span;

/// The most a key may raise its body limit to: 32 MiB.
const BODY_BYTES_AT_MOST: i64 = 32 << 20;

/// The options that `key create` and `key register` share.
#[derive(Debug, Args)]
pub struct KeySettings {
    /// What it is for
    #[arg(long, default_value = "key")]
    name: String,
    /// Its project, by name or id; may be left out when there is only one
    #[arg(long)]
    pub(super) project: Option<String>,
    /// The project's organization, by name or id
    #[arg(long)]
    pub(super) org: Option<String>,
    /// When it stops working, as a length of time such as 30d
    #[arg(long, value_name = "TIME", conflicts_with = "expires_at")]
    expires_in: Option<String>,
    /// When it stops working, as 2026-12-31 or 2026-12-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    expires_at: Option<String>,
    /// Models it may ask for, by the names a request uses [default: all]
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    models: Vec<String>,
    /// What it may be used for: chat, completions, embeddings, models [default: everything]
    #[arg(long, value_delimiter = ',', value_name = "SCOPES", value_parser = access)]
    scopes: Vec<Access>,
    /// Addresses and blocks it may be used from, such as 192.0.2.7,2001:db8::/32, or `nowhere` [default: anywhere]
    #[arg(long, value_delimiter = ',', value_name = "ADDRESSES")]
    allow_ip: Option<Vec<Word>>,
    /// Requests in any 60 seconds [default: from the configuration, as the following]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rpm: Option<u32>,
    /// Requests in any second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
    /// Requests in flight
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrent: Option<u32>,
    /// Bytes of a request body
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=BODY_BYTES_AT_MOST))]
    body_bytes: Option<u32>,
    /// Tokens in any 60 seconds, counted when a call ends [default: no such limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tpm: Option<u32>,
}

/// The key itself, as far as the installation learns of it.
pub(super) struct Proof {
    /// Its identifier.
    pub id: KeyId,
    /// The public first characters.
    pub prefix: Prefix,
    /// The peppered digest.
    pub digest: [u8; 32],
}

impl KeySettings {
    /// The key to be registered.
    ///
    /// # Errors
    /// When it would have expired already, or an instant cannot be read.
    pub(super) fn key(
        self,
        proof: Proof,
        project: &Project,
        defaults: Limits,
        now: Timestamp,
    ) -> Result<NewKey> {
        Ok(NewKey {
            id: proof.id,
            org: project.org,
            project: project.id,
            user: None,
            prefix: proof.prefix,
            digest: proof.digest,
            limits: self.limits(defaults),
            expires_at: self.expiry(now)?,
            name: self.name,
            models: self.models,
            scopes: self.scopes,
            allowed_ips: self.allow_ip.as_deref().map_or(Ok(None), addresses::list).context("--allow-ip")?,
            created_at: now,
        })
    }

    /// When the key stops working.
    ///
    /// # Errors
    /// When that is not in the future, or cannot be read.
    pub(super) fn expiry(&self, now: Timestamp) -> Result<Option<Timestamp>> {
        let at = match (&self.expires_in, &self.expires_at) {
            (None, None) => return Ok(None),
            (Some(text), _) => {
                let span = span::parse(text).context("--expires-in")?;
                now.plus_seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
            }
            (None, Some(text)) => instant::read(text).context("--expires-at")?,
        };
        if at <= now {
            bail!("the key would have expired already. Give an instant in the future");
        }
        Ok(Some(at))
    }

    fn limits(&self, defaults: Limits) -> Limits {
        Limits {
            requests_per_minute: self.rpm.unwrap_or(defaults.requests_per_minute),
            burst_per_second: self.burst.unwrap_or(defaults.burst_per_second),
            concurrent: self.concurrent.unwrap_or(defaults.concurrent),
            body_bytes: self.body_bytes.unwrap_or(defaults.body_bytes),
            tokens_per_minute: self.tpm.or(defaults.tokens_per_minute),
        }
    }
}

fn access(word: &str) -> Result<Access, String> {
    Access::parse(word).ok_or_else(|| "not one of chat, completions, embeddings, models".to_owned())
}
