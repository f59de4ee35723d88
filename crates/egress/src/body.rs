//! The body of an answer. When all of it has come, its connection can be used again; when it is dropped before, the
//! call upstream ends. It does not look at what it carries.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::pool::connection::Http1;
use crate::pool::lane::Lane;

/// What an upstream answers, piece by piece and at the reader's pace.
pub struct Body {
    incoming: Incoming,
    /// The connection that it comes on, if that serves this answer alone and another after it.
    connection: Option<(Http1, Arc<Lane>)>,
}

impl Body {
    /// `connection` goes back to where it was taken from when `incoming` has ended.
    pub(crate) fn new(incoming: Incoming, connection: Option<(Http1, Arc<Lane>)>) -> Self {
        let mut body = Self { incoming, connection };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    fn give_back(&mut self) {
        if let Some((sender, lane)) = self.connection.take() {
            lane.give(sender);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.incoming).poll_frame(context));
        if self.connection.is_some() {
            match &frame {
                None => self.give_back(),
                // A reader who knows the length does not ask again.
                Some(Ok(frame)) if frame.is_trailers() || self.incoming.is_end_stream() => self.give_back(),
                Some(Ok(_)) => {}
                Some(Err(_)) => self.connection = None,
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.incoming.fmt(f)
    }
}
