//! The answers to requests that count the tokens of a prompt.

use super::compose;
use super::members::Object;

/// The tokens an answer says; `None` when it says none.
#[must_use]
pub fn read_count_answer(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    Object::read(text, "").ok()?.count("input_tokens").ok()?
}

/// An answer as callers of this protocol expect it.
#[must_use]
pub fn write_count_answer(tokens: u64) -> Vec<u8> {
    compose::object(|fields| fields.count("input_tokens", tokens))
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
