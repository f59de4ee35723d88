//! One answer in the streams of every protocol: words, a call with arguments, a call without, and what was used.

use std::collections::VecDeque;

use bytes::Bytes;
use domain::price::Tokens;
use domain::protocol::Protocol;

use super::Translator;
use crate::dialect::Echo;
use crate::failure::UpstreamError;
use crate::sse::Event;
use crate::tap::{Broken, Ending, State};

/// The protocols that callers speak.
pub(super) const CALLERS: [Protocol; 4] =
    [Protocol::Chat, Protocol::Responses, Protocol::Anthropic, Protocol::Gemini];

/// The pairs that are translated.
pub(super) fn pairs() -> impl Iterator<Item = (Protocol, Protocol)> {
    let pairs = Protocol::ALL.into_iter().flat_map(|upstream| CALLERS.map(|caller| (upstream, caller)));
    pairs.filter(|(upstream, caller)| upstream != caller)
}

/// The words of the answer; some take four bytes.
pub(super) const WORDS: &str = "Grüße 😀";

/// What is used in all.
pub(super) const TOTAL: u64 = 15;

/// The events of the answer, each with its kind where the protocol names kinds.
pub(super) fn events(protocol: Protocol) -> Vec<(&'static str, &'static str)> {
    match protocol {
        Protocol::Chat => vec![
            (
                "",
                r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Grüße "}}]}"#,
            ),
            ("", r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"😀"}}]}"#),
            (
                "",
                r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\"city\":"}}]}}]}"#,
            ),
            (
                "",
                r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Oslo\"}"}}]}}]}"#,
            ),
            (
                "",
                r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"now","arguments":""}}]}}]}"#,
            ),
            (
                "",
                r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
            ),
            (
                "",
                r#"{"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#,
            ),
            ("", "[DONE]"),
        ],
        Protocol::Responses => vec![
            (
                "response.created",
                r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","model":"m","status":"in_progress","output":[]}}"#,
            ),
            (
                "response.output_item.added",
                r#"{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"in_progress","content":[]}}"#,
            ),
            (
                "response.content_part.added",
                r#"{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
            ),
            (
                "response.output_text.delta",
                r#"{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Grüße "}"#,
            ),
            (
                "response.output_text.delta",
                r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"😀"}"#,
            ),
            (
                "response.output_text.done",
                r#"{"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Grüße 😀"}"#,
            ),
            (
                "response.content_part.done",
                r#"{"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Grüße 😀","annotations":[]}}"#,
            ),
            (
                "response.output_item.done",
                r#"{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Grüße 😀","annotations":[]}]}}"#,
            ),
            (
                "response.output_item.added",
                r#"{"type":"response.output_item.added","sequence_number":8,"output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"weather","arguments":"","status":"in_progress"}}"#,
            ),
            (
                "response.function_call_arguments.delta",
                r#"{"type":"response.function_call_arguments.delta","sequence_number":9,"item_id":"fc_1","output_index":1,"delta":"{\"city\":\"Oslo\"}"}"#,
            ),
            (
                "response.function_call_arguments.done",
                r#"{"type":"response.function_call_arguments.done","sequence_number":10,"item_id":"fc_1","output_index":1,"arguments":"{\"city\":\"Oslo\"}"}"#,
            ),
            (
                "response.output_item.done",
                r#"{"type":"response.output_item.done","sequence_number":11,"output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"weather","arguments":"{\"city\":\"Oslo\"}","status":"completed"}}"#,
            ),
            (
                "response.output_item.added",
                r#"{"type":"response.output_item.added","sequence_number":12,"output_index":2,"item":{"id":"fc_2","type":"function_call","call_id":"call_b","name":"now","arguments":"","status":"in_progress"}}"#,
            ),
            (
                "response.output_item.done",
                r#"{"type":"response.output_item.done","sequence_number":13,"output_index":2,"item":{"id":"fc_2","type":"function_call","call_id":"call_b","name":"now","arguments":"{}","status":"completed"}}"#,
            ),
            (
                "response.completed",
                r#"{"type":"response.completed","sequence_number":14,"response":{"id":"resp_1","object":"response","model":"m","status":"completed","output":[],"usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":0},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":15}}}"#,
            ),
        ],
        Protocol::Anthropic => vec![
            (
                "message_start",
                r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}}"#,
            ),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            ),
            ("ping", r#"{"type":"ping"}"#),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße "}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"😀"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"call_a","name":"weather","input":{}}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
            ),
            (
                "content_block_delta",
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Oslo\"}"}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":1}"#),
            (
                "content_block_start",
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_b","name":"now","input":{}}}"#,
            ),
            ("content_block_stop", r#"{"type":"content_block_stop","index":2}"#),
            (
                "message_delta",
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":5}}"#,
            ),
            ("message_stop", r#"{"type":"message_stop"}"#),
        ],
        Protocol::Gemini => vec![
            (
                "",
                r#"{"responseId":"r1","modelVersion":"m","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Grüße "}]}}]}"#,
            ),
            (
                "",
                r#"{"responseId":"r1","modelVersion":"m","candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"😀"}]}}]}"#,
            ),
            (
                "",
                r#"{"responseId":"r1","modelVersion":"m","candidates":[{"index":0,"content":{"role":"model","parts":[{"functionCall":{"name":"weather","args":{"city":"Oslo"}}},{"functionCall":{"name":"now","args":{}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}}"#,
            ),
        ],
        Protocol::Bedrock => vec![
            ("messageStart", r#"{"role":"assistant","p":"abc"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Grüße "},"p":"ab"}"#),
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"😀"}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"call_a","name":"weather"}}}"#,
            ),
            (
                "contentBlockDelta",
                r#"{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"city\":\"Oslo\"}"}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
            (
                "contentBlockStart",
                r#"{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"call_b","name":"now"}}}"#,
            ),
            ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
            ("messageStop", r#"{"stopReason":"tool_use"}"#),
            (
                "metadata",
                r#"{"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15},"metrics":{"latencyMs":1}}"#,
            ),
        ],
    }
}

