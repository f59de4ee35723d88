//! Thinking, sampling and the limit of output.

use super::*;

#[test]
fn wire_fact_04_thinking_needs_its_block_and_tolerates_nothing_beside_it() {
    let wish = Some(Thinking { budget_tokens: Some(4_000), ..Thinking::default() });
    let sampling =
        Sampling { temperature: Some(0.2), top_k: Some(5), top_p: Some(0.5), ..Sampling::default() };
    let ask = |turns: Vec<Turn>| Request {
        thinking: wish,
        sampling,
        max_output_tokens: Some(9_000),
        tools: tools(),
        ..asks(turns)
    };
    let (body, dropped) = sent(&ask(vec![says(Role::User, "x")]), BUDGETS);
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 4_000}));
    assert!(body.get("temperature").is_none() && body.get("top_k").is_none() && body.get("top_p").is_none());
    assert_eq!(dropped, ["temperature", "top_k", "top_p"]);

    let round = |first: Vec<Part>| {
        let called = first.into_iter().chain([call("a")]).collect();
        vec![says(Role::User, "x"), turn(Role::Assistant, called), turn(Role::User, vec![result("a")])]
    };
    let (body, dropped) = sent(&ask(round(vec![])), BUDGETS);
    assert!(body.get("thinking").is_none());
    assert_eq!(body["temperature"], 0.2);
    assert!(dropped.contains(&"thinking".to_owned()), "{dropped:?}");
    let (body, _) = sent(&ask(round(vec![thought(Protocol::Anthropic)])), BUDGETS);
    assert_eq!(body["thinking"]["type"], "enabled");
    assert_eq!(
        body["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "hm", "signature": "sig"})
    );
    // Who thinks by effort does not ask for the block ("Adaptive thinking", section "Validation changes").
    let (body, _) = sent(&ask(round(vec![])), EFFORTS);
    assert_eq!(body["thinking"]["type"], "adaptive");

    let forced = Request { tool_choice: ToolChoice::Required, ..ask(vec![says(Role::User, "x")]) };
    let (body, dropped) = sent(&forced, BUDGETS);
    assert_eq!(body["tool_choice"]["type"], "any");
    assert!(body.get("thinking").is_none() && dropped.contains(&"thinking".to_owned()));
    let (body, dropped) = sent(&forced, NEWEST);
    assert!(body.get("tool_choice").is_none() && dropped.contains(&"tool_choice".to_owned()), "{dropped:?}");
    let unasked = Request { thinking: None, ..forced };
    let (body, dropped) = sent(&unasked, "claude-opus-5");
    assert_eq!(body["thinking"]["type"], "disabled");
    assert_eq!(body["tool_choice"]["type"], "any");
    assert_eq!(dropped, ["temperature", "top_k", "top_p"]);
}

#[test]
fn a_budget_is_smaller_than_the_limit_of_output() {
    let check = |asked: Option<u64>, most: Option<u32>, budget: u64, expect: (Option<u64>, u64)| {
        let request = Request {
            max_output_tokens: asked,
            thinking: Some(Thinking { budget_tokens: Some(budget), ..Thinking::default() }),
            ..asks(vec![says(Role::User, "x")])
        };
        let target = Target { max_output_tokens: most, ..target(BUDGETS) };
        let body: Value = serde_json::from_slice(&encode_request(&request, &target).unwrap().body).unwrap();
        let found = (body["thinking"]["budget_tokens"].as_u64(), body["max_tokens"].as_u64().unwrap());
        assert_eq!(found, expect, "{asked:?} {most:?} {budget}");
    };
    check(Some(9_000), None, 4_000, (Some(4_000), 9_000));
    check(Some(3_000), None, 4_000, (Some(2_999), 3_000));
    check(Some(1_000), None, 4_000, (None, 1_000));
    check(Some(1_024), None, 4_000, (None, 1_024));
    check(Some(9_000), None, 10, (Some(1_024), 9_000));
    check(None, None, 4_000, (Some(4_000), 8_192));
    check(None, None, 24_576, (Some(24_576), 32_768));
    check(None, Some(20_000), 24_576, (Some(19_999), 20_000));
    check(Some(99_000), Some(64_000), 4_000, (Some(4_000), 64_000));
}

