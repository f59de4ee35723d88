use bytes::Bytes;

use super::*;
use crate::catalog::StreamUsage;
use crate::request::Continued;

#[track_caller]
fn check_refused(body: &str, field: Option<&str>, message: &str) {
    let refused = read(body.as_bytes()).unwrap_err();
    assert_eq!(refused.field(), field, "{body}");
    assert_eq!(refused.to_string(), message, "{body}");
}

#[test]
fn the_facts_of_a_request_are_read() {
    let request = read(
        br#"{"model":"m","input":"four","stream":true,"max_output_tokens":9,"instructions":"six six","tools":[]}"#,
    )
    .unwrap();
    assert_eq!(request.model, "m");
    assert!(request.stream && request.asks_usage);
    assert_eq!((request.max_output_tokens, request.choices), (Some(9), 1));
    assert_eq!(request.input_bytes, 11);
    assert_eq!(request.continues, None);
}

#[test]
fn pictures_and_files_count_alike_whatever_their_size() {
    let count = |content: &str| {
        let body = format!(r#"{{"model":"m","input":[{{"content":[{content}]}}]}}"#);
        read(body.as_bytes()).unwrap().input_bytes
    };
    assert_eq!(count(r#"{"image_url":"data:image/png;base64,AAAAAAAA"}"#), 3_000);
    assert_eq!(count(r#"{"file_data":"AAAA","filename":"a.pdf"}"#), 3_005);
    assert_eq!(count(r#"{"file_id":null,"text":"abc"}"#), 3);
}

#[test]
fn refusals_name_the_member() {
    let check = |members: &str, field: &str, message: &str| {
        check_refused(&format!(r#"{{"model":"m","input":"x",{members}}}"#), Some(field), message);
    };
    check(r#""stream":1"#, "stream", "stream must be true or false");
    check(
        r#""max_output_tokens":1.5"#,
        "max_output_tokens",
        "max_output_tokens must be an integer of zero or more",
    );
    check(r#""temperature":3"#, "temperature", "temperature must be a number from 0 to 2");
    check(r#""instructions":[]"#, "instructions", "instructions must be a string");
    check(r#""tools":{}"#, "tools", "tools must be an array");
    check(
        r#""previous_response_id":7"#,
        "previous_response_id",
        "previous_response_id must be the id of a response",
    );
    check(
        r#""background":true"#,
        "background",
        "background must be false: answers are not made in the background here",
    );
    check(r#""conversation":{}"#, "conversation", "conversation must be the id of a conversation");
    check_refused(r#"{"model":"m"}"#, Some("input"), "input is required");
    check_refused(r#"{"input":"x"}"#, Some("model"), "model is required");
    check_refused(r#"{"model":"m","input":[1]}"#, Some("input[0]"), "input[0] must be an object");
    check_refused(
        r#"{"model":"m","input":[]}"#,
        Some("input"),
        "input must be a string or a non-empty array of items",
    );
    check_refused("[]", None, "the body must be a JSON object");
    check_refused(
        r#"{"model":"m","input":"x","input":"y"}"#,
        None,
        "an object in the body has the same member twice (line 1, column 32)",
    );
}

/// What goes on from an answer that an upstream holds is bound to the account that holds it.
#[test]
fn wire_fact_40_a_conversation_is_bound_to_its_upstream() {
    let check = |members: &str, expect: Continued| {
        let body = format!(r#"{{"model":"m",{members}}}"#);
        assert_eq!(read(body.as_bytes()).unwrap().continues, Some(expect), "{body}");
    };
    let conversation = |id: &str| Continued::Conversation(id.to_owned());
    check(r#""previous_response_id":"resp_1""#, Continued::Answer("resp_1".to_owned()));
    check(r#""input":"x","conversation":"conv_1""#, conversation("conv_1"));
    check(r#""input":"x","conversation":{"id":"conv_2","x":1}"#, conversation("conv_2"));
    check_refused(
        r#"{"model":"m","input":"x","conversation":"conv_1","previous_response_id":"resp_1"}"#,
        Some("conversation"),
        "conversation cannot go with previous_response_id",
    );
}

#[test]
fn only_the_model_changes_on_the_way_to_the_same_protocol() {
    let body = Bytes::from_static(br#"{ "input":"x", "model" : "a", "stream":true, "unknown":{"b":[1.0]} }"#);
    let request = read(&body).unwrap();
    let sent = request.rewrite(&body, "up", StreamUsage::OnRequest);
    assert_eq!(sent, r#"{ "input":"x", "model" : "up", "stream":true, "unknown":{"b":[1.0]} }"#);
}
