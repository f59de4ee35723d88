//! From the model a caller names to the connections that may serve it, in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::catalog::ModelFacts;
use crate::id::{OrgId, ProviderKeyId};
use crate::scope::Scope;

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
    /// The tenant it belongs to, whose calls alone may use it; `None` for the platform's, which serve everyone.
    pub owner: Option<OrgId>,
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
        connections.sort_by_key(|connection| connection.priority);
        let mut routes = Self { facts, ..Self::default() };
        for connection in connections.into_iter().map(Arc::new) {
            routes.connections.push(Arc::clone(&connection));
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

    fn offer(&mut self, connection: &Arc<Connection>, model: &str) {
        let Some(facts) = self.facts.get(&connection.provider, model) else { return };
        let offer = Offer { connection: Arc::clone(connection), model: Arc::from(model), facts };
        let full = format!("{}/{model}", connection.provider);
        self.by_name.entry(full.into_boxed_str()).or_default().push(offer.clone());
        self.by_name.entry(Box::from(model)).or_default().push(offer);
    }

    /// The offers for the model `asked`, as far as `scope` may use them, best first.
    ///
    /// # Errors
    /// [`NoRoute`] when nobody offers it, or when a bare name is offered by several providers.
    pub fn plan(&self, asked: &str, scope: &Scope) -> Result<Vec<Offer>, NoRoute> {
        let mine = |connection: &Connection| connection.owner.is_none_or(|owner| owner == scope.org());
        let named = self.by_name.get(asked).map(Vec::as_slice).unwrap_or_default();
        let offers: Vec<Offer> = named.iter().filter(|offer| mine(&offer.connection)).cloned().collect();
        if !offers.is_empty() {
            return single_provider(asked, offers);
        }
        let (provider, model) = asked.split_once('/').ok_or(NoRoute::Unknown)?;
        let facts = self.facts.get(provider, model).ok_or(NoRoute::Unknown)?;
        let connections = self.open_ended.get(provider).map(Vec::as_slice).unwrap_or_default();
        let offers: Vec<Offer> = connections
            .iter()
            .filter(|connection| mine(connection) && !model.is_empty())
            .map(|connection| Offer {
                connection: Arc::clone(connection),
                model: Arc::from(model),
                facts: Arc::clone(&facts),
            })
            .collect();
        if offers.is_empty() { Err(NoRoute::Unknown) } else { Ok(offers) }
    }

    /// The full names (`provider/model`) that `scope` may ask for, sorted.
    #[must_use]
    pub fn names(&self, scope: &Scope) -> BTreeSet<String> {
        self.by_name
            .values()
            .flatten()
            .filter(|offer| offer.connection.owner.is_none_or(|owner| owner == scope.org()))
            .map(|offer| format!("{}/{}", offer.connection.provider, offer.model))
            .collect()
    }
}

