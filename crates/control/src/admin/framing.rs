//! What is checked of a head before its route is looked for: that it can be read in one way only. What it refuses ends
//! the connection. It knows no route and no token.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};

/// Most header lines of a request.
pub(super) const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head.
pub(super) const MAX_HEAD_BYTES: usize = 64 << 10;
/// Most bytes of a request's target.
const MAX_TARGET_BYTES: usize = 8 << 10;

/// Lets a request through whose framing leaves no question.
pub(super) async fn check(request: Request) -> Result<Request, Response> {
    let (head, body) = request.into_parts();
    match fault(&head) {
        None => Ok(Request::from_parts(head, body)),
        Some((status, said)) => {
            let headers = [
                (header::CONNECTION, HeaderValue::from_static("close")),
                (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            Err((status, headers, said).into_response())
        }
    }
}

fn fault(head: &Parts) -> Option<(StatusCode, &'static str)> {
    let hosts = head.headers.get_all(header::HOST).iter().count();
    if head.uri.path().len() + head.uri.query().map_or(0, str::len) > MAX_TARGET_BYTES {
        return Some((StatusCode::URI_TOO_LONG, "the path and query are too long"));
    }
    if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        return Some((StatusCode::BAD_REQUEST, "the target must be a path: this is no proxy"));
    }
    if hosts > 1 || (hosts == 0 && head.version != Version::HTTP_10) {
        return Some((StatusCode::BAD_REQUEST, "a request names one host"));
    }
    // The parser drops a length that stands beside a coding, so that none of both could be told from here.
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        return Some((StatusCode::LENGTH_REQUIRED, "a body comes with its length, in one piece"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, headers: &[(&str, &str)], expect: Option<u16>) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let found = fault(&head).map(|(status, _)| status.as_u16());
        assert_eq!(found, expect, "{uri:.40} {headers:?}");
    }

    #[test]
    fn a_head_has_one_reading() {
        check("/metrics", &[("host", "gate")], None);
        check("/metrics", &[("host", "gate"), ("content-length", "0")], None);
        check("/metrics", &[], Some(400));
        check("/metrics", &[("host", "gate"), ("host", "other")], Some(400));
        check("http://gate/metrics", &[("host", "gate")], Some(400));
        check("/metrics", &[("host", "gate"), ("content-length", "5")], None);
        check("/metrics", &[("host", "gate"), ("transfer-encoding", "chunked")], Some(411));
        check(&format!("/{}", "x".repeat(8 << 10)), &[("host", "gate")], Some(414));
    }
}
