//! From raw to checked: one function per section, every fault noted, none of them fatal before the end.

mod accounts;
mod edge;
mod network;
mod site;
mod transit;
mod way_out;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

pub(super) use self::accounts::mail_password;
pub(super) use self::transit::token as transit_token;
use super::fault::Fault;
use super::layers::{Setting, Source};
use super::raw::Raw;
use super::reference::Reference;
use super::safety::Safety;
use super::{
    Config, Environment, Journal, Listen, Log, LogFormat, Secrets, Sync, Timeouts, Tls, safety, span,
};

/// The least and the most of every number, inclusive.
pub(super) const BOUNDS: [(&str, u32, u32); 41] = [
    ("limits.requests_per_minute", 1, 10_000_000),
    ("limits.burst_per_second", 1, 1_000_000),
    ("limits.concurrent", 1, 1_000_000),
    ("limits.body_bytes", 1 << 10, 32 << 20),
    ("limits.org_requests_per_minute", 1, 10_000_000),
    ("limits.user_requests_per_minute", 1, 10_000_000),
    ("limits.ip_requests_per_minute", 1, 10_000_000),
    ("limits.parked_refusals", 0, 100_000),
    ("limits.admin_requests_per_minute", 1, 10_000_000),
    ("limits.login_requests_per_minute", 1, 10_000_000),
    ("network.trusted_proxies", 0, 1_000),
    ("network.allowed_origins", 0, 1_000),
    ("network.allowed_ips", 0, 1_000),
    ("network.admin_allowed_ips", 0, 1_000),
    ("network.max_connections", 1, 1_000_000),
    ("network.max_connections_per_address", 1, 1_000_000),
    ("network.max_in_flight", 1, 1_000_000),
    ("tls.reload_ms", 1, 86_400_000),
    ("admin_tls.reload_ms", 1, 86_400_000),
    ("timeouts.connect_ms", 1, 60_000),
    ("timeouts.first_byte_ms", 1, 3_600_000),
    ("timeouts.between_bytes_ms", 1, 3_600_000),
    ("timeouts.whole_ms", 1, 3_600_000),
    ("timeouts.header_ms", 1, 300_000),
    ("timeouts.body_ms", 1, 3_600_000),
    ("timeouts.write_ms", 1, 3_600_000),
    ("timeouts.keep_alive_ms", 1, 3_600_000),
    ("timeouts.drain_ms", 0, 3_600_000),
    ("retries.per_target", 0, 2),
    ("journal.segment_bytes", 1 << 16, 1 << 30),
    ("answers.max_bytes", 1 << 16, 1 << 30),
    ("egress.allow", 0, 1_000),
    ("accounts.access_token_minutes", 1, 24 * 60),
    ("accounts.refresh_token_days", 1, 365),
    ("accounts.login_days", 1, 365),
    ("accounts.login_floor_ms", 0, 5_000),
    ("accounts.password_memory_kib", 8, 1 << 20),
    ("accounts.password_passes", 1, 64),
    ("accounts.password_bcrypt_cost", 4, 14),
    ("transit.keep_seconds", 1, 3_600),
    ("transit.timeout_ms", 1, 60_000),
];
/// The rate limits among them.
const LIMITS: [&str; 6] = [
    "limits.requests_per_minute",
    "limits.org_requests_per_minute",
    "limits.user_requests_per_minute",
    "limits.ip_requests_per_minute",
    "limits.admin_requests_per_minute",
    "limits.login_requests_per_minute",
];
/// The longest interval between syncs of the journal.
const SYNC_AT_MOST: Duration = Duration::from_secs(60);

