//! From a body on the wire to the few facts a call needs. The bytes are kept as they came.

use bytes::{Bytes, BytesMut};
use domain::code::Code;
use domain::usage::Surface;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use wire::openai;

use crate::authenticate::Caller;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// A request that was read.
pub(crate) struct Asked {
    /// The endpoint.
    pub surface: Surface,
    /// The facts the gate acts on.
    pub facts: openai::Request,
    /// The body, byte for byte.
    pub body: Bytes,
}

/// Reads and checks the body.
pub(crate) async fn decode(
    gate: &Gateway,
    caller: &Caller,
    surface: Surface,
    head: &Parts,
    body: Incoming,
) -> Result<Asked, Stop> {
    check_media_type(head)?;
    let limit = caller.key.limits.body_bytes as usize;
    let body = tokio::time::timeout(gate.settings.timeouts.body, read_bounded(head, body, limit))
        .await
        .map_err(|_| Refusal::new(Code::RequestTimeout, "The request body did not arrive in time."))??;
    let facts = openai::read(surface, &body).map_err(|unreadable| {
        let refusal = Refusal::new(unreadable.code(), unreadable.to_string());
        match unreadable.field() {
            Some(field) => refusal.about(field),
            None => refusal,
        }
    })?;
    Ok(Asked { surface, facts, body })
}

fn check_media_type(head: &Parts) -> Result<(), Refusal> {
    let refuse = |message: &'static str| Err(Refusal::new(Code::UnsupportedMediaType, message));
    if head.headers.contains_key(CONTENT_ENCODING) {
        return refuse("Compressed request bodies are not accepted.");
    }
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    match (types.next().map(|value| value.as_bytes()), types.next()) {
        (Some(sent), None) if is_json(sent) => Ok(()),
        _ => refuse("The content type must be application/json in UTF-8."),
    }
}

/// Whether a media type is JSON in UTF-8 (RFC 8259 knows no other encoding).
fn is_json(sent: &[u8]) -> bool {
    let Ok(sent) = std::str::from_utf8(sent) else { return false };
    let mut parts = sent.split(';').map(str::trim);
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

async fn read_bounded(head: &Parts, mut body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            Code::BodyTooLarge,
            format!("The request body is larger than the {limit} bytes this key allows."),
        )
    };
    let declared = body.size_hint().lower();
    if head.headers.contains_key(CONTENT_LENGTH) && declared > limit as u64 {
        return Err(too_large());
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut length = 0usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Refusal::new(Code::InvalidRequest, "The request body ended early or is malformed.")
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit {
            return Err(too_large());
        }
        // Most bodies arrive in one piece, which is then kept without a copy.
        match (&first, rest.is_empty()) {
            (None, true) => first = Some(data),
            (Some(start), true) => {
                rest.reserve(length.max(usize::try_from(declared).unwrap_or(0).min(limit)));
                rest.extend_from_slice(start);
                rest.extend_from_slice(&data);
            }
            _ => rest.extend_from_slice(&data),
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_json() {
        let check = |sent: &str, expect: bool| assert_eq!(is_json(sent.as_bytes()), expect, "{sent}");
        check("application/json", true);
        check("Application/JSON; charset=UTF-8", true);
        check("application/json; charset=\"utf-8\"", true);
        check("application/json; charset=utf-16", false);
        check("application/json; charset=utf-7", false);
        check("text/plain", false);
        check("multipart/form-data; boundary=x", false);
        check("application/vnd.api+json", false);
        check("application/jsonx", false);
        check("application/json, text/plain", false);
        check("", false);
    }
}
