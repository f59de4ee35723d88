//! bcrypt for passwords of any length. bcrypt itself looks at 72 bytes and no further, so it is given the HMAC-SHA-256 of
//! the password under the salt, in base64: 44 bytes without a zero among them. The salt keeps a list of plain SHA-256
//! digests from elsewhere useless. The form is Passlib's `bcrypt_sha256`, version 2, which others read as well.

use aws_lc_rs::hmac;
use bcrypt::{BcryptError, HashParts};
use data_encoding::BASE64;
use domain::secret::Secret;
use zeroize::Zeroizing;

use crate::digest;

/// How every such hash begins, up to its cost.
const BEGINNING: &str = "$bcrypt-sha256$v=2,t=2b,r=";
/// Characters of a salt and of a digest, in bcrypt's own base64.
const SALT_CHARS: usize = 22;
const DIGEST_CHARS: usize = 31;
/// bcrypt's own alphabet of base64.
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// Bytes of a salt.
pub(super) const SALT_BYTES: usize = 16;

/// A stored hash, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored<'a> {
    /// Two to this power are its rounds.
    pub cost: u32,
    salt: [u8; SALT_BYTES],
    digest: &'a str,
}

impl<'a> Stored<'a> {
    /// Reads a hash of this form; `None` when it is of another.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (cost, rest) = text.strip_prefix(BEGINNING)?.split_once('$')?;
        let (salt_text, digest) = rest.split_once('$')?;
        if salt_text.len() != SALT_CHARS || digest.len() != DIGEST_CHARS {
            return None;
        }
        // By way of bcrypt's own form, whose reader checks the alphabet.
        let parts: HashParts = format!("$2b${cost:0>2}${salt_text}{digest}").parse().ok()?;
        Some(Self { cost: parts.get_cost(), salt: parts.get_salt_raw(), digest })
    }

    /// Whether it is the hash of this password.
    pub(super) fn verify(&self, password: &Secret) -> bool {
        let hashed = digest_of(password, self.cost, self.salt);
        hashed.is_ok_and(|found| digest::equal(found.as_bytes(), self.digest.as_bytes()))
    }
}

/// The text to store of a password.
pub(super) fn hash(password: &Secret, cost: u32, salt: [u8; SALT_BYTES]) -> Result<String, BcryptError> {
    let digest = digest_of(password, cost, salt)?;
    Ok(format!("{BEGINNING}{cost}${}${digest}", salt_text(salt)))
}

fn digest_of(password: &Secret, cost: u32, salt: [u8; SALT_BYTES]) -> Result<String, BcryptError> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt_text(salt).as_bytes());
    let tag = hmac::sign(&key, password.open());
    let short = Zeroizing::new(BASE64.encode(tag.as_ref()));
    let hashed = bcrypt::hash_with_salt(short.as_bytes(), cost, salt)?.to_string();
    // Sign, version, sign, cost, sign, salt; what is left is the digest.
    Ok(hashed.chars().skip(hashed.len() - DIGEST_CHARS).collect())
}

/// A salt in bcrypt's base64: six bits a character, the last one filled up with zeros.
fn salt_text(salt: [u8; SALT_BYTES]) -> String {
    let bits = u128::from_be_bytes(salt);
    let six = |place: usize| match 122_usize.checked_sub(6 * place) {
        Some(shift) => bits >> shift,
        None => bits << 4,
    };
    let index = |place| usize::try_from(six(place) & 63).unwrap_or(0);
    (0..SALT_CHARS).map(|place| char::from(ALPHABET[index(place)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verify(stored: &str, password: &[u8]) -> Option<bool> {
        Stored::parse(stored).map(|stored| stored.verify(&Secret::new(password.to_vec())))
    }

    #[test]
    fn hashes_of_passlib_are_read() {
        // Of Passlib's manual, and as its code makes them.
        let long = "x".repeat(100);
        for (stored, password) in [
            (
                "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
                "password",
            ),
            (
                "$bcrypt-sha256$v=2,t=2b,r=5$dTtURqMhdSsUxCylfTkTFe$.T15rzKlk1FFSNlz5U.LeDfL56i215S",
                long.as_str(),
            ),
            (
                "$bcrypt-sha256$v=2,t=2b,r=5$Rd/3RC9NNsDFUWmbJg6rC.$rXR9UadVb7mlujtWPH1XjuHcWs/huhu",
                "Grüße aus  Köln",
            ),
        ] {
            assert_eq!(verify(stored, password.as_bytes()), Some(true), "{stored}");
            assert_eq!(verify(stored, b"another"), Some(false), "{stored}");
        }
    }

    #[test]
    fn every_byte_of_a_long_password_counts() {
        let long = vec![b'x'; 1_024];
        let stored = hash(&Secret::new(long.clone()), 4, [7; SALT_BYTES]).unwrap();
        assert_eq!(verify(&stored, &long), Some(true));
        for place in [0, 71, 72, 73, 1_023] {
            let mut other = long.clone();
            other[place] = b'y';
            assert_eq!(verify(&stored, &other), Some(false), "byte {place}");
        }
        assert_eq!(verify(&stored, &long[..72]), Some(false));
        let with_zero = Secret::new(b"before\0after".to_vec());
        let stored = hash(&with_zero, 4, [7; SALT_BYTES]).unwrap();
        assert_eq!(verify(&stored, b"before\0other"), Some(false), "a zero ends nothing");
    }

    #[test]
    fn what_is_of_another_form_is_not_read() {
        for text in [
            "",
            "$2b$12$n79VH.0Q2TMWmt3Oqt9ukuKq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "$bcrypt-sha256$v=1,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "$bcrypt-sha256$v=2,t=2b,r=012$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uk$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft!",
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku",
            "$bcrypt-sha256$v=2,t=2b,r=ab$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
        ] {
            assert_eq!(Stored::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(salt in any::<[u8; SALT_BYTES]>()) {
            let stored = hash(&Secret::new(b"a fit password".to_vec()), 4, salt).unwrap();
            let read = Stored::parse(&stored).unwrap();
            prop_assert_eq!((read.cost, read.salt), (4, salt));
            prop_assert!(read.verify(&Secret::new(b"a fit password".to_vec())));
        }

        #[test]
        fn no_text_panics(text in "(\\$bcrypt-sha256\\$v=2,t=2b,r=)?[0-9]{0,3}\\$?[./A-Za-zé]{0,23}\\$?.{0,33}") {
            let _ = Stored::parse(&text);
        }
    }
}
