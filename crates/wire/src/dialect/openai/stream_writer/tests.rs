use domain::chat::{Event, Finish, Foreign, Growth, Json, Opening, Reason, Signature};
use domain::price::Tokens;
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::StreamWriter;
use crate::dialect::openai::round_trips::{echo, written};
use crate::dialect::{Echo, WriteStream};
use crate::failure::ErrorBody;

/// The chunks of a stream that ends well.
fn chunks(stream: &str) -> Vec<Value> {
    let body = stream.strip_suffix("data: [DONE]\n\n").unwrap();
    let events = body.split_terminator("\n\n");
    events.map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn deltas(events: &[Event], body: &[u8]) -> Vec<Value> {
    let all = chunks(&written(events, body));
    all.iter()
        .filter(|chunk| chunk["choices"] != json!([]))
        .map(|chunk| chunk["choices"][0]["delta"].clone())
        .collect()
}

fn began() -> Event {
    Event::Began { id: Some("msg_1".to_owned()), model: None }
}

fn opened(index: u32, part: Opening) -> Event {
    Event::PartBegan { choice: 0, index, part }
}

fn grew(index: u32, by: Growth) -> Event {
    Event::PartGrew { choice: 0, index, by }
}

fn ended(index: u32) -> Event {
    Event::PartEnded { choice: 0, index }
}

fn finished(reason: Reason) -> Event {
    Event::Finished { choice: 0, finish: Finish::new(reason) }
}

fn call(id: &str) -> Opening {
    Opening::ToolCall { id: id.to_owned(), name: "f".to_owned(), signature: None }
}

fn two_calls() -> Vec<Event> {
    vec![
        began(),
        opened(0, call("a")),
        ended(0),
        opened(1, call("b")),
        grew(1, Growth::Arguments("{\"x\"".to_owned())),
        grew(1, Growth::Arguments(":1}".to_owned())),
        ended(1),
        finished(Reason::ToolCalls),
    ]
}

#[test]
fn wire_fact_05_and_07_calls_are_numbered_and_named_once_and_have_arguments() {
    let pieces = deltas(&two_calls(), b"{}");
    let piece = |call: Value| json!({ "tool_calls": [call] });
    let expect = [
        json!({ "role": "assistant", "content": "", "refusal": null }),
        piece(
            json!({ "index": 0, "id": "a", "type": "function", "function": { "name": "f", "arguments": "" } }),
        ),
        piece(json!({ "index": 0, "function": { "arguments": "{}" } })),
        piece(
            json!({ "index": 1, "id": "b", "type": "function", "function": { "name": "f", "arguments": "" } }),
        ),
        piece(json!({ "index": 1, "function": { "arguments": "{\"x\"" } })),
        piece(json!({ "index": 1, "function": { "arguments": ":1}" } })),
        json!({}),
    ];
    assert_eq!(pieces, expect);
}

#[test]
fn a_caller_of_the_older_form_gets_one_call() {
    let pieces = deltas(&two_calls(), br#"{"functions":[]}"#);
    let expect = [
        json!({ "role": "assistant", "content": "", "refusal": null }),
        json!({ "function_call": { "name": "f", "arguments": "" } }),
        json!({ "function_call": { "arguments": "{}" } }),
        json!({}),
    ];
    assert_eq!(pieces, expect);
    assert!(written(&two_calls(), br#"{"functions":[]}"#).contains(r#""finish_reason":"function_call""#));
}

#[test]
fn wire_fact_04_thoughts_come_plainly_and_with_what_proves_them() {
    let events = [
        began(),
        opened(0, Opening::Reasoning { id: None, redacted: false }),
        grew(0, Growth::Text("Hm.".to_owned())),
        grew(0, Growth::Signature(Signature::new(Protocol::Anthropic, "c2ln"))),
        ended(0),
        opened(1, Opening::Reasoning { id: None, redacted: true }),
        grew(1, Growth::Signature(Signature::new(Protocol::Anthropic, "ZW5j"))),
        ended(1),
        finished(Reason::Stop),
    ];
    let expect = [
        json!({ "reasoning_content": "Hm.",
            "reasoning_details": [{ "type": "reasoning.text", "text": "Hm.", "index": 0 }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.text", "signature": "anthropic~c2ln", "index": 0 }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.encrypted", "data": "anthropic~ZW5j", "index": 1 }] }),
    ];
    assert_eq!(deltas(&events, b"{}")[1..4], expect);
}

#[test]
fn wire_fact_08_what_the_provider_runs_is_hidden() {
    let ran =
        Foreign { protocol: Protocol::Anthropic, kind: "server_tool_use".to_owned(), json: Json::new("{}") };
    let events = [began(), opened(0, Opening::Foreign(ran)), ended(0), finished(Reason::Stop)];
    assert_eq!(
        deltas(&events, b"{}"),
        [json!({ "role": "assistant", "content": "", "refusal": null }), json!({})]
    );
}

#[test]
fn wire_fact_32_usage_is_shown_to_those_who_asked() {
    let tokens = Tokens { input: 3, output: 4, ..Tokens::default() };
    let events = [began(), opened(0, Opening::Text), ended(0), finished(Reason::Stop), Event::Used(tokens)];
    let asked = chunks(&written(&events, b"{}"));
    let (last, others) = asked.split_last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(7)));
    assert!(others.iter().all(|chunk| chunk.get("usage") == Some(&Value::Null)), "as the protocol has it");

    let unasked = Echo { asks_usage: false, ..echo(b"{}") };
    let (mut writer, mut out) = (StreamWriter::new(&unasked), Vec::new());
    for event in events {
        writer.write(event, &mut out);
    }
    writer.finish(&mut out);
    let stream = String::from_utf8(out).unwrap();
    assert!(!stream.contains("usage") && chunks(&stream).iter().all(|chunk| chunk["choices"] != json!([])));
}

#[test]
fn wire_fact_41_every_chunk_has_all_that_clients_count_on() {
    for chunk in chunks(&written(&two_calls(), b"{}")) {
        assert_eq!((&chunk["id"], &chunk["model"]), (&json!("msg_1"), &json!("echoed")));
        let facts = (&chunk["object"], &chunk["created"]);
        assert_eq!(facts, (&json!("chat.completion.chunk"), &json!(1_700_000_000)));
        let choice = chunk["choices"][0].as_object().unwrap();
        assert!(
            ["index", "delta", "logprobs", "finish_reason"].iter().all(|name| choice.contains_key(*name))
        );
        assert!(chunk.get("system_fingerprint").is_none());
    }
}

#[test]
fn wire_fact_45_and_46_a_failure_in_mid_stream_is_an_error_of_this_dialect() {
    let (mut writer, mut out) = (StreamWriter::new(&echo(b"{}")), Vec::new());
    writer.write(began(), &mut out);
    let error = ErrorBody {
        status: 502,
        message: "it broke",
        kind: "upstream_error",
        param: None,
        code: "upstream_failed",
        request_id: "req_1",
    };
    writer.fail(&error, &mut out);
    let event = String::from_utf8(out).unwrap();
    let body: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap().trim_end()).unwrap();
    assert_eq!(
        (&body["error"]["message"], &body["error"]["code"]),
        (&json!("it broke"), &json!("upstream_failed"))
    );
    assert!(!event.contains("[DONE]"));
}

#[test]
fn a_stream_that_says_nothing_still_ends() {
    assert_eq!(written(&[began()], b"{}"), "data: [DONE]\n\n");
}
