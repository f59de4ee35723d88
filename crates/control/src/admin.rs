//! The admin listener: health for everyone who reaches it, metrics for holders of an operator token.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::id::CallId;
use domain::scope::Denied;
use domain::time::Clock;
use domain::token::{Kind, Prefix, Token};
use live::meters::Meters;
use live::outbox::Outbox;
use live::pool::Pool;
use live::refusals::{Refusals, Refused};
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
    /// How the upstream connections do.
    pub pool: Arc<Pool>,
    /// How much waits to be posted.
    pub outbox: Outbox,
    /// Refused tokens, for the audit trail.
    pub refusals: Arc<Refusals>,
    /// Digests operator tokens.
    pub pepper: Arc<Pepper>,
    /// The time of day.
    pub clock: Clock,
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
            .layer(map_response(protect))
            .with_state(admin);
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.socket, service).with_graceful_shutdown(stopped).await
    }
}

/// Writes what every answer carries: no guessing of types, no copies on the way.
async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
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

async fn metrics(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let read_at = Instant::now();
    match is_operator(&admin, &headers).await {
        Ok(Ok(())) => {}
        Ok(Err((reason, prefix))) => {
            record(&admin, peer, &headers, reason, prefix);
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
    admin.meters.set_pool(&admin.pool.census());
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

/// Whether the caller is an operator; if not, the true reason and the public part of what was sent.
async fn is_operator(
    admin: &Admin,
    headers: &HeaderMap,
) -> Result<Result<(), (Denied, Option<Prefix>)>, store::ReadFailed> {
    let Some(sent) = headers.get(header::AUTHORIZATION) else { return Ok(Err((Denied::Missing, None))) };
    let Some(token) = sent.as_bytes().strip_prefix(b"Bearer ").and_then(Token::parse) else {
        return Ok(Err((Denied::Malformed, None)));
    };
    let refused = |reason| Err((reason, Some(token.prefix())));
    if token.kind() != Kind::Operator {
        return Ok(refused(Denied::WrongKind));
    }
    let digest = admin.pepper.digest(&vault::digest::sha256_of(&token));
    let known = admin.store.operator_tokens().holds(&digest).await?;
    Ok(if known { Ok(()) } else { refused(Denied::Unknown) })
}

/// Counts the refusal for the audit trail.
fn record(admin: &Admin, peer: SocketAddr, headers: &HeaderMap, reason: Denied, prefix: Option<Prefix>) {
    let at = admin.clock.now();
    let Ok(id) = vault::entropy::uuid_v7(at) else {
        tracing::error!(%peer, "a refused operator token could not be recorded: no random bytes");
        return;
    };
    let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    admin.refusals.note(&Refused {
        call: CallId::new(id),
        at,
        ip: peer.ip(),
        reason,
        prefix,
        request_id: "",
        user_agent: agent.as_deref().unwrap_or_default(),
    });
}
