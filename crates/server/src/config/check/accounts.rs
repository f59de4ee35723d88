//! The sections about people: accounts, logins, e-mail.

use std::path::Path;
use std::time::Duration;

use url::{Host, Url};
use vault::password::{Cost, LEAST_BCRYPT_COST, LEAST_COST, Scheme};

use super::is_inside;
use crate::config::accounts::{
    Accounts, Mail, MailAccount, MailProtection, MailServer, MailWay, Registration,
};
use crate::config::fault::Fault;
use crate::config::reference::Reference;
use crate::config::{raw, safety};

/// Most bytes of an issuer: it is in every token.
const ISSUER_BYTES: usize = 255;
/// The ways to a mail server, by the scheme of its URL, with their usual ports.
const WAYS: [(&str, MailProtection, u16); 3] = [
    ("smtps", MailProtection::Tls, 465),
    ("smtp", MailProtection::StartTls, 587),
    ("smtp+plain", MailProtection::None, 25),
];

/// Accounts and logins; `None` exactly when a fault was added that stops every start.
pub(super) fn accounts(
    raw: &raw::Accounts,
    limits: &raw::Limits,
    faults: &mut Vec<Fault>,
) -> Option<Accounts> {
    let before = faults.len();
    let registration = match raw.registration.as_str() {
        "closed" => Registration::Closed,
        "open" => Registration::Open,
        _ => {
            let fix = "Write \"closed\" or \"open\".";
            faults.push(Fault::new("accounts.registration", "there is no such registration", fix));
            Registration::Closed
        }
    };
    let issuer_fits = (1..=ISSUER_BYTES).contains(&raw.issuer.len());
    if !issuer_fits || raw.issuer.chars().any(char::is_control) {
        let fix = "Give one line of at most 255 bytes, such as \"portcullis\".";
        faults.push(Fault::new("accounts.issuer", "this cannot name who makes a token", fix));
    }
    let admin_url = admin_url(&raw.admin_url, faults);
    if raw.refresh_token_days > raw.login_days {
        let fix = "Give at most accounts.login_days.";
        faults.push(Fault::new("accounts.refresh_token_days", "it would outlive its login", fix));
    }
    let passwords = passwords(raw, faults);
    let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
    if safety::has_hard(&faults[before..]) {
        return None;
    }
    Some(Accounts {
        registration,
        issuer: raw.issuer.clone(),
        admin_url,
        access_token: Duration::from_secs(raw.access_token_minutes.saturating_mul(60)),
        refresh_token: days(raw.refresh_token_days),
        login: days(raw.login_days),
        login_floor: Duration::from_millis(raw.login_floor_ms),
        passwords: passwords?,
        admin_requests_per_minute: narrow(limits.admin_requests_per_minute),
        login_requests_per_minute: narrow(limits.login_requests_per_minute),
    })
}

