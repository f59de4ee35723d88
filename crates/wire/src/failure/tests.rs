use proptest::prelude::*;
use serde_json::Value;

use super::*;

#[track_caller]
fn check(body: &str, message: &str, kind: Option<&str>, param: Option<&str>, code: Option<&str>) {
    let read = read_error(body.as_bytes()).unwrap();
    assert_eq!(read.message, message, "{body}");
    let words = (read.kind.as_deref(), read.param.as_deref(), read.code.as_deref());
    assert_eq!(words, (kind, param, code), "{body}");
}

#[test]
fn every_shape_of_error_is_read() {
    check(
        r#"{"error":{"message":"m","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
        "m",
        Some("invalid_request_error"),
        Some("model"),
        Some("model_not_found"),
    );
    check(r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#, "m", Some("t"), None, None);
    check(
        r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
        "m",
        Some("overloaded_error"),
        None,
        None,
    );
    check(
        r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
        "m",
        None,
        None,
        Some("400"),
    );
    check(r#"{"error":{"message":"m","status":"UNAVAILABLE"}}"#, "m", None, None, Some("UNAVAILABLE"));
    check(r#"{"error":"model not found"}"#, "model not found", None, None, None);
    check(r#"{"error":"Bad Request","message":"the reason"}"#, "the reason", None, None, None);
    check(r#"{"code":"bad_key","error":"Incorrect key"}"#, "Incorrect key", None, None, Some("bad_key"));
    check(
        r#"{"object":"error","message":"m","type":"t","param":null,"code":1800}"#,
        "m",
        Some("t"),
        None,
        Some("1800"),
    );
    check(r#"{"message":"invalid api token"}"#, "invalid api token", None, None, None);
    check(r#"{"detail":"Not Found"}"#, "Not Found", None, None, None);
    check(
        r#"{"detail":[{"loc":["body","n"],"msg":"too big","type":"value_error"}]}"#,
        "too big",
        Some("value_error"),
        None,
        None,
    );
    check(
        r#"{"object":"error","message":{"detail":[{"loc":["body"],"msg":"field required"}]},"type":"invalid"}"#,
        "field required",
        Some("invalid"),
        None,
        None,
    );
    check(
        r#"{"success":false,"errors":[{"code":7003,"message":"a"},{"message":"b"}]}"#,
        "a",
        None,
        None,
        Some("7003"),
    );
    check(r#"{"error":{"code":"x"}}"#, "", None, None, Some("x"));
}

#[test]
fn a_used_up_quota_is_told_from_asking_too_fast() {
    let check = |body: &str, expect: bool| {
        assert_eq!(read_error(body.as_bytes()).unwrap().says_quota_is_used_up(), expect, "{body}");
    };
    check(
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.",
        "type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        true,
    );
    check(r#"{"error":{"message":"m","type":"billing_hard_limit_reached"}}"#, true);
    check(r#"{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded"}}"#, false);
    check(r#"{"error":{"message":"insufficient_quota","type":"requests"}}"#, false);
    check(r#"[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]"#, false);
}

#[test]
fn what_is_no_error_is_none() {
    for body in
        ["", "<html>502</html>", "{}", "[]", "null", "5", r#"{"id":"x","choices":[]}"#, r#"{"error":null}"#]
    {
        assert_eq!(read_error(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn long_messages_are_cut_between_characters() {
    let body = format!(r#"{{"error":{{"message":"{}"}}}}"#, "é€".repeat(10_000));
    let message = read_error(body.as_bytes()).unwrap().message;
    assert!(message.len() > MAX_MESSAGE_BYTES - 4 && message.len() <= MAX_MESSAGE_BYTES);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(body in prop::collection::vec(any::<u8>(), 0..100)) {
        let read = read_error(&body);
        prop_assert!(read.is_none() || serde_json::from_slice::<Value>(&body).is_ok());
    }
}
