//! Requests of callers in neutral form.

use domain::chat::{Effort, Format, Media, Part, Request, Role, Shown, Source, Thinking, Tool, ToolChoice};
use serde_json::{Value, json};

use super::*;

fn read(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn refused(body: &Value) -> String {
    decode_request(body.to_string().as_bytes()).unwrap_err().to_string()
}

/// The ids of calls and results, in order, with their names.
fn links(request: &Request) -> Vec<(&str, &str, &str)> {
    let parts = request.turns.iter().flat_map(|turn| &turn.parts);
    parts
        .filter_map(|part| match part {
            Part::ToolCall(call) => Some(("call", call.id.as_str(), call.name.as_str())),
            Part::ToolResult(result) => Some(("result", &result.id, result.name.as_deref().unwrap_or(""))),
            _ => None,
        })
        .collect()
}

fn call(name: &str) -> Value {
    json!({"functionCall": {"name": name, "args": {}}})
}

fn response(name: &str) -> Value {
    json!({"functionResponse": {"name": name, "response": {"output": name}}})
}

#[test]
fn wire_fact_01_calls_without_an_id_are_found_by_name_and_order() {
    let request = read(&json!({"contents": [
        {"role": "model", "parts": [call("find"), call("open"), call("find")]},
        {"role": "user", "parts": [response("open"), response("find"), response("find")]},
    ]}));
    assert_eq!(
        links(&request),
        [
            ("call", "call_1", "find"),
            ("call", "call_2", "open"),
            ("call", "call_3", "find"),
            ("result", "call_2", "open"),
            ("result", "call_1", "find"),
            ("result", "call_3", "find"),
        ]
    );
    // A longer conversation has the same ids at its beginning.
    let longer = read(&json!({"contents": [
        {"role": "model", "parts": [call("find"), call("open"), call("find")]},
        {"role": "user", "parts": [response("open"), response("find"), response("find")]},
        {"role": "model", "parts": [call("find")]},
        {"role": "user", "parts": [response("find")]},
    ]}));
    assert_eq!(links(&longer)[..6], links(&request)[..]);
    assert_eq!(links(&longer)[6..], [("call", "call_4", "find"), ("result", "call_4", "find")]);
}

#[test]
fn wire_fact_01_ids_come_before_names() {
    let request = read(&json!({"contents": [
        {"role": "model", "parts": [
            {"functionCall": {"id": "a", "name": "find"}}, {"functionCall": {"id": "call_1", "name": "find"}}, call("find"),
        ]},
        {"parts": [
            {"functionResponse": {"id": "call_1", "name": "find", "response": {}}},
            {"functionResponse": {"id": "a", "response": {}}},
            {"functionResponse": {"response": {}}},
        ]},
    ]}));
    assert_eq!(
        links(&request),
        [
            ("call", "a", "find"),
            ("call", "call_1", "find"),
            ("call", "call_2", "find"),
            ("result", "call_1", "find"),
            ("result", "a", "find"),
            ("result", "call_2", "find"),
        ]
    );
}

#[test]
fn wire_fact_09_parallel_calls_over_two_turns_are_one_round() {
    let request = read(&json!({"contents": [
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [{"text": "I look"}, call("a")]},
        {"role": "model", "parts": [call("b")]},
        {"role": "user", "parts": [response("a")]},
        {"role": "function", "parts": [{"text": "and then"}, response("b")]},
    ]}));
    let shape: Vec<_> = request.turns.iter().map(|turn| (turn.role, turn.parts.len())).collect();
    assert_eq!(shape, [(Role::User, 1), (Role::Assistant, 3), (Role::User, 3)]);
    // Results stand before words.
    assert!(matches!(request.turns[2].parts[..], [Part::ToolResult(_), Part::ToolResult(_), Part::Text(_)]));
}

#[test]
fn wire_fact_19_histories_are_left_as_they_are() {
    let text = |role: &str| json!({"role": role, "parts": [{"text": "x"}]});
    let roles = |contents: Value| -> Vec<Role> {
        read(&json!({"contents": contents})).turns.iter().map(|turn| turn.role).collect()
    };
    use Role::{Assistant, System, User};
    assert_eq!(roles(json!([text("model"), text("model"), text("user")])), [Assistant, Assistant, User]);
    assert_eq!(roles(json!([text("user"), text("user"), text("model")])), [User, User, Assistant]);
    assert_eq!(roles(json!([text("model")])), [Assistant]);
    assert_eq!(roles(json!([text("user"), text("system"), text("user")])), [User, System, User]);
}

