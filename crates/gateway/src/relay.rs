//! A stream on its way down: bytes pass unchanged and at the reader's pace, usage is counted on the way, and the
//! call is settled before the last byte is handed over. Dropping the relay hangs up on the upstream.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use domain::code::Code;
use domain::protocol::Dialect;
use domain::usage::Outcome;
use http::{HeaderValue, Response, header};
use http_body::Body as _;
use tokio::time::Instant;
use wire::flow::Flow;
use wire::surfaces::Reported;
use wire::tap::{Ending, State};

use crate::alarm::Alarm;
use crate::body::{Body, CutOff};
use crate::call::{Call, Produced};
use crate::dispatch::{Reply, tell_calm};
use crate::gate::{Gateway, Timeouts};
use crate::headers::write_answer;
use crate::parting::Farewell;
use crate::refusal::{Refusal, Stop};
use crate::upstream::Answered;
use crate::whole::{self, Whole};

/// How long a finished upstream may take to end its body, so that its connection can be used again.
const LINGER: Duration = Duration::from_millis(50);

/// Sends the reply down.
pub(crate) async fn relay(gate: &Gateway, reply: Reply, dialect: Dialect) -> Result<Response<Body>, Stop> {
    let Reply { call, answered } = reply;
    let whole = match answered {
        Answered::Whole { body, answer } => {
            Whole { body, answer, units: None, at_least: None, media_type: "application/json" }
        }
        Answered::Beside { body, reported, media_type } => {
            let Reported { answer, units, at_least } = reported;
            Whole { body, answer, units, at_least, media_type }
        }
        Answered::Stream { rest, flow, out } => {
            return Ok(Relay::begin(gate, call, dialect, rest, flow, out));
        }
    };
    whole::send(call, whole).await
}

/// The status that every stream begins with.
const OK: u16 = 200;

enum Phase {
    /// Pieces come and go.
    Running,
    /// The settlement must reach the disk before the last pieces leave.
    Syncing(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The last pieces leave; the upstream may end its body meanwhile.
    Closing,
    /// The caller cannot be told of a failure in words: the answer breaks off, so that it is not taken for a whole one.
    BreakingOff,
    /// Nothing is left to do.
    Over,
}

/// The body of a streamed answer.
pub(crate) struct Relay {
    upstream: Option<egress::Body>,
    flow: Flow,
    dialect: Dialect,
    out: VecDeque<Bytes>,
    call: Box<Call>,
    phase: Phase,
    timer: Alarm,
    farewell: Farewell,
    timeouts: Timeouts,
    keep_alive: Duration,
    last_byte: Instant,
    last_piece: Instant,
}

impl Relay {
    fn begin(
        gate: &Gateway,
        call: Box<Call>,
        dialect: Dialect,
        rest: egress::Body,
        flow: Flow,
        out: VecDeque<Bytes>,
    ) -> Response<Body> {
        let mut response = Response::new(Body::whole(Bytes::new()));
        let headers = response.headers_mut();
        write_answer(headers, &call);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(flow.media_type()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        let now = Instant::now();
        let mut relay = Self {
            upstream: Some(rest),
            flow,
            dialect,
            out,
            call,
            phase: Phase::Running,
            timer: Alarm::at(now),
            farewell: Farewell::new(&gate.parting),
            timeouts: gate.settings.timeouts,
            keep_alive: gate.settings.keep_alive,
            last_byte: now,
            last_piece: now,
        };
        let first = relay.next_strike();
        relay.timer.set(first);
        relay.conclude();
        *response.body_mut() = Body::Relay(Box::pin(relay));
        response
    }

    /// The next piece of the answer.
    pub(crate) fn poll_piece(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, CutOff>>> {
        let this = &mut *self;
        let mut read_at = None;
        loop {
            if let Phase::Syncing(synced) = &mut this.phase {
                ready!(synced.as_mut().poll(context));
                this.phase = Phase::Closing;
            }
            if let Some(piece) = this.out.pop_front() {
                // One look at the clock does for a piece that goes as it came.
                this.last_piece = read_at.unwrap_or_else(Instant::now);
                return Poll::Ready(Some(Ok(piece)));
            }
            match this.phase {
                Phase::Running => {
                    let before = this.last_byte;
                    ready!(this.poll_upstream(context));
                    read_at = (this.last_byte != before).then_some(this.last_byte);
                }
                Phase::Closing => ready!(this.poll_linger(context)),
                Phase::Syncing(_) => {}
                Phase::BreakingOff => {
                    this.phase = Phase::Over;
                    return Poll::Ready(Some(Err(CutOff)));
                }
                Phase::Over => return Poll::Ready(None),
            }
        }
    }

    /// Takes one piece from the upstream, or lets a clock strike.
    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else {
            self.phase = Phase::Over;
            return Poll::Ready(());
        };
        if self.farewell.is_over(context) {
            self.cut(
                Code::Unavailable,
                "The gate is stopping; send the request again.",
                "the drain time is over",
            );
            return Poll::Ready(());
        }
        match Pin::new(upstream).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                self.last_byte = Instant::now();
                // An upstream that always has more never lets the clocks below be asked.
                if self.last_byte >= self.over_at() {
                    self.run_out();
                    return Poll::Ready(());
                }
                let Ok(data) = frame.into_data() else { return Poll::Ready(()) };
                match self.flow.feed(data, &mut self.out) {
                    Ok(()) => self.conclude(),
                    Err(broken) => self.cut(
                        Code::ProviderError,
                        "The provider sent a malformed stream.",
                        &broken.to_string(),
                    ),
                }
            }
            Poll::Ready(Some(Err(broken))) => {
                if egress::asks_for_calm(&broken) {
                    tell_calm(&mut self.call);
                }
                self.cut(Code::ProviderError, "The provider broke off its answer.", "the connection broke");
            }
            Poll::Ready(None) => match self.flow.end(&mut self.out) {
                Ending::Done { .. } => self.finish(),
                Ending::NoTerminal => {
                    self.cut(
                        Code::ProviderError,
                        "The provider ended its answer without finishing it.",
                        "no terminal event",
                    );
                }
            },
            Poll::Pending => ready!(self.poll_clocks(context)),
        }
        Poll::Ready(())
    }

