//! Tools, the choice among them, and how much a model thinks.

use super::*;

#[test]
fn wire_fact_04_claude_never_thinks_where_it_would_be_refused() {
    let thinking = Some(Thinking { effort: Some(Effort::Medium), ..Thinking::default() });
    let check = |change: &dyn Fn(&mut Request), model: &str, thinks: Value, dropped: &[&str]| {
        let mut request = round(vec![signed("It is a question.", Protocol::Anthropic)]);
        request.thinking = thinking;
        change(&mut request);
        let (body, names) = encode(&request, model);
        assert_eq!(body["additionalModelRequestFields"]["thinking"], thinks, "{body}");
        assert_eq!(names, dropped);
        body
    };
    let budget = json!({"type": "enabled", "budget_tokens": 8_192});
    let adaptive = json!({"type": "adaptive"});
    check(&|_| {}, CLAUDE, budget.clone(), &[]);
    let body = check(&|_| {}, NEW_CLAUDE, adaptive.clone(), &[]);
    assert_eq!(body["outputConfig"], json!({"effort": "medium"}));
    let hot = |request: &mut Request| {
        let draws =
            Sampling { temperature: Some(0.5), top_p: Some(0.5), top_k: Some(4), ..Sampling::default() };
        request.sampling = draws;
    };
    check(&hot, CLAUDE, budget.clone(), &["temperature", "top_p", "top_k"]);
    check(&|request| request.sampling.temperature = Some(1.0), CLAUDE, budget.clone(), &[]);
    check(&|request| request.tool_choice = ToolChoice::Required, CLAUDE, Value::Null, &["reasoning"]);
    check(
        &|request| request.tool_choice = ToolChoice::Named("get".into()),
        NEW_CLAUDE,
        Value::Null,
        &["reasoning"],
    );
    let tight = json!({"type": "enabled", "budget_tokens": 1_999});
    check(&|request| request.max_output_tokens = Some(2_000), CLAUDE, tight, &[]);
    check(&|request| request.max_output_tokens = Some(1_024), CLAUDE, Value::Null, &["reasoning"]);
    let lost = |request: &mut Request| drop(request.turns[1].parts.remove(0));
    check(&lost, CLAUDE, Value::Null, &["reasoning"]);
    check(&lost, NEW_CLAUDE, adaptive, &[]);
    check(
        &|request| request.thinking = Some(Thinking { effort: Some(Effort::None), ..Thinking::default() }),
        CLAUDE,
        Value::Null,
        &[],
    );
}

#[test]
fn wire_fact_05_no_arguments_are_an_empty_object() {
    let (body, _) = encode(&round(vec![]), CLAUDE);
    assert_eq!(
        body["messages"][1]["content"][0]["toolUse"],
        json!({"toolUseId": "toolu_1", "name": "get", "input": {}})
    );
    let mut broken = round(vec![]);
    broken.turns[1].parts = vec![call("toolu_1", "get", "{\"city\": \"Par")];
    assert_eq!(
        refused(&broken, CLAUDE),
        "a tool call whose arguments are no JSON object cannot be sent to this model"
    );
}

#[test]
fn wire_fact_11_every_choice_of_tools_has_its_form() {
    let check = |choice: ToolChoice,
                 parallel: Option<bool>,
                 model: &str,
                 config: Value,
                 native: Value,
                 dropped: &[&str]| {
        let mut request = request(vec![user("Go")]);
        request.tools = vec![tool("get"), tool("put")];
        (request.tool_choice, request.parallel_tool_calls) = (choice, parallel);
        let (body, names) = encode(&request, model);
        let tools = body["toolConfig"]["tools"].as_array();
        let names_left: Vec<_> = tools.into_iter().flatten().map(|tool| &tool["toolSpec"]["name"]).collect();
        assert_eq!(json!([names_left, body["toolConfig"]["toolChoice"]]), config, "{body}");
        assert_eq!(body["additionalModelRequestFields"]["tool_choice"], native, "{body}");
        assert_eq!(names, dropped);
    };
    let both = || json!(["get", "put"]);
    check(ToolChoice::Auto, None, CLAUDE, json!([both(), null]), Value::Null, &[]);
    check(ToolChoice::Required, None, LLAMA, json!([both(), {"any": {}}]), Value::Null, &[]);
    check(
        ToolChoice::Named("put".into()),
        Some(true),
        CLAUDE,
        json!([both(), {"tool": {"name": "put"}}]),
        Value::Null,
        &[],
    );
    // Tools that are not declared cannot be called.
    check(ToolChoice::None, None, CLAUDE, json!([[], null]), Value::Null, &[]);
    let among = |required| ToolChoice::Among { names: vec!["put".into()], required };
    check(among(true), None, LLAMA, json!([["put"], {"tool": {"name": "put"}}]), Value::Null, &[]);
    check(among(false), None, LLAMA, json!([["put"], null]), Value::Null, &[]);
    let one_of_two = ToolChoice::Among { names: vec!["put".into(), "get".into()], required: true };
    check(one_of_two, None, LLAMA, json!([both(), {"any": {}}]), Value::Null, &[]);
    let single = |kind| json!({"type": kind, "disable_parallel_tool_use": true});
    check(ToolChoice::Auto, Some(false), CLAUDE, json!([both(), null]), single("auto"), &[]);
    check(ToolChoice::Required, Some(false), CLAUDE, json!([both(), null]), single("any"), &[]);
    check(ToolChoice::Auto, Some(false), LLAMA, json!([both(), null]), Value::Null, &["parallel_tool_calls"]);
}

