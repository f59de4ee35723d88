//! The bytes of one connection, on their way to and from the parser: read through the sieve, written under the eyes
//! of the pulse, and closed so that a caller who still sends reads its refusal first.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::pulse::Pulse;
use super::sieve::{SPOILT, Sieve};

/// How long a closed connection is still read. A socket that is closed with unread bytes resets, and the reset can
/// overtake the answer.
const LINGER: Duration = Duration::from_millis(500);
/// Most bytes that are read away meanwhile.
const LINGER_BYTES: usize = 1 << 20;

/// A connection's bytes, plain or inside TLS.
pub(super) struct Socket<S> {
    stream: S,
    sieve: Sieve,
    pulse: Arc<Pulse>,
    /// The heads that the pulse was told of.
    heads: u64,
    /// What the parser is still to be given since a line was at fault; then, the end.
    spoilt: Option<&'static [u8]>,
    closing: Option<Closing>,
}

struct Closing {
    until: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl<S> Socket<S> {
    pub(super) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream, sieve: Sieve::new(), pulse, heads: 0, spoilt: None, closing: None }
    }

    fn watch<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_pending() {
            self.pulse.blocks();
        } else {
            self.pulse.flows();
        }
        polled
    }
}

/// Moves as many bytes as there is room for.
fn put(bytes: &mut &'static [u8], buffer: &mut ReadBuf<'_>) {
    let (now, later) = bytes.split_at(bytes.len().min(buffer.remaining()));
    buffer.put_slice(now);
    *bytes = later;
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(rest) = &mut this.spoilt {
            put(rest, buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let arrived = &buffer.filled()[before..];
        let passed = this.sieve.pass(arrived);
        if passed < arrived.len() {
            buffer.set_filled(before + passed);
            put(this.spoilt.insert(SPOILT), buffer);
        }
        if this.sieve.heads() != this.heads {
            this.heads = this.sieve.heads();
            this.pulse.heads(this.heads);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watch(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Ready(flushed) => {
                self.pulse.empty();
                Poll::Ready(flushed)
            }
            Poll::Pending => self.watch(Poll::Pending),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.closing.is_none() {
            let polled = Pin::new(&mut this.stream).poll_shutdown(context);
            ready!(this.watch(polled))?;
        }
        let closing = this.closing.get_or_insert_with(|| Closing {
            until: Box::pin(tokio::time::sleep(LINGER)),
            bytes_left: LINGER_BYTES,
        });
        let mut bytes = [0; 4096];
        while closing.bytes_left > 0 && closing.until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer));
            // Whatever the end of it is, there is nobody left to tell.
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            closing.bytes_left = closing.bytes_left.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
