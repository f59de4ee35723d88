use domain::chat::{Answer, Event, Opening, Part, Reason};
use domain::price::Tokens;
use serde_json::{Value, json};

use super::StreamReader;
use crate::dialect::openai::round_trips::events_of;
use crate::dialect::{ReadStream, Stopped};
use crate::sse;
use crate::strategies::gather;
use crate::tap::Broken;

fn chunk(delta: Value) -> Value {
    json!({ "id": "c", "model": "m", "choices": [{ "index": 0, "delta": delta }] })
}

fn finish(reason: &str) -> Value {
    json!({ "id": "c", "model": "m", "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn stream(chunks: &[Value]) -> String {
    let chunks: String = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    format!("{chunks}data: [DONE]\n\n")
}

fn read(chunks: &[Value]) -> Answer {
    gather(&events_of(stream(chunks).as_bytes()))
}

fn calls(answer: &Answer) -> Vec<(String, String, String)> {
    let parts = answer.choices[0].parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some((call.id.clone(), call.name.clone(), call.arguments.clone())),
        _ => None,
    });
    parts.collect()
}

fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
    (id.to_owned(), name.to_owned(), arguments.to_owned())
}

fn delta(call: Value) -> Value {
    chunk(json!({ "tool_calls": [call] }))
}

#[test]
fn wire_fact_05_a_call_without_any_arguments_has_an_empty_object() {
    let chunks = [
        delta(json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "" } })),
        finish("tool_calls"),
    ];
    assert_eq!(calls(&read(&chunks)), [call("a", "f", "{}")]);
}

#[test]
fn wire_fact_07_calls_come_in_pieces_or_whole_with_or_without_a_number() {
    let (a, b) = (
        json!({ "name": "f", "arguments": "{\"a\":1}" }),
        json!({ "name": "g", "arguments": { "b": 2.50 } }),
    );
    let expect = [call("x", "f", "{\"a\":1}"), call("y", "g", "{\"b\":2.5}")];
    let in_pieces = [
        delta(
            json!({ "index": 0, "id": "x", "type": "function", "function": { "name": "f", "arguments": "" } }),
        ),
        delta(json!({ "index": 0, "function": { "arguments": "{\"a\"" } })),
        delta(json!({ "index": 0, "function": { "arguments": ":1}" } })),
        delta(
            json!({ "index": 1, "id": "y", "type": "function", "function": { "name": "g", "arguments": "{\"b\":2.5}" } }),
        ),
    ];
    let whole =
        [chunk(json!({ "tool_calls": [{ "id": "x", "function": a }, { "id": "y", "function": b }] }))];
    let repeated = [
        delta(json!({ "index": 0, "id": "x", "function": { "name": "f", "arguments": "{\"a\"" } })),
        delta(json!({ "index": 0, "id": "x", "function": { "name": "f", "arguments": ":1}" } })),
        delta(json!({ "index": 0, "id": "y", "function": b })),
    ];
    let unnumbered = [
        delta(json!({ "id": "x", "function": { "name": "f", "arguments": "{\"a\"" } })),
        delta(json!({ "function": { "arguments": ":1}" } })),
        delta(json!({ "id": "y", "function": b })),
    ];
    for chunks in [&in_pieces[..], &whole, &repeated, &unnumbered] {
        let chunks = [chunks, &[finish("tool_calls")]].concat();
        assert_eq!(calls(&read(&chunks)), expect, "{chunks:?}");
    }
}

#[test]
fn pieces_of_several_calls_at_once_are_told_apart() {
    let piece =
        |index: u8, arguments: &str| json!({ "index": index, "function": { "arguments": arguments } });
    let begun = |index: u8, id: &str| json!({ "index": index, "id": id, "function": { "name": id, "arguments": "" } });
    let chunks = [
        chunk(json!({ "tool_calls": [begun(0, "a"), begun(1, "b")] })),
        chunk(json!({ "tool_calls": [piece(1, "{\"b\""), piece(0, "{\"a\"")] })),
        chunk(json!({ "content": "meanwhile" })),
        chunk(json!({ "tool_calls": [piece(0, ":{}}"), piece(1, ":1}")] })),
        finish("tool_calls"),
    ];
    let answer = read(&chunks);
    assert_eq!(calls(&answer), [call("a", "a", "{\"a\":{}}"), call("b", "b", "{\"b\":1}")]);
    assert_eq!(answer.choices[0].parts[2], Part::text("meanwhile"));
}

