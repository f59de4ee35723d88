//! Signatures: Ed25519 (RFC 8032) under keys of their own, so that what is signed can be checked away from the
//! database it is about. The newest key signs, all of them verify. It does not know what it signs; whoever asks puts a
//! label in front, so that no signature can pass for another's.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use data_encoding::HEXLOWER;
use domain::secret::Secret;

use crate::digest;
use crate::keyring::KEY_BYTES;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes of a public key that its identifier shows.
const KEY_ID_BYTES: usize = 8;
/// Most keys: those of past exchanges, whose signatures are still to be checked.
const MAX_KEYS: usize = 16;

/// Keys that cannot sign.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadSigningKeys {
    /// There is none.
    #[error("no signing key is given")]
    Empty,
    /// There are more than is sensible.
    #[error("more than 16 signing keys are given")]
    TooMany,
    /// One is no seed of a key.
    #[error("a signing key is 32 random bytes as base64 or hex")]
    NotASeed,
    /// One is given twice.
    #[error("a signing key is given twice")]
    Twice,
}

/// A signature that does not hold.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum DoesNotHold {
    /// It names a key that is not here.
    #[error("it names a signing key that is not configured")]
    UnknownKey,
    /// It is not of this key or not for this text.
    #[error("the signature is not that of the key it names")]
    Forged,
}

/// The identifier of a signing key: the first bytes of the SHA-256 of its public key, as hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyId(String);

impl SigningKeyId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SigningKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The signing keys, newest first.
pub struct SigningKeys {
    newest: SigningKey,
    older: Vec<SigningKey>,
}

struct SigningKey {
    id: SigningKeyId,
    pair: Ed25519KeyPair,
}

impl SigningKeys {
    /// Takes the seeds, newest first, 32 bytes each.
    ///
    /// # Errors
    /// [`BadSigningKeys`] when there are none or too many, or one is no seed or given twice.
    pub fn new(seeds: Vec<Secret>) -> Result<Self, BadSigningKeys> {
        if seeds.len() > MAX_KEYS {
            return Err(BadSigningKeys::TooMany);
        }
        let mut keys = Vec::with_capacity(seeds.len());
        for seed in &seeds {
            let key = SigningKey::new(seed)?;
            if keys.iter().any(|known: &SigningKey| known.id == key.id) {
                return Err(BadSigningKeys::Twice);
            }
            keys.push(key);
        }
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or(BadSigningKeys::Empty)?;
        Ok(Self { newest, older: keys.collect() })
    }

    /// Which key signs.
    #[must_use]
    pub fn id(&self) -> &SigningKeyId {
        &self.newest.id
    }

    /// The public half of the key that signs.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.newest.pair.public_key().as_ref()
    }

    /// Signs a text.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        self.newest.pair.sign(text).as_ref().to_vec()
    }

    /// Checks that the key called `id` signed `text`.
    ///
    /// # Errors
    /// [`DoesNotHold`] when that key is not here or did not.
    pub fn verify(&self, id: &str, text: &[u8], signature: &[u8]) -> Result<(), DoesNotHold> {
        let mut keys = std::iter::once(&self.newest).chain(&self.older);
        let key = keys.find(|key| key.id.0 == id).ok_or(DoesNotHold::UnknownKey)?;
        let public = ParsedPublicKey::new(&ED25519, key.pair.public_key().as_ref());
        match public.map(|public| public.verify_sig(text, signature)) {
            Ok(Ok(())) => Ok(()),
            _ => Err(DoesNotHold::Forged),
        }
    }
}

impl SigningKey {
    fn new(seed: &Secret) -> Result<Self, BadSigningKeys> {
        let seed = seed.open();
        if seed.len() != KEY_BYTES || digest::uniform(seed) {
            return Err(BadSigningKeys::NotASeed);
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadSigningKeys::NotASeed)?;
        let id = digest::sha256(pair.public_key().as_ref());
        Ok(Self { id: SigningKeyId(HEXLOWER.encode(&id[..KEY_ID_BYTES])), pair })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(byte: u8) -> Secret {
        Secret::new((0..32).map(|index| byte ^ index).collect())
    }

    fn keys(bytes: &[u8]) -> SigningKeys {
        SigningKeys::new(bytes.iter().map(|byte| seed(*byte)).collect()).ok().unwrap()
    }

    fn check_refused(seeds: Vec<Secret>, expect: BadSigningKeys) {
        assert_eq!(SigningKeys::new(seeds).err(), Some(expect));
    }

    #[test]
    fn the_signature_is_the_standard_one() {
        // RFC 8032, section 7.1, test 2.
        let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
        let seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let keys = SigningKeys::new(vec![Secret::new(seed)]).ok().unwrap();
        let public = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        assert_eq!(keys.public_key(), public);
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(keys.sign(&[0x72]), hex(signature));
    }

    #[test]
    fn only_the_key_and_the_text_that_were_signed_hold() {
        let (old, both) = (keys(&[1]), keys(&[2, 1]));
        let signature = old.sign(b"text");
        let id = old.id().as_str();
        assert_eq!(both.verify(id, b"text", &signature), Ok(()));
        assert_eq!(both.verify(id, b"Text", &signature), Err(DoesNotHold::Forged));
        assert_eq!(both.verify(both.id().as_str(), b"text", &signature), Err(DoesNotHold::Forged));
        assert_eq!(both.verify(id, b"text", &signature[1..]), Err(DoesNotHold::Forged));
        assert_eq!(keys(&[2]).verify(id, b"text", &signature), Err(DoesNotHold::UnknownKey));
    }

    #[test]
    fn keys_that_cannot_sign_are_refused() {
        check_refused(vec![], BadSigningKeys::Empty);
        check_refused(vec![Secret::new(vec![7; 32])], BadSigningKeys::NotASeed);
        check_refused(vec![Secret::new(b"short".to_vec())], BadSigningKeys::NotASeed);
        check_refused(vec![seed(1), seed(1)], BadSigningKeys::Twice);
        check_refused((0..17).map(seed).collect(), BadSigningKeys::TooMany);
    }
}
