use domain::chat::{Part, Request, Role, Signature, Tool, ToolChoice};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::decode_request;
use crate::request::Unreadable;

fn decode(members: Value) -> Request {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn conversation(messages: Value) -> Request {
    decode(json!({ "messages": messages }))
}

fn roles(request: &Request) -> Vec<Role> {
    request.turns.iter().map(|turn| turn.role).collect()
}

#[test]
fn wire_fact_03_and_04_what_was_signed_comes_back_to_its_maker() {
    let request = conversation(json!([
        { "role": "assistant", "content": "", "tool_calls": [
            { "id": "call_1__sig_gemini_6162", "type": "function", "function": { "name": "f", "arguments": "{}" } },
        ], "reasoning_details": [
            { "type": "reasoning.text", "text": "Hm.", "signature": "anthropic~c2ln", "index": 0 },
            { "type": "reasoning.encrypted", "data": "openai_responses~ZW5j", "index": 1 },
        ] },
        { "role": "tool", "tool_call_id": "call_1__sig_gemini_6162", "content": "ok" },
    ]));
    let signatures: Vec<Signature> = request.turns[0]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(thought) => thought.signature.clone(),
            Part::ToolCall(call) => call.signature.clone(),
            _ => None,
        })
        .collect();
    let expect = [
        Signature::new(Protocol::Anthropic, "c2ln"),
        Signature::new(Protocol::Responses, "ZW5j"),
        Signature::new(Protocol::Gemini, "ab"),
    ];
    assert_eq!(signatures, expect);
    let Part::ToolResult(result) = &request.turns[1].parts[0] else { panic!("{request:?}") };
    assert_eq!(result.id, "call_1", "call and result are linked by the same name");
}

#[test]
fn wire_fact_05_no_arguments_are_an_empty_object() {
    for arguments in [json!(""), json!(" "), json!(null), json!({}), json!("{}")] {
        let request = conversation(json!([{ "role": "assistant", "tool_calls": [
            { "id": "a", "type": "function", "function": { "name": "f", "arguments": arguments } },
        ] }]));
        let Part::ToolCall(call) = &request.turns[0].parts[0] else { panic!("{request:?}") };
        assert_eq!(call.arguments, "{}", "{arguments}");
    }
}

#[test]
fn wire_fact_09_the_results_of_one_round_are_one_turn() {
    let call =
        |id: &str| json!({ "id": id, "type": "function", "function": { "name": id, "arguments": "{}" } });
    let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": id });
    let request = conversation(json!([
        { "role": "assistant", "content": null, "tool_calls": [call("a"), call("b")] },
        result("b"), result("a"),
        { "role": "user", "content": "and?" },
        { "role": "assistant", "content": null, "tool_calls": [call("c")] },
        result("c"),
    ]));
    let parts: Vec<usize> = request.turns.iter().map(|turn| turn.parts.len()).collect();
    assert_eq!(parts, [2, 2, 1, 1, 1]);
    let ids: Vec<&str> = request.turns[1]
        .parts
        .iter()
        .map(|part| match part {
            Part::ToolResult(result) => result.id.as_str(),
            part => panic!("{part:?}"),
        })
        .collect();
    assert_eq!(ids, ["b", "a"], "in the order in which they came");
}

#[test]
fn wire_fact_11_choices_of_tools() {
    let check = |members: Value, expect: ToolChoice| {
        assert_eq!(decode(members.clone()).tool_choice, expect, "{members}")
    };
    let named = |name: &str| ToolChoice::Named(name.to_owned());
    check(json!({}), ToolChoice::Auto);
    check(json!({ "tool_choice": "auto" }), ToolChoice::Auto);
    check(json!({ "tool_choice": "none" }), ToolChoice::None);
    check(json!({ "tool_choice": "required" }), ToolChoice::Required);
    check(json!({ "tool_choice": "any" }), ToolChoice::Required);
    check(json!({ "tool_choice": { "type": "function", "function": { "name": "f" } } }), named("f"));
    check(json!({ "tool_choice": { "type": "custom", "custom": { "name": "c" } } }), named("c"));
    let allowed = json!({ "mode": "auto", "tools": [{ "type": "function", "function": { "name": "f" } }] });
    let among = ToolChoice::Among { names: vec!["f".to_owned()], required: false };
    check(json!({ "tool_choice": { "type": "allowed_tools", "allowed_tools": allowed } }), among);
    check(json!({ "function_call": "none" }), ToolChoice::None);
    check(json!({ "function_call": { "name": "f" } }), named("f"));
    assert_eq!(decode(json!({ "parallel_tool_calls": false })).parallel_tool_calls, Some(false));
}

#[test]
fn wire_fact_12_tools_without_a_type_are_functions() {
    let request =
        decode(json!({ "tools": [{ "function": { "name": "f", "description": "", "parameters": {} } }] }));
    let [Tool::Function(function)] = request.tools.as_slice() else { panic!("{request:?}") };
    assert_eq!((function.description.as_deref(), &function.parameters), (Some(""), &None));
}

#[test]
fn wire_fact_13_tools_that_are_no_functions_are_kept_as_what_they_are() {
    let request = decode(json!({
        "tools": [{ "type": "custom", "custom": { "name": "shell" } }], "web_search_options": {},
    }));
    let kinds: Vec<&str> = request
        .tools
        .iter()
        .map(|tool| match tool {
            Tool::Foreign(foreign) => foreign.kind.as_str(),
            tool => panic!("{tool:?}"),
        })
        .collect();
    assert_eq!(kinds, ["custom", "web_search_options"]);
}

