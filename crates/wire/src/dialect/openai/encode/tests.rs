use domain::chat::tool_id::Grammar;
use domain::chat::{
    CacheMark, Effort, Foreign, Function, Json, Media, MediaKind, Part, Reasoning, Request, Role, Signature,
    Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult, Turn,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::encode_request;
use crate::catalog::StreamUsage;
use crate::dialect::Target;
use crate::dialect::openai::ChatForm;
use crate::dialect::openai::round_trips::target;

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, name: None, parts }
}

fn asking(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        signature: None,
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

fn here() -> Source {
    Source::Data { media_type: "image/png".to_owned(), base64: "aGk=".to_owned() }
}

#[track_caller]
fn encoded(request: &Request, target: &Target<'_>) -> (Value, Vec<String>) {
    let encoded = encode_request(request, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded.dropped)
}

#[track_caller]
fn messages(request: &Request, form: ChatForm) -> (Value, Vec<String>) {
    let (body, dropped) = encoded(request, &target(form));
    (body["messages"].clone(), dropped)
}

#[test]
fn wire_fact_02_ids_fit_their_provider_call_and_result_together() {
    let request = asking(vec![
        turn(
            Role::Assistant,
            vec![call("toolu_01ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk:0"), call("abcDEF123")],
        ),
        turn(
            Role::User,
            vec![
                result("toolu_01ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk:0", vec![Part::text("1")]),
                result("abcDEF123", vec![Part::text("2")]),
            ],
        ),
    ]);
    for grammar in [Grammar::Short, Grammar::Nine] {
        let (body, _) = encoded(&request, &Target { tool_ids: grammar, ..target(ChatForm::MISTRAL) });
        let messages = &body["messages"];
        let calls: Vec<&str> = messages[0]["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["id"].as_str().unwrap())
            .collect();
        let results: Vec<&str> = [1, 2]
            .into_iter()
            .map(|place: usize| messages[place]["tool_call_id"].as_str().unwrap())
            .collect();
        assert_eq!(calls, results);
        assert!(calls.iter().all(|id| grammar.allows(id)), "{calls:?}");
        assert_eq!(calls[1], "abcDEF123", "what fits stays");
    }
}

#[test]
fn wire_fact_09_each_result_is_a_message_and_results_come_before_text() {
    let request = asking(vec![
        turn(Role::Assistant, vec![call("a"), call("b")]),
        turn(
            Role::User,
            vec![Part::text("and?"), result("a", vec![Part::text("1")]), result("b", vec![Part::text("2")])],
        ),
    ]);
    let (messages, _) = messages(&request, ChatForm::OPENAI);
    let expect = json!([
        { "role": "tool", "tool_call_id": "a", "content": "1" },
        { "role": "tool", "tool_call_id": "b", "content": "2" },
        { "role": "user", "content": "and?" },
    ]);
    assert_eq!(messages.as_array().unwrap()[1..], expect.as_array().unwrap()[..]);
}

#[test]
fn wire_fact_10_pictures_in_results_follow_in_a_message_of_the_user() {
    let request = asking(vec![
        turn(Role::Assistant, vec![call("a"), call("b")]),
        turn(
            Role::User,
            vec![
                result("a", vec![Part::text("Taken."), picture(here())]),
                result("b", vec![picture(Source::Url("https://example.com/b.png".to_owned()))]),
                Part::text("Which is better?"),
            ],
        ),
    ]);
    let (messages, dropped) = messages(&request, ChatForm::OPENAI);
    let label = |number: u8, id: &str| format!("[attachment {number} of the result of {id}]");
    let text = |text: &str| json!({ "type": "text", "text": text });
    let expect = json!([
        { "role": "tool", "tool_call_id": "a", "content": [text("Taken."), text(&label(1, "a"))] },
        { "role": "tool", "tool_call_id": "b", "content": label(2, "b") },
        { "role": "user", "content": [
            text(&label(1, "a")),
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } },
            text(&label(2, "b")),
            { "type": "image_url", "image_url": { "url": "https://example.com/b.png" } },
            text("Which is better?"),
        ] },
    ]);
    assert_eq!(messages.as_array().unwrap()[1..], expect.as_array().unwrap()[..]);
    assert!(dropped.is_empty());
}

