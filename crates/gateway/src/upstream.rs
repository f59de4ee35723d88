//! One attempt at one connection: open the provider key, send, and read enough of the answer to know whether it
//! is one. What an upstream says of itself stays here; what it says of the caller's mistake is cleaned and kept.

mod advice;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::code::Code;
use domain::pool::{Fault, Told};
use domain::route::Offer;
use domain::secret::Secret;
use domain::time::Timestamp;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use live::meters::Attempt;
use tokio::time::{Instant, timeout_at};
use vault::envelope::Bind;
use wire::catalog::{self, StreamUsage};
use wire::openai::{self, State, Tap, UpstreamError, UsageChunk};

use crate::call::Call;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Upstream};
use crate::targets;

/// The purpose under which provider keys are sealed.
const PURPOSE: &str = "provider_key";
/// How the gate introduces itself.
const AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
/// Most bytes of an error answer that are read.
const ERROR_BYTES: usize = 64 << 10;
/// Comments that are kept back while nothing else has come, so that an error after them can still be a status:
/// no more than these bytes, for no longer than this time, for the caller must see that something is alive.
const COMMENT_BYTES: usize = 16 << 10;
const COMMENT_TIME: Duration = Duration::from_secs(10);

/// An answer worth passing on.
pub(crate) enum Answered {
    /// All of it.
    Whole { body: Bytes, answer: openai::Answer },
    /// Its beginning; the rest follows.
    Stream { rest: Incoming, tap: Tap, out: VecDeque<Bytes> },
}

/// A failed attempt.
pub(crate) struct Failure {
    /// What may be tried next.
    pub next: Next,
    /// What the upstream advised.
    pub retry_after: Option<Duration>,
    /// The answer, if nothing else helps.
    pub refusal: Box<Refusal>,
    /// For the log: one line without secrets.
    pub detail: String,
    /// How it ended, for the meters.
    pub result: Attempt,
    /// What it says about the connection.
    pub told: Told,
}

/// What may be tried after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The same connection again, then others.
    Again,
    /// Other connections only.
    Elsewhere,
    /// Nothing: the failure is the caller's own, or part of an answer was consumed.
    Nothing,
}

impl Failure {
    fn new(next: Next, refusal: Refusal, result: Attempt, detail: impl Into<String>) -> Self {
        let told = told_by(result);
        Self { next, retry_after: None, refusal: Box::new(refusal), detail: detail.into(), result, told }
    }

    /// It says something else about the connection than such failures usually do.
    fn telling(mut self, told: Told) -> Self {
        self.told = told;
        self
    }

    fn provider(next: Next, result: Attempt, detail: impl Into<String>) -> Self {
        Self::new(
            next,
            Refusal::new(Code::ProviderError, "The provider did not give a usable answer."),
            result,
            detail,
        )
    }
}

/// What an attempt that ended so says about its connection.
fn told_by(result: Attempt) -> Told {
    match result {
        // Refusing a request is work, too: the connection and its key are good.
        Attempt::Answered | Attempt::Refused => Told::Works,
        Attempt::Limited => Told::Rest(None),
        Attempt::Failed | Attempt::Malformed => Told::Failed(Fault::Failed),
        Attempt::Unreachable => Told::Failed(Fault::Unreachable),
        Attempt::TimedOut => Told::Failed(Fault::TimedOut),
    }
}

/// Tries `offer` once.
pub(crate) async fn attempt(
    gate: &Gateway,
    call: &mut Call,
    offer: &Offer,
    asked: &Asked,
) -> Result<Answered, Failure> {
    let secret = open_key(call, offer)?;
    let target = targets::target(&gate.policy, &offer.connection, asked.surface)
        .map_err(|no_target| misconfigured(&no_target.to_string()))?;
    let request = build(offer, asked, secret.as_deref())?;
    call.attempt(offer);
    let timeouts = gate.settings.timeouts;
    let whole = Instant::from_std(call.started() + timeouts.whole);
    let first_byte = (Instant::now() + timeouts.first_byte).min(whole);
    let response = timeout_at(first_byte, gate.egress.send(&target, request)).await.map_err(|_| silent())?;
    let response = response.map_err(|failed| classify_failed(&failed))?;
    call.first_byte();
    if response.status() != StatusCode::OK {
        return Err(classify_status(response, secret.as_deref(), first_byte, gate.clock.now()).await);
    }
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Failure::provider(
            Next::Elsewhere,
            Attempt::Malformed,
            "the answer is compressed although none was asked for",
        ));
    }
    if asked.facts.stream {
        begin_stream(response, asked, first_byte).await
    } else {
        read_whole(gate, response, asked, whole).await
    }
}

