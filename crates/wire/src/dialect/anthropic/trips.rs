//! Round trips: what this protocol can say survives being written and read again.

use domain::chat::{Effort, Event, Finish, Format, Json, Part, Reason, Request, Thinking, ToolChoice};
use domain::protocol::Protocol;
use proptest::prelude::*;

use super::{decode_answer, decode_request, encode_answer, encode_request};
use crate::catalog::StreamUsage;
use crate::dialect::{self, Echo, Target};
use crate::sse;
use crate::strategies::{self, Can, Says};
use domain::chat::tool_id::Grammar;

const ECHO: Echo<'_> = Echo { id: "msg_ours", model: "a-model", created: 1, asks_usage: true, body: b"{}" };

fn target(model: &str) -> Target<'_> {
    Target {
        model,
        max_output_tokens: None,
        tool_ids: Grammar::Word,
        usage_in_streams: StreamUsage::Unasked,
        chat: Default::default(),
    }
}

fn finish(reason: Reason, native: &str) -> Finish {
    Finish { native: Some(native.to_owned()), ..Finish::new(reason) }
}

fn says(more: &[Can]) -> Says {
    let mut can = vec![
        Can::System,
        Can::SystemParts,
        Can::UserParts,
        Can::AssistantFirst,
        Can::SeveralTexts,
        Can::ImageData,
        Can::ImageUrl,
        Can::DocumentData,
        Can::DocumentUrl,
        Can::DocumentName,
        Can::Reasoning,
        Can::ReasoningSignature,
        Can::ReasoningRedacted,
        Can::SeveralThoughts,
        Can::Cache,
        Can::CacheHour,
        Can::User,
        Can::Stop,
        Can::Stream,
        Can::ServiceTier,
        Can::FormatSchema,
        Can::CacheRead,
        Can::CacheWrite,
        Can::ReasoningTokens,
    ];
    can.extend_from_slice(more);
    Says {
        protocol: Protocol::Anthropic,
        can,
        ids: "toolu_[a-zA-Z0-9]{6}",
        finishes: vec![
            finish(Reason::Stop, "end_turn"),
            finish(Reason::Length, "max_tokens"),
            finish(Reason::Length, "model_context_window_exceeded"),
            finish(Reason::Refusal, "refusal"),
            finish(Reason::Pause, "pause_turn"),
            Finish { stop_sequence: Some("END".to_owned()), ..finish(Reason::Stop, "stop_sequence") },
        ],
        calls_finish: finish(Reason::ToolCalls, "tool_use"),
    }
}

fn with_tools() -> Says {
    says(&[
        Can::ToolCalls,
        Can::ParallelCalls,
        Can::TextBesideCalls,
        Can::TextAfterResults,
        Can::ResultError,
        Can::ResultName,
        Can::ResultParts,
        Can::ResultImages,
        Can::CacheTools,
        Can::ToolStrict,
        Can::ToolNamed,
        Can::Temperature,
        Can::TopP,
        Can::TopK,
    ])
}

/// What of a request comes back: thoughts that are not signed cannot be sent.
fn sendable(mut request: Request) -> Request {
    for turn in &mut request.turns {
        turn.parts.retain(|part| !matches!(part, Part::Reasoning(thought) if thought.signature.is_none()));
    }
    request.turns.retain(|turn| !turn.parts.is_empty());
    request.max_output_tokens = request.max_output_tokens.or(Some(8_192));
    if request.tool_choice == ToolChoice::Auto {
        request.parallel_tool_calls = None;
    }
    request
}

fn returned(request: &Request, model: &str) -> Request {
    decode_request(&encode_request(request, &target(model)).unwrap().body).unwrap()
}

/// The events of a stream of this protocol, taken from it.
fn read_stream(stream: &[u8]) -> (Vec<Event>, bool) {
    let mut reader = dialect::reader(Protocol::Anthropic);
    let mut events = Vec::new();
    let text = std::str::from_utf8(stream).unwrap();
    for event in text.split_terminator("\n\n") {
        reader.read(&sse::Event::read(event.as_bytes()), &mut events).unwrap();
    }
    (events, reader.is_over())
}

