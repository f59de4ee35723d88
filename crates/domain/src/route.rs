//! From the model a caller names to the connections that may serve it, in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalog::ModelFacts;
use crate::id::ProviderKeyId;
use crate::pool::quota::Quotas;
use crate::scope::Scope;
use crate::time::Timestamp;

mod owner;

pub use owner::Owner;

/// Which models a connection serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Serves {
    /// These, by the provider's own names.
    Listed(Vec<String>),
    /// Those of the catalogue, and any other that is asked for as `provider/model`.
    Any,
}

/// One upstream connection: a base URL, a sealed key, the models it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The connection.
    pub id: ProviderKeyId,
    /// Whose it is: whose calls alone may use it.
    pub owner: Owner,
    /// The name a person gave it.
    pub name: Arc<str>,
    /// The provider's slug in the catalogue.
    pub provider: Arc<str>,
    /// Base URL without a trailing slash; the path of a surface is appended.
    pub base_url: Arc<str>,
    /// The sealed secret; `None` for a server that asks for no key.
    pub sealed: Option<Arc<[u8]>>,
    /// The models it serves.
    pub serves: Serves,
    /// 1–1000, lower first.
    pub priority: u16,
    /// Whether its owner's calls may pass on to the connections behind it, and at last to the platform's.
    pub fallback_to_platform: bool,
    /// Whether it is switched on. One that is switched off serves nothing, and its owner's calls still do not go to the
    /// platform's in its place.
    pub in_service: bool,
    /// Until when a person has put it to rest.
    pub rests_until: Option<Timestamp>,
    /// What may go over it.
    pub quotas: Quotas,
}

impl Connection {
    /// Its place among those that serve the same call: its owner's before the platform's, then by priority.
    #[must_use]
    pub fn rank(&self) -> (u8, u16) {
        (self.owner.tier(), self.priority)
    }
}

/// One model on one connection.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Where it is.
    pub connection: Arc<Connection>,
    /// Its name there.
    pub model: Arc<str>,
    /// What is known of it.
    pub facts: Arc<ModelFacts>,
}

/// Why no offer was found.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// Nobody offers it.
    Unknown,
    /// Several providers offer a bare name; these are the full names to choose from.
    Ambiguous(Vec<String>),
    /// The caller's own connection for it is switched off.
    OutOfService,
}

/// What is found of one connection for a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// It serves the caller.
    By(&'a Arc<Connection>),
    /// It is switched off or gone.
    OutOfService,
    /// It is somebody else's.
    NotTheirs,
}

/// Facts by provider and model: the catalogue with the installation's own rows laid over it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    models: BTreeMap<String, BTreeMap<String, Option<Arc<ModelFacts>>>>,
    defaults: BTreeMap<String, Arc<ModelFacts>>,
}

impl Facts {
    /// Adds or replaces a model of a provider.
    pub fn insert(&mut self, provider: &str, model: &str, facts: ModelFacts) {
        self.models.entry(provider.to_owned()).or_default().insert(model.to_owned(), Some(Arc::new(facts)));
    }

    /// Takes a model of a provider out of service.
    pub fn disable(&mut self, provider: &str, model: &str) {
        self.models.entry(provider.to_owned()).or_default().insert(model.to_owned(), None);
    }

    /// What holds for every model of a provider that nobody described: that it is free, for a server of one's own.
    pub fn insert_default(&mut self, provider: &str, facts: ModelFacts) {
        self.defaults.insert(provider.to_owned(), Arc::new(facts));
    }

    /// The facts of one model: unknown ones have the provider's default or are unpriced, disabled ones are `None`.
    #[must_use]
    pub fn get(&self, provider: &str, model: &str) -> Option<Arc<ModelFacts>> {
        match self.models.get(provider).and_then(|models| models.get(model)) {
            Some(known) => known.clone(),
            None => {
                Some(self.defaults.get(provider).cloned().unwrap_or_else(|| Arc::new(ModelFacts::unknown())))
            }
        }
    }

