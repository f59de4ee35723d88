mod thinking;
mod tools;
mod turns;

use domain::chat::{
    CacheMark, Citation, Effort, Foreign, Format, Function, Json, Media, MediaKind, Part, Reasoning, Request,
    Role, Sampling, Shown, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
    tool_id,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::*;
use crate::catalog::StreamUsage;

/// A model that takes budgets of thinking and one that takes efforts.
const BUDGETS: &str = "claude-sonnet-4-5";
const EFFORTS: &str = "claude-opus-4-8";
const NEWEST: &str = "claude-opus-5-5";

pub(crate) fn target(model: &str) -> Target<'_> {
    Target {
        model,
        max_output_tokens: None,
        tool_ids: tool_id::Grammar::Word,
        usage_in_streams: StreamUsage::Unasked,
        chat: Default::default(),
    }
}

/// The body that is sent, and what was dropped.
fn sent(request: &Request, model: &str) -> (Value, Vec<String>) {
    let encoded = encode_request(request, &target(model)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn refusal(request: &Request) -> String {
    encode_request(request, &target(EFFORTS)).unwrap_err().to_string()
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn says(role: Role, text: &str) -> Turn {
    turn(role, vec![Part::text(text)])
}

fn call(id: &str) -> Part {
    let (name, arguments) = ("find".to_owned(), r#"{"z":1,"a":2}"#.to_owned());
    Part::ToolCall(ToolCall { id: id.to_owned(), name, arguments, signature: None, cache: None })
}

fn result(id: &str) -> Part {
    let parts = vec![Part::text("found")];
    Part::ToolResult(ToolResult { id: id.to_owned(), name: None, parts, is_error: false, cache: None })
}

fn thought(maker: Protocol) -> Part {
    let signature = Some(Signature::new(maker, "sig"));
    Part::Reasoning(Reasoning { text: "hm".to_owned(), signature, ..Reasoning::default() })
}

fn tools() -> Vec<Tool> {
    let tool = |name: &str| {
        Tool::Function(Function {
            name: name.to_owned(),
            parameters: Some(Json::new("{}")),
            ..Function::default()
        })
    };
    vec![tool("find"), tool("show")]
}

fn asks(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn roles(body: &Value) -> Vec<&str> {
    body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect()
}

#[test]
fn what_cannot_be_said_is_named_once() {
    let cited = Text {
        text: "x".to_owned(),
        citations: vec![Citation { url: Some("https://example.com".to_owned()), ..Citation::default() }],
        ..Text::default()
    };
    let request = Request {
        sampling: Sampling {
            seed: Some(1),
            frequency_penalty: Some(0.5),
            presence_penalty: Some(0.0),
            ..Sampling::default()
        },
        stop: vec!["\n".to_owned(), "END".to_owned()],
        choices: Some(2),
        logprobs: Some(3),
        format: Format::Json,
        verbosity: Some("low".to_owned()),
        user: Some("u".to_owned()),
        cache_key: Some("k".to_owned()),
        service_tier: Some("flex".to_owned()),
        safety: Some(Json::new("[]")),
        modalities: vec!["text".to_owned(), "audio".to_owned()],
        unplaced: vec!["store".to_owned(), "seed".to_owned()],
        ..asks(vec![Turn { name: Some("ann".to_owned()), ..turn(Role::User, vec![Part::Text(cited)]) }])
    };
    let (body, dropped) = sent(&request, EFFORTS);
    let expect = [
        "name",
        "citations",
        "response_format",
        "stop",
        "service_tier",
        "frequency_penalty",
        "seed",
        "choices",
        "logprobs",
        "verbosity",
        "cache_key",
        "safety",
        "modalities",
        "store",
    ];
    assert_eq!(dropped, expect);
    assert_eq!(body["metadata"], json!({"user_id": "u"}));
    assert_eq!(body["stop_sequences"], json!(["END"]));
}

#[test]
fn a_schema_is_asked_for_by_the_protocols_own_member() {
    let schema = Json::new(r#"{"type":"object","z":1,"a":2}"#);
    let (name, strict) = (Some("n".to_owned()), Some(true));
    let format = Format::Schema { name, description: None, schema, strict };
    let thinking = Some(Thinking { effort: Some(Effort::High), ..Thinking::default() });
    let request = Request { format, thinking, ..asks(vec![says(Role::User, "x")]) };
    let encoded = encode_request(&request, &target(EFFORTS)).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    let expect = r#""output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object","z":1,"a":2}}}"#;
    assert!(body.contains(expect), "{body}");
    assert!(encoded.dropped.is_empty());
}

#[test]
fn wire_fact_35_a_count_asks_for_the_prompt_alone() {
    let request = Request {
        stream: true,
        max_output_tokens: Some(5),
        sampling: Sampling { seed: Some(1), ..Sampling::default() },
        tools: tools(),
        ..asks(vec![says(Role::System, "s"), says(Role::User, "x")])
    };
    let encoded = encode_count(&request, &target(EFFORTS)).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    let mut names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["messages", "model", "system", "tools"]);
    assert!(encoded.dropped.is_empty());
}
