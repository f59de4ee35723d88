//! The grammar of credentials: `pc_<kind>_<52 Crockford base32 characters>`, 260 bits, lower case. Parsing is
//! case-insensitive and maps I and L to 1 and O to 0, so that a key read aloud still works.

use std::num::NonZeroU8;

use zeroize::Zeroize;

/// Characters of the body.
pub const BODY_CHARS: usize = 52;
/// Characters of the body that are public: indexed, listed, logged.
pub const PREFIX_CHARS: usize = 8;
/// The alphabet of Crockford base32 in lower case (<https://www.crockford.com/base32.html>).
pub const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Bytes of the longest credential.
const LONGEST: usize = 3 + 4 + 1 + BODY_CHARS;

/// What each byte of a body stands for; none for those that no body has.
const CANONICAL: [Option<NonZeroU8>; 256] = {
    let mut canonical = [None; 256];
    let mut index = 0;
    while index < ALPHABET.len() {
        let byte = ALPHABET[index];
        canonical[byte as usize] = NonZeroU8::new(byte);
        canonical[byte.to_ascii_uppercase() as usize] = NonZeroU8::new(byte);
        index += 1;
    }
    let look_alikes = *b"iI1lL1oO0";
    let mut index = 0;
    while index < look_alikes.len() {
        let meant = NonZeroU8::new(look_alikes[index + 2]);
        canonical[look_alikes[index] as usize] = meant;
        canonical[look_alikes[index + 1] as usize] = meant;
        index += 3;
    }
    canonical
};

/// What a credential is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An API key of a project, for real traffic.
    Live,
    /// An API key of a project, for trials.
    Test,
    /// An operator's token for the admin listener.
    Operator,
    /// An invitation: to an organization, or to be the first operator.
    Invitation,
    /// Proves that an e-mail address is read by the person who gave it.
    Verification,
    /// Sets a new password.
    Reset,
    /// Continues a login.
    Refresh,
}

impl Kind {
    /// Every kind with its word in the grammar.
    pub const ALL: [(Kind, &'static str); 7] = [
        (Kind::Live, "live"),
        (Kind::Test, "test"),
        (Kind::Operator, "op"),
        (Kind::Invitation, "inv"),
        (Kind::Verification, "ver"),
        (Kind::Reset, "rst"),
        (Kind::Refresh, "ref"),
    ];

    /// The word between the underscores.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Test => "test",
            Kind::Operator => "op",
            Kind::Invitation => "inv",
            Kind::Verification => "ver",
            Kind::Reset => "rst",
            Kind::Refresh => "ref",
        }
    }
}

/// The first characters of a credential's body: not secret, never enough to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix([u8; PREFIX_CHARS]);

impl Prefix {
    /// Reads a stored prefix; `None` when it is not eight characters of the alphabet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; PREFIX_CHARS] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(bytes))
    }

    /// By what a credential that is not of our grammar goes: the first hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn of_sha256(sha256: &[u8; 32]) -> Self {
        let mut prefix = [b'0'; PREFIX_CHARS];
        let digits = sha256.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        // The alphabet begins with the hexadecimal digits.
        prefix.iter_mut().zip(digits).for_each(|(to, digit)| *to = ALPHABET[usize::from(digit)]);
        Self(prefix)
    }

    /// The eight characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for Prefix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A well-formed credential in its canonical text. Not `Debug`, not `Clone`; zeroed on drop.
