//! The floor of the stack: a reverse proxy on hyper with warm connections to the upstream, and nothing else. It checks
//! nothing, keeps nothing and knows nothing of what it passes on.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use anyhow::{Context as _, Result};
use bench::workers;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static UPSTREAM: OnceLock<SocketAddr> = OnceLock::new();

/// Warm connections of one worker at most.
const MOST_IDLE: usize = 512;

thread_local! {
    /// The warm connections of this worker.
    static IDLE: RefCell<Vec<Sender>> = const { RefCell::new(Vec::new()) };
}

type Sender = SendRequest<Incoming>;

fn main() -> Result<()> {
    let address = workers::address_argument()?;
    let upstream = std::env::args().nth(2).context("the upstream's address is missing")?;
    let upstream = upstream.parse().with_context(|| format!("{upstream} is no address"))?;
    UPSTREAM.get_or_init(|| upstream);
    workers::serve(address, |stream| {
        tokio::spawn(serve(stream));
    })
}

async fn serve(stream: TcpStream) {
    // Callers go away in mid-stream: that is theirs to count.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(pass)).await;
}

async fn pass(mut request: Request<Incoming>) -> Result<Response<Passing>> {
    request.headers_mut().remove(header::CONNECTION);
    let mut sender = warm_or_new().await?;
    let (mut head, body) = sender.send_request(request).await?.into_parts();
    head.headers.remove(header::CONNECTION);
    head.headers.remove(header::TRANSFER_ENCODING);
    Ok(Response::from_parts(head, Passing { body, sender: Some(sender) }))
}

async fn warm_or_new() -> Result<Sender> {
    while let Some(mut sender) = IDLE.with_borrow_mut(Vec::pop) {
        if sender.ready().await.is_ok() {
            return Ok(sender);
        }
    }
    let upstream = UPSTREAM.get().context("no upstream")?;
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// The body of an answer; its connection is warm again once it has ended.
struct Passing {
    body: Incoming,
    sender: Option<Sender>,
}

impl Passing {
    fn ended(&mut self) {
        if let Some(sender) = self.sender.take() {
            IDLE.with_borrow_mut(|idle| {
                if idle.len() < MOST_IDLE {
                    idle.push(sender);
                }
            });
        }
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
