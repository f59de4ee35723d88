//! The body of every answer: whole bytes, a relay, or the content of a file.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::content::Content;
use crate::relay::Relay;

/// An answer broke off: its connection ends without the mark of a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub(crate) struct CutOff;

/// An answer's body.
pub(crate) enum Body {
    /// All of it.
    Whole(Bytes),
    /// As it comes from upstream.
    Relay(Pin<Box<Relay>>),
    /// A file, as it comes from upstream.
    Content(Pin<Box<Content>>),
}

impl Body {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Body::Whole(bytes)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match &mut *self {
            Body::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Body::Relay(relay) => {
                relay.as_mut().poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
            Body::Content(content) => {
                content.as_mut().poll_piece(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_empty(),
            Body::Relay(_) => false,
            Body::Content(content) => content.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Relay(_) => SizeHint::default(),
            Body::Content(content) => content.size_hint(),
        }
    }
}
