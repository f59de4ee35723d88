//! A request about something that the account behind one connection keeps: sent once, to that connection and no other,
//! and outside the books, for it asks no model anything.

use std::sync::Arc;

use bytes::Bytes;
use domain::catalog::ModelFacts;
use domain::id::CallId;
use domain::protocol::Protocol;
use domain::route::{Connection, Offer};
use domain::secret::Secret;
use egress::{Reached, Target};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use live::meters::Attempt;
use tokio::time::{Instant, timeout_at};
use vault::envelope::Vault;
use wire::catalog::{self, Auth};

use super::failure::{Failure, Next, Spoken, classify_failed, classify_status, misconfigured, silent};
use super::outgoing::AGENT;
use super::{credentials, open_sealed, read_whole};
use crate::arrival::Arrival;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};
use crate::targets;

/// What is asked.
pub(crate) struct Errand {
    method: Method,
    /// The path under the base URL, and the query.
    path: String,
    /// What is sent along, and its media type.
    body: Option<(Bytes, HeaderValue)>,
}

impl Errand {
    /// Asks without a body.
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self { method, path, body: None }
    }

    /// Shows what is at `path`.
    pub(crate) fn get(path: String) -> Self {
        Self::new(Method::GET, path)
    }

    /// Brings `body` to `path`.
    pub(crate) fn bring(path: &str, body: Bytes, media_type: HeaderValue) -> Self {
        Self { method: Method::POST, path: path.to_owned(), body: Some((body, media_type)) }
    }
}

/// An errand that gave no answer.
pub(crate) struct Undone {
    /// The answer to whoever asked.
    pub refusal: Refusal,
    /// What is known of its effect.
    pub effect: Effect,
}

/// What an errand without an answer may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: not a byte of it was written.
    NotSent,
    /// Nothing: the provider refused it with this status.
    Refused(StatusCode),
    /// Nobody knows.
    Unknown,
}

impl Effect {
    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            // These say nothing of what was done before them.
            408 | 409 | 424 => Effect::Unknown,
            400..=499 => Effect::Refused(status),
            _ => Effect::Unknown,
        }
    }

    /// Whether the provider says that there is no such thing, or no such thing any more.
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Effect::Refused(StatusCode::NOT_FOUND | StatusCode::GONE))
    }
}

impl From<Undone> for Stop {
    fn from(undone: Undone) -> Self {
        undone.refusal.into()
    }
}

/// Who runs errands: for one request, or for the books alone.
#[derive(Clone)]
pub(crate) struct Courier {
    gate: Arc<Gateway>,
    /// Opens provider keys.
    vault: Arc<Vault>,
    /// By what name the log calls it.
    call: CallId,
    began: Instant,
}

impl Courier {
    /// For a request.
    pub(crate) fn of(gate: &Arc<Gateway>, arrival: &Arrival) -> Self {
        Self {
            gate: Arc::clone(gate),
            vault: Arc::clone(&arrival.vault),
            call: arrival.call,
            began: Instant::from_std(arrival.instant),
        }
    }

    /// For the books, about this call, from now on.
    pub(crate) fn for_the_books(gate: &Arc<Gateway>, call: CallId) -> Self {
        Self { gate: Arc::clone(gate), vault: gate.vault.load_full(), call, began: Instant::now() }
    }

    /// When the time for all of it is over.
    pub(crate) fn over_at(&self) -> Instant {
        self.began + self.gate.settings.timeouts.whole
    }

    /// Runs `errand` at `connection`, and gives the whole body of a good answer.
    pub(crate) async fn fetch(&self, connection: &Arc<Connection>, errand: Errand) -> Result<Bytes, Undone> {
        let response = self.open(connection, errand).await?;
        let read = read_whole(&self.gate, response, self.over_at()).await;
        read.map_err(|failure| self.undone(connection, failure, Effect::Unknown))
    }