#[test]
fn a_call_that_is_whole_lets_the_next_one_go_at_once() {
    let chunks = [
        delta(json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "{}" } })),
        delta(json!({ "index": 1, "id": "b", "function": { "name": "g", "arguments": "{" } })),
    ];
    let mut reader = StreamReader::default();
    let mut out = Vec::new();
    for chunk in &chunks {
        let data = chunk.to_string();
        reader.read(&sse::Event { kind: b"", data: Some(data.as_bytes().into()) }, &mut out).unwrap();
    }
    let begun =
        out.iter().filter(|event| matches!(event, Event::PartBegan { part: Opening::ToolCall { .. }, .. }));
    assert_eq!(begun.count(), 2);
}

#[test]
fn what_waits_is_bounded() {
    let mut reader = StreamReader::default();
    let mut out = Vec::new();
    let begun = chunk(json!({ "tool_calls": [
        { "index": 0, "id": "a", "function": { "name": "f" } }, { "index": 1, "id": "b", "function": { "name": "g" } },
    ] }));
    let more =
        delta(json!({ "index": 1, "function": { "arguments": format!("[\"{}", "x".repeat(4_000_000)) } }));
    let mut results = vec![];
    for chunk in [&begun, &more, &more, &more, &more, &more] {
        let data = chunk.to_string();
        results.push(reader.read(&sse::Event { kind: b"", data: Some(data.as_bytes().into()) }, &mut out));
    }
    assert!(results[..4].iter().all(Result::is_ok), "{results:?}");
    assert_eq!(results[5], Err(Stopped::Broken(Broken::EventTooLarge)));
    // A picture that waits counts as well.
    let mut reader = StreamReader::default();
    let address = format!("data:image/png;base64,{}", "A".repeat(9 << 20));
    let picture = chunk(json!({ "images": [{ "type": "image_url", "image_url": { "url": address } }] }));
    let results = [&begun, &picture, &picture].map(|chunk| {
        let data = chunk.to_string();
        reader.read(&sse::Event { kind: b"", data: Some(data.as_bytes().into()) }, &mut out)
    });
    assert_eq!(results, [Ok(()), Ok(()), Err(Stopped::Broken(Broken::EventTooLarge))]);
}

#[test]
fn wire_fact_20_a_stop_after_a_call_is_a_call() {
    let chunks = [
        delta(json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "{}" } })),
        finish("stop"),
    ];
    let finish = read(&chunks).choices[0].finish.clone().unwrap();
    assert_eq!((finish.reason, finish.native.as_deref()), (Reason::ToolCalls, Some("stop")));
}

#[test]
fn wire_fact_22_an_end_without_a_word_is_a_stop() {
    for word in [json!(null), json!("")] {
        let said = json!({ "id": "c", "choices": [{ "index": 0, "delta": { "content": "x" }, "finish_reason": word }] });
        let answer = read(&[said, chunk(json!({ "content": "y" }))]);
        assert_eq!(answer.choices[0].parts, [Part::text("xy")]);
        assert_eq!(answer.choices[0].finish.as_ref().unwrap().reason, Reason::Stop);
    }
}

#[test]
fn wire_fact_23_the_first_chunk_of_azure_says_nothing() {
    let first =
        json!({ "id": "", "model": "", "choices": [], "prompt_filter_results": [{ "prompt_index": 0 }] });
    let answer = read(&[first, chunk(json!({ "role": "assistant", "content": "x" })), finish("stop")]);
    assert_eq!((answer.id.as_deref(), answer.model.as_deref()), (Some("c"), Some("m")));
    let cut = json!({ "id": "c", "choices": [{ "index": 0, "finish_reason": "content_filter" }] });
    assert_eq!(read(&[cut]).choices[0].finish.as_ref().unwrap().reason, Reason::ContentFilter);
}

