//! Requests as Google gets them.

use domain::chat::tool_id::Grammar;
use domain::chat::{
    Effort, Foreign, Function, Json, Media, MediaKind, Part, Reasoning, Request, Role, Sampling, Signature,
    Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::*;
use crate::dialect::gemini::golden::target;

const NEW: &str = "gemini-3-flash";
const OLD: &str = "gemini-2.5-pro";

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn user() -> Turn {
    turn(Role::User, vec![Part::text("Hi")])
}

fn written(request: &Request, model: &str) -> (Value, Vec<String>) {
    let encoded = encode_request(request, &target(model)).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

fn of(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn call(id: &str, signature: Option<Signature>) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: format!("f_{id}"),
        arguments: r#"{"z":1.50,"a":2}"#.to_owned(),
        signature,
        cache: None,
    })
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { id: id.to_owned(), name: None, parts, is_error: false, cache: None })
}

fn picture(source: Source) -> Part {
    Part::Media(Media {
        kind: MediaKind::Image,
        source,
        name: None,
        detail: None,
        cache: None,
        signature: None,
    })
}

fn data() -> Source {
    Source::Data { media_type: "image/png".to_owned(), base64: "AAAA".to_owned() }
}

#[test]
fn wire_fact_03_a_call_goes_back_with_its_signature() {
    let own = Signature::new(Protocol::Gemini, "c2ln");
    let foreign = Signature::new(Protocol::Anthropic, "c2ln");
    let signed = |signature: Option<Signature>, model: &str| {
        let (body, _) = written(
            &of(vec![user(), turn(Role::Assistant, vec![call("a", signature), call("b", None)])]),
            model,
        );
        let parts = body["contents"][1]["parts"].as_array().unwrap().clone();
        parts.iter().map(|part| part["thoughtSignature"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(signed(Some(own.clone()), NEW), [Some("c2ln".to_owned()), None]);
    assert_eq!(signed(Some(own), OLD), [Some("c2ln".to_owned()), None]);
    // Another model's call is let through without one, and its signature is shown to nobody.
    let unsigned = Some("skip_thought_signature_validator".to_owned());
    assert_eq!(signed(Some(foreign.clone()), NEW), [unsigned.clone(), None]);
    assert_eq!(signed(None, "gemini-4-ultra"), [unsigned, None]);
    assert_eq!(signed(Some(foreign), OLD), [None, None]);
}

#[test]
fn wire_fact_03_texts_keep_their_signatures() {
    let text =
        Part::Text(Text { signature: Some(Signature::new(Protocol::Gemini, "c2ln")), ..Text::default() });
    let (body, _) = written(&of(vec![user(), turn(Role::Assistant, vec![Part::text("a"), text])]), NEW);
    assert_eq!(
        body["contents"][1]["parts"],
        json!([{"text": "a"}, {"text": "", "thoughtSignature": "c2ln"}])
    );
}

#[test]
fn thoughts_go_back_to_their_maker_alone() {
    let thought = |maker: Protocol| {
        Part::Reasoning(Reasoning {
            text: "hm".to_owned(),
            signature: Some(Signature::new(maker, "c2ln")),
            ..Reasoning::default()
        })
    };
    let (body, dropped) = written(
        &of(vec![
            user(),
            turn(
                Role::Assistant,
                vec![thought(Protocol::Gemini), thought(Protocol::Anthropic), Part::text("a")],
            ),
        ]),
        NEW,
    );
    assert_eq!(
        body["contents"][1]["parts"],
        json!([{"text": "hm", "thought": true, "thoughtSignature": "c2ln"}, {"text": "a"}])
    );
    assert_eq!(dropped, ["reasoning"]);
}

#[test]
fn wire_fact_02_ids_are_rewritten_together() {
    let request = of(vec![
        user(),
        turn(Role::Assistant, vec![call("functions.f:0", None)]),
        turn(Role::User, vec![result("functions.f:0", vec![])]),
    ]);
    let narrow = Target { tool_ids: Grammar::Word, ..target(OLD) };
    let body: Value = serde_json::from_slice(&encode_request(&request, &narrow).unwrap().body).unwrap();
    let id = body["contents"][1]["parts"][0]["functionCall"]["id"].as_str().unwrap();
    assert!(Grammar::Word.allows(id));
    assert_eq!(body["contents"][2]["parts"][0]["functionResponse"]["id"], id);
    // An id that was made here is not Google's to see.
    let made = crate::dialect::gemini::made_id::Seed::of(b"x").id(0);
    let (body, _) = written(
        &of(vec![
            user(),
            turn(Role::Assistant, vec![call(&made, None)]),
            turn(Role::User, vec![result(&made, vec![])]),
        ]),
        OLD,
    );
    assert_eq!(body["contents"][1]["parts"][0]["functionCall"].get("id"), None);
    assert_eq!(body["contents"][2]["parts"][0]["functionResponse"].get("id"), None);
}

#[test]
fn wire_fact_09_results_come_first_in_the_order_of_their_calls() {
    let request = of(vec![
        turn(Role::Assistant, vec![call("a", None), call("b", None)]),
        turn(
            Role::User,
            vec![
                Part::text("so?"),
                result("b", vec![Part::text("two")]),
                result("a", vec![Part::text("{\"n\":1.0}")]),
            ],
        ),
    ]);
    let (body, _) = written(&request, OLD);
    assert_eq!(
        body["contents"][1]["parts"],
        json!([
            {"functionResponse": {"id": "a", "name": "f_a", "response": {"n": 1.0}}},
            {"functionResponse": {"id": "b", "name": "f_b", "response": {"output": "two"}}},
            {"text": "so?"},
        ])
    );
    let orphan = encode_request(&of(vec![turn(Role::User, vec![result("x", vec![])])]), &target(OLD));
    assert_eq!(
        orphan.unwrap_err().to_string(),
        "the result of a tool without its call cannot be sent to this model"
    );
}

#[test]
fn wire_fact_10_pictures_of_tools_go_where_the_model_takes_them() {
    let request = of(vec![
        turn(Role::Assistant, vec![call("a", None)]),
        turn(Role::User, vec![result("a", vec![Part::text("seen"), picture(data())]), Part::text("so?")]),
    ]);
    let blob = json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}});
    let response = json!({"id": "a", "name": "f_a", "response": {"output": "seen"}});
    let (body, _) = written(&request, OLD);
    assert_eq!(body["contents"][1]["parts"], json!([{"functionResponse": response}, blob, {"text": "so?"}]));
    let (body, _) = written(&request, NEW);
    let mut within = response;
    within["parts"] = json!([blob]);
    assert_eq!(body["contents"][1]["parts"], json!([{"functionResponse": within}, {"text": "so?"}]));
}