#[test]
fn tools_of_the_past_are_declared_when_none_may_be_called() {
    let declared =
        json!([{"toolSpec": {"name": "get", "inputSchema": {"json": {"type": "object", "properties": {}}}}}]);
    for change in [
        |request: &mut Request| request.tools.clear(),
        |request: &mut Request| request.tool_choice = ToolChoice::None,
    ] {
        let mut request = round(vec![]);
        change(&mut request);
        let (body, dropped) = encode(&request, CLAUDE);
        assert_eq!(body["toolConfig"], json!({"tools": declared}));
        assert_eq!(body["additionalModelRequestFields"], json!({"tool_choice": {"type": "none"}}));
        assert_eq!(dropped, Vec::<String>::new());
        let (body, dropped) = encode(&request, LLAMA);
        assert_eq!(body["toolConfig"], json!({"tools": declared}));
        assert_eq!(dropped, ["tool_choice"]);
    }
}

#[test]
fn wire_fact_12_a_tool_keeps_its_schema_to_the_letter() {
    let mut request = request(vec![user("Go")]);
    let schema = r#"{"type":"object","properties":{"zeta":{"type":"number","maximum":1e400},"alpha":{"type":"string"}}}"#;
    request.tools = vec![
        Tool::Function(Function {
            name: "get".to_owned(),
            description: Some(" ".to_owned()),
            parameters: Some(chat::Json::new(schema)),
            strict: Some(true),
            cache: Some(CacheMark::OneHour),
        }),
        tool("now"),
    ];
    let encoded = encode_request(&request, &target(CLAUDE)).unwrap();
    let body = String::from_utf8(encoded.body).unwrap();
    let expect = format!(
        r#""toolConfig":{{"tools":[{{"toolSpec":{{"name":"get","inputSchema":{{"json":{schema}}},"strict":true}}}},{{"cachePoint":{{"type":"default","ttl":"1h"}}}},{{"toolSpec":{{"name":"now","inputSchema":{{"json":{{"type":"object","properties":{{}}}}}}}}}}]}}"#
    );
    assert!(body.contains(&expect), "{body}");
}

#[test]
fn wire_fact_13_a_tool_of_another_protocol_is_refused_by_name() {
    let mut request = request(vec![user("Go")]);
    let json = chat::Json::new("{}");
    request.tools =
        vec![Tool::Foreign(Foreign { protocol: Protocol::Responses, kind: "apply_patch".to_owned(), json })];
    assert_eq!(refused(&request, CLAUDE), "the tool `apply_patch` cannot be sent to this model");
}

#[test]
fn wire_fact_16_a_model_that_nobody_knows_gets_what_the_protocol_documents() {
    let mut request = request(vec![user("Hi")]);
    request.thinking =
        Some(Thinking { effort: Some(Effort::Highest), shown: Shown::Summary, ..Thinking::default() });
    let check = |model: &str, output: Value, additional: Value| {
        let (body, _) = encode(&request, model);
        assert_eq!(
            (&body["outputConfig"], &body["additionalModelRequestFields"]),
            (&output, &additional),
            "{model}"
        );
    };
    check(
        "anthropic.claude-unheard-of-9",
        json!({"effort": "max"}),
        json!({"thinking": {"type": "adaptive", "display": "summarized"}}),
    );
    check(
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/ab12",
        json!({"effort": "max"}),
        Value::Null,
    );
    check(
        "us.amazon.nova-2-lite-v1:0",
        Value::Null,
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
    );
    check("openai.gpt-oss-20b-1:0", Value::Null, json!({"reasoning_effort": "high"}));
    assert_eq!(encode(&request, LLAMA).1, ["reasoning"]);
}
