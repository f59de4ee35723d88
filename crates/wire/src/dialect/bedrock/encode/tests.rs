//! What a conversation becomes, each case beside the body it must give.

use domain::chat::tool_id::Grammar;
use domain::chat::{
    CacheMark, Citation, Effort, Foreign, Function, Media, MediaKind, Part, Reasoning, Request, Role,
    Sampling, Shown, Signature, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::*;

mod content;
mod tools;

const CLAUDE: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NEW_CLAUDE: &str = "us.anthropic.claude-opus-4-8";
const LLAMA: &str = "meta.llama4-maverick-17b-instruct-v1:0";

fn target(model: &str) -> Target<'_> {
    Target { model, tool_ids: Grammar::Word, ..crate::dialect::bedrock::golden::target() }
}

fn encode(request: &Request, model: &str) -> (Value, Vec<String>) {
    let encoded = encode_request(request, &target(model)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn refused(request: &Request, model: &str) -> String {
    encode_request(request, &target(model)).unwrap_err().to_string()
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text)])
}

fn request(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
    Part::ToolCall(ToolCall { id, name, arguments, signature: None, cache: None })
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { id: id.to_owned(), name: None, parts, is_error: false, cache: None })
}

fn tool(name: &str) -> Tool {
    Tool::Function(Function { name: name.to_owned(), ..Function::default() })
}

fn media(kind: MediaKind, source: Source) -> Part {
    Part::Media(Media { kind, source, name: None, detail: None, cache: None, signature: None })
}

fn data(media_type: &str) -> Source {
    Source::Data { media_type: media_type.to_owned(), base64: "AAAA".to_owned() }
}

fn signed(text: &str, maker: Protocol) -> Part {
    let signature = Some(Signature::new(maker, "c2ln"));
    Part::Reasoning(Reasoning { text: text.to_owned(), signature, ..Reasoning::default() })
}

/// A round of one call whose turn begins with `first`.
fn round(first: Vec<Part>) -> Request {
    let asked = first.into_iter().chain([call("toolu_1", "get", "{}")]).collect();
    let answered = turn(Role::User, vec![result("toolu_1", vec![Part::text("12")])]);
    let mut request = request(vec![user("How warm?"), turn(Role::Assistant, asked), answered]);
    request.tools = vec![tool("get")];
    request
}

#[test]
fn wire_fact_02_a_name_that_does_not_fit_changes_for_call_and_result_alike() {
    let id = "functions.get:0";
    let calls = turn(Role::Assistant, vec![call(id, "get", "{}"), call("toolu_ok", "get", "{}")]);
    let results = turn(Role::User, vec![result(id, vec![]), result("toolu_ok", vec![])]);
    let (body, _) = encode(&request(vec![user("Go"), calls, results]), CLAUDE);
    let made = body["messages"][1]["content"][0]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(Grammar::Word.allows(made) && made != id, "{made}");
    assert_eq!(body["messages"][2]["content"][0]["toolResult"]["toolUseId"], made);
    assert_eq!(body["messages"][1]["content"][1]["toolUse"]["toolUseId"], "toolu_ok");
}

#[test]
fn wire_fact_09_all_results_are_in_one_turn_before_its_words() {
    let calls = [
        turn(Role::Assistant, vec![call("a", "get", "{}")]),
        turn(Role::Assistant, vec![call("b", "get", "{}")]),
    ];
    let mut turns = vec![user("Go")];
    turns.extend(calls);
    turns.push(turn(Role::User, vec![result("a", vec![Part::text("1")])]));
    turns.push(turn(Role::User, vec![Part::text("and now?"), result("b", vec![Part::text("2")])]));
    let (body, dropped) = encode(&request(turns), CLAUDE);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "Go"}]},
            {"role": "assistant", "content": [
                {"toolUse": {"toolUseId": "a", "name": "get", "input": {}}},
                {"toolUse": {"toolUseId": "b", "name": "get", "input": {}}}]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}},
                {"toolResult": {"toolUseId": "b", "content": [{"text": "2"}]}},
                {"text": "and now?"}]},
        ])
    );
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn wire_fact_14_instructions_stay_where_they_stand() {
    let check = |turns: Vec<Turn>, model: &str, expect: Value, dropped: &[&str]| {
        let (body, names) = encode(&request(turns), model);
        assert_eq!(
            (&body["messages"], names),
            (&expect, dropped.iter().map(|&name| name.to_owned()).collect())
        );
    };
    let aside = |role| turn(role, vec![Part::text("Be brief.")]);
    let said = || turn(Role::Assistant, vec![Part::text("Hello.")]);
    let (hi, hello) = (
        json!({"role": "user", "content": [{"text": "Hi"}]}),
        json!({"role": "assistant", "content": [{"text": "Hello."}]}),
    );
    let system = json!({"role": "system", "content": [{"text": "Be brief."}]});
    let merged = json!({"role": "user", "content": [{"text": "Hi"}, {"text": "Be brief."}]});
    check(vec![user("Hi"), aside(Role::System), said()], NEW_CLAUDE, json!([hi, system, hello]), &[]);
    check(vec![user("Hi"), aside(Role::Developer)], NEW_CLAUDE, json!([hi, system]), &[]);
    check(
        vec![user("Hi"), aside(Role::System), said()],
        CLAUDE,
        json!([merged, hello]),
        &["messages[].role"],
    );
    // No model takes them after its own turn.
    let both = json!({"role": "user", "content": [{"text": "Be brief."}, {"text": "Hi"}]});
    check(
        vec![user("Hi"), said(), aside(Role::System), user("Hi")],
        NEW_CLAUDE,
        json!([hi, hello, both]),
        &["messages[].role"],
    );
}

