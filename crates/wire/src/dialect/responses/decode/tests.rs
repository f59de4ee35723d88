use domain::chat::Effort;
use serde_json::json;

use super::*;

#[track_caller]
fn check_refused(members: serde_json::Value, field: &str, message: &str) {
    let mut body = json!({"model": "m", "input": "x"});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let refused = decode_request(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(refused.field(), Some(field), "{body}");
    assert_eq!(refused.to_string(), format!("{field} {message}"), "{body}");
}

#[test]
fn what_only_the_upstream_holds_is_refused_by_name() {
    check_refused(json!({"previous_response_id": "resp_1"}), "previous_response_id", STATE);
    check_refused(json!({"conversation": {"id": "conv_1"}}), "conversation", STATE);
    check_refused(json!({"prompt": {"id": "pmpt_1"}}), "prompt", STATE);
    check_refused(json!({"background": true}), "background", STATE);
    check_refused(json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input[0]", STATE);
    check_refused(json!({"input": [{"id": "msg_1"}]}), "input[0]", STATE);
    for kind in ["additional_tools", "configuration_update", "compaction_trigger"] {
        let problem = "is of a type that only an upstream of the Responses API understands";
        check_refused(json!({"input": [{"type": kind}]}), "input[0]", problem);
    }
}

#[test]
fn refusals_name_the_place() {
    let item = |item: serde_json::Value| json!({"input": [item]});
    let content = |part: serde_json::Value| json!({"input": [{"role": "user", "content": [part]}]});
    check_refused(
        item(json!({"role": "robot", "content": "x"})),
        "input[0].role",
        "must be user, assistant, system or developer",
    );
    check_refused(item(json!({"role": "user"})), "input[0].content", "is required");
    check_refused(
        item(json!({"role": "user", "content": 1})),
        "input[0].content",
        "must be a string or an array of parts",
    );
    check_refused(
        content(json!({"type": "hologram"})),
        "input[0].content[0].type",
        "is not a type of content that can be translated",
    );
    check_refused(content(json!({"type": "input_text"})), "input[0].content[0].text", "is required");
    check_refused(
        content(json!({"type": "input_image"})),
        "input[0].content[0]",
        "must have image_url or file_id",
    );
    check_refused(
        content(json!({"type": "input_image", "image_url": "data:image/png,%89PNG"})),
        "input[0].content[0].image_url",
        "must be an address, or data in base64",
    );
    check_refused(
        content(json!({"type": "input_file", "file_data": "*"})),
        "input[0].content[0].file_data",
        "must be data in base64",
    );
    check_refused(
        item(json!({"type": "function_call", "call_id": "", "name": "a", "arguments": ""})),
        "input[0].call_id",
        "must not be empty",
    );
    check_refused(
        item(json!({"type": "function_call", "call_id": "c", "name": "a", "arguments": {}})),
        "input[0].arguments",
        "must be a string",
    );
    check_refused(
        item(json!({"type": "function_call_output", "call_id": "c"})),
        "input[0].output",
        "is required",
    );
    check_refused(
        item(json!({"type": "reasoning", "summary": ["x"]})),
        "input[0].summary[0]",
        "must be an object",
    );
    check_refused(json!({"tools": [{"name": "a"}]}), "tools[0].type", "is required");
    check_refused(
        json!({"tools": [{"type": "function", "name": "a", "parameters": []}]}),
        "tools[0].parameters",
        "must be an object",
    );
    check_refused(json!({"tool_choice": "all"}), "tool_choice", "must be none, auto, required or an object");
    check_refused(
        json!({"tool_choice": {"type": "web_search"}}),
        "tool_choice.type",
        "names a tool that only an upstream of the Responses API has",
    );
    check_refused(
        json!({"text": {"format": {"type": "xml"}}}),
        "text.format.type",
        "must be text, json_object or json_schema",
    );
    check_refused(
        json!({"reasoning": {"effort": "huge"}}),
        "reasoning.effort",
        "must be none, minimal, low, medium, high, xhigh or max",
    );
    check_refused(json!({"include": "all"}), "include", "must be an array");
    check_refused(json!({"parallel_tool_calls": "no"}), "parallel_tool_calls", "must be true or false");
}

/// OpenAI makes a function strict that says nothing where its schema can be rewritten so; nobody else does.
#[test]
fn a_function_that_leaves_strict_out_says_nothing_of_it() {
    let strict = |tool: serde_json::Value| {
        let body = json!({"model": "m", "input": "x", "tools": [tool]}).to_string();
        match &decode_request(body.as_bytes()).unwrap().tools[0] {
            domain::chat::Tool::Function(function) => function.strict,
            domain::chat::Tool::Foreign(_) => panic!("a function"),
        }
    };
    assert_eq!(strict(json!({"type": "function", "name": "a"})), None);
    assert_eq!(strict(json!({"type": "function", "name": "a", "strict": null})), None);
    assert_eq!(strict(json!({"type": "function", "name": "a", "strict": true})), Some(true));
}

#[test]
fn what_has_no_place_is_named() {
    let body = json!({
        "model": "m", "input": "x", "truncation": "disabled", "moderation": {"model": "o"}, "max_tool_calls": null,
        "include": ["file_search_call.results"], "reasoning": {"mode": "pro"}, "text": {"new": 1},
        "tools": [{"type": "function", "name": "a", "defer_loading": true}], "metadata": {"a": "b"},
    });
    let request = decode_request(body.to_string().as_bytes()).unwrap();
    let expect = [
        "tools[].defer_loading",
        "text.new",
        "reasoning.mode",
        "include.file_search_call.results",
        "metadata",
        "moderation",
    ];
    assert_eq!(request.unplaced, expect);
}

#[test]
fn settings_are_read() {
    let body = json!({
        "model": "m", "input": "x", "reasoning": {"effort": "xhigh", "summary": "detailed"}, "user": "u",
        "text": {"format": {"type": "json_object"}, "verbosity": "high"}, "service_tier": "flex", "stream": true,
        "prompt_cache_key": "k", "top_logprobs": 2, "max_output_tokens": 9, "temperature": 0.5,
    });
    let request = decode_request(body.to_string().as_bytes()).unwrap();
    let thinking = request.thinking.unwrap();
    assert_eq!((thinking.effort, thinking.shown), (Some(Effort::Highest), Shown::Summary));
    assert_eq!(
        (request.format, request.logprobs, request.max_output_tokens),
        (Format::Json, Some(2), Some(9))
    );
    assert_eq!((request.user.as_deref(), request.cache_key.as_deref()), (Some("u"), Some("k")));
    assert!(request.stream && request.sampling.temperature == Some(0.5));
}
