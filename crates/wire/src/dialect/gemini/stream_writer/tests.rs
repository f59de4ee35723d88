//! Streams for Google's clients.

use domain::chat::{Citation, Foreign, Json, Reason};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::*;
use crate::dialect::gemini::golden::ECHO;

fn written(events: Vec<Event>) -> Vec<Value> {
    let mut writer = StreamWriter::new(&ECHO);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    writer.finish(&mut out);
    let text = String::from_utf8(out).unwrap();
    let events = text.split_terminator("\r\n\r\n").map(|event| event.strip_prefix("data: ").unwrap());
    events.map(|event| serde_json::from_str(event).unwrap()).collect()
}

fn began(part: Opening) -> Event {
    Event::PartBegan { choice: 0, index: 0, part }
}

fn grew(by: Growth) -> Event {
    Event::PartGrew { choice: 0, index: 0, by }
}

const ENDED: Event = Event::PartEnded { choice: 0, index: 0 };

fn finished(reason: Reason) -> Event {
    Event::Finished { choice: 0, finish: Finish::new(reason) }
}

fn a_call() -> Event {
    began(Opening::ToolCall { id: "call_1".to_owned(), name: "f".to_owned(), signature: None })
}

#[test]
fn a_call_comes_whole() {
    let events = written(vec![
        Event::Began { id: Some("r".to_owned()), model: None },
        a_call(),
        grew(Growth::Arguments("{\"a\":".to_owned())),
        grew(Growth::Arguments("1.0}".to_owned())),
        ENDED,
        finished(Reason::ToolCalls),
        Event::Used(Tokens { input: 3, output: 2, ..Tokens::default() }),
    ]);
    assert_eq!(
        events,
        [
            json!({"candidates": [{"content": {"parts": [{"functionCall": {"id": "call_1", "name": "f", "args": {"a": 1.0}}}], "role": "model"}, "index": 0}],
            "modelVersion": "echoed-model", "responseId": "r"}),
            json!({"candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
            "modelVersion": "echoed-model", "responseId": "r"}),
        ]
    );
}

#[test]
fn wire_fact_05_a_call_without_arguments_has_an_empty_object() {
    let events = written(vec![a_call(), ENDED, finished(Reason::ToolCalls)]);
    assert_eq!(events[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], json!({}));
}

#[test]
fn a_call_that_is_cut_or_too_large_is_malformed() {
    let cut = written(vec![
        a_call(),
        grew(Growth::Arguments("{\"a\":".to_owned())),
        ENDED,
        finished(Reason::ToolCalls),
    ]);
    assert_eq!(cut.len(), 1);
    assert_eq!(cut[0]["candidates"][0]["finishReason"], "MALFORMED_FUNCTION_CALL");
    let large = format!("{{\"a\":\"{}\"}}", "é".repeat(MOST_ARGUMENT_BYTES));
    let large = written(vec![a_call(), grew(Growth::Arguments(large)), ENDED, finished(Reason::ToolCalls)]);
    assert_eq!(large.len(), 1);
    assert!(large[0]["candidates"][0]["finishMessage"].as_str().unwrap().len() < 300);
}

#[test]
fn wire_fact_08_tools_that_another_provider_ran_are_hidden() {
    let foreign = |protocol| {
        Opening::Foreign(Foreign {
            protocol,
            kind: "x".to_owned(),
            json: Json::new(r#"{"executableCode":{}}"#),
        })
    };
    assert_eq!(written(vec![began(foreign(Protocol::Anthropic)), ENDED, finished(Reason::Stop)]).len(), 1);
    assert_eq!(written(vec![began(foreign(Protocol::Gemini)), ENDED, finished(Reason::Stop)]).len(), 2);
}

#[test]
fn thoughts_are_marked_and_keep_what_proves_them() {
    let events = written(vec![
        began(Opening::Reasoning { id: None, redacted: false }),
        grew(Growth::Text("hm".to_owned())),
        grew(Growth::Signature(Signature::new(Protocol::Gemini, "c2ln"))),
        ENDED,
        began(Opening::Reasoning { id: None, redacted: true }),
        grew(Growth::Signature(Signature::new(Protocol::Anthropic, "x"))),
        ENDED,
        finished(Reason::Stop),
    ]);
    let part = |event: usize| &events[event]["candidates"][0]["content"]["parts"][0];
    assert_eq!(*part(0), json!({"text": "hm", "thought": true}));
    assert_eq!(*part(1), json!({"text": "", "thought": true, "thoughtSignature": "c2ln"}));
    let withheld = carried::returned(part(2)["thoughtSignature"].as_str().unwrap()).unwrap();
    assert!(withheld.redacted && withheld.signature.maker == Protocol::Anthropic);
}

#[test]
fn citations_come_with_the_end() {
    let citation = Citation {
        url: Some("https://example.com".to_owned()),
        start: Some(1),
        end: Some(2),
        ..Citation::default()
    };
    let events = written(vec![
        began(Opening::Text),
        grew(Growth::Text("éa".to_owned())),
        grew(Growth::Citation(citation)),
        ENDED,
        finished(Reason::Stop),
    ]);
    assert_eq!(
        events[1]["candidates"][0]["groundingMetadata"],
        json!({
            "groundingChunks": [{"web": {"uri": "https://example.com"}}],
            "groundingSupports": [{"segment": {"partIndex": 0, "startIndex": 2, "endIndex": 3}, "groundingChunkIndices": [0]}],
        })
    );
}

#[test]
fn wire_fact_24_a_failure_is_the_last_word() {
    let mut writer = StreamWriter::new(&ECHO);
    let mut out = Vec::new();
    let error = ErrorBody {
        status: 502,
        message: "gone",
        kind: "api_error",
        param: None,
        code: "upstream_error",
        request_id: "req_1",
    };
    writer.fail(&error, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with("data: {\"error\":{\"code\":502,\"message\":\"gone\",\"status\":\"UNAVAILABLE\"")
    );
}

#[test]
fn lines_within_a_value_do_not_end_the_event() {
    let events = written(vec![
        a_call(),
        grew(Growth::Arguments("{\r\n\r\n\"a\":\n\n1}".to_owned())),
        ENDED,
        finished(Reason::ToolCalls),
    ]);
    assert_eq!(events[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"], json!({"a": 1}));
}
