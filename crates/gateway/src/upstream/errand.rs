//! A request about something that the account behind one connection keeps: sent once, to that connection and no other,
//! and outside the books, for it asks no model anything.

use std::sync::Arc;

use bytes::Bytes;
use domain::catalog::ModelFacts;
use domain::protocol::Protocol;
use domain::route::{Connection, Offer};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use live::meters::Attempt;
use tokio::time::{Instant, timeout_at};
use wire::catalog::{self, Auth};

use super::failure::{Failure, Next, Spoken, classify_failed, classify_status, misconfigured, silent};
use super::outgoing::AGENT;
use super::{credentials, open_sealed, read_whole};
use crate::arrival::Arrival;
use crate::gate::Gateway;
use crate::refusal::Refusal;
use crate::targets;

/// What is asked.
pub(crate) struct Errand {
    /// The method.
    pub method: Method,
    /// The path under the base URL, and the query.
    pub path: String,
}

/// Sends `errand` to `connection`, and gives the body that comes back with status 200.
pub(crate) async fn run(
    gate: &Gateway,
    arrival: &Arrival,
    connection: &Arc<Connection>,
    errand: Errand,
) -> Result<Bytes, Refusal> {
    sent(gate, arrival, connection, errand).await.map_err(|failure| {
        gate.meters.attempted(failure.result);
        tracing::warn!(
            call = %arrival.call,
            provider = &*connection.provider,
            provider_key = %connection.id,
            detail = failure.detail,
            "a request about a kept object failed"
        );
        *failure.refusal
    })
}

async fn sent(
    gate: &Gateway,
    arrival: &Arrival,
    connection: &Arc<Connection>,
    errand: Errand,
) -> Result<Bytes, Failure> {
    let Errand { method, path } = errand;
    let body = Bytes::new();
    let secret = open_sealed(&arrival.vault, connection)?;
    let target = targets::once(&gate.policy, connection, &path)
        .map_err(|no_target| misconfigured(&no_target.to_string()))?;
    let mut request = Request::builder()
        .method(method)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(USER_AGENT, HeaderValue::from_static(AGENT))
        .body(Full::new(body.clone()))
        .map_err(|_| misconfigured("the base URL does not make a request"))?;
    let whole = Instant::from_std(arrival.instant + gate.settings.timeouts.whole);
    let first_byte = (Instant::now() + gate.settings.timeouts.first_byte).min(whole);
    let auth = catalog::provider(&connection.provider).map_or(Auth::Bearer, |row| row.auth);
    let offer = Offer {
        connection: Arc::clone(connection),
        model: Arc::from(""),
        facts: Arc::new(ModelFacts::unknown()),
    };
    let credentials =
        credentials::authorize(gate, &offer, auth, secret.as_ref(), &target, &mut request, &body);
    timeout_at(first_byte, credentials).await.map_err(|_| silent())??;
    let response = timeout_at(first_byte, gate.egress.send(&target, request)).await.map_err(|_| silent())?;
    let response = response.map_err(|failed| classify_failed(&failed))?;
    if response.status() != StatusCode::OK {
        let spoken = Spoken { protocol: Protocol::Chat, secret: secret.as_deref() };
        return Err(classify_status(response, spoken, first_byte, gate.clock.now()).await);
    }
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Failure::provider(Next::Nothing, Attempt::Malformed, "the answer is compressed"));
    }
    gate.meters.attempted(Attempt::Answered);
    read_whole(gate, response, whole).await
}
