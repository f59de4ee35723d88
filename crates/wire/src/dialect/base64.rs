//! Base64 as callers and providers write it, in the one form of the neutral one.

use std::borrow::Cow;

/// `text` in the standard alphabet of base64, with padding; `None` when it is not base64 in any form.
pub(crate) fn standard(text: &str) -> Option<Cow<'_, str>> {
    let standard = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let digits = text.trim_end_matches('=');
    if digits.bytes().all(standard) && text.len().is_multiple_of(4) && text.len() - digits.len() <= 2 {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len() + 3);
    for character in digits.chars() {
        match character {
            '-' => out.push('+'),
            '_' => out.push('/'),
            '+' | '/' => out.push(character),
            _ if character.is_ascii_alphanumeric() => out.push(character),
            // Encoders that break lines do so for mail, where it has no meaning.
            _ if character.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    match out.len() % 4 {
        1 => return None,
        2 => out.push_str("=="),
        3 => out.push('='),
        _ => {}
    }
    Some(Cow::Owned(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_form_becomes_the_standard_one() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(standard(text).as_deref(), expect, "{text}");
        check("aGk=", Some("aGk="));
        check("aGk", Some("aGk="));
        check("_-8", Some("/+8="));
        check("aG\r\nk=", Some("aGk="));
        check("", Some(""));
        check("a", None);
        check("a%20b", None);
        check("äöü", None);
    }
}
