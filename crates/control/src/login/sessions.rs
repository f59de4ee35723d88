//! Logins from their beginning to their end, with the refresh tokens that continue them.

use domain::audit::Actor;
use domain::id::{LoginId, OrgId, UserId};
use domain::token::{Kind, Token};
use store::logins::{LoginRefused, NewLogin, Refresh, Refreshed, SignedIn};
use store::users::{Membership, User, UserRefused};

use super::attempt::{Asked, Proof, Proved, Reason};
use super::{Desk, NotProved, Unavailable};
use crate::api::arrival::Arrival;
use crate::api::caller::Person;

/// A login that began or goes on, with the token that continues it.
pub struct Begun {
    /// The login.
    pub signed_in: SignedIn,
    /// Continues it, once.
    pub refresh: Token,
}

/// Why a login was not continued.
#[derive(Debug, thiserror::Error)]
pub enum NotContinued {
    /// The token is unknown, its login is at an end, or is by this.
    #[error("the token continues no login")]
    Unknown,
    /// Somebody else with the same token was a moment faster.
    #[error("the token was used a moment ago")]
    JustSpent,
    /// Something that is needed does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Desk {
    /// Begins a login for whoever proves to be the person of this name.
    ///
    /// # Errors
    /// [`NotProved`], with one answer for every reason.
    pub async fn log_in(&self, name: &str, proof: &Proof, arrival: &Arrival) -> Result<Begun, NotProved> {
        let Proved { account, attempt } = self.prove_name(name, proof, arrival).await?;
        let (refresh, digest) = self.token(Kind::Refresh)?;
        let id = LoginId::new(vault::entropy::uuid_v7(arrival.at)?);
        let new = NewLogin {
            id,
            user: account.user.id,
            not_before: account.user.not_before,
            org: None,
            refresh: digest,
            expires_at: arrival.at.plus_seconds(self.settings.refresh_seconds),
            ends_at: arrival.at.plus_seconds(self.settings.login_seconds),
        };
        let act = arrival.act(Actor::user(account.user.id));
        let signed_in = match self.store.logins().open(&new, &act).await {
            Ok(signed_in) => signed_in,
            Err(LoginRefused::Read(failed)) => return Err(failed.into()),
            Err(LoginRefused::Write(failed)) => return Err(failed.into()),
            Err(_) => {
                return Err(self.fail(arrival, Some(account.user.id), Reason::Changed, Some(&attempt)));
            }
        };
        self.store.login_failures().clear(&attempt).await?;
        Ok(Begun { signed_in, refresh })
    }

    /// Continues a login by its refresh token, which is spent by it.
    ///
    /// # Errors
    /// [`NotContinued`]; a token that was spent before ends its login.
    pub async fn refresh(&self, token: &Token, arrival: &Arrival) -> Result<Begun, NotContinued> {
        let (refresh, next) = self.token(Kind::Refresh).map_err(Unavailable::from)?;
        let exchange = Refresh {
            spent: self.digest(token),
            next,
            expires_at: arrival.at.plus_seconds(self.settings.refresh_seconds),
        };
        let act = arrival.act(Actor::anonymous(Some(token.prefix())));
        let refreshed = self.store.logins().refresh(&exchange, &act).await.map_err(Unavailable::from)?;
        match refreshed {
            Refreshed::Done(signed_in) => Ok(Begun { signed_in: *signed_in, refresh }),
            Refreshed::JustSpent => Err(NotContinued::JustSpent),
            Refreshed::Reused(login) => {
                tracing::warn!(%login, request_id = arrival.request_id, "a spent refresh token ended its login");
                Err(NotContinued::Unknown)
            }
            Refreshed::Unknown => Err(NotContinued::Unknown),
        }
    }

    /// Ends a login of this person.
    ///
    /// # Errors
    /// [`LoginRefused::NotFound`] when the person has no such login that goes on.
    pub async fn log_out(&self, person: &Person, login: LoginId) -> Result<(), LoginRefused> {
        self.store.logins().end(person.user(), login, &person.act()).await
    }

    /// Ends every login of this person.
    ///
    /// # Errors
    /// [`Unavailable`] when the books cannot be written.
    pub async fn log_out_everywhere(&self, person: &Person) -> Result<(), Unavailable> {
        self.store.logins().end_all(person.user(), None, &person.act()).await?;
        Ok(())
    }

    /// The logins of this person that go on.
    ///
    /// # Errors
    /// [`Unavailable`] when the books cannot be read.
    pub async fn logins(&self, person: &Person) -> Result<Vec<store::logins::Login>, Unavailable> {
        Ok(self.store.logins().list(person.user(), self.now()).await?)
    }

    /// Turns the login of this person to another of their organizations.
    ///
    /// # Errors
    /// [`LoginRefused::NoSuchOrg`] when the person is no member of it.
    pub async fn turn_to(&self, person: &Person, org: OrgId) -> Result<SignedIn, LoginRefused> {
        self.store.logins().set_org(person.login(), org, &person.act()).await
    }

    /// Notes that this person has proved themselves again.
    ///
    /// # Errors
    /// [`NotProved`] when they have not.
    pub async fn prove_again(&self, person: &Person, proof: &Proof) -> Result<SignedIn, NotProved> {
        self.prove_account(person.user(), proof, Asked::Either, person.arrival()).await?;
        match self.store.logins().prove(person.login(), &person.act()).await {
            Ok(signed_in) => Ok(signed_in),
            Err(LoginRefused::Read(failed)) => Err(failed.into()),
            Err(LoginRefused::Write(failed)) => Err(failed.into()),
            Err(_) => Err(NotProved::Refused),
        }
    }

    /// A person as the books have them.
    ///
    /// # Errors
    /// [`UserRefused::NotFound`] when there is none.
    pub async fn user(&self, id: UserId) -> Result<User, UserRefused> {
        self.store.users().get(id).await
    }

    /// The organizations that a person belongs to.
    ///
    /// # Errors
    /// [`Unavailable`] when the books cannot be read.
    pub async fn memberships(&self, id: UserId) -> Result<Vec<Membership>, Unavailable> {
        Ok(self.store.users().memberships(id).await?)
    }
}
