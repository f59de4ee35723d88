//! Acting as somebody else, to help them: for a short time, with a reason that is recorded, and without a token that
//! could make it longer.

use domain::id::{LoginId, OrgId, UserId};
use store::logins::{ImpersonationRefused, LoginRefused, NewImpersonation, SignedIn};
use vault::entropy::NoEntropy;

use super::{Desk, Unavailable};
use crate::api::caller::Person;

/// What an operator wants.
pub struct Wanted {
    /// The person to act as.
    pub user: UserId,
    /// The organization to look at; none for the one the person has belonged to for longest.
    pub org: Option<OrgId>,
    /// Why.
    pub reason: String,
    /// For how long, at most.
    pub seconds: i64,
}

/// A login as somebody else.
pub struct Acting {
    /// The login.
    pub signed_in: SignedIn,
    /// The operator.
    pub by: UserId,
}

/// Why nobody acts as this person.
#[derive(Debug, thiserror::Error)]
pub enum NotImpersonated {
    /// The books say no.
    #[error(transparent)]
    Refused(#[from] ImpersonationRefused),
    /// Something that is needed does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Desk {
    /// Begins a login in which this operator acts as somebody else.
    ///
    /// # Errors
    /// [`NotImpersonated`] when the person is an operator, or cannot log in.
    pub async fn impersonate(&self, operator: &Person, wanted: Wanted) -> Result<Acting, NotImpersonated> {
        let at = operator.arrival().at;
        let id = vault::entropy::uuid_v7(at).map_err(|failed: NoEntropy| Unavailable::from(failed))?;
        let new = NewImpersonation {
            id: LoginId::new(id),
            user: wanted.user,
            org: wanted.org,
            by: operator.user(),
            from: operator.login(),
            reason: wanted.reason,
            ends_at: at.plus_seconds(wanted.seconds),
        };
        let signed_in = self.store.logins().impersonate(&new, &operator.act()).await?;
        Ok(Acting { signed_in, by: operator.user() })
    }

    /// Ends the login in which somebody acts as this person.
    ///
    /// # Errors
    /// [`LoginRefused::NotFound`] when it is at an end already.
    pub async fn end_impersonation(&self, person: &Person) -> Result<(), LoginRefused> {
        self.store.logins().end_impersonation(person.login(), &person.act()).await
    }
}