/// The checked configuration; `None` exactly when a fault was added.
pub(super) fn config(
    raw: &Raw,
    settings: &BTreeMap<String, Setting>,
    faults: &mut Vec<Fault>,
) -> Option<Config> {
    let before = faults.len();
    bounds(settings, faults);
    limits_off(settings, faults);
    let data_dir = data_dir(raw, settings);
    let environment = environment(raw, faults);
    let admin_tls = edge::tls("admin_tls", &raw.admin_tls, &data_dir, faults);
    let listen = listen(raw, admin_tls.as_ref(), faults);
    let secrets = secrets(raw, faults);
    let proxies = network::proxies(&raw.network, faults);
    let safety = Safety::new(environment.unwrap_or(Environment::Production), &raw.safety.allow, faults);
    let pages = network::pages(&raw.network, safety.unprotected_pages(), faults);
    let allowed_ips = network::allowed_ips("network.allowed_ips", &raw.network.allowed_ips, faults);
    let admins = &raw.network.admin_allowed_ips;
    let admin_allowed_ips = network::allowed_ips("network.admin_allowed_ips", admins, faults);
    let tls = edge::tls("tls", &raw.tls, &data_dir, faults);
    if let (Some(listen), Some(proxies), None) = (&listen, &proxies, &tls) {
        edge::in_the_clear(listen.public, proxies, faults);
    }
    let site = site::site(&raw.site, faults);
    let accounts = accounts::accounts(&raw.accounts, &raw.limits, faults);
    let mail = accounts::mail(&raw.mail, &data_dir, faults);
    accounts::open_to_whom(accounts.as_ref(), mail.as_ref(), faults);
    let transit = transit::transit(&raw.transit, faults);
    let strangers = network::strangers(&raw.limits, faults);
    let egress = way_out::egress(&raw.egress, &data_dir, faults);
    let journal = journal(raw, faults);
    let catalog_file = (!raw.catalog.file.is_empty()).then(|| data_dir.join(&raw.catalog.file));
    if let Some(file) = catalog_file.as_deref() {
        readable("catalog.file", file, faults);
    }
    let log = log(raw, faults);
    if safety::has_hard(&faults[before..]) {
        return None;
    }
    Some(Config {
        environment: environment?,
        safety,
        data_dir,
        listen: listen?,
        secrets: secrets?,
        proxies: proxies?,
        allowed_ips,
        admin_allowed_ips,
        pages: pages?,
        capacity: edge::capacity(&raw.network),
        tls,
        admin_tls,
        limits: limits(raw),
        org_requests_per_minute: u32::try_from(raw.limits.org_requests_per_minute).unwrap_or(u32::MAX),
        user_requests_per_minute: u32::try_from(raw.limits.user_requests_per_minute).unwrap_or(u32::MAX),
        strangers: strangers?,
        timeouts: timeouts(raw),
        egress: egress?,
        retries_per_target: u8::try_from(raw.retries.per_target).unwrap_or(0),
        journal: journal?,
        catalog_file,
        log: log?,
        answer_max_bytes: usize::try_from(raw.answers.max_bytes).unwrap_or(usize::MAX),
        accounts: accounts?,
        mail,
        transit,
        site,
        clouds: gateway::Clouds::default(),
    })
}

fn bounds(settings: &BTreeMap<String, Setting>, faults: &mut Vec<Fault>) {
    for (name, least, most) in BOUNDS {
        let Some(setting) = settings.get(name) else { continue };
        let number = match &setting.value {
            toml::Value::Array(items) => i64::try_from(items.len()).ok(),
            value => value.as_integer(),
        };
        if number.is_some_and(|number| number < i64::from(least) || number > i64::from(most)) {
            let problem = format!("the value is out of range ({})", setting.source);
            faults.push(Fault::new(name, problem, format!("Give {least} to {most}.")));
        }
    }
}

/// Finds the limits that limit nothing, which is as near as a limit can be brought to being off.
fn limits_off(settings: &BTreeMap<String, Setting>, faults: &mut Vec<Fault>) {
    for (name, _, most) in BOUNDS.iter().filter(|(name, ..)| LIMITS.contains(name)) {
        let number = settings.get(*name).and_then(|setting| setting.value.as_integer());
        if number == Some(i64::from(*most)) {
            let problem = "the limit is at its largest value, where it limits nothing";
            let fix = "Give what callers need: single keys and organizations can have more of their own.";
            faults.push(Fault::new(*name, problem, fix).of(&safety::LIMITS_OFF));
        }
    }
}

/// The data folder: relative to the configuration file when that names it, else to the working directory.
pub(super) fn data_dir(raw: &Raw, settings: &BTreeMap<String, Setting>) -> PathBuf {
    let base = match settings.get("data_dir").map(|setting| &setting.source) {
        Some(Source::File(file)) => file.parent().unwrap_or(Path::new("")),
        _ => Path::new(""),
    };
    let joined = base.join(&raw.data_dir);
    let plain: PathBuf = joined.components().collect();
    std::path::absolute(&plain).unwrap_or(plain)
}

