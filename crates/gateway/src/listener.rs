//! The public listener: connections in, answers out, and a drain at the end. It bounds what comes before a request
//! is one: how many connections, how long a handshake, a head and an unread answer may take, how much one
//! connection may ask for at once.

mod census;
mod connection;
mod pulse;
mod sieve;
mod socket;
mod tls;
mod workers;

use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::census::{Census, Full, Place, Standing};
use self::connection::Connection;
use self::workers::{Serve, Workers};
use crate::framing::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::gate::Gateway;
use crate::parting::{Farewell, Parting};

pub use self::census::Capacity;
pub use self::tls::{BadCertificate, Certificate};

/// Most requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;
/// Most HTTP/2 streams of a connection that the caller reset before they were served, and most that were reset for
/// an error of the caller's, before it is told to calm down and cut off (CVE-2023-44487, CVE-2025-8671).
const MAX_RESETS: usize = 50;
/// What a caller may send ahead on one HTTP/2 stream and on the whole connection.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// Most bytes of an answer that wait for an HTTP/2 stream to take them.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// How often an HTTP/2 caller is asked whether it is there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// How long streams that are cut off at the end of the drain may take to say so.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted. When there is no room, a caller's first packet is dropped and it tries
/// again after a second; the kernel may allow fewer (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound public address.
pub struct Listener {
    socket: TcpListener,
    workers: Workers,
    certificate: Option<Arc<Certificate>>,
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound or the threads that will serve cannot be started.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // As a plain bind would: a gate that is started again need not wait for the last one's connections to fade.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let workers = Workers::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))?;
        Ok(Self { socket, workers, certificate: None })
    }

    /// Speaks TLS 1.2 and 1.3 with this certificate, and nothing else.
    #[must_use]
    pub fn secured(self, certificate: Arc<Certificate>) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves on a thread for each core until `stop` resolves, then lets running calls finish up to the drain time.
    pub async fn serve(self, gate: Arc<Gateway>, stop: impl Future<Output = ()>) {
        let Self { socket, workers, certificate } = self;
        let builder = Arc::new(builder());
        let closing = Arc::<Parting>::default();
        // Nothing is ever sent: it ends when the last connection has.
        let (open, mut all_closed) = mpsc::channel(1);
        let mut door = Door { census: Census::new(gate.settings.capacity), crowded: false };
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stop => break,
                accepted = socket.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(failed) => {
                        tracing::error!(%failed, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            let Some(place) = door.admit(&gate, peer) else { continue };
            let stream = match unwatched(stream) {
                Ok(stream) => stream,
                Err(failed) => {
                    tracing::debug!(%failed, "a connection was gone before it was served");
                    continue;
                }
            };
            workers.hand_over(stream, |seat| {
                let connection = Connection {
                    gate: Arc::clone(&gate),
                    builder: Arc::clone(&builder),
                    closing: Farewell::new(&closing),
                    open: open.clone(),
                    peer: peer.ip(),
                    place,
                    seat,
                };
                begin(connection, certificate.clone())
            });
        }
        drop(socket);
        gate.begin_drain();
        drop(open);
        closing.end();
        let mut over = std::pin::pin!(all_closed.recv());
        if timeout(gate.settings.timeouts.drain, &mut over).await.is_err() {
            tracing::warn!("the drain time is over; connections that still run are closed");
            gate.end_streams();
            // What is left after this is closed without a word.
            let _ = timeout(LAST_WORDS, over).await;
        }
        if tokio::task::spawn_blocking(|| workers.finish()).await.is_err() {
            tracing::error!("the threads that served connections could not be ended");
        }
    }
}

/// Serves a connection on the thread that is to serve it.
fn begin(connection: Connection, certificate: Option<Arc<Certificate>>) -> Serve {
    Box::new(move |stream| match TcpStream::from_std(stream) {
        Ok(stream) => drop(match certificate {
            None => tokio::spawn(connection.run(stream)),
            Some(certificate) => tokio::spawn(connection.run_tls(stream, certificate.current())),
        }),
        Err(failed) => tracing::debug!(%failed, "a connection was gone before it was served"),
    })
}

/// The connection for another thread, which this one's runtime does not watch any more.
fn unwatched(stream: TcpStream) -> io::Result<net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.into_std()
}

/// Lets connections in, and says once when it begins to turn some away.
struct Door {
    census: Arc<Census>,
    crowded: bool,
}

impl Door {
    /// A place for the connection; without one it is closed at once, so that those who have one go on undisturbed.
    fn admit(&mut self, gate: &Gateway, peer: SocketAddr) -> Option<Place> {
        let standing = if gate.proxies.trusts(peer.ip()) { Standing::Proxy } else { Standing::Caller };
        match self.census.admit(peer.ip(), standing) {
            Ok(place) => {
                self.crowded = false;
                Some(place)
            }
            Err(full) => {
                if !std::mem::replace(&mut self.crowded, true) {
                    let whose = if full == Full::House { "in all" } else { "from one source" };
                    tracing::warn!(peer = %peer.ip(), whose, "connections are turned away: too many are open");
                }
                None
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // How long a head may take is the pulse's to say, with one timer for a connection and not one for each request.
    builder.http1().header_read_timeout(None).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}