#[test]
fn wire_fact_15_system_blocks_stay_apart_and_keep_their_marks() {
    let part = |text: &str, cache| Part::Text(Text { text: text.to_owned(), cache, ..Text::default() });
    let system = turn(Role::System, vec![part("One.", Some(CacheMark::FiveMinutes)), part("Two.", None)]);
    let developer = turn(Role::Developer, vec![part("Three.", Some(CacheMark::OneHour))]);
    let request = request(vec![system, developer, user("Hi")]);
    let (body, dropped) = encode(&request, CLAUDE);
    let five_minutes = json!({"cachePoint": {"type": "default"}});
    let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(
        body["system"],
        json!([{"text": "One."}, five_minutes, {"text": "Two."}, {"text": "Three."}, hour])
    );
    assert_eq!(dropped, Vec::<String>::new());
    let (body, dropped) = encode(&request, LLAMA);
    assert_eq!(body["system"], json!([{"text": "One."}, {"text": "Two."}, {"text": "Three."}]));
    assert_eq!(dropped, ["cache_control"]);
}

#[test]
fn wire_fact_17_blank_text_is_dropped_and_nothing_put_in_its_place() {
    let turns = vec![user("Hi"), turn(Role::Assistant, vec![Part::text(" \n")]), user("there"), user("")];
    let (body, _) = encode(&request(turns), CLAUDE);
    assert_eq!(body["messages"], json!([{"role": "user", "content": [{"text": "Hi"}, {"text": "there"}]}]));
    let mut emptied = round(vec![Part::text("")]);
    emptied.turns[2].parts = vec![result("toolu_1", vec![Part::text("")])];
    let (body, _) = encode(&emptied, CLAUDE);
    assert_eq!(
        body["messages"][2]["content"],
        json!([{"toolResult": {"toolUseId": "toolu_1", "content": []}}])
    );
}

#[test]
fn wire_fact_19_neighbours_become_one_turn_and_the_impossible_is_told() {
    let said = || turn(Role::Assistant, vec![Part::text("Hello.")]);
    let (body, _) = encode(&request(vec![user("a"), user("b"), said(), said()]), CLAUDE);
    let text = json!({"text": "Hello."});
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}, {"role": "assistant", "content": [text, text]}])
    );
    assert_eq!(
        refused(&request(vec![said(), user("a")]), CLAUDE),
        "a conversation that begins with a turn of the model cannot be sent to this model"
    );
    let only_system = request(vec![turn(Role::System, vec![Part::text("Be brief.")])]);
    assert_eq!(
        refused(&only_system, CLAUDE),
        "a conversation without a turn of the user cannot be sent to this model"
    );
}

#[test]
fn what_has_no_place_is_named() {
    let mut request = request(vec![Turn { name: Some("ann".to_owned()), ..user("Hi") }]);
    request.sampling = Sampling {
        temperature: Some(1.5),
        top_p: Some(0.25),
        top_k: Some(40),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.5),
        seed: Some(7),
    };
    (request.choices, request.logprobs) = (Some(2), Some(0));
    (request.verbosity, request.user, request.cache_key) =
        (Some("low".into()), Some("u".into()), Some("k".into()));
    (request.safety, request.modalities) = (Some(chat::Json::new("[]")), vec!["text".into(), "audio".into()]);
    (request.format, request.service_tier) = (Format::Json, Some("scale".into()));
    request.stop = vec!["END".into(), String::new()];
    request.max_output_tokens = Some(100);
    request.unplaced = vec!["guardrailConfig".into(), "seed".into()];
    let (body, dropped) = encode(&request, LLAMA);
    assert_eq!(
        body,
        json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}],
               "inferenceConfig": {"maxTokens": 100, "topP": 0.25, "stopSequences": ["END"]}})
    );
    let expect = "name temperature top_k stop response_format service_tier frequency_penalty presence_penalty seed n \
                  logprobs verbosity user prompt_cache_key safety_settings modalities guardrailConfig";
    assert_eq!(dropped.join(" "), expect);
}

#[test]
fn a_schema_of_the_answer_is_a_text() {
    let mut request = request(vec![user("Hi")]);
    let schema = chat::Json::new(r#"{"type":"object","additionalProperties":false}"#);
    request.format =
        Format::Schema { name: Some("answer".into()), description: None, schema, strict: Some(true) };
    (request.service_tier, request.stop) = (Some("priority".into()), vec!["END".into()]);
    let (body, dropped) = encode(&request, CLAUDE);
    let schema = json!({"schema": "{\"type\":\"object\",\"additionalProperties\":false}", "name": "answer"});
    assert_eq!(
        body["outputConfig"],
        json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}})
    );
    assert_eq!(body["serviceTier"], json!({"type": "priority"}));
    assert_eq!(body["additionalModelResponseFieldPaths"], json!(["/stop_sequence", "/delta/stop_sequence"]));
    assert_eq!(dropped, Vec::<String>::new());
}
