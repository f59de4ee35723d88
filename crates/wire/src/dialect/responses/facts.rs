//! What real traffic taught, as far as this protocol is concerned: one test for each fact.

mod answers;

use domain::chat::tool_id::Grammar;
use domain::chat::{
    Answer, Choice, Event, Finish, Foreign, Growth, Media, MediaKind, Opening, Part, Reason, Reasoning,
    Request, Role, Signature, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::golden::{ECHO, sample, target, translated};
use super::round_trips::events;
use super::{StreamWriter, decode_answer, decode_request, encode_answer, encode_request};
use crate::dialect::{Target, WriteStream as _};

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn call(id: &str, arguments: &str) -> ToolCall {
    let (id, arguments) = (id.to_owned(), arguments.to_owned());
    ToolCall { id, name: "weather".to_owned(), arguments, signature: None, cache: None }
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { id: id.to_owned(), name: None, parts, is_error: false, cache: None })
}

fn encoded(request: &Request, target: &Target<'_>) -> Value {
    serde_json::from_slice(&encode_request(request, target).unwrap().body).unwrap()
}

fn of_turns(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

/// The answer of these parts, as a caller gets it.
fn answered(parts: Vec<Part>, reason: Reason) -> Value {
    let choice = Choice { parts, finish: Some(Finish::new(reason)), logprobs: None };
    let answer = Answer { choices: vec![choice], ..Answer::default() };
    serde_json::from_slice(&encode_answer(&answer, &ECHO)).unwrap()
}

/// The events that a caller gets for these.
fn told(given: Vec<Event>) -> Vec<Value> {
    let (mut writer, mut out) = (StreamWriter::new(&ECHO), Vec::new());
    given.into_iter().for_each(|event| writer.write(event, &mut out));
    writer.finish(&mut out);
    events(&out)
        .into_iter()
        .map(|event| {
            let event = crate::sse::Event::read(event);
            serde_json::from_slice(event.data.as_deref().unwrap()).unwrap()
        })
        .collect()
}

fn part(index: u32, part: Opening, growths: Vec<Growth>) -> Vec<Event> {
    let mut events = vec![Event::PartBegan { choice: 0, index, part }];
    events.extend(growths.into_iter().map(|by| Event::PartGrew { choice: 0, index, by }));
    events.push(Event::PartEnded { choice: 0, index });
    events
}

#[test]
fn wire_fact_02_a_call_and_its_result_get_the_same_fitting_id() {
    let long = "functions.weather:".repeat(3);
    let request = of_turns(vec![
        turn(Role::Assistant, vec![Part::ToolCall(call(&long, "{}"))]),
        turn(Role::User, vec![result(&long, vec![Part::text("cold")])]),
    ]);
    let body = encoded(&request, &target());
    let fitted = Grammar::Short.fit(&long).into_owned();
    assert_eq!(
        (&body["input"][0]["call_id"], &body["input"][1]["call_id"]),
        (&json!(fitted), &json!(fitted))
    );
}

#[test]
fn wire_fact_03_a_signature_rides_in_the_name_of_its_call() {
    let signature = Signature::new(Protocol::Gemini, "sig+/=");
    let signed = ToolCall { signature: Some(signature.clone()), ..call("call_1", "{}") };
    let item = &answered(vec![Part::ToolCall(signed)], Reason::ToolCalls)["output"][0];
    let back = decoded(&json!({"model": "m", "input": [
        {"type": "function_call", "call_id": item["call_id"], "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": item["call_id"], "output": "cold"},
    ]}));
    let Part::ToolCall(call) = &back.turns[0].parts[0] else { panic!() };
    assert_eq!((call.id.as_str(), &call.signature), ("call_1", &Some(signature)));
    let Part::ToolResult(result) = &back.turns[1].parts[0] else { panic!() };
    assert_eq!((result.id.as_str(), result.name.as_deref()), ("call_1", Some("weather")));
}

#[test]
fn wire_fact_04_a_signed_thought_comes_back_before_its_call() {
    let signature = |value: &str| Some(Signature::new(Protocol::Anthropic, value));
    let open = Reasoning { text: "Hm.".to_owned(), signature: signature("a=="), ..Reasoning::default() };
    let withheld = Reasoning { signature: signature("b=="), redacted: true, ..Reasoning::default() };
    let parts = vec![Part::Reasoning(open), Part::Reasoning(withheld), Part::ToolCall(call("call_1", "{}"))];
    let answer = answered(parts.clone(), Reason::ToolCalls);
    let mut back = decoded(&json!({"model": "m", "input": answer["output"]})).turns.remove(0).parts;
    for part in &mut back {
        if let Part::Reasoning(thought) = part {
            assert!(thought.id.take().unwrap().starts_with("rs_"));
        }
    }
    assert_eq!(back, parts);
    // And to nobody else but who made it.
    let request = of_turns(vec![turn(Role::Assistant, back)]);
    let sent = encode_request(&request, &target()).unwrap();
    assert_eq!(sent.dropped, ["reasoning"]);
    assert!(!String::from_utf8(sent.body).unwrap().contains("=="));
}

#[test]
fn wire_fact_05_no_arguments_are_an_empty_object() {
    let item = |arguments: &str| json!([{"type": "function_call", "call_id": "c", "name": "n", "arguments": arguments}]);
    for face in ["", " ", "{}"] {
        let request = decoded(&json!({"model": "m", "input": item(face)}));
        let Part::ToolCall(call) = &request.turns[0].parts[0] else { panic!() };
        assert_eq!(call.arguments, "{}");
        let answer =
            decode_answer(json!({"status": "completed", "output": item(face)}).to_string().as_bytes());
        let Part::ToolCall(call) = &answer.unwrap().choices[0].parts[0] else { panic!() };
        assert_eq!(call.arguments, "{}");
    }
    let opening = Opening::ToolCall { id: "c".to_owned(), name: "n".to_owned(), signature: None };
    let events = told(part(0, opening, vec![]));
    let last = events.last().unwrap();
    assert_eq!(last["response"]["output"][0]["arguments"], "{}");
    assert!(
        events
            .iter()
            .any(|it| it["type"] == "response.function_call_arguments.done" && it["arguments"] == "{}")
    );
}

#[test]
fn wire_fact_07_calls_are_numbered_and_named_once() {
    let opening = |id: &str| Opening::ToolCall { id: id.to_owned(), name: "n".to_owned(), signature: None };
    let mut given =
        part(0, opening("a"), vec![Growth::Arguments("{\"x\"".into()), Growth::Arguments(":1}".into())]);
    given.extend(part(1, opening("b"), vec![Growth::Arguments("{}".into())]));
    let events = told(given);
    let added: Vec<_> = events.iter().filter(|it| it["type"] == "response.output_item.added").collect();
    assert_eq!(added.len(), 2);
    for (number, (event, id)) in added.iter().zip(["a", "b"]).enumerate() {
        assert_eq!(event["output_index"], number);
        assert_eq!((&event["item"]["call_id"], &event["item"]["arguments"]), (&json!(id), &json!("")));
    }
    // A server that tells calls only whole is understood, too.
    let (neutral, _) = translated([&sample("stream_at_once.sse")[..]]);
    assert!(neutral.contains(r#"ToolCall { id: "call_19", name: "clock", signature: None }"#), "{neutral}");
}

#[test]
fn wire_fact_08_tools_of_the_provider_are_not_for_the_caller() {
    let foreign =
        |protocol| Foreign { protocol, kind: "x_call".to_owned(), json: domain::chat::Json::new("{}") };
    let answer =
        answered(vec![Part::Foreign(foreign(Protocol::Anthropic)), Part::text("Found.")], Reason::Stop);
    assert_eq!(answer["output"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["status"], &answer["output"][0]["type"]), (&json!("completed"), &json!("message")));
    let searched = decode_answer(&sample("answer_search.json")).unwrap();
    assert_eq!(searched.choices[0].finish.as_ref().unwrap().reason, Reason::Stop);
    let request = of_turns(vec![turn(Role::Assistant, vec![Part::Foreign(foreign(Protocol::Gemini))])]);
    assert_eq!(encode_request(&request, &target()).unwrap().dropped, ["server_tools"]);
}

#[test]
fn wire_fact_09_results_of_one_round_are_one_turn() {
    let request = decode_request(&sample("request_tools.json")).unwrap();
    let roles: Vec<(Role, usize)> = request.turns.iter().map(|turn| (turn.role, turn.parts.len())).collect();
    let expect = [
        (Role::Developer, 1),
        (Role::User, 1),
        (Role::Assistant, 3),
        (Role::User, 2),
        (Role::Assistant, 1),
        (Role::User, 1),
    ];
    assert_eq!(roles, expect);
}

#[test]
fn wire_fact_10_pictures_stay_in_results() {
    let request = decode_request(&sample("request_tools.json")).unwrap();
    let Part::ToolResult(result) = &request.turns[3].parts[1] else { panic!() };
    assert!(matches!(&result.parts[1], Part::Media(Media { kind: MediaKind::Image, .. })));
    let body = encoded(&request, &target());
    assert_eq!(body["input"][6]["output"][1]["image_url"], "data:image/png;base64,iVBORw0KGgo=");
}

#[test]
fn wire_fact_11_choices_of_tools_mean_the_same_in_both_directions() {
    let check = |choice: ToolChoice, expect: Value| {
        let tools =
            vec![Tool::Function(domain::chat::Function { name: "a".to_owned(), ..Default::default() })];
        let request = Request {
            tools,
            tool_choice: choice.clone(),
            parallel_tool_calls: Some(false),
            turns: vec![turn(Role::User, vec![Part::text("x")])],
            ..Request::default()
        };
        let body = encoded(&request, &target());
        assert_eq!((&body["tool_choice"], &body["parallel_tool_calls"]), (&expect, &json!(false)));
        assert_eq!(decoded(&body).tool_choice, choice);
    };
    check(ToolChoice::None, json!("none"));
    check(ToolChoice::Required, json!("required"));
    check(ToolChoice::Named("a".to_owned()), json!({"type": "function", "name": "a"}));
    let among = ToolChoice::Among { names: vec!["a".to_owned()], required: false };
    let listed =
        json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a"}]});
    check(among, listed);
}

#[test]
fn wire_fact_13_tools_that_are_no_functions_are_refused_by_name_or_relayed() {
    let mut request = decode_request(&sample("request_foreign.json")).unwrap();
    let Tool::Foreign(custom) = &request.tools[0] else { panic!() };
    assert_eq!((custom.protocol, custom.kind.as_str()), (Protocol::Responses, "custom"));
    let body = encoded(&request, &target());
    assert_eq!(
        body["tools"][0],
        json!({"type": "custom", "name": "shell_script", "format": {"type": "text"}})
    );
    assert_eq!(body["input"][3]["type"], "custom_tool_call");
    let json = domain::chat::Json::new("{}");
    let kind = "web_search_20250305".to_owned();
    request.tools.push(Tool::Foreign(Foreign { protocol: Protocol::Anthropic, kind, json }));
    let refused = encode_request(&request, &target()).unwrap_err();
    assert_eq!(refused.field, "tools");
    assert_eq!(refused.to_string(), "the tool `web_search_20250305` cannot be sent to this model");
}

#[test]
fn wire_fact_14_instructions_amid_the_conversation_stay_there() {
    let body = json!({"model": "m", "instructions": "First.", "input": [
        {"role": "user", "content": "a"}, {"role": "developer", "content": "Now in verse."}, {"role": "user", "content": "b"},
    ]});
    let request = decoded(&body);
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Developer, Role::User]);
    let sent = encoded(&request, &target());
    assert_eq!((&sent["instructions"], &sent["input"][1]["role"]), (&json!("First."), &json!("developer")));
}

#[test]
fn wire_fact_16_an_unknown_model_is_asked_as_the_newest_are() {
    let asked = |model: &str| {
        let target = Target { model, ..target() };
        encoded(&of_turns(vec![turn(Role::User, vec![Part::text("x")])]), &target)["include"].clone()
    };
    for model in ["gpt-9-nova", "o3", "my-deployment", "openai/gpt-5.6-sol"] {
        assert_eq!(asked(model), json!(["reasoning.encrypted_content"]), "{model}");
    }
    for model in ["gpt-4o-mini", "openai/gpt-4.1", "gpt-5-chat-latest"] {
        assert_eq!(asked(model), Value::Null, "{model}");
    }
}

#[test]
fn wire_fact_18_what_the_model_said_may_be_nothing() {
    let contents = [json!(""), json!([]), json!("Hi."), json!([{"type": "output_text", "text": "Hi."}])];
    let parts = contents.map(|content| {
        let body = json!({"model": "m", "input": [{"role": "assistant", "content": content}]});
        decoded(&body).turns.into_iter().flat_map(|turn| turn.parts).collect::<Vec<Part>>()
    });
    assert_eq!(parts, [vec![Part::text("")], vec![], vec![Part::text("Hi.")], vec![Part::text("Hi.")]]);
    // A call without words is an item alone.
    let answer = answered(vec![Part::ToolCall(call("c", "{}"))], Reason::ToolCalls);
    assert_eq!(answer["output"].as_array().unwrap().len(), 1);
}

#[test]
fn wire_fact_19_histories_are_not_repaired() {
    let roles = |input: Value| -> Vec<Role> {
        decoded(&json!({"model": "m", "input": input})).turns.iter().map(|turn| turn.role).collect()
    };
    let said = |role: &str| json!({"role": role, "content": "x"});
    let (user, model) = (Role::User, Role::Assistant);
    assert_eq!(roles(json!([said("assistant")])), [model]);
    assert_eq!(roles(json!([said("user"), said("user")])), [user, user]);
    assert_eq!(roles(json!([said("assistant"), said("assistant"), said("user")])), [model, model, user]);
    assert_eq!(roles(json!([said("user"), said("assistant")])), [user, model]);
}
