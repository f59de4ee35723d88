//! What a person is known by: an e-mail address, and perhaps a user name. Both are folded, so that two spellings are
//! one person. Whether mail arrives is not known here.

/// Longest e-mail address (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL_BYTES: usize = 254;
/// Longest part before the `@` (RFC 5321, 4.5.3.1.1).
const MAX_LOCAL_BYTES: usize = 64;
/// The length of a user name.
const USERNAME_BYTES: std::ops::RangeInclusive<usize> = 3..=64;

/// A text that is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an e-mail address is plain ASCII of at most 254 characters, with one @ and something on both sides of it"
)]
pub struct BadEmail;

/// A text that is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user name has 3 to 64 of the characters a-z, 0-9, dot, hyphen and underscore, and begins with a letter"
)]
pub struct BadUsername;

/// The one spelling of what somebody typed: without white space around it, in lower case.
#[must_use]
pub fn fold(typed: &str) -> String {
    typed.trim().to_lowercase()
}

/// The folded form of an e-mail address. Letters beyond ASCII are refused: some of them look like, or fold to, those
/// of another person's address.
///
/// # Errors
/// [`BadEmail`] when it is none.
pub fn email(typed: &str) -> Result<String, BadEmail> {
    let typed = typed.trim();
    let plain = typed.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&byte));
    let (local, domain) = typed.split_once('@').ok_or(BadEmail)?;
    let fits = typed.len() <= MAX_EMAIL_BYTES && (1..=MAX_LOCAL_BYTES).contains(&local.len());
    let dots = |part: &str| part.split('.').all(|label| !label.is_empty());
    if plain && fits && !domain.contains('@') && dots(local) && dots(domain) {
        Ok(fold(typed))
    } else {
        Err(BadEmail)
    }
}

/// The folded form of a user name. It holds no `@`, so that it is never taken for an address.
///
/// # Errors
/// [`BadUsername`] when it is none.
pub fn username(typed: &str) -> Result<String, BadUsername> {
    let typed = typed.trim();
    let plain = typed.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    let begins = typed.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if plain && begins && USERNAME_BYTES.contains(&typed.len()) { Ok(fold(typed)) } else { Err(BadUsername) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_an_address_are_one() {
        let check = |typed: &str, expect: Option<&str>| {
            assert_eq!(email(typed).ok().as_deref(), expect, "{typed:?}");
        };
        check(" Ada@Example.COM\t", Some("ada@example.com"));
        check("a+b@localhost", Some("a+b@localhost"));
        check("o'neil@example.com", Some("o'neil@example.com"));
        for bad in
            ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c", "a..b@c", "ada@.com", "a\0@c", "a,b@c"]
        {
            check(bad, None);
        }
        // The Kelvin sign folds to the letter k.
        check("mi\u{212a}e@example.com", None);
        check(&format!("{}@example.com", "x".repeat(65)), None);
        check(&format!("x@{}", "y".repeat(253)), None);
    }

    #[test]
    fn user_names_are_plain_and_no_addresses() {
        let check = |typed: &str, expect: Option<&str>| {
            assert_eq!(username(typed).ok().as_deref(), expect, "{typed:?}");
        };
        check(" Ada.L-1_x ", Some("ada.l-1_x"));
        for bad in ["", "ab", "1ab", "a@b", "a b", "ädä", &"x".repeat(65)] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn what_is_folded_stays_folded(typed in "[ a-zA-Z0-9.+@-]{0,40}") {
            if let Ok(folded) = email(&typed) {
                prop_assert_eq!(email(&folded), Ok(folded.clone()));
                prop_assert_eq!(fold(&typed), folded);
            }
        }
    }
}