/// The key for this attempt: the connection's, or the one that came with the request.
fn open_key(call: &Call, offer: &Offer) -> Result<Option<Arc<Secret>>, Failure> {
    if let Some(brought) = call.brought() {
        return Ok(Some(Arc::clone(brought)));
    }
    let connection = &offer.connection;
    let Some(sealed) = &connection.sealed else { return Ok(None) };
    let bind = Bind { org: connection.owner.org(), record: connection.id.uuid(), purpose: PURPOSE };
    call.vault().open(sealed, &bind).map(|secret| Some(Arc::new(secret))).map_err(|broken| {
        let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
        Failure::new(
            Next::Elsewhere,
            refusal,
            Attempt::Unreachable,
            format!("the provider key does not open: {broken}"),
        )
        .telling(Told::Sealed)
    })
}

fn misconfigured(detail: &str) -> Failure {
    let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
    Failure::new(Next::Elsewhere, refusal, Attempt::Unreachable, detail).telling(Told::Nothing)
}

fn build(offer: &Offer, asked: &Asked, secret: Option<&Secret>) -> Result<Request<Full<Bytes>>, Failure> {
    let usage = catalog::provider(&offer.connection.provider)
        .map_or(StreamUsage::OnRequest, |row| row.usage_in_streams);
    let body = asked.facts.rewrite(&asked.body, &offer.model, usage);
    let accept = if asked.facts.stream { "text/event-stream" } else { "application/json" };
    let mut request = Request::builder()
        .method(Method::POST)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(ACCEPT, HeaderValue::from_static(accept))
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(USER_AGENT, HeaderValue::from_static(AGENT))
        .body(Full::new(body))
        .map_err(|_| misconfigured("the base URL does not make a request"))?;
    if let Some(secret) = secret {
        let bearer = Secret::new([b"Bearer ", secret.open()].concat());
        let mut value = HeaderValue::from_bytes(bearer.open())
            .map_err(|_| misconfigured("the provider key cannot stand in a header"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    Ok(request)
}

fn silent() -> Failure {
    let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not answer in time.");
    Failure::new(Next::Elsewhere, refusal, Attempt::TimedOut, "no answer within the time for the first byte")
}

fn classify_failed(failed: &egress::Failed) -> Failure {
    let refusal = Refusal::new(Code::ProviderError, "The provider cannot be reached.");
    match failed {
        egress::Failed::Refused(_) => misconfigured(&failed.to_string()),
        _ if egress::asks_for_calm(failed) => limited("the connection ended with a request for calm"),
        egress::Failed::ConnectTimeout => {
            let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not answer in time.");
            Failure::new(Next::Again, refusal, Attempt::TimedOut, failed.to_string())
        }
        _ => Failure::new(Next::Again, refusal, Attempt::Unreachable, failed.to_string()),
    }
}

fn limited(detail: impl Into<String>) -> Failure {
    let refusal = Refusal::new(Code::RateLimited, "The provider's rate limit is reached.");
    Failure::new(Next::Again, refusal, Attempt::Limited, detail)
}

/// The account behind the gate's key has no quota left: nothing the caller owes, and nothing a retry cures.
fn exhausted(detail: impl Into<String>) -> Failure {
    let refusal = Refusal::new(Code::NoAvailableRoute, "No connection for this model is in service.");
    Failure::new(Next::Elsewhere, refusal, Attempt::Limited, detail).telling(Told::Exhausted)
}

/// What an answer other than 200 means for the caller.
async fn classify_status(
    response: Response<Incoming>,
    secret: Option<&Secret>,
    deadline: Instant,
    now: Timestamp,
) -> Failure {
    let status = response.status();
    let retry_after = match status.as_u16() {
        402 | 429 => advice::limit_reset(response.headers(), now),
        _ => advice::retry_after(response.headers(), now),
    };
    let detail = format!("status {}", status.as_u16());
    let said = timeout_at(deadline, read_bounded(response.into_body(), ERROR_BYTES)).await;
    let said = said.ok().and_then(Result::ok).and_then(|body| openai::read_error(&body));
    let mut failure = match status.as_u16() {
        // The gate's key is bad, not the caller's.
        401 => Failure::provider(Next::Elsewhere, Attempt::Refused, detail).telling(Told::Unauthorized),
        403 => Failure::provider(Next::Elsewhere, Attempt::Refused, detail).telling(Told::Forbidden),
        // The account behind the gate's key is out of credit: a limit of the key, and nothing the caller owes.
        402 => Failure::provider(Next::Elsewhere, Attempt::Limited, detail)
            .telling(Told::Rest(retry_after.map(milliseconds))),
        429 if said.as_ref().is_some_and(UpstreamError::says_quota_is_used_up) => exhausted(detail),
        429 => limited(detail).telling(Told::Rest(retry_after.map(milliseconds))),
        408 => Failure::provider(Next::Again, Attempt::Failed, detail).telling(Told::Failed(Fault::TimedOut)),
        409 => Failure::provider(Next::Again, Attempt::Failed, detail).telling(Told::Works),
        400..=499 => {
            let error = words::clean(said, status, secret);
            let next = if status == StatusCode::NOT_FOUND { Next::Elsewhere } else { Next::Nothing };
            Failure::new(next, Refusal::upstream(Upstream { status, error }), Attempt::Refused, detail)
        }
        500..=599 => {
            let message = format!("The provider answered with status {}.", status.as_u16());
            Failure::new(Next::Again, Refusal::new(Code::ProviderError, message), Attempt::Failed, detail)
        }
        _ => Failure::provider(Next::Elsewhere, Attempt::Malformed, detail),
    };
    failure.retry_after = retry_after;
    failure
}

fn milliseconds(delay: Duration) -> u64 {
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

enum Unread {
    TooLarge,
    Broken,
}

async fn read_bounded(mut body: Incoming, limit: usize) -> Result<Bytes, Unread> {
    let mut first = Bytes::new();
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if all.len() + first.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        match (first.is_empty(), all.is_empty()) {
            (true, true) => first = data,
            _ => {
                if all.is_empty() {
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
    }
    Ok(if all.is_empty() { first } else { all.into() })
}

async fn read_whole(
    gate: &Gateway,
    response: Response<Incoming>,
    asked: &Asked,
    deadline: Instant,
) -> Result<Answered, Failure> {
    let limit = gate.settings.answer_bytes;
    let read = timeout_at(deadline, read_bounded(response.into_body(), limit)).await.map_err(|_| {
        let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not finish its answer in time.");
        // How long an answer takes is the caller's doing as much as the provider's.
        Failure::new(Next::Nothing, refusal, Attempt::TimedOut, "the answer did not end in time")
            .telling(Told::Nothing)
    })?;
    let body = read.map_err(|unread| match unread {
        Unread::TooLarge => {
            Failure::provider(Next::Nothing, Attempt::Malformed, format!("the answer is over {limit} bytes"))
                .telling(Told::Nothing)
        }
        Unread::Broken => Failure::provider(Next::Nothing, Attempt::Malformed, "the answer broke off"),
    })?;
    let answer = openai::read_answer(asked.surface, &body)
        .map_err(|malformed| Failure::provider(Next::Nothing, Attempt::Malformed, malformed.to_string()))?;
    if answer.error.is_some() {
        return Err(Failure::provider(Next::Again, Attempt::Failed, "status 200 with an error inside"));
    }
    Ok(Answered::Whole { body, answer })
}

/// Reads up to the first piece that may be passed on, so that a failure before it can still be told by a status
/// and cured by another connection.
async fn begin_stream(
    response: Response<Incoming>,
    asked: &Asked,
    deadline: Instant,
) -> Result<Answered, Failure> {
    let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes().get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
    });
    if !is_stream {
        return Err(Failure::provider(
            Next::Elsewhere,
            Attempt::Malformed,
            "the answer to a stream request is not a stream",
        ));
    }
    let usage = if asked.facts.asks_usage { UsageChunk::Keep } else { UsageChunk::Hide };
    let (mut rest, mut tap, mut out) = (response.into_body(), Tap::new(usage), VecDeque::new());
    let patience = deadline.min(Instant::now() + COMMENT_TIME);
    loop {
        let strike = if out.is_empty() { deadline } else { patience };
        let frame = match timeout_at(strike, rest.frame()).await {
            Ok(frame) => frame,
            Err(_) if out.is_empty() => return Err(silent()),
            Err(_) => return Ok(Answered::Stream { rest, tap, out }),
        };
        let Some(frame) = frame else {
            return Err(Failure::provider(
                Next::Again,
                Attempt::Malformed,
                "the stream ended before it began",
            ));
        };
        let frame = frame.map_err(|broken| {
            if egress::asks_for_calm(&broken) {
                return limited("the stream ended with a request for calm");
            }
            Failure::provider(Next::Again, Attempt::Malformed, "the stream broke before it began")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        // What breaks after an event is cut by the relay, however the bytes were cut into pieces on their way.
        if let Err(broken) = tap.feed(data, &mut out)
            && tap.events() == 0
        {
            return Err(Failure::provider(Next::Elsewhere, Attempt::Malformed, broken.to_string()));
        }
        if tap.events() == 0
            && let Some(error) = tap.take_error()
        {
            return Err(began_with_error(&error));
        }
        let kept_back = tap.events() == 0 && out.iter().map(Bytes::len).sum::<usize>() < COMMENT_BYTES;
        if tap.state() != State::Running || !(out.is_empty() || kept_back) {
            return Ok(Answered::Stream { rest, tap, out });
        }
        // An upstream that always has more never lets the timer above be asked.
        if Instant::now() >= deadline {
            return Err(silent());
        }
    }
}

/// An error in the first event stands for the status that should have been sent.
fn began_with_error(error: &UpstreamError) -> Failure {
    if error.says_quota_is_used_up() {
        return exhausted("the stream began with a quota error");
    }
    if [&error.code, &error.kind].into_iter().flatten().any(|word| word.contains("rate_limit")) {
        return limited("the stream began with a rate limit error");
    }
    Failure::provider(Next::Again, Attempt::Failed, "the stream began with an error")
}
