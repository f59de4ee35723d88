//! On or off: the state of everything that a person can switch off and on again.

/// Whether something is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// In use.
    Active,
    /// Switched off by a person.
    Disabled,
}

impl Switch {
    /// The stored word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Switch::Active => "active",
            Switch::Disabled => "disabled",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled].into_iter().find(|state| state.word() == word)
    }
}