#[test]
fn wire_fact_18_contents_come_in_every_legal_form() {
    for contents in [
        json!("Hi"),
        json!(["Hi"]),
        json!({"parts": {"text": "Hi"}}),
        json!({"text": "Hi"}),
        json!([{"parts": ["Hi"]}]),
        json!([{"role": "user", "parts": [{"text": "Hi"}, {}]}, {"role": "model"}, {"role": "model", "parts": []}]),
    ] {
        let request = read(&json!({"contents": contents}));
        assert_eq!(request.turns.len(), 1, "{contents}");
        assert_eq!(request.turns[0].role, Role::User);
        assert_eq!(request.turns[0].parts, [Part::text("Hi")]);
    }
    for instruction in [
        json!("Be brief"),
        json!({"text": "Be brief"}),
        json!([{"text": "Be brief"}]),
        json!({"role": "user", "parts": [{"text": "Be brief"}]}),
    ] {
        let request = read(&json!({"system_instruction": instruction, "contents": "Hi"}));
        assert_eq!(
            (request.turns[0].role, &request.turns[0].parts[..]),
            (Role::System, &[Part::text("Be brief")][..])
        );
    }
}

#[test]
fn wire_fact_11_every_mode_of_calling_has_its_choice() {
    let check = |config: Value, expect: ToolChoice| {
        let body = json!({"contents": "x", "toolConfig": {"functionCallingConfig": config}});
        assert_eq!(read(&body).tool_choice, expect, "{body}");
    };
    let names = || vec!["a".to_owned(), "b".to_owned()];
    check(json!({}), ToolChoice::Auto);
    check(json!({"mode": "AUTO"}), ToolChoice::Auto);
    check(json!({"mode": "NONE"}), ToolChoice::None);
    check(json!({"mode": "any"}), ToolChoice::Required);
    check(json!({"mode": "ANY", "allowedFunctionNames": ["a"]}), ToolChoice::Named("a".to_owned()));
    check(
        json!({"mode": "ANY", "allowed_function_names": ["a", "b"]}),
        ToolChoice::Among { names: names(), required: true },
    );
    check(
        json!({"mode": "VALIDATED", "allowedFunctionNames": ["a", "b"]}),
        ToolChoice::Among { names: names(), required: false },
    );
    let body = json!({"contents": "x", "toolConfig": {"functionCallingConfig": {"mode": "SOMETIMES"}}});
    assert_eq!(refused(&body), "toolConfig.functionCallingConfig.mode must be AUTO, ANY, NONE or VALIDATED");
}

