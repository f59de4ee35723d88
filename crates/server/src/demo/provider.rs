//! The demo provider: a real HTTP/1.1 server on a loopback port that speaks the OpenAI protocol with text made by
//! rule. It is the upstream of `portcullis demo`, of the tests and of the benchmarks, and says so in every answer.
//!
//! It knows nothing of the gateway. It sets no time-outs, because only this machine can connect to it.
//!
//! Every answer carries what a hosted provider's account leaks (`openai-organization`, `openai-project`, a
//! `set-cookie`, its own `x-request-id`, rate-limit headers): invented values, there to be held back by the gateway.

mod answer_body;
mod chat;
mod completion;
mod departures;
mod embedding;
mod instance;
mod models;
mod plan;
mod refusal;
mod router;
mod script;
mod shape;
mod tally;
#[cfg(test)]
mod tests;
mod words;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::secret::Secret;
use domain::time::Clock;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use departures::{Departures, Socket};
use router::Desk;

pub use tally::{Call, Tally};

/// Most connections held at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 4_096;
/// How long `stop` lets answers under way finish.
const DRAIN: Duration = Duration::from_secs(1);
/// The pause after a failed accept (out of file descriptors, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a demo provider behaves.
pub struct Options {
    /// Milliseconds between two chunks of a streamed answer; 0 sends as fast as the client reads.
    pub chunk_delay_ms: u64,
    /// When set, every `/v1` request must bear it as `Authorization: Bearer`; otherwise 401.
    pub key: Option<Secret>,
    /// Where `created` comes from.
    pub clock: Clock,
}

/// A running demo provider. Dropping it cuts every connection at once; `stop` lets answers finish first.
pub struct DemoProvider {
    address: SocketAddr,
    tally: Arc<Tally>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl DemoProvider {
    /// Binds `listen` (port 0 picks a free one) and serves until stopped. Fails with `InvalidInput` for an
    /// address that other machines could reach.
    pub async fn start(listen: SocketAddr, options: Options) -> io::Result<Self> {
        if !listen.ip().to_canonical().is_loopback() {
            let what = format!("the demo provider listens on loopback addresses only, not on {listen}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let tally = Arc::new(Tally::default());
        let desk = Arc::new(Desk::new(options, Arc::clone(&tally)));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, desk, stopped));
        Ok(Self { address, tally, stop, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answered so far.
    #[must_use]
    pub fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Accepts nothing more, gives answers under way one second, and returns when every connection is closed.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(%error, "the demo provider's accept loop ended badly");
        }
    }
}

impl Drop for DemoProvider {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a demo provider connection ended badly");
                }
            }
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(serve(socket, Arc::clone(&desk), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the demo provider could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        connections.shutdown().await;
    }
}

async fn serve(socket: TcpStream, desk: Arc<Desk>, mut stopped: watch::Receiver<bool>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "the demo provider could not switch off Nagle's algorithm");
    }
    let departures = Departures::default();
    let socket = Socket::new(TokioIo::new(socket), departures.clone());
    let service = service_fn(move |request| {
        let (desk, departures) = (Arc::clone(&desk), departures.clone());
        async move { Ok::<_, Infallible>(router::answer(&desk, &departures, request).await) }
    });
    let mut connection = pin!(http1::Builder::new().serve_connection(socket, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client of the demo provider left early");
    }
}
