//! The configuration: what is written (`raw`), where it comes from (`layers`), what it means (`Config`). Raw becomes
//! checked in one step that lists every fault at once. Nothing here acts on a setting.

pub mod accounts;
mod check;
pub mod environment;
pub mod fault;
mod layers;
mod nearest;
mod overlay;
mod raw;
mod reading;
pub mod reference;
pub mod roots;
pub mod safety;
pub mod schema;
pub mod span;
pub mod transit;
mod weakness;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::address::Block;
use domain::limit::Limits;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::accounts::{Accounts, Mail};
use self::environment::Variables;
use self::fault::{Fault, Faults};
pub use live::outbox::Sync;

pub use self::check::is_inside;
pub use self::layers::{Setting, Source};
pub use self::overlay::variable_of;
pub use self::reading::named_places;
use self::reference::Reference;
use self::roots::Roots;
use self::safety::{Safety, Settled};
use self::transit::Transit;

/// The annotated default file.
pub const DEFAULT_FILE: &str = include_str!("config/default.toml");
/// Name of the configuration file inside the data folder.
pub const FILE_NAME: &str = "portcullis.toml";
/// Name of the database file inside the data folder.
pub const DATABASE_NAME: &str = "portcullis.db";

/// Where the installation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Trials: what is unsafe is warned of.
    Development,
    /// Real traffic: what is unsafe refuses to start.
    Production,
}

/// The checked configuration. Plain data; paths are absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the installation stands.
    pub environment: Environment,
    /// What production may do without.
    pub safety: Safety,
    /// Folder of the database, the journal and the key files.
    pub data_dir: PathBuf,
    /// Addresses to listen on.
    pub listen: Listen,
    /// References to the root secrets.
    pub secrets: Secrets,
    /// The proxies before the gate.
    pub proxies: gateway::Proxies,
    /// The web pages that may call from browsers, besides those that organizations list.
    pub pages: gateway::Pages,
    /// Where callers may come from; an empty list is nowhere.
    pub allowed_ips: Vec<Block>,
    /// Where callers of the admin listener may come from; an empty list is nowhere.
    pub admin_allowed_ips: Vec<Block>,
    /// How many may come through the public listener at once.
    pub capacity: gateway::Capacity,
    /// The certificate of the public listener; none for plain HTTP.
    pub tls: Option<Tls>,
    /// The certificate of the admin listener; none for plain HTTP.
    pub admin_tls: Option<Tls>,
    /// Limits of API keys without limits of their own.
    pub limits: Limits,
    /// Requests a minute of organizations without limits of their own.
    pub org_requests_per_minute: u32,
    /// Requests a minute of one person over all keys of theirs, where the organization says nothing else.
    pub user_requests_per_minute: u32,
    /// How callers without a proven key are held off.
    pub strangers: gateway::Strangers,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What may be called beyond the public internet.
    pub egress: Egress,
    /// Further attempts on one upstream before its first byte.
    pub retries_per_target: u8,
    /// The journal of calls.
    pub journal: Journal,
    /// An operator's catalogue file laid over the shipped one.
    pub catalog_file: Option<PathBuf>,
    /// Logs.
    pub log: Log,
    /// Bytes of the largest answer that is held whole.
    pub answer_max_bytes: usize,
    /// People and their logins.
    pub accounts: Accounts,
    /// The way of e-mail; none where none is sent.
    pub mail: Option<Mail>,
    /// The provider that keeps keys outside; none where the ring is all.
    pub transit: Option<Transit>,
    /// Whom to tell of a weakness; none where nobody is named.
    pub site: Option<SecurityContact>,
    /// What of the clouds is not in a connection; no setting changes it.
    pub clouds: gateway::Clouds,
}

impl Config {
    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir.join(DATABASE_NAME)
    }

    /// The folder of archives of the audit trail.
    #[must_use]
    pub fn audit_archive_dir(&self) -> PathBuf {
        self.data_dir.join("audit-archive")
    }

    /// The folder of the journal.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.data_dir.join("journal")
    }
}

/// Whom to tell of a weakness of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityContact {
    /// An address with its scheme.
    pub contact: String,
    /// Until when it holds.
    pub expires: OffsetDateTime,
}

impl SecurityContact {
    /// The text of `/.well-known/security.txt` (RFC 9116).
    #[must_use]
    pub fn text(&self) -> String {
        let expires = self.expires.format(&Rfc3339).unwrap_or_default();
        format!("Contact: {}\nExpires: {expires}\n", self.contact)
    }
}

/// Addresses to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// For applications.
    pub public: SocketAddr,
    /// For operators.
    pub admin: SocketAddr,
}

