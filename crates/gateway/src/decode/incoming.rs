//! A body as it arrives: of a media type that its endpoint takes, uncompressed, in time and bounded.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use domain::code::Code;
use http::HeaderValue;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use wire::surfaces::Boundary;

use super::upload::unsupported;
use crate::gate::Gateway;
use crate::head::Head;
use crate::refusal::Refusal;

/// Checks that a body is JSON.
pub(crate) fn json(head: &Head<'_>) -> Result<(), Refusal> {
    match media_type(head)? {
        Some(sent) if is_json(sent) => Ok(()),
        _ => Err(refuse("The content type must be application/json in UTF-8.")),
    }
}

/// Checks that a body is a form, and gives its boundary.
pub(crate) fn form(head: &Head<'_>) -> Result<Boundary, Refusal> {
    let sent = media_type(head)?.and_then(|sent| std::str::from_utf8(sent).ok());
    sent.and_then(Boundary::of).ok_or_else(unsupported)
}

/// The media type of a body that is not compressed; none where it has none, or several.
fn media_type<'a>(head: &Head<'a>) -> Result<Option<&'a [u8]>, Refusal> {
    if head.content_encoding.first.is_some() {
        return Err(refuse("Compressed request bodies are not accepted."));
    }
    Ok(head.content_type.only().map(HeaderValue::as_bytes))
}

fn refuse(message: &'static str) -> Refusal {
    Refusal::new(Code::UnsupportedMediaType, message)
}

/// Whether a media type is JSON in UTF-8 (RFC 8259 knows no other encoding).
fn is_json(sent: &[u8]) -> bool {
    // What nearly all say.
    if sent == b"application/json" {
        return true;
    }
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

/// Reads a body of at most `limit` bytes.
pub(crate) async fn receive(
    gate: &Gateway,
    head: &Head<'_>,
    body: Incoming,
    limit: usize,
) -> Result<Bytes, Refusal> {
    let mut reading = pin!(read_bounded(head, body, limit));
    // Most bodies have come with their heads: only the others are waited for, and timed.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return read;
    }
    tokio::time::timeout(gate.settings.timeouts.body, reading)
        .await
        .map_err(|_| Refusal::new(Code::RequestTimeout, "The request body did not arrive in time."))?
}

async fn read_bounded(head: &Head<'_>, mut body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            Code::BodyTooLarge,
            format!("The request body is larger than the {limit} bytes this key allows."),
        )
    };
    let declared = body.size_hint().lower();
    if head.content_length.first.is_some() && declared > limit as u64 {
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
