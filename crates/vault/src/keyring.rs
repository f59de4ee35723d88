//! The key-encryption keys, newest first, and their text form in key files. It does not know where the files are.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use data_encoding::{
    BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXLOWER_PERMISSIVE,
};
use domain::secret::Secret;
use zeroize::Zeroizing;

use crate::digest;
use crate::entropy::{self, NoEntropy};

/// Bytes of a key-encryption key.
pub const KEY_BYTES: usize = 32;
/// Bytes of the name by which a sealed value says which key wrapped it.
pub(crate) const KEY_ID_BYTES: usize = 8;
/// Most keys of one ring: rotations that were never finished.
pub const MAX_KEYS: usize = 32;
/// Separates the name of a key from every other hash made of it.
const KEY_ID_LABEL: &[u8] = b"portcullis/vault/key-id/1\0";

/// Why a set of keys cannot seal anything. The messages never hold any part of a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadKeyring {
    /// There is none.
    #[error("no encryption key is given")]
    Empty,
    /// There are more than a ring holds.
    #[error(
        "more than 32 encryption keys are given; re-wrap everything under the newest and drop the others"
    )]
    TooMany,
    /// Neither hexadecimal nor base64.
    #[error("an encryption key is written as 64 hexadecimal digits or as base64")]
    NotText,
    /// Another length than the cipher's.
    #[error("an encryption key has exactly 32 bytes")]
    WrongLength,
    /// One byte over and over.
    #[error("an encryption key is one byte repeated; it was not made at random")]
    Weak,
    /// The same key twice.
    #[error("the same encryption key is given twice")]
    Repeated,
}

/// The public name of a key: eight bytes of a labelled hash, from which nothing of the key can be learned. It may be
/// shown, stored and logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName([u8; KEY_ID_BYTES]);

impl KeyName {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// The keys that wrap data keys: the newest wraps, all of them unwrap.
pub struct Keyring {
    newest: Wrapper,
    older: Vec<Wrapper>,
}

/// One key with its name.
pub(crate) struct Wrapper {
    pub(crate) id: [u8; KEY_ID_BYTES],
    pub(crate) key: RandomizedNonceKey,
}

impl Keyring {
    /// Takes the keys, newest first, 32 bytes each.
    ///
    /// # Errors
    /// [`BadKeyring`] when there is none, too many, a weak one, one of another length, or one twice.
    pub fn new(keys: Vec<Secret>) -> Result<Self, BadKeyring> {
        if keys.len() > MAX_KEYS {
            return Err(BadKeyring::TooMany);
        }
        let mut wrappers = Vec::with_capacity(keys.len());
        for key in &keys {
            let wrapper = Wrapper::new(key)?;
            if wrappers.iter().any(|known: &Wrapper| known.id == wrapper.id) {
                return Err(BadKeyring::Repeated);
            }
            wrappers.push(wrapper);
        }
        let mut wrappers = wrappers.into_iter();
        let newest = wrappers.next().ok_or(BadKeyring::Empty)?;
        Ok(Self { newest, older: wrappers.collect() })
    }

    /// The names of the keys, newest first; never empty.
    #[must_use]
    pub fn names(&self) -> Vec<KeyName> {
        self.wrappers().map(|wrapper| KeyName(wrapper.id)).collect()
    }

    pub(crate) fn newest(&self) -> &Wrapper {
        &self.newest
    }

    pub(crate) fn find(&self, id: &[u8]) -> Option<&Wrapper> {
        self.wrappers().find(|wrapper| wrapper.id == id)
    }

