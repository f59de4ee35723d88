//! Values as Google writes and takes them: more freely than JSON has them.

use std::borrow::Cow;

use crate::json::look::{Kind, Value};

/// A whole number: Google writes 64-bit ones as strings, and clients write 40.0 for 40.
pub(super) fn unsigned(value: Value<'_>) -> Option<u64> {
    let text = digits(value)?;
    text.parse().ok().or_else(|| {
        let (whole, zeros) = text.split_once('.')?;
        zeros.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok())?
    })
}

/// The same, of either sign.
pub(super) fn signed(value: Value<'_>) -> Option<i64> {
    digits(value)?.parse().ok()
}

fn digits(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::Number => Some(Cow::Borrowed(value.raw())),
        Kind::Text => value.text(),
        _ => None,
    }
}

/// The elements of an array, or the one value that stands in place of an array of one.
pub(super) fn one_or_more(value: Value<'_>) -> Vec<Value<'_>> {
    match value.kind() {
        Kind::Array => value.items().unwrap_or_default(),
        Kind::Null => Vec::new(),
        _ => vec![value],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_strings_and_have_a_point() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(unsigned(Value::read(text.as_bytes()).unwrap()), expect, "{text}");
        };
        check("40", Some(40));
        check("\"40\"", Some(40));
        check("40.0", Some(40));
        check("40.5", None);
        check("-1", None);
        check("null", None);
        assert_eq!(signed(Value::read(b"\"-1\"").unwrap()), Some(-1));
    }
}
