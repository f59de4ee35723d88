//! From the model a caller names to the connections that may serve it, in the order they are tried.

use domain::code::Code;
use domain::route::{NoRoute, Offer};

use wire::catalog;

use crate::authenticate::Caller;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};

/// Names listed when a bare model name fits several providers.
const CHOICES_LISTED: usize = 8;

/// The offers for the model that was asked for; never empty.
pub(crate) fn plan(gate: &Gateway, caller: &Caller, asked: &Asked) -> Result<Vec<Offer>, Stop> {
    let name = asked.facts.model.as_str();
    let offers = gate.snapshot.routes().plan(name, &caller.scope).map_err(|no_route| match no_route {
        NoRoute::Unknown => {
            Refusal::new(Code::ModelNotFound, format!("The model `{name}` does not exist here."))
                .about("model")
        }
        NoRoute::OutOfService => {
            let message = format!("The connection for the model `{name}` is switched off.");
            Refusal::new(Code::NoAvailableRoute, message)
        }
        NoRoute::Ambiguous(choices) => {
            let choices = choices.into_iter().take(CHOICES_LISTED).collect::<Vec<_>>().join(", ");
            let message =
                format!("The model `{name}` is offered by several providers; ask for one of: {choices}.");
            Refusal::new(Code::InvalidRequest, message).about("model")
        }
    })?;
    permitted(caller, name, answering(asked, offers)?)
}

/// Of these offers those whose provider has the endpoint; never none.
pub(crate) fn answering(asked: &Asked, offers: Vec<Offer>) -> Result<Vec<Offer>, Stop> {
    let has = |offer: &Offer| {
        catalog::provider(&offer.connection.provider).is_none_or(|row| row.has(asked.surface))
    };
    let offers: Vec<Offer> = offers.into_iter().filter(has).collect();
    if offers.is_empty() {
        let message = format!("The provider of `{}` does not offer this endpoint.", asked.facts.model);
        return Err(Refusal::new(Code::InvalidRequest, message).about("model").into());
    }
    Ok(offers)
}

/// Of these offers those whose model the caller's key may use; never none.
pub(crate) fn permitted(caller: &Caller, name: &str, offers: Vec<Offer>) -> Result<Vec<Offer>, Stop> {
    let allowed = &caller.key.models;
    let permits = |offer: &Offer| {
        allowed.is_empty()
            || allowed.iter().any(|entry| match entry.strip_prefix(&*offer.connection.provider) {
                Some(rest) => rest.strip_prefix('/') == Some(&*offer.model) || entry == &*offer.model,
                None => entry == &*offer.model,
            })
    };
    let offers: Vec<Offer> = offers.into_iter().filter(permits).collect();
    if offers.is_empty() {
        let message = format!("This key may not use the model `{name}`.");
        return Err(Refusal::new(Code::ModelNotAllowed, message).about("model").into());
    }
    Ok(offers)
}