#[test]
fn wire_fact_24_without_a_terminal_event_there_is_no_success() {
    let check = |chunks: &[Value], expect: bool| {
        let (mut reader, mut out) = (StreamReader::default(), Vec::new());
        for chunk in chunks {
            let data = chunk.to_string();
            reader.read(&sse::Event { kind: b"", data: Some(data.as_bytes().into()) }, &mut out).unwrap();
        }
        assert_eq!(reader.end(&mut out), expect, "{chunks:?}");
    };
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 1, "completion_tokens": 1 } });
    check(&[], false);
    check(&[chunk(json!({ "content": "x" }))], false);
    check(&[chunk(json!({ "content": "x" })), usage.clone()], false);
    check(&[chunk(json!({ "content": "x" })), finish("stop")], true);
    check(&[chunk(json!({ "content": "x" })), finish("stop"), usage], true);
    let other = json!({ "choices": [{ "index": 1, "delta": { "content": "y" } }] });
    check(&[chunk(json!({ "content": "x" })), other, finish("stop")], false);
}

#[test]
fn wire_fact_33_usage_comes_in_any_chunk_and_the_last_one_counts() {
    let usage = json!({ "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 });
    let with = |mut chunk: Value, usage: &Value| {
        chunk["usage"] = usage.clone();
        chunk
    };
    let early = json!({ "prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6 });
    let of_groq = json!({ "choices": [], "x_groq": { "usage": usage } });
    let streams = [
        vec![
            chunk(json!({ "content": "x" })),
            finish("stop"),
            json!({ "id": "c", "choices": [], "usage": usage }),
        ],
        vec![with(chunk(json!({ "content": "x" })), &early), with(finish("stop"), &usage)],
        vec![chunk(json!({ "content": "x" })), finish("stop"), of_groq],
    ];
    for chunks in streams {
        let expect = Tokens { input: 5, output: 2, ..Tokens::default() };
        assert_eq!(read(&chunks).tokens, Some(expect), "{chunks:?}");
    }
}

#[test]
fn wire_fact_39_unknown_deltas_do_not_break_a_stream() {
    let strange = [
        chunk(json!({ "content": "x", "hologram": { "a": [1] }, "obfuscation": "zz" })),
        chunk(
            json!({ "content": 5, "tool_calls": "no", "refusal": [], "reasoning_details": [7, { "type": 1 }] }),
        ),
        chunk(json!(null)),
        json!({ "choices": [5, null, { "index": 100_000, "delta": { "content": "y" } }] }),
        json!({ "type": "ping" }),
        finish("stop"),
    ];
    assert_eq!(read(&strange).choices[0].parts, [Part::text("x")]);
}

#[test]
fn wire_fact_46_an_error_in_the_stream_is_an_error() {
    for data in [
        r#"{"error":{"message":"overloaded","code":529}}"#,
        r#"{"object":"error","message":"overloaded","code":529}"#,
        r#"{"id":"g","error":{"message":"overloaded","code":529},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
    ] {
        let (mut reader, mut out) = (StreamReader::default(), Vec::new());
        let read = reader.read(&sse::Event { kind: b"", data: Some(data.as_bytes().into()) }, &mut out);
        let Err(Stopped::Failed(error)) = read else { panic!("{read:?}") };
        assert_eq!((error.message.as_str(), error.code.as_deref()), ("overloaded", Some("529")), "{data}");
        assert!(out.is_empty());
    }
}

#[test]
fn googles_signature_beside_a_call_goes_back_where_it_was() {
    let beside = json!({ "google": { "thought_signature": "c2ln" } });
    let sent = json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "{}" }, "extra_content": beside });
    let answer = read(&[delta(sent), finish("tool_calls")]);
    let turn = domain::chat::Turn {
        role: domain::chat::Role::Assistant,
        name: None,
        parts: answer.choices[0].parts.clone(),
    };
    let request = domain::chat::Request { turns: vec![turn], ..domain::chat::Request::default() };
    let target = crate::dialect::openai::round_trips::target(crate::openai::ChatForm::COMPATIBLE);
    let body = crate::openai::encode_request(&request, &target).unwrap().body;
    let written: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(written["messages"][0]["tool_calls"][0]["extra_content"], beside);
}
