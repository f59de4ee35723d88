//! Streams of Google's.

use domain::chat::{Answer, Part, Reason};

use super::*;
use crate::dialect::gemini::golden::{events, gathered, sample};

fn stream(events: &[&str]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("data: {event}\r\n\r\n").into_bytes()).collect()
}

fn parts(answer: &Answer) -> &[Part] {
    &answer.choices[0].parts
}

#[test]
fn wire_fact_06_arguments_may_come_leaf_by_leaf() {
    let answer = gathered(&sample("stream_partial_args.sse"));
    let calls: Vec<(&str, &str, bool)> = parts(&answer)
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => {
                Some((call.name.as_str(), call.arguments.as_str(), call.signature.is_some()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            (
                "book",
                r#"{"city":"Köln am Rhein","guests":[{"name":"Ann","age":41},{"name":"Bo","age":7.50}],"late":true,"note":null}"#,
                true
            ),
            ("cancel", "{}", false),
        ]
    );
    let back = stream(&[
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a","numberValue":1},{"jsonPath":"$.a","numberValue":2}]}}]}}]}"#,
    ]);
    assert!(matches!(events(&back), Err(Stopped::Failed(error)) if error.message.contains("out of order")));
}

#[test]
fn wire_fact_33_the_last_count_stands() {
    let answer = gathered(&stream(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1,"totalTokenCount":6}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}"#,
    ]));
    assert_eq!(answer.tokens.unwrap().total(), 7);
}

#[test]
fn wire_fact_20_calls_of_a_stream_ask_for_tools() {
    let answer = gathered(&sample("stream_tools.sse"));
    assert_eq!(answer.choices[0].finish.as_ref().unwrap().reason, Reason::ToolCalls);
    let answer = gathered(&sample("stream_blocked.sse"));
    assert_eq!(answer.choices[0].finish.as_ref().unwrap().reason, Reason::ContentFilter);
    assert!(parts(&answer).is_empty());
}

#[test]
fn a_signature_closes_what_it_signs() {
    let answer = gathered(&stream(&[
        r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"one","thoughtSignature":"AA=="}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"two"}]}}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"BB=="}]},"finishReason":"STOP"}]}"#,
    ]));
    let [Part::Reasoning(thought), Part::Text(one), Part::Text(two)] = parts(&answer) else {
        panic!("{answer:?}")
    };
    let value =
        |signature: &Option<domain::chat::Signature>| signature.as_ref().map(|found| found.value.clone());
    assert_eq!((thought.text.as_str(), value(&thought.signature)), ("hm", None));
    assert_eq!((one.text.as_str(), value(&one.signature)), ("one", Some("AA==".to_owned())));
    assert_eq!((two.text.as_str(), value(&two.signature)), ("two", Some("BB==".to_owned())));
}

#[test]
fn what_is_unknown_passes() {
    let answer = gathered(&stream(&[
        r#"{"candidates":[{"content":{"parts":[{"hologram":{}},{"text":3},{"text":"a"}]},"aura":1}],"news":[]}"#,
        r#"{"candidates":[{"index":9999999999,"content":{"parts":[{"text":"far"}]}},{"index":0,"finishReason":"STOP"}]}"#,
        "{}",
    ]));
    assert_eq!(answer.choices.len(), 1);
    assert_eq!(parts(&answer), [Part::text("a")]);
}

#[test]
fn an_error_in_the_stream_is_told() {
    let failed = events(&stream(&[r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#]));
    assert!(
        matches!(failed, Err(Stopped::Failed(error)) if error.message == "busy" && error.code.as_deref() == Some("503"))
    );
    assert_eq!(events(b"data: [1]\n\n"), Err(Stopped::Broken(Broken::NotJson)));
}

#[test]
fn places_are_counted_in_characters() {
    let answer = gathered(&sample("stream_grounded.sse"));
    let [Part::Text(text)] = parts(&answer) else { panic!("{answer:?}") };
    let place = |place: Option<u64>| usize::try_from(place.unwrap()).unwrap();
    let (start, end) = (place(text.citations[0].start), place(text.citations[0].end));
    let cited: String = text.text.chars().skip(start).take(end - start).collect();
    assert_eq!(cited, "Köln hat 1,1 Mio. Einwohner.");
}
