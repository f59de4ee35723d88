//! What a member of an organization may do, in four words. Which endpoint asks for which of them is not known here.

use serde::{Deserialize, Serialize};

/// The role of a member in one organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgRole {
    /// Everything, and the only one who makes owners and admins.
    Owner,
    /// Everything but owners and admins.
    Admin,
    /// The organization's projects and own keys.
    Member,
    /// Reads, and changes nothing.
    Auditor,
}

impl OrgRole {
    /// Every role.
    pub const ALL: [OrgRole; 4] = [OrgRole::Owner, OrgRole::Admin, OrgRole::Member, OrgRole::Auditor];

    /// The word in requests and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OrgRole::Owner => "owner",
            OrgRole::Admin => "admin",
            OrgRole::Member => "member",
            OrgRole::Auditor => "auditor",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether a holder of this role may give `other` to somebody, and take it away: nobody hands out more than a
    /// part of the own rights.
    #[must_use]
    pub fn may_grant(self, other: OrgRole) -> bool {
        match self {
            OrgRole::Owner => true,
            OrgRole::Admin => matches!(other, OrgRole::Member | OrgRole::Auditor),
            OrgRole::Member | OrgRole::Auditor => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_nobody_grants_more_than_the_own() {
        for role in OrgRole::ALL {
            assert_eq!(OrgRole::parse(role.word()), Some(role));
            assert!(OrgRole::Owner.may_grant(role));
            assert!(!OrgRole::Member.may_grant(role) && !OrgRole::Auditor.may_grant(role));
        }
        assert!(!OrgRole::Admin.may_grant(OrgRole::Owner) && !OrgRole::Admin.may_grant(OrgRole::Admin));
        assert_eq!(OrgRole::parse("Owner"), None);
    }
}
