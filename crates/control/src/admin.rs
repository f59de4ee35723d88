//! The admin listener: health for everyone who reaches it, metrics for holders of an operator token.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::token::{Kind, Token};
use live::meters::Meters;
use live::outbox::Outbox;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use vault::digest::Pepper;

/// Time between reading a request and refusing its token.
const FLOOR: Duration = Duration::from_millis(80);

/// What the admin listener needs.
#[derive(Clone)]
pub struct Admin {
    /// The books, and the operators' tokens.
    pub store: Store,
    /// What is measured.
    pub meters: Arc<Meters>,
    /// How much waits to be posted.
    pub outbox: Outbox,
    /// Digests operator tokens.
    pub pepper: Arc<Pepper>,
}

/// A bound admin address.
pub struct AdminListener {
    socket: TcpListener,
}

impl AdminListener {
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

    /// Serves until `stop` turns true.
    ///
    /// # Errors
    /// The operating system's, when connections can no longer be accepted.
    pub async fn serve(self, admin: Admin, mut stop: watch::Receiver<bool>) -> io::Result<()> {
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(admin);
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        axum::serve(self.socket, router).with_graceful_shutdown(stopped).await
    }
}

async fn ready(State(admin): State<Admin>) -> Response {
    match admin.store.ping().await {
        Ok(()) if admin.outbox.ready() => "ready".into_response(),
        Ok(()) => (StatusCode::SERVICE_UNAVAILABLE, "the outbox takes no records").into_response(),
        Err(failed) => {
            tracing::error!(%failed, "the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer").into_response()
        }
    }
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let read_at = Instant::now();
    match is_operator(&admin, &headers).await {
        Ok(true) => {}
        Ok(false) => {
            tokio::time::sleep_until(read_at + FLOOR).await;
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            return (StatusCode::UNAUTHORIZED, challenge, "an operator token is needed").into_response();
        }
        Err(failed) => {
            tracing::error!(%failed, "an operator token could not be looked up");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    admin.meters.set_backlog(admin.outbox.backlog());
    match admin.meters.render() {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
            (kind, text).into_response()
        }
        Err(failed) => {
            tracing::error!(%failed, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn is_operator(admin: &Admin, headers: &HeaderMap) -> Result<bool, store::ReadFailed> {
    let sent = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let Some(token) = sent.strip_prefix(b"Bearer ").and_then(Token::parse) else { return Ok(false) };
    if token.kind() != Kind::Operator {
        return Ok(false);
    }
    let digest = admin.pepper.digest(&vault::digest::sha256_of(&token));
    admin.store.operator_tokens().holds(&digest).await
}
