//! The one type of a plaintext secret. It cannot be printed, serialized, compared or cloned, and is zeroed on
//! drop; `xtask tidy` lists the files that may open it.

use zeroize::Zeroizing;

/// A plaintext secret in memory. Deliberately without `Debug`, `Display`, `Serialize`, `Clone` and `PartialEq`.
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes ownership of the bytes; the caller's buffer is moved, not copied, when its capacity equals its length.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(Zeroizing::new(Box::from(bytes.as_slice())))
    }

    /// The plaintext, for the code that writes an upstream's auth header, seals, or keys a MAC.
    #[must_use]
    pub fn open(&self) -> &[u8] {
        &self.0
    }

    /// What may be shown: the first and last 4 characters when there are at least 16, otherwise `****`. White space and
    /// line ends, which a key file has, are left out.
    #[must_use]
    pub fn masked(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let hidden = |character: char| character.is_whitespace() || character.is_control();
        if text.contains(hidden) {
            let visible: Zeroizing<String> = Zeroizing::new(text.chars().filter(|&c| !hidden(c)).collect());
            return mask(&visible);
        }
        mask(&text)
    }

    /// Whether `haystack` holds the secret, so that an answer that echoes it can be withheld.
    #[must_use]
    pub fn leaks_into(&self, haystack: &[u8]) -> bool {
        self.0.len() >= 8 && haystack.windows(self.0.len()).any(|window| window == &**self.0)
    }
}

/// Masks any text the way a secret is masked: `sk-a…wxyz` when it has at least 16 characters, otherwise `****`.
#[must_use]
pub fn mask(text: &str) -> String {
    let count = text.chars().count();
    if count < 16 {
        return "****".to_owned();
    }
    let head: String = text.chars().take(4).collect();
    let tail: String = text.chars().skip(count - 4).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_four_and_four_only_when_long_enough() {
        assert_eq!(mask("sk-0123456789abcd"), "sk-0…abcd");
        assert_eq!(mask("short-secret"), "****");
        assert_eq!(mask("éééééééééééééééé"), "éééé…éééé");
    }

    #[test]
    fn a_mask_is_one_line() {
        let secret = Secret::new(b"{\n  \"type\": \"service_account\",\r\n\t\"a\": 1\n}\n".to_vec());
        assert_eq!(secret.masked(), "{\"ty…\":1}");
    }

    #[test]
    fn an_echo_is_found() {
        let secret = Secret::new(b"sk-PROVIDERKEY".to_vec());
        assert!(secret.leaks_into(b"overloaded sk-PROVIDERKEY!"));
        assert!(!secret.leaks_into(b"overloaded"));
    }
}