    fn models_of(&self, provider: &str) -> impl Iterator<Item = &str> {
        self.models
            .get(provider)
            .into_iter()
            .flatten()
            .filter(|(_, facts)| facts.is_some())
            .map(|(name, _)| name.as_str())
    }
}

/// The routing table: built once per change, read by every request.
#[derive(Debug, Default)]
pub struct Routes {
    by_name: HashMap<Box<str>, Vec<Offer>>,
    open_ended: HashMap<Box<str>, Vec<Arc<Connection>>>,
    connections: Vec<Arc<Connection>>,
    facts: Facts,
}

impl Routes {
    /// Builds the table. Connections of lower priority number come first; ties keep the given order.
    #[must_use]
    pub fn build(mut connections: Vec<Connection>, facts: Facts) -> Self {
        connections.retain(|connection| connection.in_service || connection.owner != Owner::Platform);
        connections.sort_by_key(|connection| connection.priority);
        let mut routes = Self { facts, ..Self::default() };
        for connection in connections.into_iter().map(Arc::new) {
            if connection.in_service {
                routes.connections.push(Arc::clone(&connection));
            }
            let models: Vec<String> = match &connection.serves {
                Serves::Listed(models) => models.clone(),
                Serves::Any => routes.facts.models_of(&connection.provider).map(str::to_owned).collect(),
            };
            for model in models {
                routes.offer(&connection, &model);
            }
            if connection.serves == Serves::Any {
                routes.open_ended.entry(Box::from(&*connection.provider)).or_default().push(connection);
            }
        }
        routes
    }

    /// Every connection in use, in the order in which they are tried.
    #[must_use]
    pub fn connections(&self) -> &[Arc<Connection>] {
        &self.connections
    }

    /// The connection with this identifier, if it is in use and `scope` may use it.
    #[must_use]
    pub fn connection(&self, id: ProviderKeyId, scope: &Scope) -> Held<'_> {
        match self.connections.iter().find(|connection| connection.id == id) {
            None => Held::OutOfService,
            Some(connection) if connection.owner.serves(scope) => Held::By(connection),
            Some(_) => Held::NotTheirs,
        }
    }

    /// The connections that `scope` may use, whatever the model, in the order of their rank.
    #[must_use]
    pub fn serving(&self, scope: &Scope) -> Vec<&Arc<Connection>> {
        let serves = |connection: &&Arc<Connection>| connection.owner.serves(scope);
        let mut serving: Vec<_> = self.connections.iter().filter(serves).collect();
        serving.sort_by_key(|connection| connection.rank());
        serving
    }

    fn offer(&mut self, connection: &Arc<Connection>, model: &str) {
        let Some(facts) = self.facts.get(&connection.provider, model) else { return };
        let offer = Offer { connection: Arc::clone(connection), model: Arc::from(model), facts };
        let full = format!("{}/{model}", connection.provider);
        self.by_name.entry(full.into_boxed_str()).or_default().push(offer.clone());
        self.by_name.entry(Box::from(model)).or_default().push(offer);
    }

    /// The offers for the model `asked`, as far as `scope` may use them, best first: the person's own, the
    /// organization's, the platform's. Those further back are there only if all before them let calls pass on.
    ///
    /// # Errors
    /// [`NoRoute`] when nobody offers it, when a bare name is offered by several providers, or when the caller's own
    /// connections for it are switched off.
    pub fn plan(&self, asked: &str, scope: &Scope) -> Result<Vec<Offer>, NoRoute> {
        let named = self.by_name.get(asked).map(Vec::as_slice).unwrap_or_default();
        let mut offers: Vec<Offer> =
            named.iter().filter(|offer| offer.connection.owner.serves(scope)).cloned().collect();
        self.add_open_ended(asked, scope, &mut offers);
        offers.sort_by_key(|offer| offer.connection.rank());
        let mut offers = first_tiers(of_one_provider(asked, offers)?);
        offers.retain(|offer| offer.connection.in_service);
        if offers.is_empty() { Err(NoRoute::OutOfService) } else { Ok(offers) }
    }

    /// Adds the connections that take any model of their provider: those asked for by full name, and those that
    /// others list. Without these, somebody's own connection would stand back behind one that lists the model.
    fn add_open_ended(&self, asked: &str, scope: &Scope, offers: &mut Vec<Offer>) {
        if self.open_ended.is_empty() {
            return;
        }
        let mut wanted: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for offer in &*offers {
            let pair = (&offer.connection.provider, &offer.model);
            if !wanted.iter().any(|(provider, model)| (provider, model) == pair) {
                wanted.push((Arc::clone(pair.0), Arc::clone(pair.1)));
            }
        }
        if let Some((provider, model)) = asked.split_once('/').filter(|(_, model)| !model.is_empty())
            && self.open_ended.contains_key(provider)
            && !wanted.iter().any(|(known, name)| &**known == provider && &**name == model)
        {
            wanted.push((Arc::from(provider), Arc::from(model)));
        }
        for (provider, model) in wanted {
            let Some(connections) = self.open_ended.get(&*provider) else { continue };
            let Some(facts) = self.facts.get(&provider, &model) else { continue };
            for connection in connections.iter().filter(|connection| connection.owner.serves(scope)) {
                let known = |offer: &Offer| offer.connection.id == connection.id && offer.model == model;
                if !offers.iter().any(known) {
                    let (connection, model) = (Arc::clone(connection), Arc::clone(&model));
                    offers.push(Offer { connection, model, facts: Arc::clone(&facts) });
                }
            }
        }
    }

    /// The facts of one model, as a call that brings its own key needs them; `None` for one that was taken out of
    /// service.
    #[must_use]
    pub fn facts(&self, provider: &str, model: &str) -> Option<Arc<ModelFacts>> {
        self.facts.get(provider, model)
    }

    /// The full names (`provider/model`) that `scope` may ask for, sorted.
    #[must_use]
    pub fn names(&self, scope: &Scope) -> BTreeSet<String> {
        self.by_name
            .values()
            .flatten()
            .filter(|offer| offer.connection.in_service && offer.connection.owner.serves(scope))
            .map(full_name)
            .collect()
    }
}

