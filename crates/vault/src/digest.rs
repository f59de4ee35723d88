//! Digests: what is kept of a credential instead of the credential, and comparison that takes the same time whatever
//! it finds. It does not know what is being digested.

use aws_lc_rs::{digest, hmac};
use domain::secret::Secret;
use domain::token::Token;
use subtle::ConstantTimeEq;

/// Fewest bytes of a pepper: as many as the digest it keys (RFC 2104, section 3).
pub const PEPPER_MIN_BYTES: usize = 32;

/// A pepper that protects nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WeakPepper {
    /// It can be guessed for its length.
    #[error("the pepper has fewer than 32 bytes")]
    TooShort,
    /// It is one byte over and over.
    #[error("the pepper is one byte repeated")]
    Uniform,
}

/// The root secret under which credentials are stored, so that a stolen database alone verifies no guess.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// Takes the root secret.
    ///
    /// # Errors
    /// [`WeakPepper`] when it is too short or plainly not random.
    pub fn new(root: Secret) -> Result<Self, WeakPepper> {
        let bytes = root.open();
        if bytes.len() < PEPPER_MIN_BYTES {
            return Err(WeakPepper::TooShort);
        }
        if uniform(bytes) {
            return Err(WeakPepper::Uniform);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    /// What is stored for a credential with this SHA-256: HMAC-SHA-256 (RFC 2104) under the pepper.
    #[must_use]
    pub fn digest(&self, sha256: &[u8; 32]) -> [u8; 32] {
        first_32(hmac::sign(&self.0, sha256).as_ref())
    }
}

/// The SHA-256 of a credential's canonical text: what a maker of keys may register in place of the key.
#[must_use]
pub fn sha256_of(token: &Token) -> [u8; 32] {
    sha256(token.reveal().as_bytes())
}

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    first_32(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-256 (FIPS 180-4) over more than is held in memory at once.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Over nothing so far.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a digest is begun on purpose")]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> [u8; 32] {
        first_32(self.0.finish().as_ref())
    }
}

/// SHA-256 (FIPS 180-4) over parts that follow each other.
#[must_use]
pub fn sha256_of_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut whole = Sha256::new();
    parts.iter().for_each(|part| whole.update(part));
    whole.finish()
}

/// Whether the bytes are equal; the time taken depends on their lengths alone.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// Whether all bytes are the same one.
pub(crate) fn uniform(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|pair| pair[0] == pair[1])
}

fn first_32(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(&bytes[..32]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn check_pepper(root: &[u8], expect: Option<WeakPepper>) {
        assert_eq!(Pepper::new(Secret::new(root.to_vec())).err(), expect);
    }

    #[test]
    fn weak_peppers_are_refused() {
        check_pepper(b"", Some(WeakPepper::TooShort));
        check_pepper(b"0123456789abcdef0123456789abcde", Some(WeakPepper::TooShort));
        check_pepper(&[7; 64], Some(WeakPepper::Uniform));
        check_pepper(b"0123456789abcdef0123456789abcdef", None);
    }

    #[test]
    fn sha256_is_the_standard_one() {
        // FIPS 180-2, appendix B.1.
        let expect = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(HEXLOWER.encode(&sha256(b"abc")), expect);
        assert_eq!(HEXLOWER.encode(&sha256_of_parts(&[b"a", b"", b"bc"])), expect);
    }

    #[test]
    fn the_digest_is_hmac_sha256_under_the_pepper() {
        // RFC 4231 has no case of this key length; the construction of RFC 2104 is written out instead.
        let (root, message) = (*b"a pepper of exactly 32 bytes !!!", [3u8; 32]);
        let padded = |mask: u8| {
            let mut block = [mask; 64];
            block.iter_mut().zip(root).for_each(|(byte, key)| *byte ^= key);
            block.to_vec()
        };
        let inner = sha256(&[padded(0x36), message.to_vec()].concat());
        let expect = sha256(&[padded(0x5c), inner.to_vec()].concat());
        let pepper = Pepper::new(Secret::new(root.to_vec())).ok().unwrap();
        assert_eq!(pepper.digest(&message), expect);
    }

    #[test]
    fn equal_means_equal() {
        assert!(equal(b"", b"") && equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd") && !equal(b"abc", b"ab") && !equal(b"", b"a"));
    }
}
