//! The content of a file on its way down: bytes pass unchanged, at the reader's pace and never held whole. Dropping it
//! hangs up on the upstream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use domain::id::CallId;
use http_body::{Body as _, SizeHint};
use live::counters::Admitted;
use live::meters::InFlight;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::arrival::Arrival;
use crate::body::CutOff;
use crate::gate::Gateway;
use crate::parting::Farewell;

/// Bytes that come from an upstream and are nobody's conversation.
pub(crate) struct Content {
    upstream: egress::Body,
    call: CallId,
    /// Strikes when the upstream was silent for too long, or all of it takes too long.
    timer: Alarm,
    farewell: Farewell,
    between_bytes: Duration,
    over_at: Instant,
    last_byte: Instant,
    broken: bool,
    _admitted: Admitted,
    _in_flight: InFlight,
}

impl Content {
    /// Passes `upstream` down until `over_at`. The place of the request among those in flight is given back at its end.
    pub(crate) fn begin(
        gate: &Gateway,
        arrival: &Arrival,
        admitted: Admitted,
        upstream: egress::Body,
        over_at: Instant,
    ) -> Self {
        let now = Instant::now();
        let between_bytes = gate.settings.timeouts.between_bytes;
        Self {
            upstream,
            call: arrival.call,
            timer: Alarm::at((now + between_bytes).min(over_at)),
            farewell: Farewell::new(&gate.parting),
            between_bytes,
            over_at,
            last_byte: now,
            broken: false,
            _admitted: admitted,
            _in_flight: gate.meters.enter(),
        }
    }

    /// The next piece.
    pub(crate) fn poll_piece(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, CutOff>>> {
        let this = &mut *self;
        if this.broken {
            return Poll::Ready(None);
        }
        loop {
            if this.farewell.is_over(context) {
                return this.cut("the drain time is over");
            }
            match Pin::new(&mut this.upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.last_byte = Instant::now();
                    // An upstream that always has more never lets the timer below be asked.
                    if this.last_byte >= this.over_at {
                        return this.cut("it takes too long");
                    }
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Poll::Ready(Some(Err(_))) => return this.cut("the connection broke"),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    ready!(this.timer.poll(context));
                    let strike = (this.last_byte + this.between_bytes).min(this.over_at);
                    if Instant::now() >= strike {
                        return this.cut("a clock struck");
                    }
                    this.timer.set(strike);
                }
            }
        }
    }

    /// How much is still to come, as far as the upstream said so.
    pub(crate) fn size_hint(&self) -> SizeHint {
        self.upstream.size_hint()
    }

    /// Whether nothing is.
    pub(crate) fn is_over(&self) -> bool {
        self.broken || self.upstream.is_end_stream()
    }

    fn cut(&mut self, detail: &str) -> Poll<Option<Result<Bytes, CutOff>>> {
        tracing::warn!(call = %self.call, detail, "the content of a file was cut");
        self.broken = true;
        Poll::Ready(Some(Err(CutOff)))
    }
}
