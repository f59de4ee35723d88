//! Tools and their choice.

use super::*;

#[test]
fn wire_fact_11_every_choice_of_tools_has_a_word() {
    let check = |choice: ToolChoice, parallel: Option<bool>, expect: Value, offered: usize| {
        let request = Request {
            tools: tools(),
            tool_choice: choice,
            parallel_tool_calls: parallel,
            ..asks(vec![says(Role::User, "x")])
        };
        let (body, dropped) = sent(&request, EFFORTS);
        assert_eq!(body["tool_choice"], expect);
        assert_eq!(body["tools"].as_array().unwrap().len(), offered);
        assert!(dropped.is_empty(), "{dropped:?}");
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    check(ToolChoice::Auto, None, Value::Null, 2);
    check(ToolChoice::Auto, Some(true), Value::Null, 2);
    check(ToolChoice::Auto, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true}), 2);
    check(ToolChoice::None, Some(false), json!({"type": "none"}), 2);
    check(ToolChoice::Required, None, json!({"type": "any"}), 2);
    check(
        ToolChoice::Named("find".to_owned()),
        Some(false),
        json!({"type": "tool", "name": "find", "disable_parallel_tool_use": true}),
        2,
    );
    check(
        ToolChoice::Among { names: names(&["show"]), required: true },
        None,
        json!({"type": "tool", "name": "show"}),
        1,
    );
    check(ToolChoice::Among { names: names(&["show"]), required: false }, None, Value::Null, 1);
}

#[test]
fn a_schema_says_that_it_is_of_an_object_and_keeps_its_order() {
    let check = |schema: Option<&str>, expect: &str| {
        let function = Function {
            name: "f".to_owned(),
            description: Some(String::new()),
            parameters: schema.map(Json::new),
            ..Function::default()
        };
        let request = Request { tools: vec![Tool::Function(function)], ..asks(vec![says(Role::User, "x")]) };
        let body = encode_request(&request, &target(EFFORTS)).unwrap().body;
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains(&format!(r#""tools":[{{"name":"f","input_schema":{expect}}}]"#)), "{body}");
    };
    check(None, r#"{"type":"object","properties":{}}"#);
    check(Some(r#"{"z":1.50,"a":2}"#), r#"{"type":"object","z":1.50,"a":2}"#);
    check(Some(r#"{"properties":{},"type":"object"}"#), r#"{"properties":{},"type":"object"}"#);
}

#[test]
fn wire_fact_08_what_another_provider_ran_is_named_and_left_out() {
    let ran = |protocol| {
        let (kind, json) = ("web_search_call".to_owned(), Json::new(r#"{"type":"web_search_call"}"#));
        Part::Foreign(Foreign { protocol, kind, json })
    };
    let (body, dropped) = sent(
        &asks(vec![turn(
            Role::Assistant,
            vec![ran(Protocol::Responses), ran(Protocol::Anthropic), Part::text("so")],
        )]),
        EFFORTS,
    );
    assert_eq!(body["messages"][0]["content"].as_array().unwrap().len(), 2);
    assert_eq!(dropped, ["server_tools"]);
}

#[test]
fn wire_fact_13_tools_of_another_protocol_are_refused_by_name() {
    let tool = |protocol| {
        Tool::Foreign(Foreign {
            protocol,
            kind: "apply_patch".to_owned(),
            json: Json::new(r#"{"type":"apply_patch"}"#),
        })
    };
    let request = Request { tools: vec![tool(Protocol::Responses)], ..asks(vec![says(Role::User, "x")]) };
    assert_eq!(refusal(&request), "the tool `apply_patch` cannot be sent to this model");
    let request = Request { tools: vec![tool(Protocol::Anthropic)], ..request };
    assert_eq!(sent(&request, EFFORTS).0["tools"], json!([{"type": "apply_patch"}]));
}
