use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn history(ids: [&str; 2]) -> String {
    format!(
        r#"{{ "model":"m", "messages" : [{{"role":"user","content":"the tool_calls, \"id\": \"x\""}},
  {{"role":"assistant","tool_calls":[{{"id":{0},"type":"function","function":{{"name":"id","arguments":"{{}}"}}}}, {{ "function":{{}}, "id" : {1} }}]}},
  {{"role":"tool","tool_call_id":{0},"content":1.50}}, {{"tool_call_id" : {1},"role":"tool","content":"é"}}], "id":"kept" }}"#,
        Value::from(ids[0]),
        Value::from(ids[1])
    )
}

fn fitted(body: &str, grammar: Grammar) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    String::from_utf8(fit_tool_ids(&body, grammar).to_vec()).unwrap()
}

#[test]
fn wire_fact_02_a_history_of_another_provider_is_fitted_and_nothing_else_is_touched() {
    let (long, nine) = ("toolu_01A:bcd\u{e9}", "abcDEF123");
    let short = Grammar::Nine.fit(long).into_owned();
    assert_eq!(fitted(&history([long, nine]), Grammar::Nine), history([&short, nine]));
    let untouched = history(["a", "b"]);
    assert_eq!(fitted(&untouched, Grammar::Any), untouched);
}

#[test]
fn wire_fact_03_a_signature_in_an_id_never_reaches_another_provider() {
    let carried = "call_1__sig_gemini_6162";
    assert_eq!(fitted(&history([carried, "b"]), Grammar::Any), history(["call_1", "b"]));
}

#[test]
fn a_body_without_calls_is_handed_on_as_it_lies() {
    let body = Bytes::from_static(br#"{"messages":[{"role":"user","content":"x"}]}"#);
    assert_eq!(fit_tool_ids(&body, Grammar::Nine).as_ptr(), body.as_ptr());
    let fits = Bytes::from(history(["abcDEF123", "ABCdef456"]));
    assert_eq!(fit_tool_ids(&fits, Grammar::Nine).as_ptr(), fits.as_ptr());
}

proptest! {
    #[test]
    fn every_id_fits_and_calls_stay_linked(ids in prop::collection::vec("\\PC{1,60}", 2)) {
        for grammar in [Grammar::Short, Grammar::Word, Grammar::Nine] {
            let body: Value = serde_json::from_str(&fitted(&history([&ids[0], &ids[1]]), grammar)).unwrap();
            let messages = &body["messages"];
            for place in [0, 1] {
                let id = messages[1]["tool_calls"][place]["id"].as_str().unwrap();
                prop_assert!(grammar.allows(id), "{id}");
                prop_assert_eq!(&messages[2 + place]["tool_call_id"], &json!(id));
            }
        }
    }
}
