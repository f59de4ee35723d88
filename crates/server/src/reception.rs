//! Where people are received: the desk that they prove themselves at, and the way of the mail that is sent to them, as
//! the configuration describes both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use control::login::{self, Desk};
use control::mail;
use control::mail::post::{self, Post};
use control::mail::way::{Protection, Server, Way};
use control::vault_keys::sealer::Sealer;
use domain::secret::Secret;
use domain::time::Clock;
use live::meters::Meters;
use live::refusals::Refusals;
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::digest::Pepper;
use vault::password::Passwords;

use crate::config::Config;
use crate::config::accounts::{Accounts, Mail, MailProtection, MailWay, Registration};

/// Seconds of a whole number of seconds, which every setting of a life is.
fn seconds(life: std::time::Duration) -> i64 {
    i64::try_from(life.as_secs()).unwrap_or(i64::MAX)
}

/// What the reception stands on.
pub struct Parts {
    /// The books.
    pub store: Store,
    /// Digests tokens and names.
    pub pepper: Arc<Pepper>,
    /// Seals the seeds of second factors.
    pub sealer: Arc<Sealer>,
    /// Failed logins, for the audit trail.
    pub refusals: Arc<Refusals>,
    /// Counts letters.
    pub meters: Arc<Meters>,
    /// The password of the account at the mail server.
    pub mail_password: Option<Secret>,
    /// Where the admin API listens.
    pub admin: SocketAddr,
    /// The time of day.
    pub clock: Clock,
}

/// Opens the desk, and starts the post where mail is configured; it runs until `stop` turns true.
///
/// # Errors
/// When the settings of mail or passwords do not hold.
pub fn open(
    config: &Config,
    parts: Parts,
    stop: watch::Receiver<bool>,
) -> Result<(Desk, Option<JoinHandle<()>>)> {
    let Parts { store, pepper, sealer, refusals, meters, mail_password, admin, clock } = parts;
    let passwords =
        Passwords::new(config.accounts.passwords).context("passwords cannot be hashed at this cost")?;
    let way = config.mail.as_ref().map(|mail| way(mail, mail_password, &config.egress.extra_roots));
    let way = way.transpose().context("mail cannot be sent")?;
    let (mailbox, queued) = mail::mailbox();
    let has_mail = way.is_some();
    let job =
        way.map(|way| tokio::spawn(post::run(Post { way, meters, clock: clock.clone() }, queued, stop)));
    let desk = Desk::new(login::Parts {
        store,
        pepper,
        sealer,
        refusals,
        passwords,
        mail: has_mail.then_some(mailbox),
        clock,
        settings: settings(&config.accounts, url(config, admin)),
    });
    Ok((desk, job))
}

fn settings(accounts: &Accounts, url: String) -> login::Settings {
    login::Settings {
        registration: match accounts.registration {
            Registration::Closed => login::Registration::Closed,
            Registration::Open => login::Registration::Open,
        },
        access_seconds: seconds(accounts.access_token),
        refresh_seconds: seconds(accounts.refresh_token),
        login_seconds: seconds(accounts.login),
        floor: accounts.login_floor,
        url,
        issuer: accounts.issuer.clone(),
    }
}

/// Where people reach the admin API, for letters.
fn url(config: &Config, admin: SocketAddr) -> String {
    let scheme = if config.admin_tls.is_some() { "https" } else { "http" };
    config.accounts.admin_url.clone().unwrap_or_else(|| format!("{scheme}://{admin}"))
}

fn way(mail: &Mail, password: Option<Secret>, extra_roots: &[PathBuf]) -> Result<Way> {
    let server = match &mail.way {
        MailWay::Folder(folder) => return Ok(Way::to_folder(&mail.from, folder.clone())?),
        MailWay::Server(server) => server,
    };
    let mut extra_roots_pem = Vec::new();
    for path in extra_roots {
        let pem = std::fs::read(path);
        extra_roots_pem
            .push(pem.with_context(|| format!("the certificates {} cannot be read", path.display()))?);
    }
    let account = server.account.as_ref().map(|account| account.username.clone());
    let server = Server {
        host: server.host.clone(),
        port: server.port,
        protection: match server.protection {
            MailProtection::Tls => Protection::Tls,
            MailProtection::StartTls => Protection::StartTls,
            MailProtection::None => Protection::None,
        },
        account: account.zip(password),
        extra_roots_pem,
    };
    Ok(Way::to_server(&mail.from, server)?)
}
