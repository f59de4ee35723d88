//! What callers of different protocols mean when they say nothing.

use domain::chat::Shown;
use serde_json::{Value, json};

use super::*;

#[test]
fn a_budget_in_anthropics_protocol_asks_for_the_thoughts_themselves() {
    let check = |thinking: Value, expect: Shown| {
        let said = json!([{ "role": "user", "content": "hi" }]);
        let body = json!({ "model": "m", "max_tokens": 4096, "messages": said, "thinking": thinking });
        let request = decode_request(Protocol::Anthropic, body.to_string().as_bytes()).unwrap();
        assert_eq!(request.thinking.unwrap().shown, expect, "{thinking}");
    };
    check(json!({ "type": "enabled", "budget_tokens": 1024 }), Shown::Summary);
    check(json!({ "type": "enabled", "budget_tokens": 1024, "display": "omitted" }), Shown::Nothing);
    check(json!({ "type": "adaptive" }), Shown::Default);
    check(json!({ "type": "disabled" }), Shown::Default);
}
