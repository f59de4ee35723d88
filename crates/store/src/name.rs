//! Names that people give: what they may be, so that a list is readable and a name is never taken for an identifier.

use domain::audit::plain::is_hidden;
use domain::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};

/// Most characters of a name.
pub const MAX_NAME_CHARS: usize = 200;

/// A name that nobody could tell from another, or from an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to 200 visible characters, no white space at either end, and does not look like an identifier"
)]
pub struct BadName;

/// Checks a name.
///
/// # Errors
/// [`BadName`] when it is empty, too long, holds characters that do not show, or reads as an identifier.
pub fn check(name: &str) -> Result<(), BadName> {
    let fits = (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    if !fits || name.trim() != name || name.chars().any(is_hidden) || is_identifier(name) {
        return Err(BadName);
    }
    Ok(())
}

/// A text of somebody else's choosing that no database of ours could keep, or no list could show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text holds NUL or another character that does not show")]
pub struct BadText;

/// Checks a text that is not a name of ours but is kept as it comes: a provider's model, an address. PostgreSQL keeps no
/// NUL in any text.
///
/// # Errors
/// [`BadText`] when it holds characters that do not show.
pub fn check_text(text: &str) -> Result<(), BadText> {
    if text.chars().any(is_hidden) { Err(BadText) } else { Ok(()) }
}

fn is_identifier(name: &str) -> bool {
    name.parse::<OrgId>().is_ok()
        || name.parse::<ProjectId>().is_ok()
        || name.parse::<KeyId>().is_ok()
        || name.parse::<ProviderKeyId>().is_ok()
        || name.parse::<CallId>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_no_identifiers() {
        for good in
            ["acme", "Ärzte & Söhne", "org_", "accounts/x/models/llama-v3p1-405b", "日本", &"x".repeat(200)]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let identifier = format!("key_{}", "0".repeat(32));
        for bad in ["", " acme", "acme\n", "a\0b", "a\u{202e}b", "a\u{200b}b", &identifier, &"x".repeat(201)]
        {
            assert_eq!(check(bad), Err(BadName), "{bad:?}");
        }
    }

    #[test]
    fn texts_of_others_show_all_that_they_hold() {
        for good in ["", "accounts/x/models/y:latest", "https://example.com/v1", &"x".repeat(9_999)] {
            assert_eq!(check_text(good), Ok(()), "{good}");
        }
        for bad in ["\0", "gpt\0x", "a\nb", "a\u{200b}b"] {
            assert_eq!(check_text(bad), Err(BadText), "{bad:?}");
        }
    }
}
