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
    ORG_UPDATE "org.update" "The settings of an organization were changed; the detail says which."
    ORG_LIMIT "org.limit" "An organization was given limits of its own."
    ORG_ALLOW_IP "org.allow_ip" "An organization was told from which addresses its keys may be used."
    PROJECT_CREATE "project.create" "A project was made."
    PROJECT_UPDATE "project.update" "A project was changed; the detail says what."
    PROJECT_LIMIT "project.limit" "A project was given limits of its own."
    PROJECT_DISABLE "project.disable" "A project was switched off: none of its keys works."
    PROJECT_ENABLE "project.enable" "A project was switched on again."
    KEY_CREATE "key.create" "An API key was made."
    KEY_UPDATE "key.update" "An API key was changed; the detail says what."
    KEY_IMPORT "key.import" "Digests of API keys of another gateway were taken over."
    KEY_DISABLE "key.disable" "An API key was switched off."
    KEY_ENABLE "key.enable" "An API key was switched on again."
    KEY_ALLOW_IP "key.allow_ip" "An API key was told from which addresses it may be used."
    KEY_REVOKE "key.revoke" "An API key was withdrawn for good."
    KEY_ROTATE "key.rotate" "An API key was given a successor; the detail says how long it goes on."
    KEY_REFUSED "key.refused" "A credential was refused; the detail has the true reason and how often."
    OPERATOR_TOKEN_CREATE "operator_token.create" "An operator token was made."
    OPERATOR_TOKEN_REMOVE "operator_token.remove" "An operator token was removed for good."
    PROVIDER_KEY_CREATE "provider_key.create" "A provider was connected."
    PROVIDER_KEY_DISABLE "provider_key.disable" "A provider key was switched off."
    PROVIDER_KEY_ENABLE "provider_key.enable" "A provider key was switched on again."
    PROVIDER_KEY_REMOVE "provider_key.remove" "A provider key was removed with its sealed secret."
    PROVIDER_KEY_COOLDOWN "provider_key.cooldown" "A provider key rests; the detail says why, and how often it began to in that minute."
    PROVIDER_KEY_EXHAUSTED "provider_key.exhausted" "The quota behind a provider key is used up."
    PROVIDER_KEY_BROKEN "provider_key.broken" "A provider key went out of service until a person enables it; the detail says why."
    PROVIDER_KEY_BACK "provider_key.back" "A provider key that rested works again."
    PROVIDER_OUT "provider.out" "Several keys of a provider failed alike: it is skipped as a whole."
    PROVIDER_BACK "provider.back" "A provider that was skipped answers again."
    PROVIDER_KEY_UPDATE "provider_key.update" "A provider key was changed; the detail says what."
    PROVIDER_KEY_TEST "provider_key.test" "A provider key was tried against its provider."
    PROVIDER_KEY_ROTATE "provider_key.rotate" "A provider key was given another secret."
    MODEL_SET "model.set" "A model was described or priced."
    MODEL_DISABLE "model.disable" "A model was taken out of service."
    MODEL_ENABLE "model.enable" "A model was taken back into service."
    MODEL_REMOVE "model.remove" "A model row of one's own was removed: the catalogue's holds again."
    USER_REGISTER "user.register" "A person got an account."
    USER_VERIFY "user.verify" "A person proved to read an e-mail address."
    USER_UPDATE "user.update" "A person's account was changed; the detail says what."
    USER_EMAIL "user.email" "A person asked for another e-mail address; the detail has both."
    USER_PASSWORD "user.password" "A person's password was changed: every login ended."
    USER_RESET "user.reset" "A person asked for a new password by e-mail."
    USER_TOTP "user.totp" "A second factor was switched on or off."
    USER_RECOVERY "user.recovery" "A person's recovery codes were made, or one was used in the place of the second factor."
    USER_DISABLE "user.disable" "A person was locked out: every login ended."
    USER_ENABLE "user.enable" "A person was let in again."
    USER_EXPORT "user.export" "All that is kept of a person was exported."
    USER_ERASE "user.erase" "What is kept of a person was erased; the books keep a pseudonym."
    USER_OPERATOR "user.operator" "A person became an operator of the installation or is none any more."
    LOGIN_SUCCEED "login.succeed" "A person logged in."
    LOGIN_FAIL "login.fail" "A login failed; the detail has the true reason."
    LOGIN_LOCK "login.lock" "Too many logins failed: an account or an address has to wait."
    LOGIN_ORG "login.org" "A person turned a login to another of their organizations."
    LOGIN_PROVE "login.prove" "A person gave the password or the second factor again."
    LOGIN_END "login.end" "A person logged out."
    LOGIN_REUSE "login.reuse" "A spent refresh token was used: the login it continued was ended."
    IMPERSONATION_START "impersonation.start" "An operator began to act as a person, to help them; the detail says why."
    IMPERSONATION_END "impersonation.end" "An operator acts as a person no more."
    MEMBER_ADD "member.add" "A person joined an organization."
    MEMBER_ROLE "member.role" "A member of an organization was given another role."
    MEMBER_REMOVE "member.remove" "A person left an organization or was removed."
    INVITATION_CREATE "invitation.create" "A person was invited."
    INVITATION_REVOKE "invitation.revoke" "An invitation was withdrawn."
    RETENTION_SET "retention.set" "How long a class of data is kept was changed."
    RETENTION_RUN "retention.run" "Data past its time was removed; the detail says how much."
    CONFIG_RELOAD "config.reload" "The configuration was read again."
    PRODUCTION_OVERRIDE "production.override" "A check of production safety was overridden."
    VAULT_ROTATE "vault.rotate" "Sealed values were wrapped with the newest encryption key."
    AUDIT_VERIFY "audit.verify" "The audit trail was proved from end to end."
    AUDIT_ARCHIVE "audit.archive" "A proved segment of the audit trail was moved to an archive file."
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