pub(super) fn environment(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Environment> {
    match raw.environment.as_str() {
        "development" => Some(Environment::Development),
        "production" => Some(Environment::Production),
        _ => {
            let fix = "Write \"development\" or \"production\".";
            faults.push(Fault::new("environment", "there is no such environment", fix));
            None
        }
    }
}

fn listen(raw: &Raw, admin_tls: Option<&Tls>, faults: &mut Vec<Fault>) -> Option<Listen> {
    let mut address = |name: &str, text: &str| {
        let parsed = text.parse::<SocketAddr>();
        if parsed.is_err() {
            let fix = "Give address and port, such as 127.0.0.1:8080 or [::1]:8080.";
            faults.push(Fault::new(name, "this is not an address with a port", fix));
        }
        parsed.ok()
    };
    let public = address("listen.public", &raw.listen.public);
    let admin = address("listen.admin", &raw.listen.admin);
    let (public, admin) = (public?, admin?);
    if public == admin && public.port() != 0 {
        let fix = "Give each its own port.";
        faults.push(Fault::new("listen.admin", "it is the same address as listen.public", fix));
    }
    if admin_tls.is_none() && !is_inside(admin.ip()) {
        let problem = "the admin listener speaks plain HTTP and would be reachable from outside";
        let fix = "Bind it to a loopback or private address, or give it a certificate in [admin_tls].";
        faults.push(Fault::new("listen.admin", problem, fix).of(&safety::ADMIN_ADDRESS));
    }
    Some(Listen { public, admin })
}

/// Whether only this machine or its private network can reach the address.
#[must_use]
pub fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

pub(super) fn secrets(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Secrets> {
    let mut reference = |name: &str, text: &str| {
        let parsed = text.parse::<Reference>();
        if let Err(error) = &parsed {
            let fix = "Secrets are never written here: give file:PATH or env:NAME.";
            faults.push(Fault::new(name, error.to_string(), fix));
        }
        parsed.ok()
    };
    let pepper = reference("secrets.pepper", &raw.secrets.pepper);
    let audit = reference("secrets.audit", &raw.secrets.audit);
    let jwt = reference("secrets.jwt", &raw.secrets.jwt);
    let cursor = reference("secrets.cursor", &raw.secrets.cursor);
    let keys = &raw.secrets.encryption_keys;
    let parsed: Vec<Option<Reference>> =
        keys.iter().map(|text| reference("secrets.encryption_keys", text)).collect();
    if keys.is_empty() {
        let fix = "Give at least one reference, such as file:vault.key.";
        faults.push(Fault::new("secrets.encryption_keys", "no encryption key is configured", fix));
        return None;
    }
    let encryption_keys = parsed.into_iter().collect::<Option<_>>()?;
    Some(Secrets { pepper: pepper?, encryption_keys, audit: audit?, jwt: jwt?, cursor: cursor? })
}

fn limits(raw: &Raw) -> domain::limit::Limits {
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    domain::limit::Limits {
        requests_per_minute: narrow(raw.limits.requests_per_minute),
        burst_per_second: narrow(raw.limits.burst_per_second),
        concurrent: narrow(raw.limits.concurrent),
        body_bytes: narrow(raw.limits.body_bytes),
        tokens_per_minute: None,
    }
}

fn timeouts(raw: &Raw) -> Timeouts {
    let raw = &raw.timeouts;
    Timeouts {
        connect: Duration::from_millis(raw.connect_ms),
        first_byte: Duration::from_millis(raw.first_byte_ms),
        between_bytes: Duration::from_millis(raw.between_bytes_ms),
        whole: Duration::from_millis(raw.whole_ms),
        header: Duration::from_millis(raw.header_ms),
        body: Duration::from_millis(raw.body_ms),
        write: Duration::from_millis(raw.write_ms),
        keep_alive: Duration::from_millis(raw.keep_alive_ms),
        drain: Duration::from_millis(raw.drain_ms),
    }
}

fn readable(name: &str, file: &Path, faults: &mut Vec<Fault>) {
    if let Err(error) = std::fs::File::open(file) {
        let problem = format!("{} cannot be read: {error}", file.display());
        faults.push(Fault::new(name, problem, "Correct the path or its rights."));
    }
}

fn journal(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Journal> {
    let sync = match (raw.journal.sync.as_str(), span::parse(&raw.journal.sync)) {
        ("always", _) => Sync::Always,
        (_, Ok(every)) if !every.is_zero() && every <= SYNC_AT_MOST => Sync::Every(every),
        _ => {
            let fix = "Write \"always\" or a time of at most 60s, such as \"1s\" or \"250ms\".";
            faults.push(Fault::new("journal.sync", "this is no interval", fix));
            return None;
        }
    };
    Some(Journal { sync, segment_bytes: raw.journal.segment_bytes })
}

fn log(raw: &Raw, faults: &mut Vec<Fault>) -> Option<Log> {
    let format = match raw.log.format.as_str() {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => {
            faults.push(Fault::new("log.format", "there is no such format", "Write \"text\" or \"json\"."));
            None
        }
    };
    let level = raw.log.level.clone();
    // The parser of filters cuts texts that begin or end with white space in the midst of a character and panics, unless
    // every character is one byte.
    let filter = Some(&level).filter(|level| level.is_ascii() && !level.is_empty()).map(EnvFilter::try_new);
    match filter {
        Some(Ok(filter)) => {
            if filter.max_level_hint() == Some(LevelFilter::TRACE) {
                let problem = "`trace` tells every step of every request";
                let fix = "Write \"info\", or \"debug\" while something is looked for.";
                faults.push(Fault::new("log.level", problem, fix).of(&safety::TRACE_LOGS));
            }
        }
        _ => {
            let fix = "Write error, warn, info, debug or trace, or a filter such as \"info,gateway=debug\".";
            faults.push(Fault::new("log.level", "this is neither a level nor a filter", fix));
        }
    }
    Some(Log { format: format?, level })
}
