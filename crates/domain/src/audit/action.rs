//! What can be done, as a table: the word in rows and what it means. A word that was written once is never given
//! another meaning.

/// One thing that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    word: &'static str,
    about: &'static str,
}

impl Action {
    /// The word in rows.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.word
    }

    /// What it means.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.about
    }
}

macro_rules! actions {
    ($($name:ident $word:literal $about:literal)*) => {
        impl Action {
            $(#[doc = $about] pub const $name: Action = Action { word: $word, about: $about };)*

            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$name),*];
        }
    };
}

actions! {
    ORG_CREATE "org.create" "An organization was made."
    ORG_SUSPEND "org.suspend" "An organization was suspended: none of its keys works."
    ORG_ACTIVATE "org.activate" "A suspended organization was let in again."
    ORG_LIMIT "org.limit" "An organization was given limits of its own."
    PROJECT_CREATE "project.create" "A project was made."
    PROJECT_DISABLE "project.disable" "A project was switched off: none of its keys works."
    PROJECT_ENABLE "project.enable" "A project was switched on again."
    KEY_CREATE "key.create" "An API key was made."
    KEY_DISABLE "key.disable" "An API key was switched off."
    KEY_ENABLE "key.enable" "An API key was switched on again."
    KEY_REVOKE "key.revoke" "An API key was withdrawn for good."
    KEY_ROTATE "key.rotate" "An API key was given a successor; the detail says how long it goes on."
    KEY_REFUSED "key.refused" "A credential was refused; the detail has the true reason and how often."
    OPERATOR_TOKEN_CREATE "operator_token.create" "An operator token was made."
    OPERATOR_TOKEN_REMOVE "operator_token.remove" "An operator token was removed for good."
    PROVIDER_KEY_CREATE "provider_key.create" "A provider was connected."
    PROVIDER_KEY_DISABLE "provider_key.disable" "A provider key was switched off."
    PROVIDER_KEY_ENABLE "provider_key.enable" "A provider key was switched on again."
    PROVIDER_KEY_REMOVE "provider_key.remove" "A provider key was removed with its sealed secret."
    MODEL_SET "model.set" "A model was described or priced."
    MODEL_DISABLE "model.disable" "A model was taken out of service."
    MODEL_ENABLE "model.enable" "A model was taken back into service."
    MODEL_REMOVE "model.remove" "A model row of one's own was removed: the catalogue's holds again."
    VAULT_ROTATE "vault.rotate" "Sealed values were wrapped with the newest encryption key."
    AUDIT_EXPORT "audit.export" "The audit trail was exported."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_is_its_own_and_names_a_noun_and_a_verb() {
        let words: BTreeSet<&str> = Action::ALL.iter().map(|action| action.word()).collect();
        assert_eq!(words.len(), Action::ALL.len());
        for action in Action::ALL {
            let (noun, verb) = action.word().split_once('.').unwrap();
            assert!(!noun.is_empty() && !verb.is_empty() && action.about().ends_with('.'), "{action:?}");
        }
    }
}
