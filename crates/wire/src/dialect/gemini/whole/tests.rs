//! Whole answers.

use domain::price::Tokens;
use serde_json::{Value, json};

use super::*;
use crate::dialect::gemini::golden::ECHO;
use crate::dialect::gemini::{made_id, read_answer};

fn read(body: &Value) -> Answer {
    decode_answer(body.to_string().as_bytes()).unwrap()
}

fn with(parts: Value, reason: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason}], "responseId": "r1"})
}

fn finish(body: &Value) -> (Reason, Option<String>) {
    let finish = read(body).choices[0].finish.clone().unwrap();
    (finish.reason, finish.native)
}

#[test]
fn wire_fact_01_calls_get_ids_of_their_own() {
    let call = json!({"functionCall": {"name": "f", "args": {"b": 1, "a": 2}}});
    let given = json!({"functionCall": {"id": "x", "name": "f"}});
    let body = with(json!([call, call, given, given]), json!("STOP"));
    let ids = |body: &Value| -> Vec<String> {
        read(body).choices[0]
            .parts
            .iter()
            .map(|part| match part {
                Part::ToolCall(call) => call.id.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let made = ids(&body);
    assert!(made_id::is_made(&made[0]) && made_id::is_made(&made[1]) && made_id::is_made(&made[3]));
    assert_eq!(made[2], "x");
    assert_eq!(made.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    assert_eq!(ids(&body), made);
    let mut other = body.clone();
    other["responseId"] = json!("r2");
    assert_ne!(ids(&other)[0], made[0]);
}

#[test]
fn wire_fact_05_no_arguments_are_an_empty_object() {
    for call in [json!({"name": "f"}), json!({"name": "f", "args": {}}), json!({"name": "f", "args": null})] {
        let answer = read(&with(json!([{"functionCall": call}]), json!("STOP")));
        assert!(matches!(&answer.choices[0].parts[..], [Part::ToolCall(call)] if call.arguments == "{}"));
    }
}

#[test]
fn wire_fact_20_a_stop_with_calls_asks_for_tools() {
    let call = json!([{"functionCall": {"name": "f"}}]);
    assert_eq!(finish(&with(call.clone(), json!("STOP"))), (Reason::ToolCalls, Some("STOP".to_owned())));
    assert_eq!(finish(&with(call.clone(), json!(1))), (Reason::ToolCalls, Some("STOP".to_owned())));
    assert_eq!(finish(&with(call, json!("MAX_TOKENS"))).0, Reason::Length);
    let text = || json!([{"text": "a"}]);
    for (reason, expect) in [
        (json!("STOP"), Reason::Stop),
        (json!(2), Reason::Length),
        (json!("SAFETY"), Reason::ContentFilter),
        (json!(10), Reason::ContentFilter),
        (json!("MODEL_ARMOR"), Reason::ContentFilter),
        (json!("IMAGE_SAFETY"), Reason::ContentFilter),
        (json!("MALFORMED_FUNCTION_CALL"), Reason::Other),
        (json!("SOMETHING_NEW"), Reason::Other),
        (json!(99), Reason::Other),
    ] {
        assert_eq!(finish(&with(text(), reason.clone())).0, expect, "{reason}");
    }
    let blocked = |reason: Value| {
        finish(&json!({"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 3}}))
    };
    assert_eq!(
        blocked(json!("PROHIBITED_CONTENT")),
        (Reason::ContentFilter, Some("PROHIBITED_CONTENT".to_owned()))
    );
    assert_eq!(blocked(json!(5)), (Reason::ContentFilter, Some("MODEL_ARMOR".to_owned())));
    assert_eq!(decode_answer(br#"{"usageMetadata":{"promptTokenCount":3}}"#), Err(Malformed::NotAnAnswer));
}

#[test]
fn wire_fact_08_code_that_google_ran_is_no_call() {
    let body = with(
        json!([{"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, {"text": "1"}]),
        json!("STOP"),
    );
    let answer = read(&body);
    assert!(matches!(&answer.choices[0].parts[..], [Part::Foreign(_), Part::Foreign(_), Part::Text(_)]));
    assert_eq!(finish(&body).0, Reason::Stop);
}

#[test]
fn wire_fact_29_usage_adds_up_to_googles_total() {
    let check = |usage: Value, expect: Option<Tokens>| {
        let mut body = with(json!([{"text": "a"}]), json!("STOP"));
        body["usageMetadata"] = usage;
        assert_eq!(read(&body).tokens, expect, "{body}");
        assert_eq!(read_answer(body.to_string().as_bytes()).unwrap().tokens, expect);
    };
    let tokens = Tokens { input: 10, ..Tokens::default() };
    check(
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 6, "toolUsePromptTokenCount": 5, "totalTokenCount": 25}),
        Some(Tokens { input: 15, output: 4, reasoning: 6, ..tokens }),
    );
    check(
        json!({"promptTokenCount": 10, "thoughtsTokenCount": 6, "totalTokenCount": 16}),
        Some(Tokens { reasoning: 6, ..tokens }),
    );
    check(json!({"promptTokenCount": 10, "totalTokenCount": 10}), Some(tokens));
    check(
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 20}),
        Some(Tokens { output: 4, reasoning: 6, ..tokens }),
    );
    check(
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 14,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}, {"modality": "AUDIO", "tokenCount": 3}]}),
        Some(Tokens { input: 7, output: 4, audio: 3, ..tokens }),
    );
    check(
        json!({"promptTokenCount": 10, "candidatesTokenCount": 1400, "thoughtsTokenCount": 6, "totalTokenCount": 1416,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}, {"modality": "IMAGE", "tokenCount": 6}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 280}, {"modality": "IMAGE", "tokenCount": 1120}]}),
        Some(Tokens { output: 280, image: 1120, reasoning: 6, ..tokens }),
    );
    check(
        json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 14,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 9}]}),
        Some(Tokens { image: 4, ..tokens }),
    );
    check(json!({"promptTokenCount": -1}), None);
    check(json!({"totalTokenCount": 9}), None);
}

