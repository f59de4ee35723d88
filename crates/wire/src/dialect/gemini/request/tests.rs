//! The facts of requests.

use super::*;

fn check(body: &str, expect: Result<(Option<u64>, u64, usize), &str>) {
    let read = read(body.as_bytes(), "gemini-3-flash", true);
    let found = read.map(|facts| (facts.max_output_tokens, facts.choices, facts.input_bytes));
    assert_eq!(found.map_err(|refused| refused.to_string()), expect.map_err(str::to_owned), "{body}");
}

#[test]
fn facts_are_taken_in_either_spelling() {
    check(r#"{"contents":"Hi"}"#, Ok((None, 1, 2)));
    check(r#"{"contents":{"role":"user","parts":[{"text":"Hello"}]}}"#, Ok((None, 1, 5)));
    check(
        r#"{"contents":[{"parts":[{"text":"ab"}]}],"generationConfig":{"maxOutputTokens":64,"candidateCount":2}}"#,
        Ok((Some(64), 2, 2)),
    );
    check(
        r#"{"contents":[{"parts":[{"text":"ab"}]}],"generation_config":{"max_output_tokens":64,"candidate_count":2}}"#,
        Ok((Some(64), 2, 2)),
    );
    check(
        r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAAAAAA"}},{"text":"x","thoughtSignature":"c2ln"}]}]}"#,
        Ok((None, 1, 3_001)),
    );
    check(
        r#"{"contents":"Hi","tools":{"functionDeclarations":[{"name":"ab"}]},"systemInstruction":"Be brief"}"#,
        Ok((None, 1, 2 + 4 + 2 + 8)),
    );
}

#[test]
fn what_cannot_be_is_refused_by_its_field() {
    check("[]", Err("the body must be a JSON object"));
    check("{}", Err("contents is required"));
    check(r#"{"contents":[]}"#, Err("contents must be a non-empty array of contents"));
    check(r#"{"contents":3}"#, Err("contents must be a non-empty array of contents"));
    check(
        r#"{"contents":"a","generationConfig":{"maxOutputTokens":-1}}"#,
        Err("generationConfig.maxOutputTokens must be an integer of zero or more"),
    );
    check(
        r#"{"contents":"a","generationConfig":{"candidateCount":129}}"#,
        Err("generationConfig.candidateCount is too large"),
    );
    check(r#"{"contents":"a","generationConfig":[]}"#, Err("generationConfig must be an object"));
    check(r#"{"contents":"a","tools":"x"}"#, Err("tools must be an array"));
    check(
        r#"{"contents":"a","contents":"b"}"#,
        Err("an object in the body has the same member twice (line 1, column 26)"),
    );
    let many =
        format!(r#"{{"contents":"a","tools":[{{"functionDeclarations":[{}0]}}]}}"#, "0,".repeat(MAX_TOOLS));
    check(&many, Err("tools has too many elements"));
}

#[test]
fn two_spellings_of_one_member_are_refused() {
    check(
        r#"{"contents":"a","systemInstruction":"x","system_instruction":"y"}"#,
        Err("systemInstruction must not be given in both spellings"),
    );
    check(
        r#"{"contents":"a","generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}"#,
        Err("generationConfig.maxOutputTokens must not be given in both spellings"),
    );
    check(
        r#"{"contents":"a","generation_config":{},"generationConfig":{}}"#,
        Err("generationConfig must not be given in both spellings"),
    );
}

#[test]
fn wire_fact_49_a_model_is_a_path() {
    let named = |model: &str| read(br#"{"contents":"a"}"#, model, false);
    assert_eq!(named("meta-llama/llama-4:free").unwrap().model, "meta-llama/llama-4:free");
    assert_eq!(named("").unwrap_err().to_string(), "model must not be empty");
    assert_eq!(named("a\u{202e}b").unwrap_err().field(), Some("model"));
    assert_eq!(named(&"a".repeat(257)).unwrap_err().to_string(), "model is longer than 256 bytes");
}

#[test]
fn a_count_may_hold_a_whole_request() {
    let counted = |body: &str| read_count(body.as_bytes(), "m").map(|facts| facts.input_bytes);
    assert_eq!(counted(r#"{"contents":"abc"}"#), Ok(3));
    assert_eq!(counted(r#"{"generateContentRequest":{"model":"models/m","contents":"abcd"}}"#), Ok(4));
    assert!(counted(r#"{"generateContentRequest":{}}"#).is_err());
    assert!(counted(r#"{"generateContentRequest":{"contents":"a"},"contents":"b"}"#).is_err());
}
