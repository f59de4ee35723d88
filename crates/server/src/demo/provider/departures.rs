//! Knows when the last byte of an answer has been handed to the socket. hyper buffers what a body yields and calls
//! the socket's flush only once that buffer is empty, so a receipt left here by a body that is complete is settled by
//! the first flush after it. A connection that dies with receipts still here counts their calls as cancelled.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::tally::Receipt;

/// The receipts of one connection whose answers are complete but perhaps still buffered.
#[derive(Clone, Default)]
pub(super) struct Departures(Arc<Mutex<Vec<Receipt>>>);

impl Departures {
    /// Leaves the receipt of an answer whose last byte hyper has just been given.
    pub(super) fn leave(&self, receipt: Receipt) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(receipt);
    }

    fn settle(&self) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for receipt in waiting.drain(..) {
            receipt.finish();
        }
    }
}

/// A connection that settles departures on every flush.
pub(super) struct Socket<S> {
    io: S,
    departures: Departures,
}

impl<S> Socket<S> {
    pub(super) fn new(io: S, departures: Departures) -> Self {
        Self { io, departures }
    }
}

impl<S: Read + Unpin> Read for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<S: Write + Unpin> Write for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.departures.settle();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