pub struct Token {
    kind: Kind,
    text: String,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl Token {
    /// Makes a credential from 52 random bytes, of which five bits each are used.
    #[must_use]
    pub fn from_entropy(kind: Kind, entropy: &[u8; BODY_CHARS]) -> Self {
        let mut text = String::with_capacity(4 + kind.word().len() + BODY_CHARS);
        text.push_str("pc_");
        text.push_str(kind.word());
        text.push('_');
        text.extend(entropy.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])));
        Self { kind, text }
    }

    /// Parses what a caller sent and brings it into canonical form; `None` when it breaks the grammar.
    #[must_use]
    pub fn parse(sent: &[u8]) -> Option<Self> {
        let (start, rest) = sent.split_at_checked(3).filter(|_| sent.len() <= LONGEST)?;
        let end = rest.iter().position(|byte| *byte == b'_')?;
        let (sent_word, body) = (&rest[..end], &rest[end + 1..]);
        let is_said = |word: &str| sent_word.eq_ignore_ascii_case(word.as_bytes());
        let (kind, word) = Kind::ALL.into_iter().find(|(_, word)| is_said(word))?;
        if !start.eq_ignore_ascii_case(b"pc_") || body.len() != BODY_CHARS {
            return None;
        }
        // A token from its first character on, so that what is given up half-way is wiped as well.
        let mut token = Self { kind, text: String::with_capacity(sent.len()) };
        token.text.push_str("pc_");
        token.text.push_str(word);
        token.text.push('_');
        for byte in body {
            token.text.push(char::from(CANONICAL[usize::from(*byte)]?.get()));
        }
        Some(token)
    }

    /// What the credential is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The public first characters of the body.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        let start = 3 + self.kind.word().len() + 1;
        let mut prefix = [b'0'; PREFIX_CHARS];
        prefix.copy_from_slice(&self.text.as_bytes()[start..start + PREFIX_CHARS]);
        Prefix(prefix)
    }

    /// The canonical text, for the digest and for showing it once to its maker.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(sent: &str) -> Option<String> {
        Token::parse(sent.as_bytes()).map(|token| token.reveal().to_owned())
    }

    #[test]
    fn case_and_look_alikes_are_the_same_key() {
        let body = "0".repeat(51) + "1";
        let key = format!("pc_live_{body}");
        assert_eq!(canonical(&key), Some(key.clone()));
        assert_eq!(canonical(&format!("PC_LIVE_{}L", "O".repeat(51))), Some(key.clone()));
        assert_eq!(canonical(&format!("pc_live_{}i", "o".repeat(51))), Some(key));
    }

    #[test]
    fn a_digest_gives_a_prefix_of_its_first_digits() {
        let mut sha256 = [0xff; 32];
        sha256[..4].copy_from_slice(&[0x0a, 0x1b, 0xc2, 0xde]);
        assert_eq!(Prefix::of_sha256(&sha256).as_str(), "0a1bc2de");
        assert_eq!(Prefix::parse("0a1bc2de"), Some(Prefix::of_sha256(&sha256)));
    }

    #[test]
    fn anything_else_is_malformed() {
        let body = "0".repeat(52);
        for sent in [
            String::new(),
            "pc_live_".to_owned(),
            format!("pc_live_{}", &body[1..]),
            format!("pc_live_{body}0"),
            format!("pc_root_{body}"),
            format!(" pc_live_{body}"),
            format!("pc_live_{}u", &body[1..]),
            format!("pc_live_{}é", &body[2..]),
            format!("sk-{body}"),
        ] {
            assert!(canonical(&sent).is_none(), "{sent} should not parse");
        }
    }

    proptest! {
        #[test]
        fn made_keys_parse_to_themselves(entropy in proptest::collection::vec(any::<u8>(), 52)) {
            let token = Token::from_entropy(Kind::Live, &entropy.try_into().unwrap());
            let again = Token::parse(token.reveal().to_ascii_uppercase().as_bytes()).unwrap();
            prop_assert_eq!(again.reveal(), token.reveal());
            prop_assert_eq!(Prefix::parse(again.prefix().as_str()), Some(token.prefix()));
        }

        #[test]
        fn near_misses_are_not_keys_and_what_parses_is_canonical(
            text in "(pc|PC|pk)_(live|TEST|op|root)_[0-9a-zA-Z]{51,53}",
        ) {
            let parts: Vec<&str> = text.split('_').collect();
            let legal = parts[0] != "pk" && parts[1] != "root" && parts[2].len() == BODY_CHARS;
            let parsed = Token::parse(text.as_bytes());
            prop_assert_eq!(parsed.is_some(), legal && !parts[2].contains(['u', 'U']));
            if let Some(token) = parsed {
                let again = canonical(token.reveal());
                prop_assert_eq!(again.as_deref(), Some(token.reveal()));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Token::parse(&bytes);
        }
    }
}
