//! Errors as callers of this protocol expect them.

use crate::failure::ErrorBody;
use crate::json::build;

/// The body of an error answer.
#[must_use]
pub fn write_error(error: &ErrorBody<'_>) -> Vec<u8> {
    build::object_alone(|fields| {
        fields.text("type", "error");
        fields.object("error", |fields| {
            fields.text("type", error.kind);
            fields.text("message", error.message);
        });
        fields.text("request_id", error.request_id);
    })
}

/// Appends the event that tells of a failure in the middle of a stream, in which so many events have gone before.
pub(crate) fn write_error_event(error: &ErrorBody<'_>, _events: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: error\ndata: ");
    out.extend_from_slice(&write_error(error));
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::failure::read_error;

    proptest! {
        #[test]
        fn wire_fact_45_a_written_error_has_the_shape_of_the_protocol(message in any::<String>(), id in any::<String>()) {
            let body = ErrorBody {
                status: 529, message: &message, kind: "overloaded_error", param: None, code: "c", request_id: &id,
            };
            let written: Value = serde_json::from_slice(&write_error(&body)).unwrap();
            prop_assert_eq!(&written["type"], "error");
            prop_assert_eq!(&written["error"]["type"], "overloaded_error");
            prop_assert_eq!(written["error"]["message"].as_str(), Some(message.as_str()));
            prop_assert_eq!(written["request_id"].as_str(), Some(id.as_str()));
            let read = read_error(&write_error(&body)).unwrap();
            prop_assert_eq!(read.kind.as_deref(), Some("overloaded_error"));
        }
    }

    #[test]
    fn the_event_of_an_error_is_named_so() {
        let body = ErrorBody {
            status: 500,
            message: "a\nb",
            kind: "api_error",
            param: None,
            code: "c",
            request_id: "req_1",
        };
        let mut out = Vec::new();
        write_error_event(&body, 3, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("event: error\ndata: {\"type\":\"error\","), "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}
