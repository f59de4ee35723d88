use domain::chat::{
    CacheMark, Effort, Function, Json, Media, MediaKind, Reasoning, Sampling, Signature, Source, Thinking,
    Tool, ToolResult, Turn,
};
use domain::protocol::Protocol;
use serde_json::{Value, json};

use super::*;
use crate::dialect::responses::golden::target;

fn of(role: Role, parts: Vec<Part>) -> Request {
    Request { turns: vec![Turn { role, name: None, parts }], ..Request::default() }
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&encode_request(request, &target()).unwrap().body).unwrap()
}

#[test]
fn what_cannot_be_said_is_named_once_in_order() {
    let marked = |text: &str| {
        Part::Text(Text { text: text.to_owned(), cache: Some(CacheMark::FiveMinutes), ..Text::default() })
    };
    let failed = ToolResult {
        id: "c".to_owned(),
        name: None,
        parts: vec![Part::text("boom")],
        is_error: true,
        cache: None,
    };
    let thought = |text: &str, maker| {
        let signature = Some(Signature::new(maker, "s"));
        Part::Reasoning(Reasoning { text: text.to_owned(), signature, ..Reasoning::default() })
    };
    let request = Request {
        turns: vec![
            Turn { role: Role::User, name: Some("Ada".to_owned()), parts: vec![marked("a"), marked("b")] },
            Turn {
                role: Role::Assistant,
                name: None,
                parts: vec![thought("", Protocol::Anthropic), thought("x", Protocol::Gemini)],
            },
            Turn { role: Role::User, name: None, parts: vec![Part::ToolResult(failed)] },
        ],
        sampling: Sampling {
            top_k: Some(4),
            seed: Some(1),
            presence_penalty: Some(0.5),
            ..Sampling::default()
        },
        stop: vec!["END".to_owned()],
        safety: Some(Json::new("[]")),
        unplaced: vec!["logit_bias".to_owned(), "seed".to_owned()],
        ..Request::default()
    };
    let expect = [
        "name",
        "cache_control",
        "reasoning",
        "is_error",
        "top_k",
        "presence_penalty",
        "seed",
        "stop",
        "safety",
        "logit_bias",
    ];
    assert_eq!(encode_request(&request, &target()).unwrap().dropped, expect);
}

#[test]
fn what_must_not_vanish_is_refused() {
    let check = |request: Request, field: &str, message: &str| {
        let refused = encode_request(&request, &target()).unwrap_err();
        assert_eq!((refused.field, refused.to_string().as_str()), (field, message));
    };
    let media = |kind| {
        let source = Source::Url("https://example.com/a".to_owned());
        Part::Media(Media { kind, source, name: None, detail: None, cache: None, signature: None })
    };
    check(
        Request { choices: Some(2), ..Request::default() },
        "n",
        "a wish for more than one answer cannot be sent to this model",
    );
    check(
        Request { modalities: vec!["text".to_owned(), "audio".to_owned()], ..Request::default() },
        "modalities",
        "a wish for an answer of audio cannot be sent to this model",
    );
    check(of(Role::User, vec![media(MediaKind::Audio)]), "messages", "a sound cannot be sent to this model");
    check(
        of(Role::User, vec![media(MediaKind::Video)]),
        "messages",
        "a film by its address cannot be sent to this model",
    );
    check(
        of(Role::Assistant, vec![media(MediaKind::Image)]),
        "messages",
        "a picture or sound in a turn of the model cannot be sent to this model",
    );
}

/// OpenAI would otherwise rewrite the schema so that optional arguments are demanded.
#[test]
fn a_function_that_is_not_strict_says_so() {
    let strict = |strict| {
        let function = Function { name: "a".to_owned(), strict, ..Function::default() };
        body(&Request { tools: vec![Tool::Function(function)], ..Request::default() })["tools"][0].clone()
    };
    let expect = json!({"type": "function", "name": "a", "parameters": {"type": "object", "properties": {}}, "strict": false});
    assert_eq!(strict(None), expect);
    assert_eq!(strict(Some(true))["strict"], true);
}

#[test]
fn leading_instructions_stand_before_the_input() {
    let leading = body(&of(Role::System, vec![Part::text("Be brief.")]));
    assert_eq!((&leading["instructions"], &leading["input"]), (&json!("Be brief."), &json!([])));
    let developer = body(&of(Role::Developer, vec![Part::text("Be brief.")]));
    let message = json!([{"type": "message", "role": "developer", "content": "Be brief."}]);
    assert_eq!((&developer["instructions"], &developer["input"]), (&Value::Null, &message));
}

#[test]
fn nothing_is_kept_by_the_upstream() {
    assert_eq!(body(&Request::default())["store"], false);
}

#[test]
fn effort_follows_from_a_budget_unless_the_model_decides() {
    let reasoning = |thinking: Thinking| {
        body(&Request { thinking: Some(thinking), ..Request::default() })["reasoning"].clone()
    };
    assert_eq!(
        reasoning(Thinking { budget_tokens: Some(0), ..Thinking::default() }),
        json!({"effort": "none"})
    );
    assert_eq!(
        reasoning(Thinking { budget_tokens: Some(9_000), ..Thinking::default() }),
        json!({"effort": "high"})
    );
    assert_eq!(reasoning(Thinking { dynamic: true, ..Thinking::default() }), Value::Null);
    let shown = Thinking { effort: Some(Effort::Highest), shown: Shown::Summary, ..Thinking::default() };
    assert_eq!(reasoning(shown), json!({"effort": "xhigh", "summary": "auto"}));
}
