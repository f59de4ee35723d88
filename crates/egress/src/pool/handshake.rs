//! From an open stream to a connection that takes requests, with the bounds that hold for every upstream. It chooses
//! no address and sends no request.

use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::connection::Connection;
use crate::connect::Stream;
use crate::failed::{Failed, Reached};

/// The read buffer of one HTTP/1.1 connection. A response head that does not end within it, give or take one read,
/// is refused. It is the unit of what a stream costs whose reader is slow: pieces on their way keep their buffer.
const HTTP1_BUFFER_BYTES: usize = 32 * 1_024;
/// The head of an HTTP/2 response after decompression.
const HTTP2_HEAD_BYTES: u32 = 64 * 1_024;
/// What an upstream may send on one HTTP/2 stream before its reader has taken it: the bound on memory per stream.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 64 * 1_024;
/// The window of the whole connection: 256 full streams, so that a few slow readers never stall the others.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 256 * HTTP2_STREAM_WINDOW_BYTES;
/// How often a quiet HTTP/2 connection is probed, and how long the answer may take: a dead one is never handed out
/// for longer than both together.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(15);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(5);

/// How connections begin.
pub(super) struct Handshake {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl Handshake {
    pub(super) fn new() -> Self {
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(HTTP1_BUFFER_BYTES);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(HTTP2_HEAD_BYTES)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .keep_alive_while_idle(true);
        Self { http1, http2 }
    }

    /// The connection over `stream`. A task of its own moves its bytes until its last user has gone.
    pub(super) async fn shake(&self, stream: Stream) -> Result<Connection, Failed> {
        let unusable = |error| Failed::broken(Reached::No, error);
        if stream.is_http2() {
            let shaken = self.http2.handshake(TokioIo::new(stream)).await;
            let (sender, connection) = shaken.map_err(unusable)?;
            // What breaks a connection is told to whoever waits for an answer on it.
            tokio::spawn(async move { drop(connection.await) });
            Ok(Connection::Shared(sender))
        } else {
            let shaken = self.http1.handshake(TokioIo::new(stream)).await;
            let (sender, connection) = shaken.map_err(unusable)?;
            tokio::spawn(async move { drop(connection.await) });
            Ok(Connection::Alone(sender))
        }
    }
}
