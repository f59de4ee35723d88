//! From the model a caller names to the connections that may serve it, in the order they are tried.

use domain::code::Code;
use domain::route::{NoRoute, Offer};

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
        NoRoute::Ambiguous(choices) => {
            let choices = choices.into_iter().take(CHOICES_LISTED).collect::<Vec<_>>().join(", ");
            let message =
                format!("The model `{name}` is offered by several providers; ask for one of: {choices}.");
            Refusal::new(Code::InvalidRequest, message).about("model")
        }
    })?;
    let allowed = &caller.key.models;
    let permits = |offer: &Offer| {
        allowed.is_empty()
            || allowed.iter().any(|entry| match entry.strip_prefix(&*offer.connection.provider) {
                Some(rest) => rest.strip_prefix('/') == Some(&*offer.model) || entry == &*offer.model,
                None => entry == &*offer.model,
            })
    };
    let offers: Vec<Offer> = offers.into_iter().filter(permits).collect();
    let offers = own_first(offers);
    if offers.is_empty() {
        let message = format!("This key may not use the model `{name}`.");
        return Err(Refusal::new(Code::ModelNotAllowed, message).about("model").into());
    }
    Ok(offers)
}

/// A tenant with connections of its own for a model uses those alone: the installation's are never a silent
/// fallback for them.
fn own_first(mut offers: Vec<Offer>) -> Vec<Offer> {
    if offers.iter().any(|offer| offer.connection.owner.is_some()) {
        offers.retain(|offer| offer.connection.owner.is_some());
    }
    offers
}