fn full_name(offer: &Offer) -> String {
    format!("{}/{}", offer.connection.provider, offer.model)
}

fn is_named(offer: &Offer, full: &str) -> bool {
    let rest = full.strip_prefix(&*offer.connection.provider);
    rest.and_then(|rest| rest.strip_prefix('/')) == Some(&*offer.model)
}

/// Of offers in the order of their rank those of one provider's model. A full name names it; a bare one is what the
/// best of them offer, if that is one.
fn of_one_provider(asked: &str, mut offers: Vec<Offer>) -> Result<Vec<Offer>, NoRoute> {
    if offers.iter().any(|offer| is_named(offer, asked)) {
        offers.retain(|offer| is_named(offer, asked));
        return Ok(offers);
    }
    let Some(first) = offers.first().cloned() else { return Err(NoRoute::Unknown) };
    let is_best = |offer: &&Offer| offer.connection.owner.tier() == first.connection.owner.tier();
    let is_same =
        |offer: &Offer| offer.model == first.model && offer.connection.provider == first.connection.provider;
    if !offers.iter().take_while(is_best).all(is_same) {
        let choices: BTreeSet<String> = offers.iter().take_while(is_best).map(full_name).collect();
        return Err(NoRoute::Ambiguous(choices.into_iter().collect()));
    }
    offers.retain(is_same);
    Ok(offers)
}

/// Whoever has connections of their own for a model uses those alone, unless every one of them lets calls pass on.
fn first_tiers(mut offers: Vec<Offer>) -> Vec<Offer> {
    let mut kept = 0;
    for tier in offers.chunk_by(|one, next| one.connection.owner.tier() == next.connection.owner.tier()) {
        kept += tier.len();
        if !tier.iter().all(|offer| offer.connection.fallback_to_platform) {
            break;
        }
    }
    offers.truncate(kept);
    offers
}

#[cfg(test)]
mod tests;
