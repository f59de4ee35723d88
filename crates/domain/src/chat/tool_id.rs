//! The names that link a tool call with its result. Providers disagree on how they may look, so one that does not fit is
//! replaced by one that does, the same for the call and its result and in every later request. A signature that its
//! provider demands back can ride in the name, for callers that send back nothing else.

use std::borrow::Cow;

use super::Signature;
use crate::protocol::Protocol;

/// Divides a name from the signature in it; every grammar but the shortest allows these characters.
const DIVIDER: &str = "__sig_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How a provider lets such names look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Anything.
    Any,
    /// At most 40 characters (OpenAI, Azure).
    Short,
    /// At most 64 of letters, digits, `_` and `-` (Anthropic, Bedrock).
    Word,
    /// Exactly nine letters and digits (Mistral).
    Nine,
}

impl Grammar {
    /// Whether a name may look so.
    #[must_use]
    pub fn allows(self, id: &str) -> bool {
        match self {
            Grammar::Any => true,
            Grammar::Short => !id.is_empty() && id.len() <= 40,
            Grammar::Word => (1..=64).contains(&id.len()) && id.bytes().all(is_word),
            Grammar::Nine => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        }
    }

    /// The name as this provider takes it: unchanged where it fits, else one that depends on nothing but the name.
    #[must_use]
    pub fn fit(self, id: &str) -> Cow<'_, str> {
        if self.allows(id) {
            return Cow::Borrowed(id);
        }
        let digits = digits(fingerprint(id));
        let made = match self {
            Grammar::Nine => digits.iter().take(9).collect(),
            _ => "call_".chars().chain(digits.iter().copied()).collect(),
        };
        Cow::Owned(made)
    }
}

/// The name with a signature in it, for a caller of another protocol that sends back the name alone.
#[must_use]
pub fn with_signature(id: &str, signature: &Signature) -> String {
    let mut out = format!("{id}{DIVIDER}{}_", signature.maker.word());
    // The value is base64 or any other text; hex keeps to letters and digits whatever it is.
    for byte in signature.value.bytes() {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(DIGITS[usize::from(digit)].to_ascii_lowercase()));
        }
    }
    out
}

/// Takes a name apart that [`with_signature`] may have made.
#[must_use]
pub fn split(id: &str) -> (&str, Option<Signature>) {
    let parts = id.rsplit_once(DIVIDER).and_then(|(name, rest)| {
        let (word, hex) = rest.rsplit_once('_')?;
        let value = String::from_utf8(unhex(hex)?).ok()?;
        Some((name, Signature { maker: Protocol::parse(word)?, value }))
    });
    match parts {
        Some((name, signature)) => (name, Some(signature)),
        None => (id, None),
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}

/// A 128-bit FNV-1a hash: names need to differ by accident only, since a caller who makes two alike confuses itself.
fn fingerprint(id: &str) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    id.bytes().fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

fn digits(mut number: u128) -> [char; 22] {
    let mut out = ['0'; 22];
    for place in &mut out {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().map_or('0', char::from);
        number /= 62;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_fit_stay() {
        let check =
            |grammar: Grammar, id: &str, stays: bool| assert_eq!(grammar.fit(id) == id, stays, "{id}");
        check(Grammar::Short, "call_abc", true);
        check(Grammar::Short, &"x".repeat(41), false);
        check(Grammar::Word, "toolu_01A-b", true);
        check(Grammar::Word, "functions.get:0", false);
        check(Grammar::Nine, "abcDEF123", true);
        check(Grammar::Nine, "call_abc", false);
        check(Grammar::Any, "functions.get:0", true);
    }

    proptest! {
        #[test]
        fn every_name_fits_in_the_end(id in "\\PC{0,120}") {
            for grammar in [Grammar::Any, Grammar::Short, Grammar::Word, Grammar::Nine] {
                let fitted = grammar.fit(&id).into_owned();
                prop_assert!(grammar.allows(&fitted) || id.is_empty());
                prop_assert_eq!(grammar.fit(&id), fitted);
            }
        }

        #[test]
        fn a_signature_rides_along(id in "[A-Za-z0-9_.:-]{1,40}", value in "\\PC{0,60}") {
            let signature = Signature::new(Protocol::Gemini, value);
            let carried = with_signature(&id, &signature);
            prop_assert_eq!(split(&carried), (id.as_str(), Some(signature)));
        }

        #[test]
        fn any_name_can_be_taken_apart(id in "\\PC{0,120}") {
            let (name, signature) = split(&id);
            prop_assert!(signature.is_some() || name == id);
        }
    }
}
