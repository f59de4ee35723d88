//! The facts about how answers and their streams end, are counted, numbered and fail.

use domain::chat::{Event, Growth, Media, MediaKind, Opening, Part, Reason, Request, Role, Source};
use domain::price::Tokens;
use serde_json::{Value, json};

use super::{answered, encoded, of_turns, part, told, turn};
use crate::dialect::WriteStream as _;
use crate::dialect::responses::golden::{ECHO, sample, samples, target, translated};
use crate::dialect::responses::round_trips::events;
use crate::dialect::responses::{StreamWriter, decode_answer, decode_request, encode_answer, write_error};
use crate::failure::{ErrorBody, read_error};

#[test]
fn wire_fact_21_every_end_has_a_status() {
    let refusal = || vec![Part::Refusal("No.".to_owned())];
    let check = |parts: Vec<Part>, reason: Reason, status: &str, why: Value| {
        let answer = answered(parts, reason);
        assert_eq!((&answer["status"], &answer["incomplete_details"]), (&json!(status), &why), "{reason:?}");
    };
    check(vec![], Reason::Stop, "completed", Value::Null);
    check(vec![], Reason::Length, "incomplete", json!({"reason": "max_output_tokens"}));
    check(vec![], Reason::ContentFilter, "incomplete", json!({"reason": "content_filter"}));
    check(vec![], Reason::Refusal, "incomplete", json!({"reason": "content_filter"}));
    check(refusal(), Reason::Refusal, "completed", Value::Null);
    check(vec![], Reason::Pause, "incomplete", json!({"reason": "pause"}));
}

#[test]
fn wire_fact_22_an_end_off_the_list_keeps_its_own_word() {
    let body = json!({"status": "incomplete", "incomplete_details": {"reason": "steered"}, "output": []});
    let answer = decode_answer(body.to_string().as_bytes()).unwrap();
    let finish = answer.choices[0].finish.clone().unwrap();
    assert_eq!((finish.reason, finish.native.as_deref()), (Reason::Other, Some("steered")));
    let written: Value = serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap();
    assert_eq!(written["incomplete_details"], json!({"reason": "steered"}));
}

#[test]
fn wire_fact_24_without_its_last_event_a_stream_has_not_succeeded() {
    let (neutral, written) = translated([&sample("stream_cut.sse")[..]]);
    assert!(neutral.ends_with("complete: false\n"));
    assert!(!written.contains("response.completed") && !written.contains("[DONE]"));
}

#[test]
fn wire_fact_27_the_last_report_of_usage_counts() {
    let report = |input, output| Event::Used(Tokens { input, output, ..Tokens::default() });
    let events = told(vec![report(10, 1), report(12, 5)]);
    let usage = &events.last().unwrap()["response"]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["total_tokens"]), (&json!(12), &json!(17)));
}

#[test]
fn wire_fact_32_usage_comes_unasked() {
    let body = encoded(&Request { stream: true, ..Request::default() }, &target());
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &Value::Null));
    let stream = String::from_utf8(sample("stream_text.written.sse")).unwrap();
    assert!(stream.contains(r#""usage":{"input_tokens":9"#));
}

#[test]
fn wire_fact_39_texts_are_joined_and_unknown_events_break_nothing() {
    let mut given = part(0, Opening::Text, vec![Growth::Text("One".into())]);
    given.extend(part(1, Opening::Text, vec![Growth::Text(" two".into())]));
    let events = told(given);
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output.as_array().unwrap().len(), 1);
    let texts: Vec<&str> =
        output[0]["content"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts.concat(), "One two");
    assert!(String::from_utf8(sample("stream_text.sse")).unwrap().contains("something_new"));
    assert!(translated([&sample("stream_text.sse")[..]]).0.ends_with("complete: true\n"));
}

#[test]
fn wire_fact_40_encrypted_thoughts_go_back_as_they_came() {
    let thought =
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABo=="});
    let request = decode_request(&sample("request_tools.json")).unwrap();
    assert_eq!(encoded(&request, &target())["input"][2], thought);
}

