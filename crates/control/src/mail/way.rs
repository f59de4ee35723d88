//! How a letter travels: to a mail server by SMTP, or into a folder where somebody who tries things out reads it. It
//! does not know what a letter says.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use domain::secret::Secret;
use domain::time::Timestamp;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use uuid::Uuid;

use super::Letter;

/// How long one step of a conversation with the server may take.
const STEP_TIME: Duration = Duration::from_secs(15);

/// How the connection to a server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from its first byte.
    Tls,
    /// STARTTLS, without which nothing is sent.
    StartTls,
    /// Not at all.
    None,
}

/// A mail server.
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// The account there, and its password.
    pub account: Option<(String, Secret)>,
    /// Further certificate authorities, as PEM.
    pub extra_roots_pem: Vec<Vec<u8>>,
}

/// A way that letters go.
pub struct Way {
    from: Mailbox,
    to: Goal,
}

enum Goal {
    Server(Box<AsyncSmtpTransport<Tokio1Executor>>),
    Folder(PathBuf),
}

/// A way that leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum NoWay {
    /// The sender is no address.
    #[error("the sender is no e-mail address: {0}")]
    Sender(#[from] lettre::address::AddressError),
    /// The account's password is not text.
    #[error("the password of the account at the mail server is not text")]
    Password,
    /// The account's password would cross the network in the clear.
    #[error("the account at the mail server is for TLS alone")]
    Clear,
    /// The TLS settings do not hold.
    #[error("TLS to the mail server cannot be prepared: {0}")]
    Tls(lettre::transport::smtp::Error),
}

/// Why a letter did not go.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// It cannot be written.
    #[error("the letter cannot be written: {0}")]
    Letter(String),
    /// The server did not take it, and would not later.
    #[error("the mail server refuses it: {0}")]
    Refused(lettre::transport::smtp::Error),
    /// The server did not take it now.
    #[error("the mail server does not take it: {0}")]
    Later(lettre::transport::smtp::Error),
    /// The folder does not take it.
    #[error("the folder does not take it: {0}")]
    Folder(std::io::Error),
}

impl NotSent {
    /// Whether another attempt may end better.
    #[must_use]
    pub fn is_worth_another(&self) -> bool {
        matches!(self, Self::Later(_) | Self::Folder(_))
    }
}

impl Way {
    /// To a mail server, as `from`.
    ///
    /// # Errors
    /// [`NoWay`] when the sender or the server's settings do not hold.
    pub fn to_server(from: &str, server: Server) -> Result<Self, NoWay> {
        let from: Mailbox = from.parse()?;
        if server.protection == Protection::None && server.account.is_some() {
            return Err(NoWay::Clear);
        }
        let mut tls = TlsParameters::builder(server.host.clone());
        for pem in &server.extra_roots_pem {
            tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(NoWay::Tls)?);
        }
        let tls = match server.protection {
            Protection::Tls => Tls::Wrapper(tls.build().map_err(NoWay::Tls)?),
            Protection::StartTls => Tls::Required(tls.build().map_err(NoWay::Tls)?),
            Protection::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host)
            .port(server.port)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(STEP_TIME))
            .tls(tls);
        if let Some((name, password)) = server.account {
            let password = std::str::from_utf8(password.open()).map_err(|_| NoWay::Password)?.to_owned();
            transport = transport.credentials(Credentials::new(name, password));
        }
        Ok(Self { from, to: Goal::Server(Box::new(transport.build())) })
    }

    /// Into a folder, as `from`.
    ///
    /// # Errors
    /// [`NoWay`] when the sender is no address.
    pub fn to_folder(from: &str, folder: PathBuf) -> Result<Self, NoWay> {
        Ok(Self { from: from.parse()?, to: Goal::Folder(folder) })
    }

    /// Sends a letter, once.
    pub(super) async fn send(&self, letter: &Letter, id: Uuid, at: Timestamp) -> Result<(), NotSent> {
        let message = self.message(letter, id, at).map_err(NotSent::Letter)?;
        match &self.to {
            Goal::Server(server) => match server.send(message).await {
                Ok(_) => Ok(()),
                Err(failed) if failed.is_permanent() => Err(NotSent::Refused(failed)),
                Err(failed) => Err(NotSent::Later(failed)),
            },
            Goal::Folder(folder) => {
                let (folder, bytes) = (folder.clone(), message.formatted());
                let put = tokio::task::spawn_blocking(move || put(&folder, id, &bytes)).await;
                put.map_err(std::io::Error::other).and_then(|put| put).map_err(NotSent::Folder)
            }
        }
    }

    fn message(&self, letter: &Letter, id: Uuid, at: Timestamp) -> Result<Message, String> {
        let to: Address = letter.to.parse().map_err(|bad: lettre::address::AddressError| bad.to_string())?;
        let since_1970 = Duration::from_micros(u64::try_from(at.0).unwrap_or(0));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .date(SystemTime::UNIX_EPOCH + since_1970)
            .message_id(Some(format!("<{}@{}>", id.simple(), self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.as_str().to_owned())
            .map_err(|bad| bad.to_string())
    }
}

/// Puts a letter into a folder, where its owner alone reads it.
fn put(folder: &Path, id: Uuid, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!("{}.eml", id.simple()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}