#[test]
fn wire_fact_12_tools_come_in_every_shape() {
    let schema = r#"{"type":"object","properties":{"type":{"type":["string","null"]},"n":{"type":"array","items":{"type":"integer"},"minItems":1,"description":"STRING"}},"required":["type"],"anyOf":[{"type":"object"}]}"#;
    let body = r#"{"contents":"x","tools":{"functionDeclarations":{"name":"f","description":"","parameters":{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true},"n":{"type":"ARRAY","items":{"type":"INTEGER","nullable":false},"min_items":"1","description":"STRING"}},"required":["type"],"any_of":[{"type":"OBJECT"}]}}}}"#;
    let request = decode_request(body.as_bytes()).unwrap();
    let [Tool::Function(function)] = &request.tools[..] else { panic!("{request:?}") };
    assert_eq!((function.name.as_str(), &function.description), ("f", &None));
    assert_eq!(function.parameters.as_ref().unwrap().as_str(), schema);

    let full = r##"{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}},"z":1.50}"##;
    let body = format!(
        r#"{{"contents":"x","tools":[{{"function_declarations":[{{"name":"f","parametersJsonSchema":{full}}}]}},{{"googleSearch":{{}}}}]}}"#
    );
    let request = decode_request(body.as_bytes()).unwrap();
    let [Tool::Function(function), Tool::Foreign(search)] = &request.tools[..] else { panic!("{request:?}") };
    assert_eq!(function.parameters.as_ref().unwrap().as_str(), full);
    assert_eq!((search.kind.as_str(), search.json.as_str()), ("googleSearch", r#"{"googleSearch":{}}"#));
}

#[test]
fn wire_fact_44_data_may_be_in_the_other_alphabet() {
    let request = read(&json!({"contents": [{"parts": [
        {"inline_data": {"mime_type": "application/PDF; x=1", "data": "-_-_8A", "displayName": "a.pdf"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "gs://bucket/film.mp4"}},
        {"fileData": {"fileUri": "https://example.com/a.jpg"}},
    ]}]}));
    let sources: Vec<&Source> = request.turns[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Media(Media { source, .. }) => source,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        *sources[0],
        Source::Data { media_type: "application/pdf".to_owned(), base64: "+/+/8A==".to_owned() }
    );
    assert_eq!(
        *sources[1],
        Source::Uploaded("https://generativelanguage.googleapis.com/v1beta/files/abc".to_owned())
    );
    assert_eq!(*sources[2], Source::Uploaded("gs://bucket/film.mp4".to_owned()));
    assert_eq!(*sources[3], Source::Url("https://example.com/a.jpg".to_owned()));
}

#[test]
fn what_a_function_gave_is_taken_out_of_its_object() {
    let check = |given: Value, text: Option<&str>, is_error: bool| {
        let request =
            read(&json!({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": given}}]}]}));
        let [Part::ToolResult(result)] = &request.turns[0].parts[..] else { panic!() };
        assert_eq!(result.parts, text.map(Part::text).into_iter().collect::<Vec<_>>());
        assert_eq!(result.is_error, is_error);
    };
    check(json!({}), None, false);
    check(json!({"output": "42"}), Some("42"), false);
    check(json!({"error": "no"}), Some("no"), true);
    check(json!({"output": 42}), Some(r#"{"output":42}"#), false);
    check(json!({"result": "a"}), Some(r#"{"result":"a"}"#), false);
    check(json!("plain"), Some("plain"), false);
}

#[test]
fn the_whole_configuration_is_read() {
    let request = read(&json!({"contents": "x", "generationConfig": {
        "temperature": 1, "topP": 0.5, "topK": 40.0, "maxOutputTokens": 100, "stopSequences": ["END"],
        "candidateCount": 2, "seed": -7, "presencePenalty": 0.25, "frequency_penalty": -0.5,
        "responseMimeType": "application/json", "responseSchema": {"type": "STRING"},
        "responseLogprobs": true, "logprobs": 3, "responseModalities": ["TEXT", "IMAGE"],
        "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": true},
        "mediaResolution": "MEDIA_RESOLUTION_LOW", "speechConfig": {},
    }, "safetySettings": [{"category": "X"}], "cachedContent": "cachedContents/1", "labels": {"a": "b"}, "serviceTier": "standard"}));
    let sampling = request.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k), (Some(1.0), Some(0.5), Some(40)));
    assert_eq!(
        (sampling.seed, sampling.presence_penalty, sampling.frequency_penalty),
        (Some(-7), Some(0.25), Some(-0.5))
    );
    assert_eq!((request.max_output_tokens, request.choices, request.logprobs), (Some(100), Some(2), Some(3)));
    assert_eq!(
        (request.stop, request.modalities),
        (vec!["END".to_owned()], vec!["text".to_owned(), "image".to_owned()])
    );
    assert!(
        matches!(request.format, Format::Schema { schema, .. } if schema.as_str() == r#"{"type":"string"}"#)
    );
    let thinking = Thinking { effort: Some(Effort::Low), shown: Shown::Summary, ..Thinking::default() };
    assert_eq!(request.thinking, Some(thinking));
    assert_eq!(request.safety.unwrap().as_str(), r#"[{"category":"X"}]"#);
    assert_eq!(request.service_tier.as_deref(), Some("default"));
    assert_eq!(request.unplaced, ["mediaResolution", "speechConfig", "cachedContent", "labels"]);
}

#[test]
fn budgets_of_thought_are_read() {
    let check = |config: Value, expect: Option<Thinking>| {
        assert_eq!(
            read(&json!({"contents": "x", "generationConfig": {"thinkingConfig": config}})).thinking,
            expect
        );
    };
    let none = Thinking::default();
    check(json!({}), None);
    check(json!({"thinkingBudget": -1}), Some(Thinking { dynamic: true, ..none }));
    check(json!({"thinkingBudget": 0}), Some(Thinking { budget_tokens: Some(0), ..none }));
    check(
        json!({"thinking_budget": 512, "include_thoughts": false}),
        Some(Thinking { budget_tokens: Some(512), shown: Shown::Nothing, ..none }),
    );
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let check = |body: Value, expect: &str| assert_eq!(refused(&body), expect, "{body}");
    let part = |part: Value| json!({"contents": [{"role": "user", "parts": [{"text": "a"}, part]}]});
    check(json!({"contents": [{"role": "robot", "parts": []}]}), "contents[0].role must be user or model");
    check(json!({"contents": [3]}), "contents[0] must be a content or its text");
    check(part(json!(3)), "contents[0].parts[1] must be a part or its text");
    check(part(json!({"text": 3})), "contents[0].parts[1].text must be a string");
    check(
        part(json!({"hologram": {}})),
        "contents[0].parts[1] must hold text, media, a function call or its response",
    );
    check(
        part(json!({"functionCall": {"args": {}}})),
        "contents[0].parts[1].functionCall.name must be a non-empty string",
    );
    check(
        part(json!({"functionCall": {"name": "f", "args": "x"}})),
        "contents[0].parts[1].functionCall.args must be an object",
    );
    check(
        part(json!({"inlineData": {"mimeType": "image/png", "data": "?"}})),
        "contents[0].parts[1].inlineData.data must be base64",
    );
    check(
        json!({"contents": "x", "generationConfig": {"topK": 1.5}}),
        "generationConfig.topK must be an integer of zero or more",
    );
    check(
        json!({"contents": "x", "tools": [{"functionDeclarations": [{}]}]}),
        "tools[0].functionDeclarations[0].name must be a non-empty string",
    );
    assert_eq!(decode_request(b"[]"), Err(Unreadable::NotAnObject));
}

#[test]
fn signatures_return_to_their_makers() {
    use domain::chat::Signature;
    use domain::protocol::Protocol;
    let foreign = crate::dialect::gemini::carried::carry(&Signature::new(Protocol::Anthropic, "c2ln"), true)
        .into_owned();
    let request = read(&json!({"contents": [{"role": "model", "parts": [
        {"text": "hm", "thought": true, "thoughtSignature": "AAAA"},
        {"text": "", "thought": true, "thoughtSignature": foreign},
        {"text": "", "thoughtSignature": "BBBB"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "skip_thought_signature_validator"},
    ]}]}));
    let [Part::Reasoning(own), Part::Reasoning(other), Part::Text(text), Part::ToolCall(call)] =
        &request.turns[0].parts[..]
    else {
        panic!("{request:?}")
    };
    assert_eq!(own.signature, Some(Signature::new(Protocol::Gemini, "AAAA")));
    assert_eq!(
        (&other.signature, other.redacted),
        (&Some(Signature::new(Protocol::Anthropic, "c2ln")), true)
    );
    assert_eq!(text.signature, Some(Signature::new(Protocol::Gemini, "BBBB")));
    assert_eq!(call.signature, None);
}

#[test]
fn pieces_of_a_thought_that_a_client_gathered_from_a_stream_are_one() {
    let piece = |text: &str| json!({"text": text, "thought": true});
    let signed = json!({"text": "", "thought": true, "thoughtSignature": "YW50aHJvcGljfnNpZw=="});
    let check = |contents: Value, expect: &[usize]| {
        let request = read(&json!({"contents": contents}));
        let thoughts = request.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Reasoning(thought) => Some((thought.text.as_str(), thought.signature.is_some())),
            _ => None,
        });
        assert_eq!(thoughts.collect::<Vec<_>>(), [("One thought.", true)], "{contents}");
        assert_eq!(
            request.turns.iter().map(|turn| turn.parts.len()).collect::<Vec<_>>(),
            expect,
            "{contents}"
        );
    };
    let model = |parts: &[Value]| json!({"role": "model", "parts": parts});
    check(json!([model(&[piece("One "), piece("thought."), signed.clone(), call("find")])]), &[2]);
    // A chat of the official clients keeps each chunk as a content of its own.
    check(
        json!([model(&[piece("One ")]), model(&[piece("thought.")]), model(&[signed, call("find")])]),
        &[2],
    );
}
