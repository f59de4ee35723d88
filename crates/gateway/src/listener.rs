//! The public listener: connections in, answers out, and a drain at the end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};

use crate::gate::Gateway;
use crate::pipeline;

/// Most header lines of a request.
const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// Pause after an accept that failed for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound public address.
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await? })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// The operating system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` resolves, then lets running calls finish up to the drain time.
    pub async fn serve(self, gate: Arc<Gateway>, stop: impl Future<Output = ()>) {
        let builder = builder(&gate);
        let connections = GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => accept(&gate, &builder, &connections, stream),
                    Err(failed) => {
                        tracing::error!(%failed, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.socket);
        gate.begin_drain();
        tokio::select! {
            () = connections.shutdown() => {}
            () = tokio::time::sleep(gate.settings.timeouts.drain) => {
                tracing::warn!("the drain time is over; connections that still run are closed");
            }
        }
    }
}

fn builder(gate: &Gateway) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(gate.settings.timeouts.header)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

fn accept(
    gate: &Arc<Gateway>,
    builder: &Builder<TokioExecutor>,
    connections: &GracefulShutdown,
    stream: TcpStream,
) {
    if let Err(failed) = stream.set_nodelay(true) {
        tracing::debug!(%failed, "a connection was gone before it was served");
        return;
    }
    let gate = Arc::clone(gate);
    let service = service_fn(move |request| pipeline::serve(Arc::clone(&gate), request));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let watched = connections.watch(connection);
    tokio::spawn(async move {
        if let Err(failed) = watched.await {
            tracing::debug!(%failed, "a connection ended early");
        }
    });
}
