//! Which provider keys somebody reaches, and how far: what is another tenant's is not there, and an operator keeps the
//! house in order without a hand on what tenants own.

use domain::audit::Act;
use domain::id::ProviderKeyId;
use domain::route::Owner;
use store::provider_keys::{ProviderKey, ProviderKeys};

use super::asked::ScopeAsked;
use crate::api::access::RUN;
use crate::api::caller::{Operator, Reader};
use crate::api::problem::Problem;
use crate::provider_keys::By;

/// How far somebody may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// To everything but the secret itself.
    Own,
    /// To what keeps the house in order: rest, switch off, order, remove.
    Guard,
}

/// A provider key in somebody's hand.
pub(super) struct Held<'a> {
    /// Where it is kept, as far as this person sees.
    pub keys: ProviderKeys<'a>,
    /// The key.
    pub key: ProviderKey,
    /// How far that goes.
    reach: Reach,
    /// What is done to it.
    pub act: Act,
}

impl Held<'_> {
    /// Refuses whoever only keeps the house in order.
    pub(super) fn own(&self) -> Result<(), Problem> {
        match self.reach {
            Reach::Own => Ok(()),
            Reach::Guard => Err(Problem::forbidden(
                "This provider key is a tenant's: an operator may rest it, switch it off, order and remove it.",
            )),
        }
    }
}

/// The provider keys that somebody sees.
pub(super) fn seen(reader: &Reader) -> ProviderKeys<'_> {
    match reader {
        Reader::Operator(operator) => operator.store().provider_keys(),
        Reader::Member(member) => member.books().provider_keys(),
    }
}

/// Who says where a connection leads.
pub(super) fn by(reader: &Reader) -> By {
    match reader {
        Reader::Operator(_) => By::Operator,
        Reader::Member(_) => By::Tenant,
    }
}

/// Takes a provider key in hand, to do something to it.
pub(super) async fn hold(reader: &Reader, id: ProviderKeyId) -> Result<Held<'_>, Problem> {
    let keys = seen(reader);
    let key = keys.get(&id.to_string()).await?;
    let reach = match reader {
        // What a member sees and may change by rule is the organization's.
        Reader::Member(_) => Reach::Own,
        Reader::Operator(operator) if key.owner == Owner::Platform || run_by(operator) == Some(key.owner) => {
            Reach::Own
        }
        Reader::Operator(_) => Reach::Guard,
    };
    Ok(Held { keys, key, reach, act: reader.act() })
}

/// Whose a new key is.
pub(super) fn owner(reader: &Reader, asked: Option<ScopeAsked>) -> Result<Owner, Problem> {
    match (reader, asked) {
        (Reader::Operator(_), None | Some(ScopeAsked::Platform)) => Ok(Owner::Platform),
        (Reader::Operator(operator), Some(ScopeAsked::Org)) => run_by(operator)
            .ok_or_else(|| Problem::forbidden("Your login is at no organization that you run.")),
        (Reader::Member(member), None | Some(ScopeAsked::Org)) => Ok(Owner::Org(member.org())),
        (Reader::Member(_), Some(ScopeAsked::Platform)) => {
            Err(Problem::forbidden("Operators of the installation may do this."))
        }
    }
}

/// The organization that an operator runs as its owner or admin, if there is one where the login is.
fn run_by(operator: &Operator) -> Option<Owner> {
    let (org, role) = operator.membership()?;
    RUN.contains(&role).then_some(Owner::Org(org))
}
