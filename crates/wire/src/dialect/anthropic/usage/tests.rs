use proptest::prelude::*;

use super::*;
use crate::answer::Advice;
use crate::dialect::anthropic::whole;
use crate::json::build;

fn tokens(json: &str) -> Option<Tokens> {
    whole::reported(json).unwrap().tokens()
}

#[test]
fn wire_fact_25_input_excludes_what_the_cache_gave_and_took() {
    let read = tokens(
        r#"{"input_tokens":12,"cache_creation_input_tokens":300,"cache_read_input_tokens":4000,"output_tokens":7}"#,
    );
    let expect = Tokens { input: 12, cache_write: 300, cache_read: 4_000, output: 7, ..Tokens::default() };
    assert_eq!(read, Some(expect));
    assert_eq!(read.unwrap().total(), 12 + 300 + 4_000 + 7);
}

#[test]
fn wire_fact_25_what_is_held_for_an_hour_is_told_from_the_rest() {
    let split = r#""cache_creation":{"ephemeral_5m_input_tokens":200,"ephemeral_1h_input_tokens":1000}"#;
    let both = Tokens { input: 1, cache_write: 200, cache_write_1h: 1_000, output: 2, ..Tokens::default() };
    let read = tokens(&format!(r#"{{"input_tokens":1,"output_tokens":2,{split}}}"#));
    assert_eq!(read, Some(both));
    let with_sum =
        format!(r#"{{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":1200,{split}}}"#);
    assert_eq!(tokens(&with_sum), Some(both));
    let mut usage = whole::reported(&with_sum).unwrap();
    usage.correct(whole::reported(r#"{"cache_creation_input_tokens":1300,"output_tokens":2}"#).unwrap());
    assert_eq!(usage.tokens(), Some(Tokens { cache_write: 300, ..both }));
}

#[test]
fn thinking_is_within_the_output() {
    let read =
        tokens(r#"{"input_tokens":1,"output_tokens":50,"output_tokens_details":{"thinking_tokens":30}}"#);
    assert_eq!(read, Some(Tokens { input: 1, output: 20, reasoning: 30, ..Tokens::default() }));
}

#[test]
fn wire_fact_26_written_usage_subtracts_what_was_cached() {
    let used = Tokens {
        input: 10,
        cache_read: 90,
        output: 5,
        reasoning: 3,
        audio: 2,
        image: 7,
        ..Tokens::default()
    };
    let json = build::object_alone(|fields| write(fields, &used));
    let written: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(written["input_tokens"], 12);
    assert_eq!(written["cache_read_input_tokens"], 90);
    assert_eq!(written["output_tokens"], 15);
    assert_eq!(written["output_tokens_details"]["thinking_tokens"], 3);
}

#[test]
fn wire_fact_27_the_last_word_on_each_count_stands() {
    let mut usage =
        whole::reported(r#"{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":1}"#).unwrap();
    usage.correct(whole::reported(r#"{"output_tokens":9}"#).unwrap());
    usage.correct(whole::reported(r#"{"input_tokens":11,"output_tokens":12}"#).unwrap());
    let expect = Tokens { input: 11, cache_read: 5, output: 12, ..Tokens::default() };
    assert_eq!(usage.tokens(), Some(expect));
}

#[test]
fn wire_fact_28_iterations_outside_the_totals_are_added_once() {
    let read = tokens(
        r#"{"input_tokens":500,"output_tokens":112,"iterations":[
            {"type":"compaction","input_tokens":60000,"output_tokens":385,
             "cache_creation_input_tokens":0,"cache_read_input_tokens":0},
            {"type":"message","input_tokens":500,"output_tokens":112,
             "cache_creation_input_tokens":0,"cache_read_input_tokens":0}]}"#,
    );
    assert_eq!(read, Some(Tokens { input: 60_500, output: 497, ..Tokens::default() }));

    let advised = tokens(
        r#"{"input_tokens":5,"output_tokens":6,"iterations":[
            {"type":"advisor_message","model":"m","input_tokens":70,"output_tokens":8}]}"#,
    );
    assert_eq!(advised, Some(Tokens { input: 75, output: 14, ..Tokens::default() }));
}

#[test]
fn what_an_adviser_used_is_told_apart_under_its_model() {
    let check = |json: &str, model: &str, input, output| {
        let expect =
            Advice { model: model.to_owned(), tokens: Tokens { input, output, ..Tokens::default() } };
        assert_eq!(whole::reported(json).unwrap().advice(), Some(&expect), "{json}");
    };
    // As the page of the tool has it: the sums at the top are the executor's alone.
    let documented = r#"{"input_tokens":1760,"output_tokens":531,"iterations":[
        {"type":"message","input_tokens":412,"output_tokens":89},
        {"type":"advisor_message","model":"claude-opus-4-7","input_tokens":823,"output_tokens":1612},
        {"type":"message","input_tokens":1348,"output_tokens":442}]}"#;
    check(documented, "claude-opus-4-7", 823, 1612);
    assert_eq!(tokens(documented).map(|all| all.total()), Some(1760 + 531 + 823 + 1612));

    let entry = |model: &str| {
        format!(r#"{{"model":"{model}","type":"advisor_message","input_tokens":3,"output_tokens":4}}"#)
    };
    let several = |one: &str, other: &str| {
        format!(r#"{{"input_tokens":1,"output_tokens":1,"iterations":[{},{}]}}"#, entry(one), entry(other))
    };
    check(&several("a", "a"), "a", 6, 8);
    check(&several("a", "b"), "", 6, 8);
    check(&several("", ""), "", 6, 8);
    let plain = whole::reported(r#"{"input_tokens":1,"output_tokens":1}"#).unwrap();
    assert_eq!(plain.advice(), None);

    let mut usage = whole::reported(&several("a", "a")).unwrap();
    usage.correct(whole::reported(r#"{"output_tokens":9}"#).unwrap());
    assert_eq!(usage.advice().map(|advice| advice.tokens.total()), Some(14), "the last word on it stands");
}

#[test]
fn what_does_not_add_up_is_no_usage() {
    let check = |json: &str| assert_eq!(tokens(json), None, "{json}");
    check("{}");
    check(r#"{"input_tokens":3}"#);
    check(r#"{"input_tokens":-3,"output_tokens":1}"#);
    check(r#"{"input_tokens":3,"output_tokens":"many"}"#);
    check(r#"{"input_tokens":3,"output_tokens":1e30}"#);
}

#[test]
fn calls_of_the_providers_tools_are_not_tokens() {
    let read = tokens(r#"{"input_tokens":3,"output_tokens":4,"server_tool_use":{"web_search_requests":9}}"#);
    assert_eq!(read.unwrap().total(), 7);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        input in 0u64..1_000_000, cache_read in 0u64..1_000_000, cache_write in 0u64..1_000_000, cache_write_1h in 0u64..1_000_000,
        output in 0u64..1_000_000, reasoning in 0u64..1_000_000,
    ) {
        let used = Tokens {
            input, cache_read, cache_write, cache_write_1h, output, reasoning, ..Tokens::default()
        };
        let json = String::from_utf8(build::object_alone(|fields| write(fields, &used))).unwrap();
        prop_assert_eq!(tokens(&json), Some(used));
    }
}