#[test]
fn wire_fact_40_events_are_numbered_from_zero_without_gaps() {
    for name in ["stream_tools", "stream_text", "stream_error"] {
        let stream = sample(&format!("{name}.written.sse"));
        for (number, event) in events(&stream).into_iter().enumerate() {
            let data = crate::sse::Event::read(event).data.unwrap().into_owned();
            let event: Value = serde_json::from_slice(&data).unwrap();
            assert_eq!(event["sequence_number"], number, "{name}");
        }
    }
}

/// The members that the models of OpenAI's clients and the schemas of Vercel's demand.
#[test]
fn wire_fact_41_no_event_lacks_what_clients_demand() {
    let demanded: &[(&str, &[&str])] = &[
        ("response.created", &["response"]),
        ("response.in_progress", &["response"]),
        ("response.output_item.added", &["output_index", "item"]),
        ("response.output_item.done", &["output_index", "item"]),
        ("response.content_part.added", &["item_id", "output_index", "content_index", "part"]),
        ("response.content_part.done", &["item_id", "output_index", "content_index", "part"]),
        ("response.output_text.delta", &["item_id", "output_index", "content_index", "delta", "logprobs"]),
        ("response.output_text.done", &["item_id", "output_index", "content_index", "text", "logprobs"]),
        (
            "response.output_text.annotation.added",
            &["item_id", "output_index", "content_index", "annotation_index", "annotation"],
        ),
        ("response.refusal.delta", &["item_id", "output_index", "content_index", "delta"]),
        ("response.refusal.done", &["item_id", "output_index", "content_index", "refusal"]),
        ("response.reasoning_summary_part.added", &["item_id", "output_index", "summary_index", "part"]),
        ("response.reasoning_summary_part.done", &["item_id", "output_index", "summary_index", "part"]),
        ("response.reasoning_summary_text.delta", &["item_id", "output_index", "summary_index", "delta"]),
        ("response.reasoning_summary_text.done", &["item_id", "output_index", "summary_index", "text"]),
        ("response.function_call_arguments.delta", &["item_id", "output_index", "delta"]),
        ("response.function_call_arguments.done", &["item_id", "output_index", "arguments"]),
        ("response.completed", &["response"]),
        ("response.incomplete", &["response"]),
        ("error", &["message", "code", "param", "error"]),
    ];
    let answer =
        ["id", "object", "created_at", "model", "output", "parallel_tool_calls", "tool_choice", "tools"];
    let mut met = std::collections::HashSet::new();
    for (_, stream) in samples("stream_", ".sse") {
        for event in events(translated([&stream[..]]).1.as_bytes()) {
            let event = crate::sse::Event::read(event);
            let data: Value = serde_json::from_slice(event.data.as_deref().unwrap()).unwrap();
            let kind = data["type"].as_str().unwrap();
            assert_eq!(kind.as_bytes(), event.kind);
            let (known, members) = demanded.iter().find(|(known, _)| *known == kind).unwrap();
            met.insert(*known);
            assert!(members.iter().all(|member| data.get(member).is_some()), "{data}");
            if let Some(response) = data.get("response") {
                assert!(answer.iter().all(|member| response.get(member).is_some()), "{response}");
            }
        }
    }
    assert_eq!(met.len(), demanded.len());
}

#[test]
fn wire_fact_42_padding_changes_nothing_and_is_not_passed_on() {
    let stream = String::from_utf8(sample("stream_tools.sse")).unwrap();
    let padded = stream.replace(r#""obfuscation":"p""#, r#""obfuscation":"otherpadding""#);
    assert_ne!(stream, padded);
    let (told, written) = translated([stream.as_bytes()]);
    assert_eq!(translated([padded.as_bytes()]), (told, written.clone()));
    assert!(!written.contains("obfuscation"));
}

#[test]
fn wire_fact_44_a_document_is_a_file() {
    let data = Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBERi0=".to_owned() };
    let document = Media {
        kind: MediaKind::Document,
        source: data,
        name: None,
        detail: None,
        cache: None,
        signature: None,
    };
    let body = encoded(&of_turns(vec![turn(Role::User, vec![Part::Media(document)])]), &target());
    let file = json!({"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0="});
    assert_eq!(body["input"][0]["content"][0], file);
    // Both alphabets of base64 are read, and one is written.
    let media = decode_request(&sample("request_media.json")).unwrap();
    let Part::Media(picture) = &media.turns[0].parts[1] else { panic!() };
    let expect = Source::Data { media_type: "image/jpeg".to_owned(), base64: "/9j+4A==".to_owned() };
    assert_eq!(picture.source, expect);
}

const ERROR: ErrorBody<'_> = ErrorBody {
    status: 429,
    message: "Too \"fast\"",
    kind: "rate_limit_error",
    param: None,
    code: "rate_limited",
    request_id: "req_9",
};