    fn wrappers(&self) -> impl Iterator<Item = &Wrapper> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

impl Wrapper {
    fn new(key: &Secret) -> Result<Self, BadKeyring> {
        let bytes = key.open();
        checked(bytes)?;
        let labelled = Zeroizing::new([KEY_ID_LABEL, bytes].concat());
        let mut id = [0; KEY_ID_BYTES];
        id.copy_from_slice(&digest::sha256(&labelled)[..KEY_ID_BYTES]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| BadKeyring::WrongLength)?;
        Ok(Self { id, key })
    }
}

/// Reads a key from its text form: 64 hexadecimal digits, or base64 of either alphabet with or without padding.
/// White space around it is ignored.
///
/// # Errors
/// [`BadKeyring`] when it is another form, another length, or one byte repeated.
pub fn parse_key(text: &str) -> Result<Secret, BadKeyring> {
    let text = text.trim().as_bytes();
    let decode = |encoding: &Encoding| encoding.decode(text).ok().map(Zeroizing::new);
    // Hexadecimal comes first: 64 such digits are base64 as well, but of 48 bytes, which no key has.
    let bytes = if text.len() == 2 * KEY_BYTES { decode(&HEXLOWER_PERMISSIVE) } else { None }
        .or_else(|| [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD].iter().find_map(decode))
        .ok_or(BadKeyring::NotText)?;
    checked(&bytes)?;
    Ok(Secret::new(bytes.to_vec()))
}

/// Makes a key at random, in the text form that [`parse_key`] reads: what a new key file holds.
///
/// # Errors
/// [`NoEntropy`] when the generator fails.
pub fn generate() -> Result<String, NoEntropy> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    entropy::fill(&mut *bytes)?;
    Ok(BASE64.encode(&*bytes))
}

fn checked(bytes: &[u8]) -> Result<(), BadKeyring> {
    if bytes.len() != KEY_BYTES {
        return Err(BadKeyring::WrongLength);
    }
    if digest::uniform(bytes) { Err(BadKeyring::Weak) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&[u8], BadKeyring>) {
        match (parse_key(text), expect) {
            (Ok(key), Ok(bytes)) => assert_eq!(key.open(), bytes, "{text}"),
            (read, expect) => assert_eq!(read.err(), expect.err(), "{text}"),
        }
    }

    #[test]
    fn other_texts_are_refused() {
        check("", Err(BadKeyring::WrongLength));
        check("change me", Err(BadKeyring::NotText));
        check(&"0".repeat(64), Err(BadKeyring::Weak));
        check(&"0123456789abcdef".repeat(3), Err(BadKeyring::WrongLength));
        check(&BASE64.encode(&[9; 32]), Err(BadKeyring::Weak));
        check(&BASE64.encode(b"thirty-one bytes are too few!!!"), Err(BadKeyring::WrongLength));
        check(&BASE64.encode(b"thirty-three bytes are too many!!"), Err(BadKeyring::WrongLength));
    }

    #[test]
    fn rings_without_one_key_each_are_refused() {
        let key = |byte: u8| {
            let mut bytes = vec![byte; KEY_BYTES];
            bytes[0] = 99;
            Secret::new(bytes)
        };
        assert_eq!(Keyring::new(vec![]).err(), Some(BadKeyring::Empty));
        assert_eq!(Keyring::new(vec![key(1), key(2), key(1)]).err(), Some(BadKeyring::Repeated));
        assert_eq!(Keyring::new(vec![key(1), Secret::new(vec![1, 2])]).err(), Some(BadKeyring::WrongLength));
        assert_eq!(Keyring::new((0..33).map(key).collect()).err(), Some(BadKeyring::TooMany));
        assert!(Keyring::new(vec![key(1), key(2)]).is_ok());
    }

    #[test]
    fn a_made_key_reads_back_and_is_not_the_last_one() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, two);
        assert!(parse_key(&format!("{one}\n")).is_ok());
    }

    proptest! {
        #[test]
        fn every_text_form_reads_to_the_same_key(key in any::<[u8; KEY_BYTES]>()) {
            prop_assume!(!digest::uniform(&key));
            let hex = HEXLOWER.encode(&key);
            for encoding in [BASE64, BASE64URL, BASE64_NOPAD, BASE64URL_NOPAD] {
                check(&encoding.encode(&key), Ok(&key));
            }
            check(&hex, Ok(&key));
            check(&format!(" {}\n", hex.to_ascii_uppercase()), Ok(&key));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = parse_key(&text);
        }
    }
}
