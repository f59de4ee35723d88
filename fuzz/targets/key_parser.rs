//! The grammar of credentials against a second reading of it, written another way.

#![no_main]

use domain::token::{ALPHABET, BODY_CHARS, Kind, Prefix, Token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: &[u8]| {
    let parsed = Token::parse(sent);
    let expected = second_reading(sent);
    assert_eq!(parsed.as_ref().map(Token::reveal), expected.as_deref());
    if let Some(token) = parsed {
        let again = Token::parse(token.reveal().as_bytes()).expect("the canonical text is a credential");
        assert_eq!((again.reveal(), again.kind()), (token.reveal(), token.kind()));
        let body = token.reveal().rsplit('_').next().expect("a body");
        assert!(body.starts_with(token.prefix().as_str()));
        assert_eq!(Prefix::parse(token.prefix().as_str()), Some(token.prefix()));
    }
    let prefix = std::str::from_utf8(sent).ok().and_then(Prefix::parse);
    let is_prefix = sent.len() == 8 && sent.iter().all(|byte| ALPHABET.contains(byte));
    assert_eq!(prefix.is_some(), is_prefix);
});

/// The canonical text of a credential.
fn second_reading(sent: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(sent).ok()?.to_ascii_lowercase();
    let [first, word, body] = text.split('_').collect::<Vec<_>>().try_into().ok()?;
    let known = Kind::ALL.iter().any(|(_, known)| *known == word);
    let body: String = body
        .chars()
        .map(|letter| match letter {
            'i' | 'l' => '1',
            'o' => '0',
            other => other,
        })
        .collect();
    let legal = body.bytes().all(|byte| ALPHABET.contains(&byte));
    (first == "pc" && known && legal && body.chars().count() == BODY_CHARS)
        .then(|| format!("pc_{word}_{body}"))
}
