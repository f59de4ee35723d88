//! Errors as callers of this protocol expect them.

use crate::dialect::responses::event::event;
use crate::failure::ErrorBody;
use crate::json::build::{ObjectWriter, object};

/// The body of an error answer. `request_id` stands beside the error and within it, because the official clients show
/// their users only what lies within.
#[must_use]
pub fn write_error(error: &ErrorBody<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + error.message.len());
    object(&mut out, |body| {
        body.object("error", |inner| write_words(inner, error));
        body.text("request_id", error.request_id);
    });
    out
}

/// Appends the event that tells of a failure in the middle of a stream, in which so many events have gone before.
///
/// OpenAI's reference gives it flat members; its Python client raises only what has a member `error`, its Node client and
/// Vercel's take either form. So it has both.
pub(crate) fn write_error_event(error: &ErrorBody<'_>, events: u64, out: &mut Vec<u8>) {
    event(out, "error", events, |data| {
        data.text("code", error.code);
        data.text("message", error.message);
        data.text_or_null("param", error.param);
        data.object("error", |inner| write_words(inner, error));
    });
}

fn write_words(inner: &mut ObjectWriter<'_>, error: &ErrorBody<'_>) {
    inner.text("message", error.message);
    inner.text("type", error.kind);
    inner.text_or_null("param", error.param);
    inner.text("code", error.code);
    inner.text("request_id", error.request_id);
}
