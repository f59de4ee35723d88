//! The bytes of an answer as hyper pulls them: whole, or chunk by chunk at the provider's pace. Nothing is made
//! before it is pulled, so a client that leaves stops the making.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::departures::Departures;
use super::script::Script;
use super::tally::Receipt;

/// Room for one chunk of an ordinary stream.
const CHUNK_BYTES: usize = 384;

/// The body of one answer.
pub(super) struct AnswerBody {
    source: Source,
    /// Who to tell when the last byte was given away; absent for what the tally does not count.
    account: Option<(Receipt, Departures)>,
}

enum Source {
    Whole { bytes: Bytes, tokens: usize },
    Streamed { script: Box<Script>, delay: Duration, pause: Option<Pin<Box<Sleep>>> },
}

impl AnswerBody {
    /// Bytes that are nobody's call.
    pub(super) fn uncounted(bytes: Vec<u8>) -> Self {
        Self { source: Source::Whole { bytes: bytes.into(), tokens: 0 }, account: None }
    }

    /// A call answered in one piece of `tokens` tokens.
    pub(super) fn whole(bytes: Vec<u8>, tokens: usize, account: (Receipt, Departures)) -> Self {
        Self { source: Source::Whole { bytes: bytes.into(), tokens }, account: Some(account) }
    }

    /// A call answered as a stream, with `delay` between chunks.
    pub(super) fn streamed(script: Script, delay: Duration, account: (Receipt, Departures)) -> Self {
        let source = Source::Streamed { script: Box::new(script), delay, pause: None };
        Self { source, account: Some(account) }
    }

    fn count(&mut self, tokens: usize) {
        if let Some((receipt, _)) = &mut self.account {
            receipt.add(tokens);
        }
    }

    fn depart(&mut self) {
        if let Some((receipt, departures)) = self.account.take() {
            departures.leave(receipt);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let (frame, tokens) = match &mut this.source {
            Source::Whole { bytes, tokens } => (std::mem::take(bytes), *tokens),
            Source::Streamed { script, delay, pause } => {
                if let Some(pause) = pause.as_mut() {
                    ready!(pause.as_mut().poll(cx));
                }
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                let tokens = script.write_next(&mut chunk)?;
                if !delay.is_zero() && !script.ended() {
                    match pause {
                        Some(pause) => pause.as_mut().reset(Instant::now() + *delay),
                        None => *pause = Some(Box::pin(tokio::time::sleep(*delay))),
                    }
                }
                (Bytes::from(chunk), tokens)
            }
        };
        this.count(tokens);
        if this.is_end_stream() {
            this.depart();
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole { bytes, .. } => bytes.is_empty(),
            Source::Streamed { script, .. } => script.ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole { bytes, .. } => {
                SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
            }
            Source::Streamed { .. } => SizeHint::default(),
        }
    }
}
