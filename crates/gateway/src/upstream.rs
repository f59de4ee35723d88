//! One attempt at one connection: open the provider key, send, and read enough of the answer to know whether it
//! is one.

mod advice;
mod beside;
mod credentials;
mod errand;
mod exchanged;
mod failure;
mod keys;
mod outgoing;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::code::Code;
use domain::pool::Told;
use domain::protocol::Protocol;
use domain::route::Offer;
use domain::secret::Secret;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use live::meters::Attempt;
use tokio::time::{Instant, timeout_at};
use wire::answer::Answer;
use wire::dialect::Echo;
use wire::flow::Flow;
use wire::surfaces::{self, Reported};
use wire::tap::State;

use crate::call::Call;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::Refusal;
use crate::targets;
pub(crate) use credentials::AccessTokens;
pub(crate) use errand::{Courier, Effect, Errand};
use failure::misconfigured;
pub(crate) use failure::{Failure, Next};
use failure::{Spoken, began_with_error, classify_failed, classify_status, limited, silent};
use keys::open_sealed;
pub(crate) use outgoing::{Exchange, exchange};
use outgoing::{build, outgoing};

/// Comments that are kept back while nothing else has come, so that an error after them can still be a status:
/// no more than these bytes, for no longer than this time, for the caller must see that something is alive.
const COMMENT_BYTES: usize = 16 << 10;
const COMMENT_TIME: Duration = Duration::from_secs(10);

/// An answer worth passing on.
pub(crate) enum Answered {
    /// All of it.
    Whole { body: Bytes, answer: Answer },
    /// All of what is no conversation.
    Beside { body: Bytes, reported: Reported, media_type: &'static str },
    /// Its beginning; the rest follows.
    Stream { rest: egress::Body, flow: Flow, out: VecDeque<Bytes> },
}

/// Tries `offer` once.
pub(crate) async fn attempt(
    gate: &Gateway,
    call: &mut Call,
    offer: &Offer,
    asked: &Asked,
) -> Result<Answered, Failure> {
    let outgoing = outgoing(offer, asked)?;
    let secret = open_key(call, offer)?;
    let target = targets::target(&gate.policy, &offer.connection, &outgoing.path)
        .map_err(|no_target| misconfigured(&no_target.to_string()))?;
    let mut request = build(asked, &outgoing);
    let timeouts = gate.settings.timeouts;
    let whole = Instant::from_std(call.started() + timeouts.whole);
    let first_byte = (Instant::now() + timeouts.first_byte).min(whole);
    if let Some(secret) = &secret {
        let token = credentials::exchanged(gate, offer, outgoing.auth, secret, first_byte).await?;
        let proof = token.as_ref().unwrap_or(secret);
        credentials::authorize(gate, outgoing.auth, proof, &target, &mut request, &outgoing.body)?;
    }
    call.attempt(offer, &outgoing.dropped);
    let response = timeout_at(first_byte, gate.egress.send(&target, request)).await.map_err(|_| silent())?;
    let response = response.map_err(|failed| classify_failed(&failed))?;
    call.first_byte();
    let spoken = Spoken { protocol: outgoing.exchange.protocol(), secret: secret.as_deref() };
    if response.status() != StatusCode::OK {
        let classified = classify_status(response, spoken, first_byte, gate.clock.now());
        return Err(Box::pin(classified).await);
    }
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Failure::provider(
            Next::Elsewhere,
            Attempt::Malformed,
            "the answer is compressed although none was asked for",
        ));
    }
    if surfaces::is_here(asked.surface) {
        return Box::pin(beside::receive(gate, response, asked, spoken, first_byte, whole)).await;
    }
    let id = call.id().uuid().simple().to_string();
    let echo = Echo {
        id: &id,
        model: &offer.model,
        created: call.started_at().seconds(),
        asks_usage: asked.facts.asks_usage,
        body: &asked.body,
    };
    if asked.facts.stream {
        let upstream = outgoing.exchange.protocol();
        let flow = Flow::new(upstream, asked.protocol().unwrap_or(upstream), asked.framing, &echo);
        begin_stream(response, spoken, flow, first_byte).await
    } else {
        let body = read_whole(gate, response, whole).await?;
        exchanged::judge(outgoing.exchange, asked, body, &echo)
    }
}

