//! The answers to requests that count the tokens of a prompt.

use crate::json::build;
use crate::json::look::Value;

/// The tokens an answer says; `None` when it says none.
#[must_use]
pub fn read_count_answer(body: &[u8]) -> Option<u64> {
    Value::read(body)?.get("input_tokens")?.unsigned()
}

/// An answer as callers of this protocol expect it.
#[must_use]
pub fn write_count_answer(tokens: u64) -> Vec<u8> {
    build::object_alone(|fields| fields.plain("input_tokens", tokens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_fact_35_a_count_is_relayed_as_it_was_counted() {
        assert_eq!(read_count_answer(br#"{"input_tokens": 2095}"#), Some(2_095));
        assert_eq!(read_count_answer(&write_count_answer(14)), Some(14));
        let check = |body: &[u8]| assert_eq!(read_count_answer(body), None);
        check(b"");
        check(b"[]");
        check(br#"{"totalTokens":3}"#);
        check(br#"{"input_tokens":-1}"#);
        check(b"\xff");
    }
}
