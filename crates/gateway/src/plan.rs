//! From the model a caller names to the connections that may serve it, in the order they are tried.

use domain::code::Code;
use domain::route::{NoRoute, Offer};
use domain::usage::Surface;
use wire::catalog;

use crate::authenticate::Caller;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::refusal::{Refusal, Stop};
use crate::upstream::{Exchange, exchange};

/// Names listed when a bare model name fits several providers.
const CHOICES_LISTED: usize = 8;

/// The offers for the model that was asked for; never empty.
pub(crate) fn plan(gate: &Gateway, caller: &Caller, asked: &Asked) -> Result<Vec<Offer>, Stop> {
    let name = asked.facts.model.as_str();
    permitted(caller, name, answering(asked, offered(gate, caller, name)?)?)
}

/// The offers for the model of this name, whatever their providers can do.
pub(crate) fn offered(gate: &Gateway, caller: &Caller, name: &str) -> Result<Vec<Offer>, Stop> {
    gate.snapshot.routes().plan(name, &caller.scope).map_err(|no_route| {
        let refusal = match no_route {
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
        };
        refusal.into()
    })
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

/// Of these offers for `name` those whose provider works through batches of requests to `surface`, in the protocol in which
/// they are written; never none.
pub(crate) fn batched(name: &str, surface: Surface, offers: Vec<Offer>) -> Result<Vec<Offer>, Stop> {
    let takes = |offer: &Offer| {
        let row = catalog::provider(&offer.connection.provider);
        let as_written = match surface.protocol() {
            Some(protocol) => Exchange::Conversation(protocol),
            None => Exchange::OpenAi,
        };
        row.is_some_and(|row| row.has(Surface::Batches) && row.has(surface))
            && exchange(offer, surface) == Some(as_written)
    };
    let offers: Vec<Offer> = offers.into_iter().filter(takes).collect();
    if offers.is_empty() {
        let message = format!("The provider of `{name}` does not take requests to this endpoint in batches.");
        return Err(Refusal::new(Code::InvalidRequest, message).about("model").into());
    }
    Ok(offers)
}

/// Of these offers those whose model the caller's key may use; never none.
pub(crate) fn permitted(caller: &Caller, name: &str, offers: Vec<Offer>) -> Result<Vec<Offer>, Stop> {
    let permits = |offer: &Offer| permits(caller, &offer.connection.provider, &offer.model);
    let offers: Vec<Offer> = offers.into_iter().filter(permits).collect();
    if offers.is_empty() {
        let message = format!("This key may not use the model `{name}`.");
        return Err(Refusal::new(Code::ModelNotAllowed, message).about("model").into());
    }
    Ok(offers)
}

/// Whether the caller's key may use the model that this provider knows by this name.
pub(crate) fn permits(caller: &Caller, provider: &str, model: &str) -> bool {
    let allowed = &caller.key.models;
    allowed.is_empty()
        || allowed.iter().any(|entry| match entry.strip_prefix(provider) {
            Some(rest) => rest.strip_prefix('/') == Some(model) || entry == model,
            None => entry == model,
        })
}
