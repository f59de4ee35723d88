//! Tags on what leaves the house and comes back: HMAC-SHA-256 (RFC 2104) over labelled parts, so that a tag made for
//! one purpose is worth nothing for another. It does not know what it tags.

use aws_lc_rs::hmac;
use domain::secret::Secret;

use crate::digest;

/// Bytes of a tag.
pub const TAG_BYTES: usize = 32;
/// Fewest bytes of a key: as many as the digest it keys (RFC 2104, section 3).
pub const KEY_MIN_BYTES: usize = 32;
/// Separates these tags from every other use of the same construction.
const LABEL: &[u8] = b"portcullis/mac/1";

/// A key that protects nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeakMacKey {
    /// It can be guessed for its length.
    #[error("the key has fewer than 32 bytes")]
    TooShort,
    /// It is one byte over and over.
    #[error("the key is one byte repeated")]
    Uniform,
}

/// A key of tags.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// Takes the root secret.
    ///
    /// # Errors
    /// [`WeakMacKey`] when it is too short or plainly not random.
    pub fn new(root: Secret) -> Result<Self, WeakMacKey> {
        let bytes = root.open();
        if bytes.len() < KEY_MIN_BYTES {
            return Err(WeakMacKey::TooShort);
        }
        if digest::uniform(bytes) {
            return Err(WeakMacKey::Uniform);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// The tag of these parts for this purpose. `["ab", "c"]` and `["a", "bc"]` have different tags.
    #[must_use]
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [LABEL, purpose.as_bytes()].iter().chain(parts) {
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            context.update(&length.to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether this is the whole tag of these parts for this purpose; the time taken does not depend on the answer.
    #[must_use]
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], tag: &[u8]) -> bool {
        digest::equal(&self.tag(purpose, parts), tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> MacKey {
        MacKey::new(Secret::new((0..32).map(|index| byte ^ index).collect())).ok().unwrap()
    }

    fn check_refused(root: &[u8], expect: Option<WeakMacKey>) {
        assert_eq!(MacKey::new(Secret::new(root.to_vec())).err(), expect);
    }

    #[test]
    fn weak_keys_are_refused() {
        check_refused(b"0123456789abcdef0123456789abcde", Some(WeakMacKey::TooShort));
        check_refused(&[7; 64], Some(WeakMacKey::Uniform));
        check_refused(b"0123456789abcdef0123456789abcdef", None);
    }

    #[test]
    fn a_tag_is_of_its_key_purpose_and_parts() {
        let tag = key(1).tag("cursor", &[b"ab", b"c"]);
        assert!(key(1).verify("cursor", &[b"ab", b"c"], &tag));
        assert!(!key(2).verify("cursor", &[b"ab", b"c"], &tag));
        assert!(!key(1).verify("csrf", &[b"ab", b"c"], &tag));
        for other in [&[b"a".as_slice(), b"bc"][..], &[b"abc"], &[b"ab", b"c", b""], &[]] {
            assert!(!key(1).verify("cursor", other, &tag), "{other:?}");
        }
        assert!(!key(1).verify("cursorab", &[b"c"], &tag));
        assert!(!key(1).verify("cursor", &[b"ab", b"c"], &tag[..31]), "a part of a tag is none");
        assert!(!key(1).verify("cursor", &[b"ab", b"c"], b""));
    }

    proptest! {
        #[test]
        fn a_changed_bit_is_noticed(text in proptest::collection::vec(any::<u8>(), 0..64), bit in 0usize..256) {
            let mut tag = key(1).tag("p", &[&text]);
            tag[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!key(1).verify("p", &[&text], &tag));
        }
    }
}
