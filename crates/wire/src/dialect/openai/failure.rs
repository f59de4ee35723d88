//! Errors as callers of this protocol expect them.

use crate::failure::ErrorBody;
use crate::json::push_text;

/// The error body of this protocol. `request_id` stands beside the error and within it, because the official
/// clients show their users only what lies within.
#[must_use]
pub fn write_error(error: &ErrorBody<'_>) -> Vec<u8> {
    let ErrorBody { message, kind, param, code, request_id, .. } = *error;
    let mut out = Vec::with_capacity(128 + message.len() + 2 * request_id.len());
    out.extend_from_slice(br#"{"error":{"message":"#);
    push_text(&mut out, message);
    out.extend_from_slice(br#","type":"#);
    push_text(&mut out, kind);
    out.extend_from_slice(br#","param":"#);
    match param {
        Some(param) => push_text(&mut out, param),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(br#","code":"#);
    push_text(&mut out, code);
    out.extend_from_slice(br#","request_id":"#);
    push_text(&mut out, request_id);
    out.extend_from_slice(br#"},"request_id":"#);
    push_text(&mut out, request_id);
    out.push(b'}');
    out
}

/// Appends the event that tells of a failure in the middle of a stream. The official clients read it as an error.
pub(crate) fn write_error_event(error: &ErrorBody<'_>, _events: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&write_error(error));
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    proptest! {
    #[test]
    fn a_written_error_reads_back(
        message in any::<String>(), param in any::<Option<String>>(), code in any::<String>(), id in any::<String>(),
    ) {
        let body = ErrorBody {
            status: 400, message: &message, kind: "t", param: param.as_deref(), code: &code, request_id: &id,
        };
        let written: Value = serde_json::from_slice(&write_error(&body)).unwrap();
        let error = &written["error"];
        prop_assert_eq!(error["message"].as_str(), Some(message.as_str()));
        prop_assert_eq!(error["type"].as_str(), Some("t"));
        prop_assert_eq!(error["param"].as_str(), param.as_deref());
        prop_assert_eq!(error["code"].as_str(), Some(code.as_str()));
        prop_assert_eq!(error["request_id"].as_str(), Some(id.as_str()));
        prop_assert_eq!(written["request_id"].as_str(), Some(id.as_str()));
        prop_assert!(error.get("param").is_some());
    }
    }
}
