use domain::chat::{Answer, Foreign, Json, Signature};
use serde_json::{Value, json};

use super::*;

const ECHO: Echo<'_> = Echo { id: "msg_ours", model: "a-model", created: 1, asks_usage: true, body: b"{}" };

fn answered(parts: Vec<Part>, finish: Option<Finish>) -> Value {
    let answer = Answer { choices: vec![Choice { parts, finish, logprobs: None }], ..Answer::default() };
    serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap()
}

#[test]
fn wire_fact_41_no_member_that_clients_expect_is_missing() {
    let written = answered(vec![], None);
    let expect = json!({
        "id": "msg_ours", "type": "message", "role": "assistant", "model": "a-model", "content": [],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {
            "input_tokens": 0, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard"
        }
    });
    assert_eq!(written, expect);
}

#[test]
fn wire_fact_20_calls_end_an_answer_for_tool_use() {
    let call = |signature| {
        let (id, name, arguments) = ("call_1".to_owned(), "f".to_owned(), "{}".to_owned());
        Part::ToolCall(ToolCall { id, name, arguments, signature, cache: None })
    };
    let finish = Finish { native: Some("STOP".to_owned()), ..Finish::new(Reason::ToolCalls) };
    let written = answered(vec![call(None)], Some(finish.clone()));
    assert_eq!(written["stop_reason"], "tool_use");
    assert_eq!(written["content"][0], json!({"type": "tool_use", "id": "call_1", "name": "f", "input": {}}));
    // What another provider demands back travels in the name of the call.
    let signed = answered(vec![call(Some(Signature::new(Protocol::Gemini, "xq")))], Some(finish));
    assert_eq!(signed["content"][0]["id"], "call_1__sig_gemini_7871");
}

#[test]
fn thoughts_of_others_travel_under_their_makers_name() {
    let thought = |text: &str, signature: Option<Signature>, redacted| {
        Part::Reasoning(Reasoning { id: None, text: text.to_owned(), signature, redacted })
    };
    let signature = |maker, value: &str| Some(Signature::new(maker, value));
    let written = answered(
        vec![
            thought("a", signature(Protocol::Anthropic, "s"), false),
            thought("", signature(Protocol::Responses, "enc"), false),
            thought("b", None, false),
            thought("", signature(Protocol::Anthropic, "data"), true),
            thought("", None, false),
        ],
        None,
    );
    let expect = json!([
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "openai_responses~enc"},
        {"type": "thinking", "thinking": "b", "signature": ""},
        {"type": "redacted_thinking", "data": "data"}
    ]);
    assert_eq!(written["content"], expect);
}

#[test]
fn wire_fact_08_tools_of_other_providers_are_hidden() {
    let foreign = |protocol| {
        Part::Foreign(Foreign { protocol, kind: "x".to_owned(), json: Json::new(r#"{"type":"x"}"#) })
    };
    let written = answered(vec![foreign(Protocol::Responses), foreign(Protocol::Anthropic)], None);
    assert_eq!(written["content"], json!([{"type": "x"}]));
}

#[test]
fn a_page_is_cited_as_a_place_on_the_web() {
    let citations = vec![
        Citation {
            url: Some("https://example.com".to_owned()),
            title: Some("T".to_owned()),
            ..Citation::default()
        },
        Citation { title: Some("no page".to_owned()), ..Citation::default() },
    ];
    let written =
        answered(vec![Part::Text(Text { text: "x".to_owned(), citations, ..Text::default() })], None);
    let expect = json!([{
        "type": "web_search_result_location", "cited_text": "", "encrypted_index": "", "title": "T",
        "url": "https://example.com"
    }]);
    assert_eq!(written["content"][0]["citations"], expect);
}

#[test]
fn wire_fact_21_refusals_and_pauses_keep_their_meaning() {
    let read = |word: &str| {
        let body = format!(
            r#"{{"type":"message","content":[{{"type":"text","text":"x"}}],"stop_reason":"{word}","usage":{{}}}}"#
        );
        decode_answer(body.as_bytes()).unwrap().choices.remove(0).finish.unwrap().reason
    };
    assert_eq!(read("refusal"), Reason::Refusal);
    assert_eq!(read("pause_turn"), Reason::Pause);
    assert_eq!(read("model_context_window_exceeded"), Reason::Length);
}

#[test]
fn wire_fact_46_an_error_with_a_status_of_success_is_no_answer() {
    let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let facts = answer::read_answer(body).unwrap();
    let error = facts.error.unwrap();
    assert_eq!((error.kind.as_deref(), error.message.as_str()), (Some("overloaded_error"), "Overloaded"));
    assert_eq!(decode_answer(body), Err(Malformed::NotAnAnswer));
    let check = |body: &[u8], expect| assert_eq!(answer::read_answer(body).unwrap_err(), expect);
    check(b"<html>", Malformed::NotJson);
    check(b"[]", Malformed::NotAnAnswer);
    check(b"{}", Malformed::NotAnAnswer);
    assert!(decode_answer(br#"{"content":[{"type":"text"}]}"#).is_err());
}

#[test]
fn wire_fact_39_texts_of_an_answer_stay_apart_and_whole() {
    let body = br#"{"type":"message","content":[{"type":"text","text":"one "},{"type":"text","text":"two"}],"usage":{}}"#;
    let parts = decode_answer(body).unwrap().choices.remove(0).parts;
    assert_eq!(parts, [Part::text("one "), Part::text("two")]);
}