/// How an answer looks when it has been streamed: without what only whole answers say.
fn written(events: Vec<Event>) -> Vec<u8> {
    let mut writer = dialect::writer(Protocol::Anthropic, &ECHO);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    writer.finish(&mut out);
    out
}

proptest! {
    #[test]
    fn requests_come_back(request in strategies::request(&with_tools())) {
        let expect = sendable(request.clone());
        prop_assert_eq!(returned(&request, "claude-sonnet-4-20250514"), expect);
    }

    #[test]
    fn budgets_come_back(request in strategies::request(&says(&[Can::Budget, Can::Shown]))) {
        let mut expect = sendable(request.clone());
        let request = Request { max_output_tokens: expect.max_output_tokens, ..request };
        let found = returned(&request, "claude-sonnet-4-5");
        // Thinking stops where a history ends with a turn of the model's that has no thought.
        expect.thinking = expect.thinking.filter(|_| found.thinking.is_some());
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn efforts_come_back(request in strategies::request(&says(&[Can::Effort, Can::Dynamic, Can::Shown]))) {
        let mut expect = sendable(request.clone());
        expect.thinking = expect.thinking.map(|thinking| {
            let effort = thinking.effort.map(|effort| effort.max(Effort::Low));
            Thinking { dynamic: true, effort, ..thinking }
        });
        prop_assert_eq!(returned(&request, "claude-opus-4-8"), expect);
    }

    #[test]
    fn answers_come_back(answer in strategies::answer(&with_tools())) {
        let mut found = decode_answer(&encode_answer(&answer, &ECHO)).unwrap();
        prop_assert_eq!(found.service_tier.take(), Some("standard".to_owned()));
        prop_assert_eq!(found, answer);
    }

    #[test]
    fn streams_come_back((answer, events) in strategies::streamed(&with_tools())) {
        let (found, over) = read_stream(&written(events));
        prop_assert!(over);
        prop_assert_eq!(strategies::gather(&found), answer);
    }
}

#[test]
fn wire_fact_40_a_thought_without_words_comes_back_with_its_signature() {
    let body = br#"{"type":"message","id":"msg_1","model":"m","content":[{"type":"thinking","thinking":"","signature":"s"}],
        "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let answer = decode_answer(body).unwrap();
    let again = decode_answer(&encode_answer(&answer, &ECHO)).unwrap();
    assert_eq!(again.choices, answer.choices);
    let (events, _) = read_stream(&written(strategies::cut(&answer, 3)));
    assert_eq!(strategies::gather(&events).choices, answer.choices);
}

#[test]
fn schemas_keep_their_order_and_their_digits() {
    let schema = Json::new(r#"{"type":"object","z":{"minimum":1.50},"a":10000000000000000001}"#);
    let format = Format::Schema { name: None, description: None, schema, strict: None };
    let request = Request { format, ..Request::default() };
    assert_eq!(returned(&request, "claude-opus-5").format, request.format);
}

#[test]
fn wire_fact_39_unknown_deltas_and_events_do_not_break_a_stream() {
    let stream = include_bytes!("../../../testdata/anthropic/stream_unknown_kinds.sse");
    let (events, over) = read_stream(stream);
    let parts = strategies::gather(&events).choices.remove(0).parts;
    let words: Vec<&Part> = parts.iter().filter(|part| matches!(part, Part::Text(_))).collect();
    assert_eq!(words, [&Part::text("a"), &Part::text("b")]);
    assert!(over);
}

#[test]
fn wire_fact_05_a_streamed_call_without_deltas_has_an_empty_object() {
    let stream = include_bytes!("../../../testdata/anthropic/stream_thinking_and_tools.sse");
    let parts = strategies::gather(&read_stream(stream).0).choices.remove(0).parts;
    let arguments: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(call.arguments.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(arguments, [r#"{"zone":"Asia/Tokyo"}"#, "{}", r#"{"a":[1,2]}"#]);
}
