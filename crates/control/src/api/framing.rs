//! What is checked of a head before its route is looked for: that it can be read in one way only, and whether the
//! connection may be used again after it. It knows no route and no token.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version, header};

use super::problem::Problem;

/// Most bytes of a request's target.
const MAX_TARGET_BYTES: usize = 8 << 10;

/// Refuses a request whose framing leaves a question; its connection is to end.
pub(super) fn check(head: &Parts) -> Result<(), Problem> {
    let hosts = head.headers.get_all(header::HOST).iter().count();
    let said = if head.uri.path().len() + head.uri.query().map_or(0, str::len) > MAX_TARGET_BYTES {
        "The path and query are too long."
    } else if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        "The target must be a path: this is no proxy."
    } else if hosts > 1 || (hosts == 0 && head.version != Version::HTTP_10) {
        "A request names one host."
    } else if is_chunked(&head.headers) && !is_plainly_chunked(&head.headers) {
        "The only transfer coding that is taken is chunked."
    } else {
        return Ok(());
    };
    Err(Problem::invalid(said))
}

/// Whether the body comes in chunks. The parser drops a length that stands beside them, so that none of both can be told
/// from here: what follows on such a connection is not read (RFC 9112 section 6.3).
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

fn is_plainly_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    fn check(uri: &str, headers: &[(&str, &str)], expect: bool) {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(super::check(&head).is_ok(), expect, "{uri:.40} {headers:?}");
    }

    #[test]
    fn a_head_has_one_reading() {
        check("/metrics", &[("host", "gate")], true);
        check("/metrics", &[("host", "gate"), ("content-length", "0")], true);
        check("/metrics", &[], false);
        check("/metrics", &[("host", "gate"), ("host", "other")], false);
        check("http://gate/metrics", &[("host", "gate")], false);
        check("/metrics", &[("host", "gate"), ("content-length", "5")], true);
        check("/metrics", &[("host", "gate"), ("transfer-encoding", "Chunked")], true);
        check("/metrics", &[("host", "gate"), ("transfer-encoding", "gzip, chunked")], false);
        let twice = [("host", "gate"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        check("/metrics", &twice, false);
        check(&format!("/{}", "x".repeat(8 << 10)), &[("host", "gate")], false);
    }
}
