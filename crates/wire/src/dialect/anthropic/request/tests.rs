use proptest::prelude::*;

use super::*;
use crate::catalog::StreamUsage;

fn refused(body: &str) -> String {
    read(body.as_bytes()).unwrap_err().to_string()
}

fn with(member: &str) -> String {
    format!(
        r#"{{"model":"claude-sonnet-5","max_tokens":10,"messages":[{{"role":"user","content":"hi"}}],{member}}}"#
    )
}

#[test]
fn the_facts_of_a_request_are_read() {
    let body = r#"{"model":"claude-sonnet-5","max_tokens":256,"stream":true,"system":"Be brief.",
        "messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}]}"#;
    let request = read(body.as_bytes()).unwrap();
    assert_eq!(request.model, "claude-sonnet-5");
    assert!(request.stream && request.asks_usage);
    assert_eq!(request.max_output_tokens, Some(256));
    assert_eq!(request.choices, 1);
    assert_eq!(request.input_bytes, "Be brief.".len() + "Hello".len());
}

#[test]
fn wire_fact_50_only_the_model_changes_on_the_way() {
    let body = bytes::Bytes::from_static(
        br#"{ "max_tokens":1, "model" : "a", "messages":[{"content":"x","role":"user"}], "new":[1.50] }"#,
    );
    let request = read(&body).unwrap();
    let sent = request.rewrite(&body, "claude-opus-5", StreamUsage::OnRequest);
    let expect = br#"{ "max_tokens":1, "model" : "claude-opus-5", "messages":[{"content":"x","role":"user"}], "new":[1.50] }"#;
    assert_eq!(sent.as_ref(), expect.as_slice());
}

#[test]
fn media_weigh_the_same_whatever_their_size() {
    let weight = |source: &str| {
        let body = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"document","source":{source}}}]}}]}}"#
        );
        read(body.as_bytes()).unwrap().input_bytes
    };
    let long = "A".repeat(50_000);
    let base64 = format!(r#"{{"type":"base64","media_type":"application/pdf","data":"{long}"}}"#);
    assert_eq!(weight(&base64), 3_000);
    assert_eq!(weight(r#"{"type":"url","url":"https://example.com/a.pdf"}"#), 3_000);
    assert_eq!(weight(&format!(r#"{{"type":"text","media_type":"text/plain","data":"{long}"}}"#)), 50_000);
    assert_eq!(weight(r#"{"type":"content","content":[{"type":"text","text":"12345"}]}"#), 5);
}

#[test]
fn tools_and_arguments_weigh_with_their_names() {
    let plain = read(with(r#""top_k":1"#).as_bytes()).unwrap().input_bytes;
    let tools = r#""tools":[{"name":"find","input_schema":{"type":"object","properties":{"city":{}}}}]"#;
    let weighed = read(with(tools).as_bytes()).unwrap().input_bytes;
    assert!(weighed > plain + 30, "{plain} {weighed}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let check = |body: &str, expect: &str| assert_eq!(refused(body), expect, "{body}");
    check("[]", "the body must be a JSON object");
    check(r#"{"max_tokens":1,"messages":[{"role":"user","content":"a"}]}"#, "model is required");
    check(r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#, "max_tokens is required");
    check(r#"{"model":"m","max_tokens":1}"#, "messages is required");
    check(r#"{"model":"m","max_tokens":1,"messages":[]}"#, "messages must be a non-empty array of messages");
    check(
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"a"}]}"#,
        "messages[0].role must be user, assistant or system",
    );
    check(
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},{"content":"a"}]}"#,
        "messages[1].role is required",
    );
    check(r#"{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}"#, "messages[0].content is required");
    check(&with(r#""stream":1"#), "stream must be true or false");
    check(&with(r#""temperature":"hot""#), "temperature must be a number from 0 to 2");
    check(&with(r#""tools":{}"#), "tools must be an array");
    check(&with(r#""stop_sequences":"x""#), "stop_sequences must be an array of strings");
    check(&with(r#""system":3"#), "system must be a string or an array of text blocks");
}

#[test]
fn wire_fact_35_a_count_needs_no_limit() {
    let body = br#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#;
    let request = read_count(body).unwrap();
    assert_eq!(request.max_output_tokens, None);
    assert!(!request.stream);
}

#[test]
fn wire_fact_19_no_order_of_turns_is_refused() {
    for roles in
        [&["assistant"][..], &["user", "user"], &["assistant", "assistant", "user"], &["user", "assistant"]]
    {
        let messages: Vec<String> =
            roles.iter().map(|role| format!(r#"{{"role":"{role}","content":"x"}}"#)).collect();
        let body = format!(r#"{{"model":"m","max_tokens":1,"messages":[{}]}}"#, messages.join(","));
        assert!(read(body.as_bytes()).is_ok(), "{roles:?}");
        let turns = crate::dialect::anthropic::decode_request(body.as_bytes()).unwrap().turns;
        assert_eq!(turns.len(), roles.len(), "{roles:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&body);
        let _ = crate::dialect::anthropic::decode_request(&body);
    }
}