#[test]
fn wire_fact_43_what_google_cannot_read_is_refused() {
    let refused = |source: Source| {
        let request = of(vec![turn(Role::User, vec![picture(source)])]);
        encode_request(&request, &target(NEW)).map(|encoded| String::from_utf8(encoded.body).unwrap())
    };
    let error = refused(Source::Url("https://example.com/a.png".to_owned())).unwrap_err();
    assert_eq!(
        (error.field, error.to_string().as_str()),
        ("messages", "a picture by its address cannot be sent to this model")
    );
    assert!(refused(Source::Uploaded("file-abc".to_owned())).is_err());
    let files = "https://generativelanguage.googleapis.com/v1beta/files/abc";
    assert!(
        refused(Source::Uploaded(files.to_owned()))
            .unwrap()
            .contains(&format!(r#"{{"fileData":{{"fileUri":"{files}"}}}}"#))
    );
}

#[test]
fn wire_fact_44_a_document_is_inline_data() {
    let source = Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBERg==".to_owned() };
    let document = Part::Media(Media {
        kind: MediaKind::Document,
        source,
        name: Some("a.pdf".to_owned()),
        detail: None,
        cache: None,
        signature: None,
    });
    let (body, dropped) = written(&of(vec![turn(Role::User, vec![document])]), NEW);
    assert_eq!(
        body["contents"][0]["parts"],
        json!([{"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}])
    );
    assert_eq!(dropped, ["filename"]);
}

#[test]
fn wire_fact_14_instructions_stay_where_they_stand() {
    let system = |text: &str| turn(Role::System, vec![Part::text(text)]);
    let (body, dropped) = written(
        &of(vec![
            system("first"),
            turn(Role::Developer, vec![Part::text("second")]),
            user(),
            system("now German"),
        ]),
        NEW,
    );
    assert_eq!(body["systemInstruction"], json!({"parts": [{"text": "first"}, {"text": "second"}]}));
    assert_eq!(
        body["contents"],
        json!([
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "user", "parts": [{"text": "now German"}]},
        ])
    );
    assert_eq!(dropped, ["messages[].role"]);
    let (body, _) = written(&of(vec![system("only")]), NEW);
    assert_eq!(body["contents"][0]["parts"][0]["text"], "only");
}

#[test]
fn wire_fact_17_blank_texts_are_dropped_and_nothing_takes_their_place() {
    let request = of(vec![
        user(),
        turn(Role::Assistant, vec![Part::text("")]),
        turn(Role::User, vec![Part::text(""), Part::text("a")]),
    ]);
    let (body, _) = written(&request, NEW);
    assert_eq!(
        body["contents"],
        json!([{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "user", "parts": [{"text": "a"}]}])
    );
}

#[test]
fn wire_fact_19_roles_are_not_repaired() {
    let (body, _) = written(
        &of(vec![turn(Role::Assistant, vec![Part::text("a")]), turn(Role::Assistant, vec![Part::text("b")])]),
        NEW,
    );
    let roles: Vec<&Value> =
        body["contents"].as_array().unwrap().iter().map(|content| &content["role"]).collect();
    assert_eq!(roles, ["model", "model"]);
}

#[test]
fn wire_fact_11_every_choice_has_its_mode() {
    let check = |choice: ToolChoice, expect: Value| {
        let tool = Tool::Function(Function {
            name: "f".to_owned(),
            parameters: Some(Json::new(r#"{"type":"object"}"#)),
            ..Function::default()
        });
        let request =
            Request { turns: vec![user()], tools: vec![tool], tool_choice: choice, ..Request::default() };
        let (body, _) = written(&request, NEW);
        assert_eq!(body["toolConfig"]["functionCallingConfig"], expect);
        assert_eq!(
            body["tools"],
            json!([{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}])
        );
    };
    let names = vec!["f".to_owned(), "g".to_owned()];
    check(ToolChoice::Auto, Value::Null);
    check(ToolChoice::None, json!({"mode": "NONE"}));
    check(ToolChoice::Required, json!({"mode": "ANY"}));
    check(ToolChoice::Named("f".to_owned()), json!({"mode": "ANY", "allowedFunctionNames": ["f"]}));
    check(
        ToolChoice::Among { names: names.clone(), required: true },
        json!({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
    );
    check(
        ToolChoice::Among { names, required: false },
        json!({"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}),
    );
}

#[test]
fn wire_fact_13_tools_of_others_are_refused_by_name() {
    let foreign = |protocol: Protocol| {
        Tool::Foreign(Foreign {
            protocol,
            kind: "apply_patch".to_owned(),
            json: Json::new(r#"{"googleSearch":{}}"#),
        })
    };
    let with = |tool: Tool| Request { turns: vec![user()], tools: vec![tool], ..Request::default() };
    let error = encode_request(&with(foreign(Protocol::Responses)), &target(NEW)).unwrap_err();
    assert_eq!(
        (error.field, error.to_string().as_str()),
        ("tools", "the tool `apply_patch` cannot be sent to this model")
    );
    assert_eq!(written(&with(foreign(Protocol::Gemini)), NEW).0["tools"], json!([{"googleSearch": {}}]));
}

#[test]
fn thinking_is_said_as_the_model_takes_it() {
    let check = |thinking: Thinking, model: &str, expect: Value| {
        let request = Request { turns: vec![user()], thinking: Some(thinking), ..Request::default() };
        assert_eq!(written(&request, model).0["generationConfig"]["thinkingConfig"], expect, "{model}");
    };
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    check(effort(Effort::Low), OLD, json!({"thinkingBudget": 1024}));
    check(effort(Effort::None), "models/gemini-2.5-flash", json!({"thinkingBudget": 0}));
    check(effort(Effort::Low), NEW, json!({"thinkingLevel": "LOW"}));
    check(effort(Effort::None), NEW, json!({"thinkingLevel": "MINIMAL"}));
    check(effort(Effort::None), "gemini-3.1-pro-preview", json!({"thinkingLevel": "LOW"}));
    check(
        Thinking { budget_tokens: Some(2_000), ..effort(Effort::Low) },
        NEW,
        json!({"thinkingBudget": 2000}),
    );
    check(Thinking { dynamic: true, ..Thinking::default() }, OLD, json!({"thinkingBudget": -1}));
}

#[test]
fn what_has_no_place_is_named_once() {
    let request = Request {
        turns: vec![
            Turn { name: Some("ann".to_owned()), ..user() },
            Turn { name: Some("bob".to_owned()), ..user() },
        ],
        sampling: Sampling { seed: Some(1 << 40), ..Sampling::default() },
        stop: (0..7).map(|number| number.to_string()).collect(),
        verbosity: Some("low".to_owned()),
        user: Some("u".to_owned()),
        cache_key: Some("k".to_owned()),
        service_tier: Some("scale".to_owned()),
        unplaced: vec!["store".to_owned(), "store".to_owned()],
        ..Request::default()
    };
    let (body, dropped) = written(&request, NEW);
    assert_eq!(body["generationConfig"]["stopSequences"].as_array().unwrap().len(), 5);
    assert_eq!(
        dropped,
        ["messages[].name", "seed", "stop", "service_tier", "verbosity", "user", "prompt_cache_key", "store"]
    );
}

#[test]
fn arguments_that_are_no_object_are_kept_in_one() {
    let cut = Part::ToolCall(ToolCall {
        id: "a".to_owned(),
        name: "f".to_owned(),
        arguments: "{\"a\":".to_owned(),
        signature: None,
        cache: None,
    });
    let (body, _) = written(&of(vec![turn(Role::Assistant, vec![cut])]), OLD);
    assert_eq!(body["contents"][0]["parts"][0]["functionCall"]["args"], json!({"arguments": "{\"a\":"}));
}
