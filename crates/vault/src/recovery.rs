//! Recovery codes, which stand in for a second factor that is lost: 80 random bits in an alphabet that can be read
//! aloud. Where their digests are kept is not known here.

use domain::token::ALPHABET;
use zeroize::{Zeroize, Zeroizing};

use crate::entropy::{self, NoEntropy};

/// Codes that somebody gets at once.
pub const CODES: usize = 10;
/// Characters of a code, without what stands between them: five bits each.
pub const CODE_CHARS: usize = 16;
/// Characters between two hyphens.
const GROUP_CHARS: usize = 4;
/// Most characters of what somebody types: every character with one around it.
const MOST_TYPED: usize = 3 * CODE_CHARS;

/// A recovery code. Not `Debug`, not `Clone`; zeroed on drop.
pub struct RecoveryCode([u8; CODE_CHARS]);

impl Drop for RecoveryCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl RecoveryCode {
    /// Makes one at random.
    ///
    /// # Errors
    /// [`NoEntropy`] when the generator fails.
    pub fn make() -> Result<Self, NoEntropy> {
        let mut bytes = Zeroizing::new([0; CODE_CHARS]);
        entropy::fill(bytes.as_mut_slice())?;
        Ok(Self(bytes.map(|byte| ALPHABET[usize::from(byte & 31)])))
    }

    /// Reads what somebody typed: case, hyphens and white space do not matter, and look-alikes are taken for what they
    /// look like. `None` for what can be no code.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > MOST_TYPED {
            return None;
        }
        let (mut code, mut count) = (Self([0; CODE_CHARS]), 0);
        for byte in typed.bytes().filter(|byte| !matches!(byte, b'-' | b' ' | b'\t')) {
            let canonical = match byte.to_ascii_lowercase() {
                b'i' | b'l' => b'1',
                b'o' => b'0',
                other if ALPHABET.contains(&other) => other,
                _ => return None,
            };
            *code.0.get_mut(count)? = canonical;
            count += 1;
        }
        (count == CODE_CHARS).then_some(code)
    }

    /// The canonical bytes, for the digest.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The code as its owner writes it down: `xxxx-xxxx-xxxx-xxxx`.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(CODE_CHARS + CODE_CHARS / GROUP_CHARS));
        for (place, byte) in self.0.iter().enumerate() {
            if place > 0 && place % GROUP_CHARS == 0 {
                text.push('-');
            }
            text.push(char::from(*byte));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(typed: &str, expect: Option<&str>) {
        let read = RecoveryCode::parse(typed);
        assert_eq!(read.map(|code| code.reveal().to_string()).as_deref(), expect, "{typed}");
    }

    #[test]
    fn it_is_read_as_people_type_it() {
        let expect = Some("0123-4567-89ab-cdef");
        check("0123-4567-89ab-cdef", expect);
        check("0123456789ABCDEF", expect);
        check(" o1 23-4567\t89ab - cdef ", expect);
        check("Ol23-4567-89ab-cdef", expect);
        check("OI23-4567-89ab-cdef", expect);
        check("", None);
        check("0123-4567-89ab-cde", None);
        check("0123-4567-89ab-cdef0", None);
        check("0123-4567-89ab-cdeu", None);
        check("0123-4567-89ab-cdé", None);
        check(&format!("0123-4567-89ab-cdef{}", " ".repeat(MOST_TYPED)), None);
    }

    #[test]
    fn no_two_are_alike() {
        let codes: std::collections::BTreeSet<_> =
            (0..CODES).map(|_| RecoveryCode::make().unwrap().reveal().to_string()).collect();
        assert_eq!(codes.len(), CODES);
    }

    proptest! {
        #[test]
        fn what_was_made_is_read_again(flips in any::<u16>()) {
            let made = RecoveryCode::make().unwrap();
            let text = made.reveal();
            let typed: String = text.chars().enumerate()
                .map(|(place, c)| if flips >> (place % 16) & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            let read = RecoveryCode::parse(&typed);
            prop_assert_eq!(read.map(|code| code.bytes().to_vec()), Some(made.bytes().to_vec()));
        }

        #[test]
        fn nothing_typed_panics(typed in ".{0,60}") {
            let _ = RecoveryCode::parse(&typed);
        }
    }
}
