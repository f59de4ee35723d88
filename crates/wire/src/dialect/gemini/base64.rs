//! Base64 in the two alphabets that Google mixes: turned into the standard one, written, and read. Refuses to know what
//! is in it.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The same value in the standard alphabet with padding; `None` when it is not base64.
pub(super) fn to_standard(text: &str) -> Option<String> {
    let body = text.trim_end_matches('=');
    if body.len() % 4 == 1 || text.len() - body.len() > 2 {
        return None;
    }
    let mut out = String::with_capacity(body.len() + 2);
    for byte in body.bytes() {
        out.push(match byte {
            b'-' => '+',
            b'_' => '/',
            b'+' | b'/' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte),
            _ => return None,
        });
    }
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    Some(out)
}

/// Writes bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let six = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let known = place <= group.len();
            out.push(if known { STANDARD.get(six).copied().map_or('=', char::from) } else { '=' });
        }
    }
    out
}

/// Reads either alphabet; `None` when it is not base64.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = to_standard(text)?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        let mut known = 0;
        for &byte in group.iter().filter(|byte| **byte != b'=') {
            let six = STANDARD.iter().position(|letter| *letter == byte)?;
            bits = bits << 6 | u32::try_from(six).ok()?;
            known += 6;
        }
        bits <<= 24 - known;
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(..known / 8)?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, BASE64URL_NOPAD};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_alphabets_are_read(bytes in any::<Vec<u8>>()) {
            let standard = BASE64.encode(&bytes);
            prop_assert_eq!(encode(&bytes), standard.clone());
            prop_assert_eq!(to_standard(&BASE64URL_NOPAD.encode(&bytes)), Some(standard.clone()));
            prop_assert_eq!(decode(&standard), Some(bytes.clone()));
            prop_assert_eq!(decode(&BASE64URL_NOPAD.encode(&bytes)), Some(bytes));
        }

        #[test]
        fn other_texts_are_none(text in "\\PC{0,20}") {
            if let Some(standard) = to_standard(&text) {
                prop_assert_eq!(standard.len() % 4, 0);
                prop_assert!(decode(&text).is_some());
            }
        }
    }

    #[test]
    fn what_is_cut_is_none() {
        assert_eq!(to_standard("A"), None);
        assert_eq!(to_standard("AA==="), None);
        assert_eq!(to_standard("A A="), None);
    }
}