/// How passwords are hashed; `None` exactly when a fault was added that stops every start.
fn passwords(raw: &raw::Accounts, faults: &mut Vec<Fault>) -> Option<Scheme> {
    let scheme = match raw.password_hash.as_str() {
        "argon2id" => Scheme::Argon2id(Cost {
            memory_kib: narrow(raw.password_memory_kib),
            passes: narrow(raw.password_passes),
        }),
        "bcrypt" => Scheme::Bcrypt { cost: narrow(raw.password_bcrypt_cost) },
        _ => {
            let fix = "Write \"argon2id\" or \"bcrypt\".";
            faults.push(Fault::new("accounts.password_hash", "passwords are not hashed by this", fix));
            return None;
        }
    };
    let cheap = match scheme {
        Scheme::Argon2id(cost) => {
            (cost.memory_kib < LEAST_COST.memory_kib || cost.passes < LEAST_COST.passes).then_some((
                "accounts.password_memory_kib",
                "Give accounts.password_memory_kib at least 19456 and accounts.password_passes at least 2.",
            ))
        }
        Scheme::Bcrypt { cost } => (cost < LEAST_BCRYPT_COST)
            .then_some(("accounts.password_bcrypt_cost", "Give accounts.password_bcrypt_cost at least 10.")),
    };
    if let Some((setting, fix)) = cheap {
        let problem = "passwords would be hashed so cheaply that whoever steals the database can guess them";
        faults.push(Fault::new(setting, problem, fix).of(&safety::CHEAP_PASSWORDS));
    }
    Some(scheme)
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn admin_url(text: &str, faults: &mut Vec<Fault>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let url = Url::parse(text).ok().filter(|url| {
        let bare = url.query().is_none() && url.fragment().is_none() && !has_userinfo(url);
        ["http", "https"].contains(&url.scheme()) && url.has_host() && bare
    });
    let Some(url) = url else {
        let fix = "Give scheme, host and perhaps a path, such as \"https://gate.example.org\".";
        faults.push(Fault::new("accounts.admin_url", "this is no address of a web page", fix));
        return None;
    };
    if url.scheme() == "http" && !stays_inside(&url) {
        let problem = "links in e-mails would lead over plain HTTP, and with them passwords";
        let fix = "Serve the admin API over https and write that.";
        faults.push(Fault::new("accounts.admin_url", problem, fix).of(&safety::PLAIN_LINKS));
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

/// The way of e-mail; `None` for none, and when a fault was added that stops every start.
pub(super) fn mail(raw: &raw::Mail, data_dir: &Path, faults: &mut Vec<Fault>) -> Option<Mail> {
    let way = match (raw.smtp_url.as_str(), raw.sink_dir.as_str()) {
        ("", "") => {
            if !(raw.username.is_empty() && raw.password.is_empty()) {
                let fix = "Give mail.smtp_url as well, or empty mail.username and mail.password.";
                faults.push(Fault::new("mail.username", "there is no mail server to log in to", fix));
            }
            return None;
        }
        (_, "") => server(raw, faults).map(MailWay::Server),
        ("", folder) => {
            let problem = "messages are put into a folder and reach nobody";
            let fix = "Give mail.smtp_url in its place.";
            faults.push(Fault::new("mail.sink_dir", problem, fix).of(&safety::MAIL_SINK));
            Some(MailWay::Folder(data_dir.join(folder)))
        }
        (_, _) => {
            let fix = "Keep mail.smtp_url, or mail.sink_dir for development.";
            faults.push(Fault::new("mail.sink_dir", "messages have one way, not two", fix));
            None
        }
    };
    let has_domain =
        raw.from.rsplit_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.len() > 1);
    if !has_domain || raw.from.chars().any(char::is_control) {
        let fix = "Write one such as \"Portcullis <gate@example.org>\".";
        faults.push(Fault::new("mail.from", "this is no sender", fix));
        return None;
    }
    Some(Mail { from: raw.from.clone(), way: way? })
}

/// Whoever makes an account proves to read its address, and that takes mail.
pub(super) fn open_to_whom(accounts: Option<&Accounts>, mail: Option<&Mail>, faults: &mut Vec<Fault>) {
    if mail.is_none() && accounts.is_some_and(|accounts| accounts.registration == Registration::Open) {
        let problem = "nobody could prove an e-mail address: there is no way of mail";
        let fix = "Give mail.smtp_url, or keep registration closed.";
        faults.push(Fault::new("accounts.registration", problem, fix));
    }
}

fn server(raw: &raw::Mail, faults: &mut Vec<Fault>) -> Option<MailServer> {
    let url = Url::parse(&raw.smtp_url).ok().filter(|url| url.has_host());
    let way = url.as_ref().and_then(|url| WAYS.iter().find(|(scheme, ..)| *scheme == url.scheme()));
    let (Some(url), Some((_, protection, port))) = (url, way) else {
        let fix = "Write smtps://host:465, smtp://host:587 or smtp+plain://host:25.";
        faults.push(Fault::new("mail.smtp_url", "this is no address of a mail server", fix));
        return None;
    };
    let bare = url.query().is_none() && url.fragment().is_none() && ["", "/"].contains(&url.path());
    if has_userinfo(&url) || !bare {
        let fix = "Give scheme, host and port alone; the account goes to mail.username and mail.password.";
        faults.push(Fault::new("mail.smtp_url", "it holds more than an address", fix));
        return None;
    }
    if *protection == MailProtection::None && !stays_inside(&url) {
        let problem = "messages with reset links would cross a network of others in the clear";
        let fix = "Write smtps:// or smtp://.";
        faults.push(Fault::new("mail.smtp_url", problem, fix).of(&safety::PLAIN_MAIL));
    }
    if *protection == MailProtection::None && !(raw.username.is_empty() && raw.password.is_empty()) {
        let fix = "Write smtps:// or smtp://, or empty mail.username and mail.password.";
        faults.push(Fault::new("mail.username", "its password would go to the server in the clear", fix));
        return None;
    }
    let account = match (raw.username.as_str(), mail_password(raw)) {
        ("", None) if raw.password.is_empty() => None,
        (username, Some(password)) if !username.is_empty() => {
            Some(MailAccount { username: username.to_owned(), password })
        }
        _ => {
            let fix = "Give both, the password as file:PATH or env:NAME, or neither.";
            faults.push(Fault::new(
                "mail.password",
                "an account has a name and a reference to its password",
                fix,
            ));
            return None;
        }
    };
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(MailServer { host, port: url.port().unwrap_or(*port), protection: *protection, account })
}

/// Where the password of the mail account is; `None` for none, and for what is no reference.
pub(in crate::config) fn mail_password(raw: &raw::Mail) -> Option<Reference> {
    raw.password.parse().ok()
}

pub(super) fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether the host is this machine or in its private network. A name may be anywhere.
pub(super) fn stays_inside(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_inside(address.into()),
        Some(Host::Ipv6(address)) => is_inside(address.into()),
        Some(Host::Domain(name)) => {
            // Schemes that the URL standard does not know keep an address as it was written.
            name == "localhost" || name.parse().is_ok_and(is_inside)
        }
        None => false,
    }
}

#[cfg(test)]
mod tests;
