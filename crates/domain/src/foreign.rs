//! Credentials that another gateway issued and whose digests were imported: `sk-…`, in the text their issuer gave them.
//! It knows nothing of who issued one, and what such a text holds means nothing here.

use zeroize::Zeroize;

/// How they begin, in every official client's eyes.
const BEGINNING: &[u8] = b"sk-";
/// Fewest bytes: what is shorter could be guessed.
pub const LEAST_BYTES: usize = 16;
/// Most bytes.
pub const MOST_BYTES: usize = 256;

/// A credential that is not of our grammar. Not `Debug`, not `Clone`; zeroed on drop.
pub struct Foreign(String);

impl Drop for Foreign {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Foreign {
    /// Takes what a caller sent, as it is: unlike ours it is told apart by case. `None` when it could not be one.
    #[must_use]
    pub fn parse(sent: &[u8]) -> Option<Self> {
        if !(LEAST_BYTES..=MOST_BYTES).contains(&sent.len()) || !sent.starts_with(BEGINNING) {
            return None;
        }
        if !sent.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        std::str::from_utf8(sent).ok().map(|text| Self(text.to_owned()))
    }

    /// The text, for the digest.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(sent: &str, expect: bool) {
        let parsed = Foreign::parse(sent.as_bytes());
        assert_eq!(parsed.is_some(), expect, "{sent}");
        assert!(parsed.is_none_or(|foreign| foreign.reveal() == sent), "{sent}");
    }

    #[test]
    fn only_what_could_be_issued_elsewhere_is_one() {
        check("sk-abcdefghijklm", true);
        check("sk-Zq7XbW3n_TpLk9-sVdEfGhw", true);
        check(&format!("sk-{}", "a".repeat(253)), true);
        check(&format!("sk-{}", "a".repeat(254)), false);
        check("sk-abcdefghijkl", false);
        check("sk-1234", false);
        check("SK-abcdefghijklmnop", false);
        check(" sk-abcdefghijklmnop", false);
        check("sk-abcdefgh ijklmnop", false);
        check("sk-abcdefghijklmnop\u{e9}", false);
        check("pc_live_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk", false);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let parsed = Foreign::parse(&bytes);
            prop_assert!(parsed.is_none_or(|foreign| foreign.reveal().as_bytes() == bytes));
        }
    }
}
