//! The admin listener: where operators and people reach the admin API; connections in, answers out, all of them
//! bounded. What it answers is the API's business, and where a certificate comes from is that of whoever hands it over.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// Most connections at once. Operators and meters are few.
pub const MAX_CONNECTIONS: usize = 256;
/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// How long requests that run may go on once the listener is told to stop.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Gives the certificate that a connection which begins now is to use.
type Certificate = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// A bound admin address.
pub struct AdminListener {
    socket: TcpListener,
    patience: Duration,
    certificate: Option<Certificate>,
}

impl AdminListener {
    /// Binds `address`; port 0 takes a free one. A handshake, and the head of a request, may each take `patience`.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound.
    pub async fn bind(address: SocketAddr, patience: Duration) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, patience, certificate: None })
    }

    /// Speaks TLS with what `certificate` gives when a connection begins, and nothing else.
    #[must_use]
    pub fn secured(self, certificate: impl Fn() -> Arc<ServerConfig> + Send + Sync + 'static) -> Self {
        Self { certificate: Some(Arc::new(certificate)), ..self }
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` turns true, then lets what runs come to its end.
    pub async fn serve(self, mut router: Router, mut stop: watch::Receiver<bool>) {
        if self.certificate.is_some() {
            router = router.layer(map_response(insist_on_tls));
        }
        let graceful = GracefulShutdown::new();
        let mut open = JoinSet::new();
        let mut crowded = false;
        let mut stopped = std::pin::pin!(async move {
            // An error means that the sender is gone, which is a stop as well.
            let _ = stop.wait_for(|stop| *stop).await;
        });
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stopped => break,
                Some(ended) = open.join_next() => {
                    if let Err(died) = ended {
                        tracing::error!(%died, "a connection of the admin listener died");
                    }
                    continue;
                }
                accepted = self.socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(failed) => {
                        tracing::error!(%failed, "a connection to the admin listener could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            if open.len() >= MAX_CONNECTIONS {
                if !std::mem::replace(&mut crowded, true) {
                    tracing::warn!(%peer, "connections to the admin listener are turned away: too many are open");
                }
                continue;
            }
            crowded = false;
            let connection = Connection {
                router: router.clone().layer(Extension(ConnectInfo(peer))),
                watcher: graceful.watcher(),
                patience: self.patience,
                peer,
            };
            open.spawn(connection.run(stream, self.certificate.as_ref().map(|certificate| certificate())));
        }
        drop(self.socket);
        if timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections to the admin listener that still run are closed");
        }
    }
}

/// A browser that once saw the listener over TLS is to come back over TLS for a year (RFC 6797).
async fn insist_on_tls(mut response: Response) -> Response {
    let a_year = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, a_year);
    response
}

/// What a connection needs besides its stream.
struct Connection {
    router: Router,
    watcher: Watcher,
    patience: Duration,
    peer: SocketAddr,
}

impl Connection {
    async fn run(self, stream: TcpStream, certificate: Option<Arc<ServerConfig>>) {
        let Some(certificate) = certificate else { return self.speak(stream).await };
        match timeout(self.patience, TlsAcceptor::from(certificate).accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream).await,
            Ok(Err(failed)) => tracing::debug!(peer = %self.peer, %failed, "a TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn speak(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(self.router));
        if let Err(failed) = self.watcher.watch(served).await {
            tracing::debug!(peer = %self.peer, %failed, "a connection to the admin listener ended early");
        }
    }
}