#[test]
fn thinking_is_asked_for_in_the_words_of_the_model() {
    let check = |model: &str, wish: Thinking, thinking: Value, effort: Value, expect: &[&str]| {
        let request = Request { thinking: Some(wish), ..asks(vec![says(Role::User, "x")]) };
        let (body, dropped) = sent(&request, model);
        assert_eq!(body["thinking"], thinking, "{model} {wish:?}");
        assert_eq!(body["output_config"]["effort"], effort, "{model} {wish:?}");
        assert_eq!(dropped, expect, "{model} {wish:?}");
    };
    let nothing = Value::Null;
    let effort = |effort| Thinking { effort: Some(effort), ..Thinking::default() };
    let adaptive = json!({"type": "adaptive"});
    check(EFFORTS, effort(Effort::Highest), adaptive.clone(), json!("max"), &[]);
    check(EFFORTS, effort(Effort::Minimal), adaptive.clone(), json!("low"), &[]);
    check(
        EFFORTS,
        Thinking { budget_tokens: Some(8_000), ..Thinking::default() },
        adaptive.clone(),
        json!("medium"),
        &[],
    );
    check(EFFORTS, Thinking { dynamic: true, ..Thinking::default() }, adaptive, nothing.clone(), &[]);
    check(EFFORTS, effort(Effort::None), nothing.clone(), nothing.clone(), &[]);
    check(
        EFFORTS,
        Thinking { shown: Shown::Summary, ..Thinking::default() },
        nothing.clone(),
        nothing.clone(),
        &[],
    );
    let shown = json!({"type": "adaptive", "display": "summarized"});
    check(NEWEST, Thinking { shown: Shown::Summary, ..Thinking::default() }, shown, nothing.clone(), &[]);
    check(NEWEST, effort(Effort::None), nothing.clone(), json!("low"), &["thinking"]);
    check("claude-sonnet-5", effort(Effort::None), json!({"type": "disabled"}), nothing.clone(), &[]);
    check("claude-sonnet-5-5", effort(Effort::None), json!({"type": "between_tools"}), nothing.clone(), &[]);
    check("claude-3-5-haiku-latest", effort(Effort::High), nothing.clone(), nothing.clone(), &["thinking"]);
    let medium = json!({"type": "enabled", "budget_tokens": 8_192});
    check("another-makers-model", effort(Effort::Medium), medium, nothing, &[]);
}

#[test]
fn wire_fact_16_sampling_is_what_the_model_takes_and_the_newest_rules_are_the_default() {
    let check =
        |model: &str, temperature: f64, top_p: Option<f64>, expect: (Value, Value), dropped: &[&str]| {
            let sampling = Sampling { temperature: Some(temperature), top_p, ..Sampling::default() };
            let (body, found) = sent(&Request { sampling, ..asks(vec![says(Role::User, "x")]) }, model);
            assert_eq!((body["temperature"].clone(), body["top_p"].clone()), expect, "{model}");
            assert_eq!(found, dropped, "{model}");
        };
    let nothing = || Value::Null;
    check("claude-sonnet-4-20250514", 0.5, Some(0.9), (json!(0.5), json!(0.9)), &[]);
    check(BUDGETS, 0.5, Some(0.9), (json!(0.5), nothing()), &["top_p"]);
    check(BUDGETS, 1.5, None, (json!(1.0), nothing()), &["temperature"]);
    check(EFFORTS, 0.5, Some(0.9), (nothing(), nothing()), &["temperature", "top_p"]);
    check(EFFORTS, 1.0, Some(1.0), (nothing(), nothing()), &[]);
    check("claude-something-unheard-of", 0.5, None, (nothing(), nothing()), &["temperature"]);
    check("another-makers-model", 0.5, Some(0.9), (json!(0.5), json!(0.9)), &[]);
}

#[test]
fn thoughts_of_others_stay_with_their_makers() {
    let plain = Part::Reasoning(Reasoning { text: "plain".to_owned(), ..Reasoning::default() });
    let silent = Part::Reasoning(Reasoning {
        signature: Some(Signature::new(Protocol::Responses, "secret")),
        ..Reasoning::default()
    });
    let withheld = Part::Reasoning(Reasoning {
        signature: Some(Signature::new(Protocol::Anthropic, "enc")),
        redacted: true,
        ..Reasoning::default()
    });
    let check = |part: Part, written: usize, expect: &[&str]| {
        let encoded = encode_request(
            &asks(vec![turn(Role::Assistant, vec![part, Part::text("so")])]),
            &target(EFFORTS),
        )
        .unwrap();
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert!(!String::from_utf8_lossy(&encoded.body).contains("secret"));
        assert_eq!(body["messages"][0]["content"].as_array().map_or(1, Vec::len), written);
        assert_eq!(encoded.dropped, expect);
    };
    check(thought(Protocol::Gemini), 1, &["reasoning"]);
    check(plain, 1, &["reasoning"]);
    check(silent, 1, &[]);
    check(withheld, 2, &[]);
}
