//! A provider key that came with the request (`x-portcullis-provider-key`). It is for this call alone and for its
//! provider alone, at the address which the installation knows; nothing is kept of it, and no other key stands in.

use std::collections::HashMap;
use std::sync::Arc;

use domain::code::Code;
use domain::id::ProviderKeyId;
use domain::pool::quota::Quotas;
use domain::route::{Connection, Offer, Owner, Serves};
use domain::scope::InlineKeys;
use domain::secret::Secret;
use http::HeaderValue;
use uuid::Uuid;
use wire::catalog::{self, Provider, check_key_format};

use crate::authenticate::Caller;
use crate::decode::Asked;
use crate::gate::Gateway;
use crate::head::{Head, Sent};
use crate::plan::{answering, permitted};
use crate::refusal::{Refusal, Stop};

/// The header that carries the key.
pub(crate) const KEY: &str = "x-portcullis-provider-key";
/// The header that names its provider when the model does not.
pub(crate) const PROVIDER: &str = "x-portcullis-provider";

/// Where the keys of each provider may be sent, by slug. A provider that is not in here takes none from a request.
pub type ProviderUrls = HashMap<&'static str, Arc<str>>;

/// A provider key as it was sent.
pub(crate) struct Brought {
    sent: HeaderValue,
    provider: Option<HeaderValue>,
}

/// What a request brings: its own key, if the caller's organization allows that.
pub(crate) fn brought(caller: &Caller, head: &Head<'_>) -> Result<Option<Brought>, Stop> {
    let (sent, provider) = (only(head.provider_key, KEY)?, only(head.provider, PROVIDER)?);
    let Some(sent) = sent else {
        return match provider {
            None => Ok(None),
            Some(_) => Err(invalid(format!("The header {PROVIDER} goes with {KEY}."), PROVIDER)),
        };
    };
    if caller.key.org_inline_keys == InlineKeys::Refused {
        let message = "This organization does not let requests bring a provider key.";
        return Err(Refusal::new(Code::Forbidden, message).about(KEY).into());
    }
    let mut sent = sent.clone();
    sent.set_sensitive(true);
    Ok(Some(Brought { sent, provider: provider.cloned() }))
}

/// Refuses a key that comes with a request about what a provider keeps: the gate holds no such thing for it.
pub(crate) fn refuse(head: &Head<'_>) -> Result<(), Stop> {
    if head.provider_key.first.is_some() {
        let message = "What a key of one's own keeps is asked of its provider.";
        return Err(invalid(message.to_owned(), KEY));
    }
    Ok(())
}

/// The one offer that a brought key makes, and the key.
pub(crate) fn plan(
    gate: &Gateway,
    caller: &Caller,
    asked: &Asked,
    brought: &Brought,
) -> Result<(Vec<Offer>, Secret), Stop> {
    let (provider, model) = way(asked.facts.model.as_str(), brought)?;
    let Some(base_url) = gate.provider_urls.get(provider.slug) else {
        let message = format!("{} takes no key from a request.", provider.title);
        return Err(invalid(message, PROVIDER));
    };
    let key = brought.sent.as_bytes();
    check_key_format(provider, key).map_err(|bad| invalid(bad.to_string(), KEY))?;
    let Some(facts) = gate.snapshot.routes().facts(provider.slug, model) else {
        let message = format!("The model `{}` does not exist here.", asked.facts.model);
        return Err(Refusal::new(Code::ModelNotFound, message).about("model").into());
    };
    let connection = Connection {
        // One for all keys of a provider: what a thread remembers of it is its address.
        id: ProviderKeyId::new(Uuid::from_u128(place_of(provider))),
        owner: Owner::Request(caller.scope.org()),
        name: Arc::from("request"),
        provider: Arc::from(provider.slug),
        base_url: Arc::clone(base_url),
        sealed: None,
        serves: Serves::Any,
        priority: 1,
        fallback_to_platform: false,
        in_service: true,
        rests_until: None,
        quotas: Quotas::default(),
    };
    let offer = Offer { connection: Arc::new(connection), model: Arc::from(model), facts };
    let offers = permitted(caller, &asked.facts.model, answering(asked, vec![offer])?)?;
    Ok((offers, Secret::new(key.to_vec())))
}

/// The provider and its own name of the model. Where a header names the provider, the model may still be written in
/// full.
fn way<'a>(asked: &'a str, brought: &Brought) -> Result<(&'static Provider, &'a str), Stop> {
    let spelled = asked.split_once('/').filter(|(_, model)| !model.is_empty());
    let Some(header) = &brought.provider else {
        let found = spelled.and_then(|(slug, model)| Some((catalog::provider(slug)?, model)));
        let message = || format!("Ask for `provider/model`, or say whose key it is in {PROVIDER}.");
        return found.ok_or_else(|| invalid(message(), "model"));
    };
    let slug = header.to_str().unwrap_or_default();
    let provider =
        catalog::provider(slug).ok_or_else(|| invalid("There is no such provider.".to_owned(), PROVIDER))?;
    match spelled {
        Some((prefix, model)) if prefix == provider.slug => Ok((provider, model)),
        _ => Ok((provider, asked)),
    }
}

fn place_of(provider: &Provider) -> u128 {
    catalog::providers().iter().take_while(|other| other.slug != provider.slug).map(|_| 1).sum()
}

fn only<'a>(sent: Sent<'a>, name: &'static str) -> Result<Option<&'a HeaderValue>, Stop> {
    if sent.again {
        return Err(invalid(format!("The header {name} was sent more than once."), name));
    }
    Ok(sent.first)
}

fn invalid(message: String, about: &str) -> Stop {
    Refusal::new(Code::InvalidRequest, message).about(about).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &str, header: Option<&'static str>, expect: Option<(&str, &str)>) {
        let brought = Brought {
            sent: HeaderValue::from_static("sk-0123456789"),
            provider: header.map(HeaderValue::from_static),
        };
        let found = way(asked, &brought).ok().map(|(provider, model)| (provider.slug, model));
        assert_eq!(found, expect, "{asked} {header:?}");
    }

    #[test]
    fn the_provider_is_the_models_or_the_headers() {
        check("openai/gpt-x", None, Some(("openai", "gpt-x")));
        check("gpt-x", None, None);
        check("org/llama", None, None);
        check("openai/", None, None);
        check("gpt-x", Some("openai"), Some(("openai", "gpt-x")));
        check("openai/gpt-x", Some("openai"), Some(("openai", "gpt-x")));
        check("openai/gpt-x", Some("openrouter"), Some(("openrouter", "openai/gpt-x")));
        check("org/llama", Some("groq"), Some(("groq", "org/llama")));
        check("gpt-x", Some("nobody"), None);
    }

    #[test]
    fn every_provider_has_a_place_of_its_own() {
        let places: std::collections::BTreeSet<u128> = catalog::providers().iter().map(place_of).collect();
        assert_eq!(places.len(), catalog::providers().len());
    }
}
