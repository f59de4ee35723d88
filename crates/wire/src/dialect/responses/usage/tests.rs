use proptest::prelude::*;

use super::*;
use crate::json::build::object;

#[test]
fn wire_fact_26_cached_tokens_are_taken_out_of_the_input() {
    let check = |usage: &str, expect: Option<Tokens>| assert_eq!(tokens(usage), expect, "{usage}");
    check(
        r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":10},
            "output_tokens":50,"output_tokens_details":{"reasoning_tokens":20},"total_tokens":150}"#,
        Some(Tokens {
            input: 30,
            cache_read: 60,
            cache_write: 10,
            output: 30,
            reasoning: 20,
            ..Tokens::default()
        }),
    );
    check(
        r#"{"input_tokens":7,"total_tokens":9}"#,
        Some(Tokens { input: 7, output: 2, ..Tokens::default() }),
    );
    check(r#"{"input_tokens":7}"#, None);
    check(r#"{"input_tokens":-7,"output_tokens":1}"#, None);
    check("null", None);
}

#[test]
fn wire_fact_30_reasoning_beside_the_output_is_added() {
    let usage = r#"{"input_tokens":10,"output_tokens":5,"output_tokens_details":{"reasoning_tokens":8},"total_tokens":23}"#;
    let expect = Tokens { input: 10, output: 5, reasoning: 8, ..Tokens::default() };
    assert_eq!(tokens(usage), Some(expect));
}

fn written(tokens: &Tokens) -> serde_json::Value {
    let mut out = Vec::new();
    object(&mut out, |body| write(body, Some(tokens)));
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn wire_fact_25_what_was_cached_counts_as_input() {
    let tokens = Tokens { input: 5, cache_read: 100, cache_write: 20, output: 7, ..Tokens::default() };
    let usage = &written(&tokens)["usage"];
    assert_eq!(usage["input_tokens"], 125);
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 100);
    assert_eq!(usage["total_tokens"], 132);
}

#[test]
fn wire_fact_29_thoughts_count_as_output_and_the_sum_is_the_total() {
    let tokens = Tokens { input: 5, output: 7, reasoning: 30, ..Tokens::default() };
    let usage = &written(&tokens)["usage"];
    assert_eq!((&usage["output_tokens"], &usage["total_tokens"]), (&37.into(), &42.into()));
    assert_eq!(usage["output_tokens_details"]["reasoning_tokens"], 30);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        input in 0..1_000_000_u64, cache_read in 0..1_000_000_u64, cache_write in 0..1_000_000_u64,
        output in 0..1_000_000_u64, reasoning in 1..1_000_000_u64,
    ) {
        let given = Tokens { input, cache_read, cache_write, output, reasoning, ..Tokens::default() };
        prop_assert_eq!(tokens(&written(&given)["usage"].to_string()), Some(given));
    }
}
