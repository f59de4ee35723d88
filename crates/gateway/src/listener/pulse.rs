//! Whether the other end of a connection asks for something, and takes what it is sent. One that sends no head is cut
//! after a while, and a reader that has taken nothing for too long, whether it stopped the socket or, in HTTP/2, a stream. The body of an answer is asked for its next piece only
//! when there is room for it, so a piece that was handed over and not followed by such a question is still on its
//! way. In HTTP/1 it also waits until the socket has taken what was handed over, so that a slow reader costs little
//! memory.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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

/// What is known of one connection. All that touches it runs on the thread of the connection, so that what every piece
/// writes is stored without a lock; only the streams of HTTP/2 are many.
pub(super) struct Pulse {
    began: Instant,
    /// How long a head may be awaited.
    head_within: Duration,
    /// Since when one is: from the beginning, and in HTTP/1 from the end of the answer before it.
    no_head: Since,
    /// Heads that have arrived, and answers that have ended.
    heads: AtomicU64,
    ended: AtomicU64,
    /// Since when the socket has taken nothing although something is to be written.
    blocked: Since,
    /// Since when an HTTP/1 answer has no room for more.
    full: Since,
    /// What was handed over since the socket had taken everything.
    unsent: AtomicUsize,
    /// Whether somebody waits for that, and who.
    awaited: AtomicBool,
    waits: Mutex<Option<Waker>>,
    streams: Mutex<Streams>,
}

/// The answers of HTTP/2, which are sent side by side.
#[derive(Default)]
struct Streams {
    begun: u64,
    /// Those of which a piece is on its way, and since when.
    owed: Vec<(u64, Instant)>,
}

/// A moment in microseconds after the beginning of the connection, or none.
struct Since(AtomicU64);

impl Since {
    const NEVER: u64 = u64::MAX;

    fn clear(&self) {
        self.0.store(Self::NEVER, Ordering::Relaxed);
    }

    fn begin(&self, began: Instant) {
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(Self::NEVER);
        self.0.store(micros, Ordering::Relaxed);
    }

    /// Leaves an earlier moment as it is.
    fn begin_once(&self, began: Instant) {
        if self.0.load(Ordering::Relaxed) == Self::NEVER {
            self.begin(began);
        }
    }

    fn moment(&self, began: Instant) -> Option<Instant> {
        let micros = self.0.load(Ordering::Relaxed);
        (micros != Self::NEVER).then(|| began + Duration::from_micros(micros))
    }
}

impl Pulse {
    /// A connection that begins now; each of its heads is to arrive within this time.
    pub(super) fn new(head_within: Duration) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            head_within,
            no_head: Since(AtomicU64::new(0)),
            heads: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            blocked: Since(AtomicU64::new(Since::NEVER)),
            full: Since(AtomicU64::new(Since::NEVER)),
            unsent: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
            waits: Mutex::default(),
            streams: Mutex::default(),
        })
    }

    /// So many heads have arrived.
    pub(super) fn heads(&self, count: u64) {
        self.heads.store(count, Ordering::Relaxed);
        self.no_head.clear();
    }

    /// An HTTP/1 answer has ended: unless it is there already, the next head is awaited from now on.
    fn answered(&self) {
        let ended = self.ended.load(Ordering::Relaxed) + 1;
        self.ended.store(ended, Ordering::Relaxed);
        if ended >= self.heads.load(Ordering::Relaxed) {
            self.no_head.begin(self.began);
        }
    }

    /// The socket took something, or has nothing to take.
    pub(super) fn flows(&self) {
        self.blocked.clear();
    }

    /// The socket has taken everything.
    pub(super) fn empty(&self) {
        self.blocked.clear();
        self.unsent.store(0, Ordering::Relaxed);
        if self.awaited.load(Ordering::Relaxed) {
            self.awaited.store(false, Ordering::Relaxed);
            let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waker) = waits {
                waker.wake();
            }
        }
    }

    /// The socket takes nothing at the moment.
    pub(super) fn blocks(&self) {
        self.blocked.begin_once(self.began);
    }

    /// When the connection is to be looked at again; none when it is to be cut now.
    pub(super) fn next_look(&self, patience: Duration) -> Option<Instant> {
        let now = Instant::now();
        let owed = self.streams().owed.iter().map(|(_, since)| *since).min();
        let stalls = [owed, self.blocked.moment(self.began), self.full.moment(self.began)];
        let stalls = stalls.into_iter().flatten().map(|since| since + patience);
        let head = self.no_head.moment(self.began).map(|since| since + self.head_within);
        // Nothing that begins to stall from now on is to be cut before this.
        let next = stalls.chain(head).fold(now + patience.min(self.head_within), Instant::min);
        (next > now).then_some(next)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
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
        let answer = match room {
            Room::InSocket => 0,
            Room::InStream => {
                let mut streams = pulse.streams();
                streams.begun += 1;
                streams.begun
            }
        };
        Self { body, rest: Bytes::new(), room, pulse, answer, _place: place }
    }

    /// What was handed over has gone.
    fn settle(&self) {
        match self.room {
            Room::InSocket => self.pulse.full.clear(),
            Room::InStream => self.pulse.streams().owed.retain(|(owing, _)| *owing != self.answer),
        }
    }

    fn hand_over(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        let pulse = &self.pulse;
        match self.room {
            Room::InSocket => {
                let unsent = pulse.unsent.load(Ordering::Relaxed).saturating_add(piece.len());
                pulse.unsent.store(unsent, Ordering::Relaxed);
                if unsent >= UNSENT_BYTES {
                    pulse.full.begin(pulse.began);
                }
            }
            Room::InStream => pulse.streams().owed.push((self.answer, Instant::now())),
        }
        Frame::data(piece)
    }

    /// Ready when the next piece may be handed over.
    fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let pulse = &self.pulse;
        if self.room == Room::InStream || pulse.unsent.load(Ordering::Relaxed) < UNSENT_BYTES {
            return Poll::Ready(());
        }
        *pulse.waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        pulse.awaited.store(true, Ordering::Relaxed);
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
        if self.room == Room::InSocket {
            self.pulse.answered();
        }
    }
}

#[cfg(test)]
mod tests;
