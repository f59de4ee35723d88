//! People who come and go: those who were invited get an account and what the invitation gives, and leave when they
//! wish. Whoever holds the token was believed before,
//! by the one who invited or by the mail that brought it.

use domain::audit::Actor;
use domain::id::OrgId;
use domain::token::Token;
use store::invitations::NotAccepted;
use store::members::{By, MemberRefused};
use store::users::{NewUser, User, email};

use super::{Desk, NotProved, NotRegistered, Unavailable, Wish};
use crate::api::arrival::Arrival;
use crate::api::caller::Person;

impl Desk {
    /// Makes an account for whoever holds the token of an invitation, and gives it what the invitation gives: a
    /// membership, or the first account of an installation.
    ///
    /// # Errors
    /// [`NotRegistered`]; the invitation is then as it was.
    pub async fn accept(&self, token: &Token, wish: Wish, arrival: &Arrival) -> Result<User, NotRegistered> {
        let digest = self.digest(token);
        let anybody = arrival.act(Actor::anonymous(Some(token.prefix())));
        let found = self.store.invitations().find(&digest, &anybody).await.map_err(Unavailable::from);
        let Some(found) = found.map_err(NotProved::from)? else { return Err(NotRegistered::Token) };
        // Before the address is looked for: an invitation is no way to learn who else has an account.
        if found.email.is_some_and(|email| email != email::fold(&wish.email)) {
            return Err(NotRegistered::NotAccepted(NotAccepted::OtherAddress));
        }
        let new = self.new_user(wish, arrival).await?;
        let new = NewUser { email_verified_at: Some(arrival.at), ..new };
        let act = arrival.act(Actor::user(new.id));
        Ok(self.store.invitations().accept_as_new(&digest, &new, &act).await?)
    }

    /// Gives somebody who is logged in what an invitation to their address gives.
    ///
    /// # Errors
    /// [`NotRegistered`]; the invitation is then as it was.
    pub async fn accept_as(&self, person: &Person, token: &Token) -> Result<User, NotRegistered> {
        let digest = self.digest(token);
        Ok(self.store.invitations().accept_as(&digest, person.user(), &person.act()).await?)
    }

    /// Takes a person out of an organization, by their own wish.
    ///
    /// # Errors
    /// [`MemberRefused`] when they are in no such organization, or the last owner of it.
    pub async fn leave(&self, person: &Person, org: OrgId) -> Result<(), MemberRefused> {
        self.store.members(org).remove(person.user(), By::Themselves, &person.act()).await
    }
}