/// References to the root secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The pepper of key digests.
    pub pepper: Reference,
    /// The keys that seal provider keys, newest first.
    pub encryption_keys: Vec<Reference>,
    /// The key that signs the audit trail, and older ones that only verify.
    pub audit: Reference,
    /// The key that signs access tokens, and older ones that only verify.
    pub jwt: Reference,
    /// The secret behind what callers bring back unchanged.
    pub cursor: Reference,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting to an upstream, TLS included.
    pub connect: Duration,
    /// The first byte of its answer.
    pub first_byte: Duration,
    /// Silence within its answer.
    pub between_bytes: Duration,
    /// The whole call.
    pub whole: Duration,
    /// The head of a request.
    pub header: Duration,
    /// The body of a request.
    pub body: Duration,
    /// A caller that takes nothing of its answer.
    pub write: Duration,
    /// Silence on a stream after which a comment keeps the connection open.
    pub keep_alive: Duration,
    /// Calls still running when the gate is told to stop.
    pub drain: Duration,
}

/// The certificate of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
    /// How often they are looked at.
    pub reload: Duration,
}

/// What may be called beyond the public internet.
#[derive(Debug, Clone)]
pub struct Egress {
    /// Private endpoints that may be called.
    pub allow: Vec<egress::Allowed>,
    /// Those that organizations and people may connect to by themselves.
    pub tenant_allow: Vec<egress::Allowed>,
    /// Addresses of providers in the place of the catalogue's, by slug.
    pub provider_urls: BTreeMap<&'static str, String>,
    /// PEM files of further certificate authorities.
    pub extra_roots: Vec<PathBuf>,
}

/// The journal of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    /// When it reaches the disk.
    pub sync: Sync,
    /// Bytes of one of its files.
    pub segment_bytes: u64,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A level, or a filter in the syntax of `tracing_subscriber::EnvFilter`; it parses.
    pub level: String,
}

/// What the command line says: it wins over everything else.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Settings by path, as text.
    pub settings: Vec<(String, String)>,
}

/// A checked configuration with the origin of each value.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file it was read from, if there was one.
    pub file: Option<PathBuf>,
    /// Every setting in force by its path, and where it comes from.
    pub settings: BTreeMap<String, Setting>,
    /// What is unwise but does not stop a start in development.
    pub warnings: Vec<Fault>,
    /// What production was told to do without.
    pub overridden: Vec<Fault>,
}

impl Config {
    /// Reads the defaults, the file, the variables and the flags, and checks the result.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong, at once.
    pub fn load(flags: &Flags, variables: &Variables) -> Result<Loaded, Faults> {
        let (file, raw, settings, mut faults) = reading::read(flags, variables);
        let config = check::config(&raw, &settings, &mut faults);
        let Settled { faults, warnings, overridden } = Safety::written(&raw).settle(faults);
        match config {
            Some(config) if faults.is_empty() => Ok(Loaded { config, file, settings, warnings, overridden }),
            _ => Err(Faults(faults)),
        }
    }

    /// The configuration whatever production says to it; `None` when it is none.
    #[must_use]
    pub fn unsettled(flags: &Flags, variables: &Variables) -> Option<Self> {
        let (_, raw, settings, mut faults) = reading::read(flags, variables);
        check::config(&raw, &settings, &mut faults).filter(|_| !safety::has_hard(&faults))
    }

    /// The same, with the root secrets behind their references.
    ///
    /// # Errors
    /// [`Faults`]: everything that is wrong with settings and secrets, at once.
    pub fn load_with_roots(flags: &Flags, variables: &Variables) -> Result<(Loaded, Roots), Faults> {
        let (file, raw, settings, mut faults) = reading::read(flags, variables);
        let config = check::config(&raw, &settings, &mut faults);
        let (mail_password, transit_token) =
            (check::mail_password(&raw.mail), check::transit_token(&raw.transit));
        let roots = check::secrets(&raw, &mut Vec::new()).and_then(|secrets| {
            let place = roots::Place {
                data_dir: &check::data_dir(&raw, &settings),
                variables,
                issuer: &raw.accounts.issuer,
                mail_password: mail_password.as_ref(),
                transit_token: transit_token.as_ref(),
            };
            roots::load(&secrets, &place, &mut faults)
        });
        let Settled { faults, warnings, overridden } = Safety::written(&raw).settle(faults);
        match (config, roots) {
            (Some(config), Some(roots)) if faults.is_empty() => {
                Ok((Loaded { config, file, settings, warnings, overridden }, roots))
            }
            _ => Err(Faults(faults)),
        }
    }
}

#[cfg(test)]
mod tests;