/// The key for this attempt: the connection's, or the one that came with the request.
fn open_key(call: &Call, offer: &Offer) -> Result<Option<Arc<Secret>>, Failure> {
    if let Some(brought) = call.brought() {
        return Ok(Some(Arc::clone(brought)));
    }
    open_sealed(call.vault(), &offer.connection)
}

enum Unread {
    TooLarge,
    Broken,
}

async fn read_bounded(mut body: egress::Body, limit: usize) -> Result<Bytes, Unread> {
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
    response: Response<egress::Body>,
    deadline: Instant,
) -> Result<Bytes, Failure> {
    let limit = gate.settings.answer_bytes;
    let read = timeout_at(deadline, read_bounded(response.into_body(), limit)).await.map_err(|_| {
        let refusal = Refusal::new(Code::ProviderTimeout, "The provider did not finish its answer in time.");
        // How long an answer takes is the caller's doing as much as the provider's.
        Failure::new(Next::Nothing, refusal, Attempt::TimedOut, "the answer did not end in time")
            .telling(Told::Nothing)
    })?;
    read.map_err(|unread| match unread {
        Unread::TooLarge => {
            Failure::provider(Next::Nothing, Attempt::Malformed, format!("the answer is over {limit} bytes"))
                .telling(Told::Nothing)
        }
        Unread::Broken => Failure::provider(Next::Nothing, Attempt::Malformed, "the answer broke off"),
    })
}

/// Begins to read a stream of events.
async fn begin_stream(
    response: Response<egress::Body>,
    spoken: Spoken<'_>,
    flow: Flow,
    deadline: Instant,
) -> Result<Answered, Failure> {
    if !is_stream(&response, spoken.protocol) {
        return Err(Failure::provider(
            Next::Elsewhere,
            Attempt::Malformed,
            "the answer to a stream request is not a stream",
        ));
    }
    first_pieces(response, spoken, flow, deadline).await
}

/// Reads up to the first piece that may be passed on, so that a failure before it can still be told by a status
/// and cured by another connection.
async fn first_pieces(
    response: Response<egress::Body>,
    spoken: Spoken<'_>,
    mut flow: Flow,
    deadline: Instant,
) -> Result<Answered, Failure> {
    let (mut rest, mut out) = (response.into_body(), VecDeque::new());
    let patience = deadline.min(Instant::now() + COMMENT_TIME);
    loop {
        let strike = if out.is_empty() { deadline } else { patience };
        let frame = match timeout_at(strike, rest.frame()).await {
            Ok(frame) => frame,
            Err(_) if out.is_empty() => return Err(silent()),
            Err(_) => return Ok(Answered::Stream { rest, flow, out }),
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
        if let Err(broken) = flow.feed(data, &mut out)
            && flow.events() == 0
        {
            return Err(Failure::provider(Next::Elsewhere, Attempt::Malformed, broken.to_string()));
        }
        if flow.events() == 0
            && let Some(error) = flow.take_error()
        {
            return Err(began_with_error(error, spoken));
        }
        let kept_back = flow.events() == 0 && out.iter().map(Bytes::len).sum::<usize>() < COMMENT_BYTES;
        if flow.state() != State::Running || !(out.is_empty() || kept_back) {
            return Ok(Answered::Stream { rest, flow, out });
        }
        // An upstream that always has more never lets the timer above be asked.
        if Instant::now() >= deadline {
            return Err(silent());
        }
    }
}

/// Whether the answer says that it is a stream of this protocol.
fn is_stream(response: &Response<egress::Body>, upstream: Protocol) -> bool {
    let wanted: &[u8] = match upstream {
        Protocol::Bedrock => b"application/vnd.amazon.eventstream",
        _ => b"text/event-stream",
    };
    let kind = response.headers().get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    kind.and_then(|kind| kind.get(..wanted.len())).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
}
