//! One connection, from its handshake to its end: who answers its requests, and when it is cut.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CACHE_CONTROL, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::census::Place;
use super::pulse::{Pulse, Room, Watched};
use super::socket::Socket;
use super::workers::Seat;
use crate::alarm::Alarm;
use crate::gate::Gateway;
use crate::parting::Farewell;
use crate::pipeline::{self, HangUp, Load};

/// A browser that once saw the gate over TLS is to come back over TLS for a year (RFC 6797).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What a connection needs besides its stream.
pub(super) struct Connection {
    pub gate: Arc<Gateway>,
    pub builder: Arc<Builder<TokioExecutor>>,
    /// When it is to end as soon as nothing is asked on it.
    pub closing: Farewell,
    /// Dropped when it has ended.
    pub open: mpsc::Sender<Infallible>,
    pub peer: IpAddr,
    /// Held until the connection is closed.
    pub place: Place,
    /// Held as long, on the thread that serves it.
    pub seat: Seat,
}

/// Whether the bytes are protected on their way.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Plain,
    Tls,
}

impl Connection {
    /// Serves a connection in the clear.
    pub(super) async fn run(self, stream: TcpStream) {
        self.speak(stream, Transport::Plain).await;
    }

    /// Serves a connection over TLS.
    pub(super) async fn run_tls(self, stream: TcpStream, config: Arc<ServerConfig>) {
        let patience = self.gate.settings.timeouts.header;
        match timeout(patience, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => self.speak(stream, Transport::Tls).await,
            Ok(Err(failed)) => tracing::debug!(peer = %self.peer, %failed, "a TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn speak<S>(self, stream: S, transport: Transport)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { gate, builder, mut closing, open: _open, peer, place: _place, seat: _seat } = self;
        let pulse = Pulse::new(gate.settings.timeouts.header);
        let mut watch = Watch::begin(Arc::clone(&pulse), gate.settings.timeouts.write);
        let socket = TokioIo::new(Socket::new(stream, Arc::clone(&pulse)));
        let service = service_fn(move |request| {
            answer(Arc::clone(&gate), Arc::clone(&pulse), peer, transport, request)
        });
        let mut served = pin!(builder.serve_connection(socket, service));
        let mut told = false;
        let ended = poll_fn(|context| {
            if !told && closing.is_over(context) {
                told = true;
                served.as_mut().graceful_shutdown();
            }
            if let Poll::Ready(ended) = served.as_mut().poll(context) {
                return Poll::Ready(Some(ended));
            }
            watch.poll_stalled(context).map(|()| None)
        });
        match ended.await {
            Some(Ok(())) => {}
            Some(Err(failed)) => tracing::debug!(%peer, %failed, "a connection ended early"),
            None => {
                tracing::debug!(%peer, "a connection was cut: it neither sent a request nor took its answer");
            }
        }
    }
}

/// Looks at a pulse again and again.
struct Watch {
    pulse: Arc<Pulse>,
    patience: Duration,
    next_look: Alarm,
}

impl Watch {
    fn begin(pulse: Arc<Pulse>, patience: Duration) -> Self {
        Self { pulse, patience, next_look: Alarm::at(Instant::now()) }
    }

    /// Ready when the connection is to be cut.
    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next_look.poll(context));
            match self.pulse.next_look(self.patience) {
                Some(next) => self.next_look.set(next),
                None => return Poll::Ready(()),
            }
        }
    }
}

async fn answer(
    gate: Arc<Gateway>,
    pulse: Arc<Pulse>,
    peer: IpAddr,
    transport: Transport,
    request: Request<Incoming>,
) -> Result<Response<Watched>, HangUp> {
    let place = Arc::clone(&gate.in_flight).try_acquire_owned().ok();
    let room = if request.version() > Version::HTTP_11 { Room::InStream } else { Room::InSocket };
    let load = if place.is_some() { Load::Bearable } else { Load::Full };
    // Apart from the connection, which would otherwise keep room for the largest request as long as it lives.
    let mut response = Box::pin(pipeline::serve(gate, peer, load, request)).await?;
    protect(response.headers_mut(), transport);
    Ok(response.map(|body| Watched::new(body, room, pulse, place)))
}

/// Writes what every answer carries: no guessing of types, no copies on the way (a stream says so itself).
fn protect(headers: &mut HeaderMap, transport: Transport) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if transport == Transport::Tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
}
