//! One connection and one request on it: how the request is addressed there, and whether the connection serves another
//! after it. It knows of no other connection.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};

use super::lane::Lane;
use crate::body::Body;
use crate::target::Target;

/// Takes one request after another.
pub(crate) type Http1 = http1::SendRequest<Full<Bytes>>;
/// Takes requests at any time.
pub(crate) type Http2 = http2::SendRequest<Full<Bytes>>;

/// A connection that a request can go out on.
pub(crate) enum Connection {
    /// One that serves one request at a time.
    Alone(Http1),
    /// One that others use at the same time.
    Shared(Http2),
}

impl Connection {
    /// Sends `request` to `target`, whatever it says of its own destination. An error holds the request if nothing of
    /// it was written.
    pub(super) async fn send(
        &mut self,
        target: &Target,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        // The protocol is what the connection negotiated, not what the caller's own client spoke.
        *request.version_mut() = Version::HTTP_11;
        match self {
            Self::Alone(sender) => {
                *request.uri_mut() = target.origin_form();
                request.headers_mut().insert(HOST, target.host_header());
                sender.try_send_request(request).await
            }
            Self::Shared(sender) => {
                *request.uri_mut() = target.uri().clone();
                request.headers_mut().remove(HOST);
                sender.try_send_request(request).await
            }
        }
    }

    /// `response` with a body that takes the connection back to `lane` when it can serve another request.
    pub(super) fn answered(self, response: Response<Incoming>, lane: Arc<Lane>) -> Response<Body> {
        let back = match self {
            Self::Alone(sender) if serves_another(&response) => Some((sender, lane)),
            Self::Alone(_) | Self::Shared(_) => None,
        };
        response.map(|incoming| Body::new(incoming, back))
    }
}

/// Whether another request may follow `response` on its connection (RFC 9112, section 9.3).
fn serves_another(response: &Response<Incoming>) -> bool {
    response.version() == Version::HTTP_11
        && response.status() != StatusCode::SWITCHING_PROTOCOLS
        && !is_ambiguous(response)
        && !says_close(response)
}

/// Whether two readers may disagree on where the answer ends (RFC 9112, section 6.3): its connection is used for
/// nothing else, lest one caller read what follows another's answer.
fn is_ambiguous(response: &Response<Incoming>) -> bool {
    let headers = response.headers();
    headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH)
}

fn says_close(response: &Response<Incoming>) -> bool {
    let mut options = response
        .headers()
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}
