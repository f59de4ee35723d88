//! The upstream of the benchmark: HTTP/1.1 and, for who begins with it, HTTP/2 in the clear. It answers every call at
//! once from memory, checks no key and keeps nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use anyhow::Result;
use bench::answers::{self, Asked, Stream, Usage};
use bench::workers;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static MODELS: LazyLock<Bytes> = LazyLock::new(answers::models);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// Tells nginx to pass a stream on as it comes.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

fn main() -> Result<()> {
    let address: SocketAddr = workers::address_argument()?;
    workers::serve(address, |stream| {
        tokio::spawn(serve(stream));
    })
}

async fn serve(stream: TcpStream) {
    let builder = Builder::new(TokioExecutor::new());
    // Callers go away in mid-stream: that is theirs to count.
    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Reply>, hyper::Error> {
    if request.method() == Method::GET {
        return Ok(reply(JSON, Reply::Whole(Some(MODELS.clone()))));
    }
    let mut body = request.into_body();
    let mut seen = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame?.into_data() else { continue };
        // Nearly always a body of this size comes in one piece.
        seen = if seen.is_empty() { piece } else { [seen, piece].concat().into() };
    }
    Ok(match answers::asked(&seen) {
        Asked::Whole => {
            reply(JSON, Reply::Whole(Some(Bytes::from_static(answers::WHOLE.trim_ascii_end().as_bytes()))))
        }
        Asked::Stream(stream) => {
            let mut response = reply(EVENT_STREAM, Reply::Events(Events::of(stream)));
            response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
            response
        }
    })
}

fn reply(kind: HeaderValue, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The body of an answer.
enum Reply {
    Whole(Option<Bytes>),
    Events(Events),
}

/// What is left of a stream.
struct Events {
    left: u32,
    stream: Stream,
    tail: Tail,
    /// When the next event is due, for streams with a pace.
    next: Option<Pin<Box<Sleep>>>,
    /// For streams without: whether the last event was handed over and not yet written.
    unwritten: bool,
}

#[derive(Clone, Copy)]
enum Tail {
    Usage,
    Done,
    Nothing,
}

impl Events {
    fn of(stream: Stream) -> Self {
        let next = (!stream.pause.is_zero()).then(|| Box::pin(sleep_until(Instant::now())));
        let tail = if stream.usage == Usage::Told { Tail::Usage } else { Tail::Done };
        Self { left: stream.events, stream, tail, next, unwritten: false }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<&'static str>> {
        if let Some(next) = &mut self.next
            && self.left > 0
        {
            ready!(next.as_mut().poll(context));
            let due = next.deadline() + self.stream.pause;
            next.as_mut().reset(due);
        } else if self.next.is_none() && self.unwritten {
            // Each event is written by itself, as a provider's are: what is pending is flushed.
            self.unwritten = false;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.unwritten = true;
        Poll::Ready(match (self.left, self.tail) {
            (0, Tail::Usage) => {
                self.tail = Tail::Done;
                Some(answers::USAGE)
            }
            (0, Tail::Done) => {
                self.tail = Tail::Nothing;
                Some(answers::DONE)
            }
            (0, Tail::Nothing) => None,
            (left, _) => {
                self.left -= 1;
                Some(if left == 1 { answers::LAST } else { answers::EVENT })
            }
        })
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Events(events) => {
                let event = ready!(events.poll(context));
                Poll::Ready(event.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Events(_) => SizeHint::default(),
        }
    }
}
