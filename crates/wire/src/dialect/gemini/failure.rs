//! Errors as callers of this protocol expect them (`google.rpc.Status`): an integer code, a canonical word, and details.

use super::words::status_word;
use crate::failure::ErrorBody;
use crate::json::build::{self, ObjectWriter};

/// The body of an error answer. The official clients look for `error` at its very beginning.
#[must_use]
pub fn write_error(error: &ErrorBody<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(384 + error.message.len());
    build::object(&mut out, |members| members.object("error", |members| write(error, members)));
    out
}

fn write(error: &ErrorBody<'_>, members: &mut ObjectWriter<'_>) {
    members.plain("code", error.status);
    members.text("message", error.message);
    // A word of Google's is in capitals; those of other dialects are not shown here.
    let is_word =
        !error.kind.is_empty() && error.kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    members.text("status", if is_word { error.kind } else { status_word(error.status) });
    members.array("details", |details| {
        details.object(|detail| {
            detail.text("@type", "type.googleapis.com/google.rpc.ErrorInfo");
            detail.text("reason", &error.code.to_ascii_uppercase());
            detail.text("domain", "portcullis");
        });
        if let Some(param) = error.param {
            details.object(|detail| {
                detail.text("@type", "type.googleapis.com/google.rpc.BadRequest");
                detail.array("fieldViolations", |violations| {
                    violations.object(|violation| {
                        violation.text("field", param);
                        violation.text("description", error.message);
                    });
                });
            });
        }
        details.object(|detail| {
            detail.text("@type", "type.googleapis.com/google.rpc.RequestInfo");
            detail.text("requestId", error.request_id);
        });
    });
}

/// Appends the event that tells of a failure in the middle of a stream, in which so many events have gone before.
pub(crate) fn write_error_event(error: &ErrorBody<'_>, _events: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&write_error(error));
    out.extend_from_slice(b"\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::failure::read_error;

    fn body<'a>(status: u16, kind: &'a str, message: &'a str) -> ErrorBody<'a> {
        ErrorBody {
            status,
            message,
            kind,
            param: Some("contents"),
            code: "rate_limited",
            request_id: "req_1",
        }
    }

    #[test]
    fn wire_fact_45_an_error_has_an_integer_code_and_a_canonical_word() {
        let check = |status: u16, kind: &str, word: &str| {
            let written: Value = serde_json::from_slice(&write_error(&body(status, kind, "no"))).unwrap();
            assert_eq!(written["error"]["code"], status);
            assert_eq!(written["error"]["status"], word, "{status}");
        };
        check(400, "invalid_request_error", "INVALID_ARGUMENT");
        check(401, "UNAUTHENTICATED", "UNAUTHENTICATED");
        check(403, "", "PERMISSION_DENIED");
        check(404, "not_found_error", "NOT_FOUND");
        check(422, "", "INVALID_ARGUMENT");
        check(429, "rate_limit_error", "RESOURCE_EXHAUSTED");
        check(500, "api_error", "INTERNAL");
        check(503, "", "UNAVAILABLE");
        check(529, "overloaded_error", "UNAVAILABLE");
        check(504, "", "DEADLINE_EXCEEDED");
        let event = String::from_utf8({
            let mut out = Vec::new();
            write_error_event(&body(429, "", "slow"), 3, &mut out);
            out
        });
        let event = event.unwrap();
        assert!(event.starts_with("data: {\"error\":{\"code\":429,") && event.ends_with("\r\n\r\n"));
    }

    proptest! {
        #[test]
        fn a_written_error_reads_back(message in "\\PC{1,60}") {
            let written = write_error(&body(503, "", &message));
            let read = read_error(&written).unwrap();
            prop_assert_eq!(read.message.as_str(), message.trim());
            prop_assert_eq!(read.code.as_deref(), Some("503"));
        }
    }
}
