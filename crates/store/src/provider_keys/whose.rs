//! Whose provider keys somebody is given: the narrowing that every statement of them passes.

use domain::route::Owner;

use crate::db::statement::Statement;

/// Whose provider keys are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Anybody's.
    Anybodys,
    /// One owner's.
    Owners(Owner),
}

impl Whose {
    /// Whether what belongs to `owner` is there.
    pub(super) fn holds(self, owner: Owner) -> bool {
        match self {
            Whose::Anybodys => true,
            Whose::Owners(one) => one == owner,
        }
    }

    /// Narrows a statement that ends in its `WHERE`.
    pub(super) fn narrow(self, statement: Statement) -> Statement {
        let Whose::Owners(owner) = self else { return statement };
        let statement = match owner.org() {
            Some(org) => statement.and("owner_org =", Some(org.to_string())),
            None => statement.push(" AND owner_org IS NULL"),
        };
        match owner.user() {
            Some(user) => statement.and("owner_user =", Some(user.to_string())),
            None => statement.push(" AND owner_user IS NULL"),
        }
    }
}