    /// Runs `errand` at `connection`, and gives a good answer whose body is still to come.
    pub(crate) async fn open(
        &self,
        connection: &Arc<Connection>,
        errand: Errand,
    ) -> Result<Response<egress::Body>, Undone> {
        let not_sent = |failure| self.undone(connection, failure, Effect::NotSent);
        let first_byte = (Instant::now() + self.gate.settings.timeouts.first_byte).min(self.over_at());
        let Ready { secret, target, request } =
            self.prepare(connection, errand, first_byte).await.map_err(not_sent)?;
        let sent = timeout_at(first_byte, self.gate.egress.send(&target, request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(failed)) => {
                let effect = match failed.reached() {
                    Reached::No => Effect::NotSent,
                    Reached::Maybe => Effect::Unknown,
                };
                return Err(self.undone(connection, classify_failed(&failed), effect));
            }
            Err(_) => return Err(self.undone(connection, silent(), Effect::Unknown)),
        };
        let status = response.status();
        if !status.is_success() {
            let spoken = Spoken { protocol: Protocol::Chat, secret: secret.as_deref() };
            let failure = classify_status(response, spoken, first_byte, self.gate.clock.now()).await;
            return Err(self.undone(connection, failure, Effect::of_status(status)));
        }
        if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let failure = Failure::provider(Next::Nothing, Attempt::Malformed, "the answer is compressed");
            return Err(self.undone(connection, failure, Effect::Unknown));
        }
        self.gate.meters.attempted(Attempt::Answered);
        Ok(response)
    }

    /// The request, with its credentials.
    async fn prepare(
        &self,
        connection: &Arc<Connection>,
        errand: Errand,
        deadline: Instant,
    ) -> Result<Ready, Failure> {
        let Errand { method, path, body } = errand;
        let (body, media_type) = body.map_or_else(Default::default, |(body, kind)| (body, Some(kind)));
        let secret = open_sealed(&self.vault, connection)?;
        let target = targets::once(&self.gate.policy, connection, &path)
            .map_err(|no_target| misconfigured(&no_target.to_string()))?;
        let mut request = Request::builder()
            .method(method)
            .header(ACCEPT, HeaderValue::from_static("*/*"))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .header(USER_AGENT, HeaderValue::from_static(AGENT))
            .body(Full::new(body.clone()))
            .map_err(|_| misconfigured("the base URL does not make a request"))?;
        if let Some(media_type) = media_type {
            request.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        let auth = catalog::provider(&connection.provider).map_or(Auth::Bearer, |row| row.auth);
        let offer = Offer {
            connection: Arc::clone(connection),
            model: Arc::from(""),
            facts: Arc::new(ModelFacts::unknown()),
        };
        if let Some(secret) = &secret {
            let token = credentials::exchanged(&self.gate, &offer, auth, secret, deadline).await?;
            let proof = token.as_ref().unwrap_or(secret);
            credentials::authorize(&self.gate, auth, proof, &target, &mut request, &body)?;
        }
        Ok(Ready { secret, target, request })
    }

    /// Logs and meters a failure, and keeps of it what its asker may see.
    fn undone(&self, connection: &Connection, failure: Failure, effect: Effect) -> Undone {
        self.gate.meters.attempted(failure.result);
        tracing::warn!(
            call = %self.call,
            provider = &*connection.provider,
            provider_key = %connection.id,
            detail = failure.detail,
            "a request about a kept object failed"
        );
        Undone { refusal: *failure.refusal, effect }
    }
}

/// A request that can be sent.
struct Ready {
    secret: Option<Arc<Secret>>,
    target: Target,
    request: Request<Full<Bytes>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_was_done() {
        let check = |status: u16, expect: Effect| {
            assert_eq!(Effect::of_status(StatusCode::from_u16(status).unwrap()), expect, "{status}");
        };
        check(400, Effect::Refused(StatusCode::BAD_REQUEST));
        check(401, Effect::Refused(StatusCode::UNAUTHORIZED));
        check(429, Effect::Refused(StatusCode::TOO_MANY_REQUESTS));
        check(408, Effect::Unknown);
        check(409, Effect::Unknown);
        check(500, Effect::Unknown);
        check(302, Effect::Unknown);
    }
}