fn with_tools(tool_choice: ToolChoice) -> Request {
    let function = |name: &str| Tool::Function(Function { name: name.to_owned(), ..Function::default() });
    Request {
        tools: vec![function("one"), function("two"), function("three")],
        tool_choice,
        parallel_tool_calls: Some(false),
        ..asking(vec![turn(Role::User, vec![Part::text("hi")])])
    }
}

#[test]
fn wire_fact_11_choices_of_tools_in_each_form() {
    let check = |choice: ToolChoice, form: ChatForm, expect: Value, tools: usize| {
        let (body, _) = encoded(&with_tools(choice), &target(form));
        assert_eq!((&body["tool_choice"], body["tools"].as_array().unwrap().len()), (&expect, tools));
    };
    let among = |required| ToolChoice::Among { names: vec!["one".to_owned(), "two".to_owned()], required };
    let named = |name: &str| json!({ "type": "function", "function": { "name": name } });
    check(ToolChoice::Auto, ChatForm::OPENAI, json!(null), 3);
    check(ToolChoice::None, ChatForm::OPENAI, json!("none"), 3);
    check(ToolChoice::Required, ChatForm::MISTRAL, json!("required"), 3);
    check(ToolChoice::Named("two".to_owned()), ChatForm::OPENAI, named("two"), 3);
    let allowed = json!({ "mode": "required", "tools": [named("one"), named("two")] });
    check(among(true), ChatForm::OPENAI, json!({ "type": "allowed_tools", "allowed_tools": allowed }), 3);
    check(among(true), ChatForm::COMPATIBLE, json!("required"), 2);
    check(among(false), ChatForm::COMPATIBLE, json!(null), 2);
    let (body, _) = encoded(&with_tools(ToolChoice::Auto), &target(ChatForm::OPENAI));
    assert_eq!(body["parallel_tool_calls"], false);
    let (_, dropped) = encoded(&with_tools(ToolChoice::Auto), &target(ChatForm::DEEPSEEK));
    assert_eq!(dropped, ["parallel_tool_calls"]);
    let none = Request { tools: vec![], ..with_tools(ToolChoice::Required) };
    let (body, _) = encoded(&none, &target(ChatForm::OPENAI));
    assert!(body.get("tool_choice").is_none() && body.get("parallel_tool_calls").is_none());
}

#[test]
fn wire_fact_13_foreign_tools_are_refused_by_name() {
    let foreign = |protocol| {
        let json = Json::new(r#"{"type":"web_search_20250305"}"#);
        Tool::Foreign(Foreign { protocol, kind: "web_search_20250305".to_owned(), json })
    };
    let asking = |protocol| Request { tools: vec![foreign(protocol)], ..with_tools(ToolChoice::Auto) };
    let refused = encode_request(&asking(Protocol::Anthropic), &target(ChatForm::OPENAI)).unwrap_err();
    assert_eq!(refused.field, "tools");
    assert_eq!(refused.to_string(), "the tool `web_search_20250305` cannot be sent to this model");
    let (body, _) = encoded(&asking(Protocol::Chat), &target(ChatForm::OPENAI));
    assert_eq!(body["tools"], json!([{ "type": "web_search_20250305" }]));
}

#[test]
fn wire_fact_14_and_19_turns_keep_their_places_and_roles() {
    let roles = [Role::Assistant, Role::System, Role::User, Role::User, Role::Developer, Role::Assistant];
    let request = asking(roles.into_iter().map(|role| turn(role, vec![Part::text("x")])).collect());
    let written = |form| {
        let (messages, _) = messages(&request, form);
        let roles =
            messages.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap().to_owned());
        roles.collect::<Vec<_>>()
    };
    assert_eq!(written(ChatForm::OPENAI), ["assistant", "system", "user", "user", "developer", "assistant"]);
    assert_eq!(written(ChatForm::COMPATIBLE), ["assistant", "system", "user", "user", "system", "assistant"]);
}

#[test]
fn wire_fact_16_a_model_that_nobody_knows_gets_no_settings_of_ours() {
    let request = asking(vec![turn(Role::User, vec![Part::text("hi")])]);
    for limit in [None, Some(4_096)] {
        let unknown = Target { model: "no-such-model", max_output_tokens: limit, ..target(ChatForm::OPENAI) };
        let (body, _) = encoded(&request, &unknown);
        let expect = json!({ "model": "no-such-model", "messages": [{ "role": "user", "content": "hi" }] });
        assert_eq!(body, expect);
    }
}