#[test]
fn wire_fact_45_errors_have_the_shape_of_the_dialect() {
    let body: Value = serde_json::from_slice(&write_error(&ERROR)).unwrap();
    let error = json!({"message": "Too \"fast\"", "type": "rate_limit_error", "param": null, "code": "rate_limited", "request_id": "req_9"});
    assert_eq!(body, json!({"error": error, "request_id": "req_9"}));
    let (mut writer, mut out) = (StreamWriter::new(&ECHO), Vec::new());
    writer.write(Event::Began { id: None, model: None }, &mut out);
    out.clear();
    writer.fail(&ERROR, &mut out);
    let event = crate::sse::Event::read(&out);
    assert_eq!(event.kind, b"error");
    let data: Value = serde_json::from_slice(event.data.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&data["sequence_number"], &data["message"], &data["error"]),
        (&json!(2), &json!("Too \"fast\""), &error)
    );
    // Nothing follows it.
    out.clear();
    writer.finish(&mut out);
    assert!(out.is_empty());
}

#[test]
fn wire_fact_46_errors_in_a_stream_are_errors() {
    for (name, message, code) in [
        ("stream_error.sse", "The model broke down.", "server_error"),
        ("stream_failed.sse", "Too fast.", "rate_limit_exceeded"),
    ] {
        let (neutral, _) = translated([&sample(name)[..]]);
        assert!(neutral.contains(&format!("error: {message:?} type None code Some({code:?})")), "{neutral}");
        assert!(neutral.ends_with("complete: false\n"));
    }
    let flat = read_error(br#"{"type":"error","code":"server_error","message":"m","param":null}"#).unwrap();
    assert_eq!((flat.message.as_str(), flat.code.as_deref()), ("m", Some("server_error")));
}

/// The last event holds the whole answer, so that an answer without end cannot be kept: its caller is told.
#[test]
fn an_answer_too_long_to_be_told_whole_is_an_error() {
    let (mut writer, mut out) = (StreamWriter::new(&ECHO), Vec::new());
    writer.write(Event::PartBegan { choice: 0, index: 0, part: Opening::Text }, &mut out);
    let by = Growth::Text("a".repeat(1 << 20));
    let mut failures = 0;
    for _ in 0..18 {
        out.clear();
        writer.write(Event::PartGrew { choice: 0, index: 0, by: by.clone() }, &mut out);
        failures += out.windows(14).filter(|text| text == b"\nevent: error\n").count();
        failures += usize::from(out.starts_with(b"event: error\n"));
    }
    assert_eq!(failures, 1);
    assert!(out.is_empty(), "nothing follows the error");
    writer.finish(&mut out);
    assert!(out.is_empty());
}

/// What waits behind a part that never ends is bounded.
#[test]
fn parts_that_wait_too_long_break_the_stream() {
    use crate::dialect::responses::StreamReader;
    use crate::dialect::{ReadStream as _, Stopped};
    use crate::tap::Broken;
    let mut reader = StreamReader::default();
    let mut read = |data: String| {
        let event = crate::sse::Event { kind: b"", data: Some(data.as_bytes().into()) };
        reader.read(&event, &mut Vec::new())
    };
    let added = |index: u32| {
        let item =
            json!({"type": "function_call", "call_id": format!("c{index}"), "name": "n", "arguments": ""});
        json!({"type": "response.output_item.added", "output_index": index, "item": item}).to_string()
    };
    read(added(0)).unwrap();
    read(added(1)).unwrap();
    let delta = json!({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "a".repeat(1 << 20)});
    let results: Vec<_> = (0..17).map(|_| read(delta.to_string())).collect();
    assert!(results[..15].iter().all(Result::is_ok));
    assert_eq!(results[16], Err(Stopped::Broken(Broken::EventTooLarge)));
}