    /// Strikes when the upstream was silent for too long, the call took too long, or a comment is due.
    fn poll_clocks(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.poll(context));
        let now = Instant::now();
        if now >= self.end_of_patience() {
            self.run_out();
            return Poll::Ready(());
        }
        if now >= self.last_piece + self.keep_alive {
            self.out.extend(self.flow.sign_of_life());
            self.last_piece = now;
        }
        let next = self.next_strike();
        self.timer.set(next);
        Poll::Ready(())
    }

    /// When the upstream has been silent for too long, or the call has taken too long.
    fn end_of_patience(&self) -> Instant {
        (self.last_byte + self.timeouts.between_bytes).min(self.over_at())
    }

    /// When the call has taken too long.
    fn over_at(&self) -> Instant {
        Instant::from_std(self.call.started() + self.timeouts.whole)
    }

    fn run_out(&mut self) {
        let message = if Instant::now() >= self.over_at() {
            "The provider did not finish its answer in time."
        } else {
            "The provider fell silent before its answer was finished."
        };
        self.cut(Code::ProviderTimeout, message, "a clock struck");
    }

    fn next_strike(&self) -> Instant {
        self.end_of_patience().min(self.last_piece + self.keep_alive)
    }

    /// Reads on to the end of a finished upstream's body, for a moment.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(upstream) = &mut self.upstream {
            match Pin::new(upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(_))) if self.timer.poll(context).is_pending() => {}
                Poll::Ready(_) => self.upstream = None,
                Poll::Pending => {
                    ready!(self.timer.poll(context));
                    self.upstream = None;
                }
            }
        }
        self.phase = Phase::Over;
        Poll::Ready(())
    }

    /// Ends the stream when its end has been seen or an error inside it.
    fn conclude(&mut self) {
        match self.flow.state() {
            State::Running => {}
            State::Done => self.finish(),
            State::Failed => {
                self.cut(
                    Code::ProviderError,
                    "The provider reported an error in its answer.",
                    "an error event",
                );
            }
        }
    }

    fn finish(&mut self) {
        if let Some(name) = self.flow.kept_as() {
            self.call.keep_answer(name);
        }
        let settled = self.call.settle(Outcome::Complete, OK, self.produced());
        if let Some((cost, ticket)) = settled {
            self.out.extend(self.flow.comment(&format!("x-portcullis-cost-usd {cost}")));
            self.close(Some(ticket));
        } else {
            self.close(None);
        }
    }

    fn cut(&mut self, code: Code, message: &'static str, detail: &str) {
        let request_id = self.call.request_id().to_str().unwrap_or_default();
        tracing::warn!(call = %self.call.id(), detail, "a stream was cut");
        let begun = self.flow.started() || self.flow.tokens().is_some();
        let outcome = if begun { Outcome::Cut } else { Outcome::Failed };
        let refusal = Refusal::new(code, message);
        refusal.told(self.dialect, request_id, |error| self.flow.fail(error, &mut self.out));
        self.upstream = None;
        let settled = self.call.settle(outcome, OK, self.produced());
        if self.flow.has_words() {
            self.close(settled.map(|(_, ticket)| ticket));
        } else {
            self.phase = Phase::BreakingOff;
        }
    }

    fn close(&mut self, ticket: Option<live::outbox::Ticket>) {
        self.out.extend(self.flow.close());
        self.timer.set(Instant::now() + LINGER);
        self.phase = match ticket {
            Some(ticket) if self.call.gate().outbox.syncs_always() => {
                let (gate, kept) = (Arc::clone(self.call.gate()), self.call.answer_kept());
                Phase::Syncing(Box::pin(async move {
                    for ticket in kept.into_iter().chain([ticket]) {
                        if let Err(failed) = gate.outbox.durable(ticket).await {
                            tracing::error!(%failed, "a settlement was recorded but not yet synced to disk");
                        }
                    }
                }))
            }
            _ => Phase::Closing,
        };
    }

    fn produced(&self) -> Produced {
        Produced {
            tokens: self.flow.tokens(),
            advice: self.flow.advice().cloned(),
            units: self.flow.units(),
            at_least: None,
            output_bytes: self.flow.output_bytes(),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The caller left: what was produced so far is recorded. A call that has settled ignores this.
        let produced = self.produced();
        self.call.gate().meters.streamed(self.flow.events());
        self.call.settle(Outcome::Cancelled, OK, produced);
    }
}