#[test]
fn wire_fact_17_no_text_is_ever_invented() {
    let (messages, _) = messages(
        &asking(vec![
            turn(Role::User, vec![Part::text(" ")]),
            turn(Role::Assistant, vec![]),
            turn(Role::User, vec![]),
        ]),
        ChatForm::COMPATIBLE,
    );
    let expect = json!([
        { "role": "user", "content": " " }, { "role": "assistant", "content": "" }, { "role": "user", "content": [] },
    ]);
    assert_eq!(messages, expect);
}

#[test]
fn wire_fact_18_nothing_said_is_null_beside_calls_and_empty_else() {
    let check = |parts: Vec<Part>, expect: Value| {
        let (messages, _) = messages(&asking(vec![turn(Role::Assistant, parts)]), ChatForm::OPENAI);
        assert_eq!(messages[0]["content"], expect);
    };
    check(vec![call("a")], json!(null));
    check(vec![Part::text("so"), call("a")], json!("so"));
    check(vec![], json!(""));
    check(vec![Part::Refusal("no".to_owned())], json!(null));
}

#[test]
fn wire_fact_32_usage_is_always_asked_for_where_it_must_be() {
    let request = Request { stream: true, ..asking(vec![turn(Role::User, vec![Part::text("hi")])]) };
    let (body, _) = encoded(&request, &target(ChatForm::OPENAI));
    assert_eq!(body["stream_options"], json!({ "include_usage": true }));
    let unasked = Target { usage_in_streams: StreamUsage::Unasked, ..target(ChatForm::MISTRAL) };
    let (body, _) = encoded(&request, &unasked);
    assert_eq!((&body["stream"], body.get("stream_options")), (&json!(true), None));
}

#[test]
fn wire_fact_39_several_texts_of_an_answer_are_joined_without_a_separator() {
    let parts = vec![Part::text("Un"), Part::text("like"), Part::text("ly")];
    let (messages, _) = messages(&asking(vec![turn(Role::Assistant, parts)]), ChatForm::OPENAI);
    assert_eq!(messages[0]["content"], "Unlikely");
}

#[test]
fn wire_fact_44_a_document_is_a_file_and_never_a_picture() {
    let document = |source| {
        Part::Media(Media {
            kind: MediaKind::Document,
            source,
            name: None,
            detail: None,
            cache: None,
            signature: None,
        })
    };
    let pdf = Source::Data { media_type: "application/pdf".to_owned(), base64: "aGk=".to_owned() };
    let (messages, _) = messages(&asking(vec![turn(Role::User, vec![document(pdf)])]), ChatForm::OPENAI);
    let file = json!({ "filename": "document.pdf", "file_data": "data:application/pdf;base64,aGk=" });
    assert_eq!(messages[0]["content"], json!([{ "type": "file", "file": file }]));
    let away = Source::Url("https://example.com/a.pdf".to_owned());
    let request = asking(vec![turn(Role::User, vec![document(away)])]);
    let refused = encode_request(&request, &target(ChatForm::OPENAI)).unwrap_err();
    assert_eq!(refused.to_string(), "a document by its address cannot be sent to this model");
}

