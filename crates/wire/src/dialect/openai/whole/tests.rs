use domain::chat::{Answer, Choice, Finish, Foreign, Json, Part, Reason, ToolCall};
use domain::price::Tokens;
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::{decode_answer, encode_answer};
use crate::answer::Malformed;
use crate::dialect::openai::round_trips::echo;

fn answer(parts: Vec<Part>, reason: Reason) -> Answer {
    let choice = Choice { parts, finish: Some(Finish::new(reason)), logprobs: None };
    Answer { choices: vec![choice], ..Answer::default() }
}

fn written(answer: &Answer) -> Value {
    serde_json::from_slice(&encode_answer(answer, &echo(b"{}"))).unwrap()
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        signature: None,
        cache: None,
    })
}

fn read(message: Value, finish: Value) -> Choice {
    let body = json!({ "id": "x", "choices": [{ "index": 0, "message": message, "finish_reason": finish }] });
    decode_answer(body.to_string().as_bytes()).unwrap().choices.remove(0)
}

#[test]
fn wire_fact_05_a_call_without_arguments_has_an_empty_object() {
    for arguments in [json!(""), json!(null), json!({}), json!("{}")] {
        let call =
            json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": arguments } });
        let choice = read(json!({ "content": null, "tool_calls": [call] }), json!("tool_calls"));
        let [Part::ToolCall(call)] = choice.parts.as_slice() else { panic!("{choice:?}") };
        assert_eq!(call.arguments, "{}");
    }
}

#[test]
fn wire_fact_08_what_the_provider_ran_is_no_call_for_the_caller() {
    let ran = Part::Foreign(Foreign {
        protocol: Protocol::Anthropic,
        kind: "server_tool_use".to_owned(),
        json: Json::new("{}"),
    });
    let written = written(&answer(vec![ran, Part::text("Found.")], Reason::Stop));
    let choice = &written["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("stop"), &json!("Found.")));
    assert!(choice["message"].get("tool_calls").is_none());
}

#[test]
fn wire_fact_18_content_is_null_beside_calls_and_empty_else() {
    let content = |parts, reason| written(&answer(parts, reason))["choices"][0]["message"]["content"].clone();
    assert_eq!(content(vec![call("a")], Reason::ToolCalls), json!(null));
    assert_eq!(content(vec![Part::text("so"), call("a")], Reason::ToolCalls), json!("so"));
    assert_eq!(content(vec![], Reason::Length), json!(""));
}

#[test]
fn wire_fact_20_a_stop_beside_a_call_is_a_call() {
    let call = json!({ "id": "a", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let choice = read(json!({ "content": null, "tool_calls": [call] }), json!("stop"));
    let finish = choice.finish.unwrap();
    assert_eq!((finish.reason, finish.native.as_deref()), (Reason::ToolCalls, Some("stop")));
    let reason = |reason| written(&answer(vec![], reason))["choices"][0]["finish_reason"].clone();
    assert_eq!(reason(Reason::ToolCalls), json!("tool_calls"));
    assert_eq!(reason(Reason::ContentFilter), json!("content_filter"));
}

#[test]
fn wire_fact_22_a_word_off_the_list_is_kept_beside_the_one_on_it() {
    let choice = read(json!({ "content": "x" }), json!("eos"));
    let written = written(&Answer { choices: vec![choice], ..Answer::default() });
    let choice = &written["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["native_finish_reason"]), (&json!("stop"), &json!("eos")));
}

#[test]
fn wire_fact_23_a_filtered_choice_may_have_no_message() {
    let body = json!({ "id": "x", "choices": [{ "index": 0, "finish_reason": "content_filter" }] });
    let answer = decode_answer(body.to_string().as_bytes()).unwrap();
    assert_eq!(answer.choices[0].parts, []);
    let written = written(&answer);
    assert_eq!(written["choices"][0]["message"]["content"], "");
    assert_eq!(written["choices"][0]["finish_reason"], "content_filter");
}

#[test]
fn wire_fact_25_26_and_29_the_sides_of_usage_hold_all_their_kinds() {
    let tokens =
        Tokens { input: 10, cache_read: 20, cache_write: 5, output: 7, reasoning: 3, ..Tokens::default() };
    let usage = written(&Answer { tokens: Some(tokens), ..answer(vec![], Reason::Stop) })["usage"].clone();
    assert_eq!(usage["prompt_tokens"], 35, "input, cache read and cache written");
    assert_eq!(usage["completion_tokens"], 10, "output and reasoning");
    assert_eq!(usage["total_tokens"], 45);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 20);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 3);
    let body = json!({ "choices": [], "usage": usage });
    assert_eq!(decode_answer(body.to_string().as_bytes()).unwrap().tokens, Some(tokens));
    let more = Tokens { cache_write_1h: 2, image: 4, audio: 1, ..tokens };
    let usage = written(&Answer { tokens: Some(more), ..answer(vec![], Reason::Stop) })["usage"].clone();
    assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(38), &json!(14)));
    assert_eq!((&usage["total_tokens"], more.total()), (&json!(52), 52));
    let none = written(&answer(vec![], Reason::Stop));
    assert!(none.get("usage").is_none(), "what is not known is not written");
}

