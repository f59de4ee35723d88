//! Whether the other end of a connection takes what it is sent. A reader that has taken nothing for too long is cut,
//! whether it stopped the socket or, in HTTP/2, a stream. The body of an answer is asked for its next piece only
//! when there is room for it, so a piece that was handed over and not followed by such a question is still on its
//! way. In HTTP/1 it also waits until the socket has taken what was handed over, so that a slow reader costs little
//! memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::body::{Body, CutOff};

/// Most bytes of a whole answer that are handed over at once, so that a reader that stops holds no more than this.
const PIECE_BYTES: usize = 64 << 10;
/// From so many bytes on, HTTP/1 is handed no more of an answer until the socket has taken them all.
const UNSENT_BYTES: usize = 16 << 10;

/// What is known of one connection.
pub(super) struct Pulse(Mutex<State>);

struct State {
    /// Until when the first head must have arrived; none once it has.
    opens_by: Option<Instant>,
    /// Since when the socket has taken nothing although something is to be written.
    blocked_since: Option<Instant>,
    /// Answers of which a piece is on its way, and since when.
    owed: Vec<(u64, Instant)>,
    answers: u64,
    /// What was handed over since the socket had taken everything.
    unsent: usize,
    /// Who waits for that.
    waits: Option<Waker>,
}

impl Pulse {
    pub(super) fn new(opens_within: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            opens_by: Some(Instant::now() + opens_within),
            blocked_since: None,
            owed: Vec::new(),
            answers: 0,
            unsent: 0,
            waits: None,
        })))
    }

    /// The first head has arrived.
    pub(super) fn opened(&self) {
        self.state().opens_by = None;
    }

    /// The socket took something, or has nothing to take.
    pub(super) fn flows(&self) {
        self.state().blocked_since = None;
    }

    /// The socket has taken everything.
    pub(super) fn empty(&self) {
        let mut state = self.state();
        (state.blocked_since, state.unsent) = (None, 0);
        let waits = state.waits.take();
        drop(state);
        if let Some(waker) = waits {
            waker.wake();
        }
    }

    /// The socket takes nothing at the moment.
    pub(super) fn blocks(&self) {
        self.state().blocked_since.get_or_insert_with(Instant::now);
    }

    /// When the connection is to be looked at again; none when it is to be cut now.
    pub(super) fn next_look(&self, patience: Duration) -> Option<Instant> {
        let now = Instant::now();
        let state = self.state();
        let owed = state.owed.iter().map(|(_, since)| *since);
        let stalls = owed.chain(state.blocked_since).map(|since| since + patience);
        // Nothing that begins to stall from now on is to be cut before this.
        let next = stalls.chain(state.opens_by).fold(now + patience, Instant::min);
        (next > now).then_some(next)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who says whether there is room for more of an answer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Room {
    /// The socket, which the answer has for itself: HTTP/1.
    InSocket,
    /// The window of the answer's own stream: HTTP/2.
    InStream,
}

/// A body whose pieces are watched until they are on their way. It also holds the request's place among those in
/// flight.
pub(super) struct Watched {
    body: Body,
    rest: Bytes,
    room: Room,
    pulse: Arc<Pulse>,
    answer: u64,
    _place: Option<OwnedSemaphorePermit>,
}

impl Watched {
    pub(super) fn new(
        body: Body,
        room: Room,
        pulse: Arc<Pulse>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let answer = {
            let mut state = pulse.state();
            state.answers += 1;
            state.answers
        };
        Self { body, rest: Bytes::new(), room, pulse, answer, _place: place }
    }

    fn settle(&self) {
        let answer = self.answer;
        self.pulse.state().owed.retain(|(owing, _)| *owing != answer);
    }

    fn hand_over(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        let mut state = self.pulse.state();
        state.owed.push((self.answer, Instant::now()));
        state.unsent = state.unsent.saturating_add(piece.len());
        drop(state);
        Frame::data(piece)
    }

    /// Ready when the next piece may be handed over.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.pulse.state();
        if self.room == Room::InStream || state.unsent < UNSENT_BYTES {
            return Poll::Ready(());
        }
        state.waits = Some(context.waker().clone());
        Poll::Pending
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let this = &mut *self;
        ready!(this.poll_room(context));
        this.settle();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        Poll::Ready(Some(Ok(this.hand_over())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
mod tests;