#[test]
fn thoughts_go_back_to_their_maker_alone() {
    let thought = |signature: Option<Signature>| {
        Part::Reasoning(Reasoning { text: "Hm.".to_owned(), signature, ..Reasoning::default() })
    };
    let own = r#"{"type":"reasoning.text","signature":"c2ln","format":"anthropic-claude-v1"}"#;
    let parts = vec![
        thought(Some(Signature::new(Protocol::Anthropic, "c2ln"))),
        thought(Some(Signature::new(Protocol::Chat, own))),
        thought(None),
        Part::text("Yes."),
    ];
    let request = asking(vec![turn(Role::Assistant, parts)]);
    let (written, dropped) = messages(&request, ChatForm::OPENROUTER);
    let expect = json!([
        { "type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0 },
        { "type": "reasoning.text", "text": "Hm.", "index": 1 },
    ]);
    assert_eq!(written[0]["reasoning_details"], expect);
    assert_eq!(dropped, ["reasoning"]);
    let (written, dropped) = messages(&request, ChatForm::DEEPSEEK);
    assert_eq!((&written[0]["reasoning_content"], dropped.len()), (&json!("Hm.Hm.Hm."), 0));
    let (written, dropped) = messages(&request, ChatForm::OPENAI);
    assert_eq!(written[0], json!({ "role": "assistant", "content": "Yes." }));
    assert_eq!(dropped, ["reasoning"]);
}

#[test]
fn thinking_is_asked_for_in_the_providers_way() {
    let check = |thinking: Thinking, form: ChatForm, name: &str, expect: Value| {
        let request =
            Request { thinking: Some(thinking), ..asking(vec![turn(Role::User, vec![Part::text("hi")])]) };
        let (body, dropped) = encoded(&request, &target(form));
        assert_eq!((&body[name], dropped.len()), (&expect, 0), "{thinking:?}");
    };
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    let budget = |tokens| Thinking { budget_tokens: Some(tokens), ..Thinking::default() };
    let dynamic = Thinking { dynamic: true, ..Thinking::default() };
    check(effort(Effort::Low), ChatForm::OPENAI, "reasoning_effort", json!("low"));
    check(budget(8_000), ChatForm::OPENAI, "reasoning_effort", json!("medium"));
    check(dynamic, ChatForm::OPENAI, "reasoning_effort", json!(null));
    check(budget(8_000), ChatForm::OPENROUTER, "reasoning", json!({ "max_tokens": 8_000 }));
    check(budget(0), ChatForm::OPENROUTER, "reasoning", json!({ "enabled": false }));
    check(dynamic, ChatForm::OPENROUTER, "reasoning", json!({ "enabled": true }));
    check(effort(Effort::High), ChatForm::DEEPSEEK, "thinking", json!({ "type": "enabled" }));
    check(effort(Effort::None), ChatForm::DEEPSEEK, "thinking", json!({ "type": "disabled" }));
}

#[test]
fn what_a_form_cannot_say_is_named_once() {
    let mut request = with_tools(ToolChoice::Auto);
    request.sampling.top_k = Some(4);
    request.sampling.seed = Some(7);
    request.logprobs = Some(2);
    request.user = Some("u".to_owned());
    request.max_output_tokens = Some(10);
    request.stop = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
    request.safety = Some(Json::new("[]"));
    request.unplaced = vec!["logit_bias".to_owned(), "user".to_owned()];
    request.turns.push(turn(
        Role::System,
        vec![Part::Text(Text { text: "x".to_owned(), cache: Some(CacheMark::OneHour), ..Text::default() })],
    ));
    let (body, dropped) = encoded(&request, &target(ChatForm::MISTRAL));
    assert_eq!((&body["random_seed"], &body["max_tokens"]), (&json!(7), &json!(10)));
    assert_eq!(dropped, ["cache_control", "top_k", "logprobs", "user", "safety", "logit_bias"]);
    let (body, dropped) = encoded(&request, &target(ChatForm::OPENAI));
    assert_eq!((&body["seed"], &body["max_completion_tokens"]), (&json!(7), &json!(10)));
    assert_eq!((&body["logprobs"], &body["top_logprobs"]), (&json!(true), &json!(2)));
    assert_eq!(body["stop"], json!(["a", "b", "c", "d"]));
    assert_eq!(dropped, ["cache_control", "top_k", "stop", "safety", "logit_bias", "user"]);
}

#[test]
fn media_that_cannot_be_sent_are_refused() {
    let check = |part: Part, form: ChatForm, what: &str| {
        let request = asking(vec![turn(Role::User, vec![part])]);
        assert_eq!(encode_request(&request, &target(form)).unwrap_err().what, what);
    };
    let media = |kind, source| {
        Part::Media(Media { kind, source, name: None, detail: None, cache: None, signature: None })
    };
    let (away, named) =
        (|| Source::Url("https://example.com/x".to_owned()), || Source::Uploaded("f".to_owned()));
    check(media(MediaKind::Image, named()), ChatForm::OPENAI, "a picture by the name of its upload");
    check(
        media(MediaKind::Audio, away()),
        ChatForm::OPENAI,
        "a sound by its address or the name of its upload",
    );
    check(media(MediaKind::Video, away()), ChatForm::OPENAI, "a film");
    check(media(MediaKind::Document, named()), ChatForm::OPENROUTER, "a document by the name of its upload");
    let said = asking(vec![turn(Role::Assistant, vec![picture(here())])]);
    assert!(encode_request(&said, &target(ChatForm::OPENAI)).is_err());
    assert!(encode_request(&said, &target(ChatForm::OPENROUTER)).is_ok());
    let heard = Request { modalities: vec!["audio".to_owned()], ..asking(vec![]) };
    assert_eq!(encode_request(&heard, &target(ChatForm::OPENAI)).unwrap_err().field, "modalities");
}
