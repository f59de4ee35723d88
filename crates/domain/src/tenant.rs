//! Whose rows a person may touch: made from a verified membership and from nothing else. It is to the admin API what
//! [`Scope`](crate::scope::Scope) is to the request path.

use crate::id::OrgId;

/// One organization, on behalf of somebody who may act for it. `xtask tidy` names the files that may make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenant {
    org: OrgId,
}

impl Tenant {
    /// The tenant of a member whose membership was just read from the store.
    #[must_use]
    pub fn of_verified_member(org: OrgId) -> Self {
        Self { org }
    }

    /// The organization.
    #[must_use]
    pub fn org(&self) -> OrgId {
        self.org
    }
}
