use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::dialect::counts::MAX_COUNT;
use crate::dialect::openai::read_answer;

fn tokens(surface: Surface, usage: &str) -> Option<Tokens> {
    let body = format!(r#"{{"choices":[],"data":[],"usage":{usage}}}"#);
    read_answer(surface, body.as_bytes()).unwrap().tokens
}

#[track_caller]
fn check(usage: &str, expect: Option<Tokens>) {
    assert_eq!(tokens(Surface::Chat, usage), expect, "{usage}");
}

fn plain(input: u64, output: u64) -> Tokens {
    Tokens { input, output, ..Tokens::default() }
}

#[test]
fn the_sides_and_what_follows_from_the_total() {
    check(r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}"#, Some(plain(5, 1)));
    check(r#"{"prompt_tokens":5,"completion_tokens":1}"#, Some(plain(5, 1)));
    check(r#"{"input_tokens":5,"output_tokens":1}"#, Some(plain(5, 1)));
    check(r#"{"prompt_tokens":5,"total_tokens":6}"#, Some(plain(5, 1)));
    check(r#"{"completion_tokens":1,"total_tokens":6}"#, Some(plain(5, 1)));
    check(r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":0}"#, Some(plain(5, 1)));
    check(r#"{"total_tokens":6}"#, None);
    check(r#"{"prompt_tokens":5}"#, None);
    check(r#"{"prompt_tokens":7,"total_tokens":6}"#, None);
    check("{}", None);
    check("null", None);
    check("[]", None);
    check("7", None);
}

#[test]
fn wire_fact_31_what_is_billed_goes_before_what_was_counted() {
    let billed = r#"{"prompt_tokens":50,"completion_tokens":9,"total_tokens":59,"billed_units":{"input_tokens":5,"output_tokens":4.0}}"#;
    check(billed, Some(plain(5, 4)));
    check(
        r#"{"prompt_tokens":50,"completion_tokens":9,"billed_units":{"search_units":1}}"#,
        Some(plain(50, 9)),
    );
    check(r#"{"prompt_tokens":50,"completion_tokens":9,"billed_units":null}"#, Some(plain(50, 9)));
}

#[test]
fn embeddings_have_one_side() {
    for usage in
        [r#"{"prompt_tokens":8,"total_tokens":8}"#, r#"{"prompt_tokens":8}"#, r#"{"total_tokens":8}"#]
    {
        assert_eq!(tokens(Surface::Embeddings, usage), Some(plain(8, 0)), "{usage}");
    }
}

#[test]
fn numbers_in_other_clothes() {
    check(r#"{"prompt_tokens":"5","completion_tokens":"1"}"#, Some(plain(5, 1)));
    check(r#"{"prompt_tokens":5.0,"completion_tokens":1.0}"#, Some(plain(5, 1)));
    check(r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":null}"#, Some(plain(5, 1)));
    for nonsense in [
        "-1",
        "1.5",
        "\"x\"",
        "\"-5\"",
        "\"+5\"",
        "\" 5\"",
        "\"\"",
        "true",
        "[5]",
        "{}",
        "1e300",
        "1099511627777",
    ] {
        check(&format!(r#"{{"prompt_tokens":{nonsense},"completion_tokens":1}}"#), None);
        let inside = format!(
            r#"{{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{{"cached_tokens":{nonsense}}}}}"#
        );
        check(&inside, None);
    }
}

#[test]
fn kinds_are_taken_out_of_their_side() {
    check(
        r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
            "prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10,"text_tokens":30},
            "completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":5,"accepted_prediction_tokens":9}}"#,
        Some(Tokens { input: 30, cache_read: 60, output: 25, reasoning: 20, audio: 15, ..Tokens::default() }),
    );
    check(
        r#"{"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":8,"prompt_cache_miss_tokens":2}"#,
        Some(Tokens { input: 2, cache_read: 8, output: 2, ..Tokens::default() }),
    );
    check(
        r#"{"prompt_tokens":10,"completion_tokens":2,"cache_read_input_tokens":3,"cache_creation_input_tokens":4}"#,
        Some(Tokens { input: 3, cache_read: 3, cache_write: 4, output: 2, ..Tokens::default() }),
    );
    check(
        r#"{"prompt_tokens":10,"completion_tokens":2,"cached_tokens":99}"#,
        Some(Tokens { cache_read: 10, output: 2, ..Tokens::default() }),
    );
}

#[test]
fn output_beside_the_completion_is_reasoning() {
    check(
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":3}}"#,
        Some(Tokens { input: 10, output: 5, reasoning: 3, ..Tokens::default() }),
    );
    check(
        r#"{"prompt_tokens":10,"completion_tokens":5,"total_tokens":215}"#,
        Some(Tokens { input: 10, output: 5, reasoning: 200, ..Tokens::default() }),
    );
}

proptest! {
    #[test]
    fn kinds_always_add_up_to_the_total(
        prompt in 0_u64..=MAX_COUNT, completion in 0_u64..=MAX_COUNT, total in prop::option::of(0_u64..=MAX_COUNT),
        cached in 0_u64..1_000_000, written in 0_u64..1_000_000, reasoning in 0_u64..1_000_000, audio in 0_u64..1_000_000,
    ) {
        let usage = json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total,
            "prompt_tokens_details": { "cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": audio },
            "completion_tokens_details": { "reasoning_tokens": reasoning, "audio_tokens": audio },
        });
        let tokens = tokens(Surface::Chat, &usage.to_string()).unwrap();
        prop_assert_eq!(tokens.total(), total.unwrap_or(0).max(prompt + completion));
        prop_assert!(tokens.cache_read <= cached && tokens.cache_write <= written);
    }

    #[test]
    fn small_kinds_are_kept_exactly(
        input in 0_u64..9_999, cache_read in 0_u64..9_999, cache_write in 0_u64..9_999,
        output in 0_u64..9_999, reasoning in 0_u64..9_999, audio in 0_u64..9_999,
    ) {
        let (prompt, completion) = (input + cache_read + cache_write + audio, output + reasoning);
        let usage = json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": { "cached_tokens": cache_read, "cache_write_tokens": cache_write, "audio_tokens": audio },
            "completion_tokens_details": { "reasoning_tokens": reasoning },
        });
        let expect = Tokens { input, cache_read, cache_write, output, reasoning, audio, ..Tokens::default() };
        prop_assert_eq!(tokens(Surface::Chat, &usage.to_string()), Some(expect));
    }
}