#[test]
fn wire_fact_34_cached_tokens_are_part_of_the_prompt() {
    let mut body = with(json!([{"text": "a"}]), json!("STOP"));
    body["usageMetadata"] = json!({"promptTokenCount": 100, "cachedContentTokenCount": 80, "candidatesTokenCount": 1, "totalTokenCount": 101});
    assert_eq!(
        read(&body).tokens,
        Some(Tokens { input: 20, cache_read: 80, output: 1, ..Tokens::default() })
    );
}

#[test]
fn pictures_that_were_made_are_written_as_made() {
    let used = Tokens { input: 3, output: 4, reasoning: 5, image: 1120, ..Tokens::default() };
    let finish = Finish { reason: Reason::Stop, native: None, stop_sequence: None };
    let choices = vec![Choice { finish: Some(finish), ..Choice::default() }];
    let answer = Answer { choices, tokens: Some(used), ..Answer::default() };
    let body: Value = serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap();
    assert_eq!(
        body["usageMetadata"],
        json!({"promptTokenCount": 3, "candidatesTokenCount": 1124, "thoughtsTokenCount": 5, "totalTokenCount": 1132,
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}]})
    );
    assert_eq!(read(&body).tokens, Some(used));
}

fn written(choice: Choice) -> Value {
    let answer = Answer {
        choices: vec![choice],
        tokens: Some(Tokens {
            input: 1,
            cache_read: 2,
            cache_write: 3,
            output: 4,
            reasoning: 5,
            ..Tokens::default()
        }),
        ..Answer::default()
    };
    serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap()
}

#[test]
fn wire_fact_25_a_prompt_holds_what_was_cached() {
    let body = written(Choice::default());
    assert_eq!(
        body["usageMetadata"],
        json!({"promptTokenCount": 6, "cachedContentTokenCount": 2, "candidatesTokenCount": 4, "thoughtsTokenCount": 5, "totalTokenCount": 15})
    );
    assert_eq!((&body["modelVersion"], &body["responseId"]), (&json!("echoed-model"), &json!("resp_1")));
}

#[test]
fn wire_fact_21_every_end_has_googles_word() {
    let check = |reason: Reason, native: Option<&str>, word: &str, message: Value| {
        let finish = Finish { reason, native: native.map(str::to_owned), stop_sequence: None };
        let body = written(Choice { finish: Some(finish), ..Choice::default() });
        assert_eq!(
            (&body["candidates"][0]["finishReason"], &body["candidates"][0]["finishMessage"]),
            (&json!(word), &message)
        );
    };
    check(Reason::Stop, Some("end_turn"), "STOP", Value::Null);
    check(Reason::ToolCalls, Some("tool_use"), "STOP", Value::Null);
    check(Reason::Length, Some("model_context_window_exceeded"), "MAX_TOKENS", Value::Null);
    check(Reason::Refusal, Some("refusal"), "SAFETY", json!("refusal"));
    check(Reason::ContentFilter, Some("BLOCKLIST"), "BLOCKLIST", Value::Null);
    check(Reason::ContentFilter, Some("guardrail_intervened"), "SAFETY", json!("guardrail_intervened"));
    check(Reason::Pause, Some("pause_turn"), "OTHER", json!("pause_turn"));
    check(Reason::Other, Some("eos"), "OTHER", json!("eos"));
}

#[test]
fn wire_fact_22_the_providers_own_word_is_kept() {
    assert_eq!(
        finish(&with(json!([{"text": "a"}]), json!("SOMETHING_NEW"))),
        (Reason::Other, Some("SOMETHING_NEW".to_owned()))
    );
}

#[test]
fn a_call_that_is_no_object_is_malformed() {
    let call = |arguments: &str| {
        Part::ToolCall(ToolCall {
            id: "a".to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
            signature: None,
            cache: None,
        })
    };
    let end = |reason: Reason| Some(Finish::new(reason));
    let body = written(Choice {
        parts: vec![Part::text("x"), call("{\"a\":")],
        finish: end(Reason::ToolCalls),
        logprobs: None,
    });
    assert_eq!(body["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    assert_eq!(body["candidates"][0]["content"]["parts"], json!([{"text": "x"}]));
    let body = written(Choice { parts: vec![call("[1]")], finish: end(Reason::Length), logprobs: None });
    assert_eq!(body["candidates"][0]["finishReason"], "MAX_TOKENS");
    let body = written(Choice { parts: vec![call(" ")], finish: end(Reason::ToolCalls), logprobs: None });
    assert_eq!(
        body["candidates"][0]["content"]["parts"],
        json!([{"functionCall": {"id": "a", "name": "f", "args": {}}}])
    );
}

#[test]
fn wire_fact_03_signatures_reach_the_caller_in_base64() {
    let signed = |maker: Protocol| {
        Part::Text(Text {
            text: "a".to_owned(),
            signature: Some(Signature::new(maker, "c2ln")),
            ..Text::default()
        })
    };
    let body = written(Choice {
        parts: vec![signed(Protocol::Gemini), signed(Protocol::Anthropic)],
        ..Choice::default()
    });
    let parts = &body["candidates"][0]["content"]["parts"];
    assert_eq!(parts[0]["thoughtSignature"], "c2ln");
    let carried = parts[1]["thoughtSignature"].as_str().unwrap();
    assert_eq!(data_encoding::BASE64.decode(carried.as_bytes()).unwrap(), b"anthropic~c2ln");
}