#[test]
fn wire_fact_14_instructions_stay_where_they_stand() {
    let say = |role: &str| json!({ "role": role, "content": role });
    let request =
        conversation(json!([say("system"), say("user"), say("developer"), say("user"), say("system")]));
    assert_eq!(roles(&request), [Role::System, Role::User, Role::Developer, Role::User, Role::System]);
}

#[test]
fn wire_fact_18_what_an_assistant_may_leave_unsaid() {
    let parts = |message: Value| conversation(json!([message])).turns[0].parts.clone();
    assert_eq!(parts(json!({ "role": "assistant" })), []);
    assert_eq!(parts(json!({ "role": "assistant", "content": null })), []);
    assert_eq!(parts(json!({ "role": "assistant", "content": "" })), []);
    let list = json!([{ "type": "thinking", "thinking": "Hm" }, { "type": "text", "text": "Yes" }]);
    let said = parts(json!({ "role": "assistant", "content": list }));
    assert!(matches!(said.as_slice(), [Part::Reasoning(thought), Part::Text(_)] if thought.text == "Hm"));
}

#[test]
fn wire_fact_19_histories_are_not_repaired() {
    let say = |role: &str| json!({ "role": role, "content": "x" });
    let request =
        conversation(json!([say("assistant"), say("assistant"), say("user"), say("user"), say("assistant")]));
    use Role::{Assistant, User};
    assert_eq!(roles(&request), [Assistant, Assistant, User, User, Assistant]);
}

#[test]
fn what_has_no_place_is_named_and_what_is_fulfilled_is_not() {
    let members = json!({ "logit_bias": {}, "store": false, "metadata": null, "web_extension": 1, "stream_options": {} });
    let mut unplaced = decode(members).unplaced;
    unplaced.sort();
    assert_eq!(unplaced, ["logit_bias", "web_extension"]);
}

#[track_caller]
fn check_refused(members: Value, field: &str) {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    match decode_request(body.to_string().as_bytes()) {
        Err(refused @ Unreadable::Json(_)) => assert_eq!(refused.field(), Some(field), "{refused}"),
        other => panic!("{members}: {other:?}"),
    }
}

#[test]
fn a_member_that_cannot_be_read_is_named() {
    let message = |message: Value| json!({ "messages": [message] });
    let part = |part: Value| json!({ "messages": [{ "role": "user", "content": [part] }] });
    check_refused(json!({ "messages": 5 }), "messages");
    check_refused(message(json!({ "role": "robot", "content": "x" })), "messages[0].role");
    check_refused(message(json!({ "role": "user" })), "messages[0].content");
    check_refused(message(json!({ "role": "user", "content": 5 })), "messages[0].content");
    check_refused(message(json!({ "role": "tool", "content": "x" })), "messages[0].tool_call_id");
    check_refused(part(json!("bare")), "messages[0].content[0]");
    check_refused(part(json!({ "type": "hologram" })), "messages[0].content[0].type");
    check_refused(
        part(json!({ "type": "image_url", "image_url": {} })),
        "messages[0].content[0].image_url.url",
    );
    let picture = json!({ "type": "image_url", "image_url": { "url": "data:image/png,x" } });
    check_refused(part(picture), "messages[0].content[0].image_url.url");
    let sound = json!({ "type": "input_audio", "input_audio": { "data": "%", "format": "wav" } });
    check_refused(part(sound), "messages[0].content[0].input_audio.data");
    check_refused(json!({ "tools": [{ "type": "function" }] }), "tools[0].function");
    check_refused(json!({ "tool_choice": "perhaps" }), "tool_choice");
    check_refused(json!({ "response_format": { "type": "xml" } }), "response_format.type");
    check_refused(json!({ "reasoning_effort": "some" }), "reasoning_effort");
    check_refused(json!({ "reasoning": { "effort": 5 } }), "reasoning.effort");
    check_refused(json!({ "thinking": { "type": "x" } }), "thinking.type");
    check_refused(json!({ "seed": 1.5 }), "seed");
    check_refused(json!({ "stop": [1] }), "stop[0]");
    check_refused(json!({ "modalities": ["text", 1] }), "modalities[1]");
}

#[test]
fn wire_fact_44_a_document_is_a_document() {
    use domain::chat::{MediaKind, Source};
    let file = json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk=" } });
    let request = conversation(json!([{ "role": "user", "content": [file] }]));
    let [Part::Media(media)] = request.turns[0].parts.as_slice() else { panic!("{request:?}") };
    assert_eq!(media.kind, MediaKind::Document);
    assert_eq!(
        media.source,
        Source::Data { media_type: "application/pdf".to_owned(), base64: "aGk=".to_owned() }
    );
}

#[test]
fn whoever_asks_in_openrouters_object_is_shown_the_thoughts_unless_they_are_excluded() {
    use domain::chat::Shown;
    let check = |more: Value, expect: Shown| {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = super::decode_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(request.thinking.unwrap().shown, expect, "{more}");
    };
    check(json!({ "reasoning_effort": "low" }), Shown::Default);
    check(json!({ "reasoning": { "effort": "low" } }), Shown::Summary);
    check(json!({ "reasoning": { "max_tokens": 2000 } }), Shown::Summary);
    check(json!({ "reasoning": { "effort": "low", "exclude": true } }), Shown::Nothing);
    check(json!({ "reasoning": { "enabled": false } }), Shown::Default);
}
