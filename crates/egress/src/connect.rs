//! From a URL's origin to an open stream: judge, resolve, judge every answer, dial the judged address, shake
//! hands. It knows nothing of requests.

mod stream;

pub(crate) use stream::{ALPN_HTTP2, Stream};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::failed::Failed;
use crate::policy::{Checked, Policy};
use crate::resolve::{self, Resolve};
use crate::target::{Host, Origin, Scheme};

/// Opens connections for the HTTP client, each to an address that was judged for this very connection.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) policy: Arc<Policy>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: TlsConnector,
    pub(crate) connect_timeout: Duration,
}

impl Connector {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Opens a connection to `origin` within the connect time-out.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Stream, Failed> {
        // Judged anew: whoever made the target, the policy of this client has the last word.
        let target = self.0.policy.check(&origin.to_string())?;
        let deadline = Instant::now() + self.0.connect_timeout;
        let opened = timeout_at(deadline, self.0.open(target.origin(), deadline)).await;
        opened.unwrap_or(Err(Failed::ConnectTimeout))
    }
}

impl Parts {
    async fn open(&self, origin: &Origin, deadline: Instant) -> Result<Stream, Failed> {
        let addresses = resolve::checked(&self.policy, &*self.resolver, origin).await?;
        let socket = dial(&addresses, deadline).await?;
        // Requests are small and written whole: waiting to fill a segment would only delay them.
        socket.set_nodelay(true).map_err(Failed::connect)?;
        match origin.scheme {
            Scheme::Http => Ok(Stream::Plain(socket)),
            Scheme::Https => {
                let secured =
                    self.tls.connect(server_name(&origin.host)?, socket).await.map_err(Failed::tls)?;
                Ok(Stream::Secured(Box::new(secured)))
            }
        }
    }
}

/// Tries the addresses in order. Each gets an equal share of the time that is left, so that a first address that
/// swallows packets does not starve the others.
async fn dial(addresses: &[Checked], deadline: Instant) -> Result<TcpStream, Failed> {
    let mut failed = Failed::ConnectTimeout;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        left -= 1;
        failed = match timeout(share, TcpStream::connect(address.socket())).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => Failed::connect(error),
            Err(_) => Failed::ConnectTimeout,
        };
    }
    Err(failed)
}

/// What the certificate must be for: the name of the URL, never the address that it resolved to.
fn server_name(host: &Host) -> Result<ServerName<'static>, Failed> {
    match host {
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|error| Failed::tls(io::Error::new(io::ErrorKind::InvalidInput, error))),
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}
