//! What a provider signs or encrypts of its own answer and wants back unchanged. Through a caller of another protocol it
//! travels under its maker's name, so that it is never shown to another provider.

use std::borrow::Cow;

use crate::protocol::Protocol;

/// Divides the maker's word from the value. No provider's own value has it after a word of [`Protocol::word`].
const DIVIDER: char = '~';

/// A signature or an encrypted thought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who made it and alone may see it again. Claude's count as Anthropic's wherever it runs.
    pub maker: Protocol,
    /// The value, as its maker wrote it.
    pub value: String,
}

impl Signature {
    /// A signature that its maker has just given.
    #[must_use]
    pub fn new(maker: Protocol, value: impl Into<String>) -> Self {
        Self { maker, value: value.into() }
    }

    /// As a caller of `protocol` carries it.
    #[must_use]
    pub fn carried(&self, protocol: Protocol) -> Cow<'_, str> {
        if self.maker == protocol {
            Cow::Borrowed(&self.value)
        } else {
            Cow::Owned(format!("{}{DIVIDER}{}", self.maker.word(), self.value))
        }
    }

    /// Reads what a caller of `protocol` sent back.
    #[must_use]
    pub fn returned(protocol: Protocol, carried: &str) -> Self {
        let named =
            carried.split_once(DIVIDER).and_then(|(word, value)| Some((Protocol::parse(word)?, value)));
        match named {
            Some((maker, value)) => Self::new(maker, value),
            None => Self::new(protocol, carried),
        }
    }

    /// The value, if `protocol` made it.
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> Option<&str> {
        (self.maker == protocol).then_some(self.value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_foreign_signature_travels_under_its_makers_name() {
        let signature = Signature::new(Protocol::Gemini, "abc=");
        assert_eq!(signature.carried(Protocol::Gemini), "abc=");
        assert_eq!(signature.carried(Protocol::Anthropic), "gemini~abc=");
        assert_eq!(signature.of(Protocol::Anthropic), None);
    }

    proptest! {
        #[test]
        fn what_is_carried_returns(value in "[A-Za-z0-9+/=_-]{0,80}", maker in 0..5usize, through in 0..5usize) {
            let signature = Signature::new(Protocol::ALL[maker], value);
            let through = Protocol::ALL[through];
            prop_assert_eq!(Signature::returned(through, &signature.carried(through)), signature);
        }
    }
}