fn single_provider(asked: &str, offers: Vec<Offer>) -> Result<Vec<Offer>, NoRoute> {
    let full: BTreeSet<String> =
        offers.iter().map(|offer| format!("{}/{}", offer.connection.provider, offer.model)).collect();
    if full.len() == 1 || full.contains(asked) {
        let exact = |offer: &Offer| {
            full.len() == 1 || format!("{}/{}", offer.connection.provider, offer.model) == asked
        };
        return Ok(offers.into_iter().filter(exact).collect());
    }
    Err(NoRoute::Ambiguous(full.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{KeyId, ProjectId};
    use std::net::IpAddr;

    use crate::limit::{Limits, OrgLimits};
    use crate::price::Pricing;
    use crate::scope::{ApiKey, KeyState};
    use crate::time::Timestamp;
    use uuid::Uuid;

    fn scope(org: u128) -> Scope {
        let key = ApiKey {
            id: KeyId::new(Uuid::from_u128(1)),
            org: OrgId::new(Uuid::from_u128(org)),
            project: ProjectId::new(Uuid::from_u128(1)),
            state: KeyState::Active,
            expires_at: None,
            models: vec![],
            scopes: vec![],
            allowed_ips: None,
            limits: Limits::default(),
            org_limits: OrgLimits::default(),
        };
        Scope::of_verified_key(&key, IpAddr::from([127, 0, 0, 1]), Timestamp(0)).unwrap()
    }

    fn connection(id: u128, provider: &str, serves: Serves, priority: u16) -> Connection {
        Connection {
            id: ProviderKeyId::new(Uuid::from_u128(id)),
            owner: None,
            name: Arc::from("main"),
            provider: Arc::from(provider),
            base_url: Arc::from("https://example.com/v1"),
            sealed: None,
            serves,
            priority,
        }
    }

    fn listed(models: &[&str]) -> Serves {
        Serves::Listed(models.iter().map(|&model| model.to_owned()).collect())
    }

    #[test]
    fn bare_full_and_open_ended_names_resolve() {
        let mut facts = Facts::default();
        facts.insert("openai", "gpt-x", ModelFacts::unknown());
        facts.insert("openai", "gpt-old", ModelFacts::unknown());
        facts.disable("openai", "gpt-old");
        let routes = Routes::build(
            vec![
                connection(1, "groq", listed(&["org/llama"]), 10),
                connection(2, "openai", Serves::Any, 20),
                connection(3, "openai", listed(&["gpt-x"]), 5),
            ],
            facts,
        );
        let ids = |asked: &str| -> Vec<u128> {
            let offers = routes.plan(asked, &scope(1)).unwrap_or_default();
            offers.iter().map(|offer| offer.connection.id.uuid().as_u128()).collect()
        };
        assert_eq!(ids("gpt-x"), [3, 2], "lower priority numbers first");
        assert_eq!(ids("openai/gpt-x"), [3, 2]);
        assert_eq!(ids("org/llama"), [1], "a bare name may hold a slash");
        assert_eq!(ids("groq/org/llama"), [1]);
        assert_eq!(ids("openai/brand-new"), [2], "an open-ended connection takes new names with its prefix");
        assert!(ids("brand-new").is_empty());
        assert!(ids("openai/gpt-old").is_empty(), "a disabled model is gone");
        assert!(ids("openai/").is_empty());
    }

    #[test]
    fn a_providers_default_holds_for_models_nobody_described() {
        let mut facts = Facts::default();
        let free = ModelFacts { pricing: Pricing::Free, ..ModelFacts::unknown() };
        facts.insert_default("ollama", free);
        facts.disable("ollama", "gone");
        let word = |provider, model| facts.get(provider, model).map(|facts| facts.pricing.word());
        assert_eq!(word("ollama", "llama"), Some("free"));
        assert_eq!(word("ollama", "gone"), None);
        assert_eq!(word("openai", "llama"), Some("unpriced"));
    }

    #[test]
    fn a_bare_name_of_two_providers_is_ambiguous() {
        let routes = Routes::build(
            vec![connection(1, "a", listed(&["m"]), 1), connection(2, "b", listed(&["m"]), 1)],
            Facts::default(),
        );
        let refused = routes.plan("m", &scope(1)).unwrap_err();
        assert_eq!(refused, NoRoute::Ambiguous(vec!["a/m".into(), "b/m".into()]));
        assert_eq!(routes.plan("b/m", &scope(1)).unwrap().len(), 1);
    }

    #[test]
    fn a_tenants_connection_serves_its_tenant_alone() {
        let mut own = connection(1, "openai", listed(&["m"]), 1);
        own.owner = Some(OrgId::new(Uuid::from_u128(7)));
        let routes = Routes::build(vec![own], Facts::default());
        assert_eq!(routes.plan("m", &scope(7)).unwrap().len(), 1);
        assert_eq!(routes.plan("m", &scope(8)).unwrap_err(), NoRoute::Unknown);
        assert!(routes.names(&scope(8)).is_empty());
    }
}
