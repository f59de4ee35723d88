//! One call on one connection: it counts among the calls in flight until it is dropped.

use std::sync::Arc;

use domain::pool::Role;

use super::member::Member;

/// One call on one connection.
#[derive(Debug)]
#[must_use = "dropping it ends the call on this connection"]
pub struct Turn {
    member: Arc<Member>,
    provider: Role,
    own: Role,
}

impl Turn {
    pub(super) fn begin(member: &Arc<Member>, provider: Role, own: Role) -> Self {
        member.enter();
        Self { member: Arc::clone(member), provider, own }
    }

    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    /// Whether this call finds out whether the connection, or its provider, works again.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.provider == Role::Probe || self.own == Role::Probe
    }

    /// The roles in which it speaks, once: afterwards it is a call like any other.
    pub(super) fn settle(&mut self) -> (&Member, Role, Role) {
        let provider = std::mem::replace(&mut self.provider, Role::Ordinary);
        let own = std::mem::replace(&mut self.own, Role::Ordinary);
        (&self.member, provider, own)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.member.give_up(self.provider, self.own);
        self.member.leave();
    }
}