fn tokens(usage: Value) -> Option<Tokens> {
    decode_answer(json!({ "choices": [], "usage": usage }).to_string().as_bytes()).unwrap().tokens
}

#[test]
fn wire_fact_30_reasoning_beside_the_completion_is_added() {
    let beside = json!({ "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 18,
        "completion_tokens_details": { "reasoning_tokens": 3 } });
    let within = json!({ "prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18,
        "completion_tokens_details": { "reasoning_tokens": 3 } });
    let expect = Some(Tokens { input: 10, output: 5, reasoning: 3, ..Tokens::default() });
    assert_eq!(tokens(beside), expect);
    assert_eq!(tokens(within), expect);
}

#[test]
fn wire_fact_34_cached_tokens_have_many_names() {
    let expect = Some(Tokens { input: 6, cache_read: 4, output: 1, ..Tokens::default() });
    for cached in [
        json!({ "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6 }),
        json!({ "cachedContentTokenCount": 4 }),
        json!({ "prompt_tokens_details": { "cached_tokens": 4 }, "cost": 0.1 }),
        json!({ "cached_tokens": 4 }),
    ] {
        let mut usage = json!({ "prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11 });
        for (name, value) in cached.as_object().unwrap() {
            usage[name] = value.clone();
        }
        assert_eq!(tokens(usage), expect, "{cached}");
    }
}

#[test]
fn wire_fact_39_texts_are_joined_without_a_separator() {
    let parts = vec![Part::text("Un"), Part::text("likely")];
    assert_eq!(written(&answer(parts, Reason::Stop))["choices"][0]["message"]["content"], "Unlikely");
}

#[test]
fn wire_fact_41_no_member_that_clients_count_on_is_missing() {
    let written = written(&answer(vec![], Reason::Stop));
    assert_eq!((&written["id"], &written["model"]), (&json!("chatcmpl-echo"), &json!("echoed")));
    assert_eq!((&written["object"], &written["created"]), (&json!("chat.completion"), &json!(1_700_000_000)));
    let choice = written["choices"][0].as_object().unwrap();
    assert!(["index", "message", "logprobs", "finish_reason"].iter().all(|name| choice.contains_key(*name)));
    let message = choice["message"].as_object().unwrap();
    assert!(["role", "content", "refusal"].iter().all(|name| message.contains_key(*name)));
}

#[test]
fn a_caller_of_the_older_form_gets_its_call_there() {
    let body = br#"{"functions":[{"name":"f"}]}"#;
    let bytes = encode_answer(&answer(vec![call("a"), call("b")], Reason::ToolCalls), &echo(body));
    let choice = serde_json::from_slice::<Value>(&bytes).unwrap()["choices"][0].clone();
    assert_eq!(choice["message"]["function_call"], json!({ "name": "f", "arguments": "{}" }));
    assert_eq!(choice["finish_reason"], "function_call");
    assert!(choice["message"].get("tool_calls").is_none());
}

#[test]
fn what_is_no_answer_is_refused() {
    let check =
        |body: &str, expect| assert_eq!(decode_answer(body.as_bytes()).unwrap_err(), expect, "{body}");
    check("{", Malformed::NotJson);
    check("[]", Malformed::NotAnAnswer);
    check("{}", Malformed::NotAnAnswer);
    check(r#"{"choices":{}}"#, Malformed::NotAnAnswer);
    check(r#"{"choices":[],"error":{"message":"x"}}"#, Malformed::NotAnAnswer);
}
