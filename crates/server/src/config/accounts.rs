//! People in the checked configuration: how they log in, and how e-mail reaches them.

use std::path::PathBuf;
use std::time::Duration;

use vault::password::Scheme;

use super::reference::Reference;

/// Accounts and logins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounts {
    /// Who may make an account.
    pub registration: Registration,
    /// Who makes access tokens.
    pub issuer: String,
    /// Where people reach the admin API, without a slash at its end; none for the address of the admin listener.
    pub admin_url: Option<String>,
    /// Life of an access token.
    pub access_token: Duration,
    /// Life of a refresh token.
    pub refresh_token: Duration,
    /// Longest life of a login.
    pub login: Duration,
    /// When a failed login is answered: longer than a hash takes.
    pub login_floor: Duration,
    /// How passwords are hashed.
    pub passwords: Scheme,
    /// Requests of one person to the admin API in any 60 seconds.
    pub admin_requests_per_minute: u32,
    /// Attempts of one address to log in, register or reset in any 60 seconds.
    pub login_requests_per_minute: u32,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Whoever was invited.
    Closed,
    /// Everybody.
    Open,
}

/// The way of e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender, with or without a name before the address.
    pub from: String,
    /// Where messages go.
    pub way: MailWay,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailWay {
    /// To a server.
    Server(MailServer),
    /// Into a folder, for development.
    Folder(PathBuf),
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: MailProtection,
    /// The account there; its password is with the root secrets.
    pub account: Option<MailAccount>,
}

/// The account at a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAccount {
    /// Its name.
    pub username: String,
    /// Where its password is.
    pub password: Reference,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailProtection {
    /// TLS from its first byte.
    Tls,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all.
    None,
}