/// An event that tells of an error.
pub(super) fn error(protocol: Protocol) -> (&'static str, &'static str) {
    match protocol {
        Protocol::Chat => ("", r#"{"error":{"message":"overloaded","code":"529"}}"#),
        Protocol::Responses => (
            "error",
            r#"{"type":"error","sequence_number":9,"code":"server_error","message":"overloaded","param":null}"#,
        ),
        Protocol::Anthropic => {
            ("error", r#"{"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}"#)
        }
        Protocol::Gemini => ("", r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#),
        Protocol::Bedrock => ("exception:modelStreamErrorException", r#"{"message":"overloaded"}"#),
    }
}

/// The bytes in which an event comes.
pub(super) fn framed(protocol: Protocol, (kind, data): (&str, &str)) -> Vec<u8> {
    match (protocol, kind) {
        (Protocol::Bedrock, _) => message(kind, data.as_bytes()),
        (_, "") => format!("data: {data}\n\n").into_bytes(),
        _ => format!("event: {kind}\ndata: {data}\n\n").into_bytes(),
    }
}

/// The bytes of a stream.
pub(super) fn stream(protocol: Protocol, events: &[(&str, &str)]) -> Vec<u8> {
    events.iter().flat_map(|&event| framed(protocol, event)).collect()
}

/// A message in the framing of Amazon's event streams.
fn message(kind: &str, payload: &[u8]) -> Vec<u8> {
    let (kinds, name) = match kind.strip_prefix("exception:") {
        Some(name) => (["exception", ":exception-type"], name),
        None => (["event", ":event-type"], kind),
    };
    let mut headers = Vec::new();
    for (header, value) in [(":message-type", kinds[0]), (kinds[1], name)] {
        headers.push(u8::try_from(header.len()).unwrap());
        headers.extend_from_slice(header.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// All that can be seen of a translation.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) out: String,
    pub(super) fed: Result<(), Broken>,
    pub(super) state: State,
    pub(super) tokens: Option<Tokens>,
    pub(super) output_bytes: u64,
    pub(super) events: u64,
    pub(super) started: bool,
    pub(super) error: Option<UpstreamError>,
    pub(super) ending: Ending,
}

impl Seen {
    /// Whether the answer did not come to its end.
    pub(super) fn failed(&self) -> bool {
        self.ending == Ending::NoTerminal
    }
}

/// Translates a stream that comes in these pieces.
pub(super) fn translated<'b>(
    upstream: Protocol,
    caller: Protocol,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Seen {
    let echo = Echo { id: "gate-1", model: "asked", created: 1_700_000_000, asks_usage: true, body: b"{}" };
    let mut translator = Translator::new(upstream, caller, &echo);
    let (mut out, mut fed) = (VecDeque::new(), Ok(()));
    for piece in pieces {
        fed = translator.feed(Bytes::copy_from_slice(piece), &mut out);
        if fed.is_err() {
            break;
        }
    }
    let state = translator.state();
    let ending = translator.end(&mut out);
    Seen {
        out: String::from_utf8(out.iter().flatten().copied().collect()).unwrap(),
        fed,
        state,
        tokens: translator.tokens(),
        output_bytes: translator.output_bytes(),
        events: translator.events(),
        started: translator.started(),
        error: translator.take_error(),
        ending,
    }
}

/// The neutral events in a stream of lines, and whether it says that it is complete.
pub(super) fn read(protocol: Protocol, stream: &str) -> (Vec<domain::chat::Event>, bool) {
    let (mut reader, mut out) = (crate::dialect::reader(protocol), Vec::new());
    // Google's own streams end their lines in two characters.
    for event in stream.replace("\r\n", "\n").split_inclusive("\n\n") {
        let event = Event::read(event.as_bytes());
        if event.data.is_some() && !reader.is_over() {
            reader.read(&event, &mut out).unwrap();
        }
    }
    let complete = reader.is_over() || reader.end(&mut out);
    (out, complete)
}
