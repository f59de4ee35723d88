//! Whose a connection is: whose calls it serves, which of several is tried first, and who pays its provider.

use crate::id::{OrgId, UserId};
use crate::scope::Scope;
use crate::usage::RouteMode;

/// Whose a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The installation's, which serves everyone.
    Platform,
    /// An organization's.
    Org(OrgId),
    /// That of a member of an organization: for calls with the keys which this person made there.
    User(OrgId, UserId),
    /// Nobody's: its key came with a request of this organization and serves that one call.
    Request(OrgId),
}

impl Owner {
    /// The tenant it belongs to; none for the platform's.
    #[must_use]
    pub fn org(self) -> Option<OrgId> {
        match self {
            Owner::Platform => None,
            Owner::Org(org) | Owner::User(org, _) | Owner::Request(org) => Some(org),
        }
    }

    /// The person, where it is one's own.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        match self {
            Owner::User(_, user) => Some(user),
            Owner::Platform | Owner::Org(_) | Owner::Request(_) => None,
        }
    }

    /// Who pays the provider for what it serves.
    #[must_use]
    pub fn mode(self) -> RouteMode {
        match self {
            Owner::Platform => RouteMode::Platform,
            Owner::Org(_) => RouteMode::OrgKey,
            Owner::User(..) | Owner::Request(_) => RouteMode::Byok,
        }
    }

    /// Whether calls of `scope` may use it. What came with a request is in no table.
    pub(super) fn serves(self, scope: &Scope) -> bool {
        match self {
            Owner::Platform => true,
            Owner::Org(org) => org == scope.org(),
            Owner::User(org, user) => org == scope.org() && Some(user) == scope.user(),
            Owner::Request(_) => false,
        }
    }

    /// Its place: the nearer to the caller, the lower.
    pub(super) fn tier(self) -> u8 {
        match self {
            Owner::Request(_) => 0,
            Owner::User(..) => 1,
            Owner::Org(_) => 2,
            Owner::Platform => 3,
        }
    }
}
