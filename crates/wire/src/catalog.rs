//! The catalogue: which providers there are, and what is known of their models. Both are data shipped with the
//! binary; an operator's own file is laid over the models. Knows no tenant and no connection.

mod cloud_keys;
mod modality;
mod page;
mod provider;
mod providers;
mod region;
mod row;

use std::collections::HashSet;
use std::sync::Arc;

use domain::catalog::{CachedInBatch, ModelFacts};
use domain::price::Pricing;
use domain::route::Facts;
use serde::{Deserialize, Serialize};

pub use cloud_keys::BadCloudKey;
pub use modality::{Modalities, Modality};
pub use page::docs_page;
pub use provider::{Auth, BadKey, KeyRule, Production, Provider, StreamUsage, check_key_format};
pub use region::{NoRegion, aws_region, check_host};
pub use row::BadRow;

const SHIPPED: &str = include_str!("catalog/models.toml");
/// A version stands in every usage record, so it is kept short.
const LONGEST_VERSION: usize = 40;

/// Every provider, in the order of the documentation.
#[must_use]
pub fn providers() -> &'static [Provider] {
    providers::TABLE
}

/// The provider of that slug.
#[must_use]
pub fn provider(slug: &str) -> Option<&'static Provider> {
    providers().iter().find(|provider| provider.slug == slug)
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Chat completions.
    Chat,
    /// Embeddings: no output tokens.
    Embedding,
    /// Plain text completions.
    Completion,
    /// Pictures, made or changed.
    Image,
    /// Text to speech.
    Speech,
    /// Speech to text.
    Transcription,
    /// Judgements on content.
    Moderation,
    /// Documents ranked by a question.
    Rerank,
}

impl Kind {
    /// The word in files and listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Chat => "chat",
            Kind::Embedding => "embedding",
            Kind::Completion => "completion",
            Kind::Image => "image",
            Kind::Speech => "speech",
            Kind::Transcription => "transcription",
            Kind::Moderation => "moderation",
            Kind::Rerank => "rerank",
        }
    }

    /// Whether it writes tokens.
    #[must_use]
    pub fn has_output(self) -> bool {
        !matches!(self, Kind::Embedding | Kind::Moderation | Kind::Rerank)
    }
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The provider's slug.
    pub provider: &'static str,
    /// Its name there.
    pub name: String,
    /// Other names that the provider serves by the same model at the same price: dated snapshots, `-latest`.
    pub aliases: Vec<String>,
    /// What it is for.
    pub kind: Kind,
    /// Tokens of context, when known.
    pub context_tokens: Option<u32>,
    /// Most tokens of output, when known.
    pub max_output_tokens: Option<u32>,
    /// What it reads, when known.
    pub reads: Modalities,
    /// What it writes, when known; empty where a kind writes none of these, as an embedding.
    pub writes: Modalities,
    /// What it costs.
    pub pricing: Pricing,
    /// What a token costs in a batch, in percent of its price elsewhere: the provider's figure unless the row has its own.
    pub batch_percent: Option<u8>,
    /// Whether that is true of what was read from the cache, as its provider has it.
    pub cached_in_batch: CachedInBatch,
    /// Catalogue version, provider and name in one text: kept on every usage record.
    pub price_version: Arc<str>,
    /// The page that publishes the price.
    pub source_url: Option<String>,
    /// The day of the newest evidence for the price, as `YYYY-MM-DD`.
    pub checked: Option<String>,
    /// What the figures leave out.
    pub note: Option<String>,
}

impl Model {
    /// Its name and its aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// What routing and billing need of it.
    #[must_use]
    pub fn facts(&self) -> ModelFacts {
        ModelFacts {
            pricing: self.pricing,
            price_version: Arc::clone(&self.price_version),
            context_tokens: self.context_tokens,
            max_output_tokens: self.max_output_tokens,
            batch_percent: self.batch_percent,
            cached_in_batch: self.cached_in_batch,
        }
    }
}

/// The models that are known, of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The version, e.g. the day it was made; of an overlaid catalogue, both versions joined by `+`.
    pub version: String,
    models: Vec<Model>,
}

/// Why a catalogue is not loaded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadCatalog {
    /// Not TOML, or not of the catalogue's form.
    #[error("the catalogue does not have the expected form: {0}")]
    Form(String),
    /// The version is empty, long or holds odd characters.
    #[error(
        "the catalogue's version must be 1 to {LONGEST_VERSION} letters, digits, dots, dashes or underscores"
    )]
    Version,
    /// One row is wrong.
    #[error("catalogue row {row}: {problem}")]
    Row {
        /// Provider and model as the row names them.
        row: String,
        /// What is wrong with it.
        problem: BadRow,
    },
}

impl Catalog {
    /// The catalogue in the binary.
    ///
    /// # Errors
    /// [`BadCatalog`]; a test proves that the shipped one has no fault.
    pub fn shipped() -> Result<Self, BadCatalog> {
        Self::parse(SHIPPED)
    }

    /// Reads a catalogue file. Unknown fields, unknown providers, names given twice and prices that are malformed
    /// or negative are refused.
    ///
    /// # Errors
    /// [`BadCatalog`] that names the first row at fault.
    pub fn parse(text: &str) -> Result<Self, BadCatalog> {
        let file: row::File = toml::from_str(text).map_err(|fault| BadCatalog::Form(fault.to_string()))?;
        if !is_version(&file.version) {
            return Err(BadCatalog::Version);
        }
        let mut models: Vec<Model> = Vec::with_capacity(file.model.len());
        for row in file.model {
            let name = format!("{}/{}", row.provider, row.name);
            let model =
                row.checked(&file.version).map_err(|problem| BadCatalog::Row { row: name, problem })?;
            models.push(model);
        }
        refuse_names_given_twice(&models)?;
        Ok(Self { version: file.version, models })
    }

    /// Every model, in the order of the file.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter()
    }

    /// The model of that name or alias.
    #[must_use]
    pub fn model(&self, provider: &str, name: &str) -> Option<&Model> {
        self.models
            .iter()
            .find(|model| model.provider == provider && model.names().any(|known| known == name))
    }

    /// Lays an operator's catalogue over this one. A row that claims the name of a row here takes its place,
    /// together with its other names; a row that claims only an alias takes the alias.
    pub fn overlay(&mut self, other: Catalog) {
        self.version = format!("{}+{}", self.version, other.version);
        let claimed: HashSet<(&str, String)> = other
            .models
            .iter()
            .flat_map(|model| model.names().map(|name| (model.provider, name.to_owned())))
            .collect();
        for mut model in other.models {
            let (replaced, kept): (Vec<Model>, Vec<Model>) =
                std::mem::take(&mut self.models).into_iter().partition(|old| {
                    old.provider == model.provider && model.names().any(|name| name == old.name)
                });
            self.models = kept;
            let inherited = replaced.into_iter().flat_map(|old| old.aliases);
            let free = inherited.filter(|alias| !claimed.contains(&(model.provider, alias.clone())));
            model.aliases.extend(free.collect::<Vec<_>>());
            self.models.push(model);
        }
        let own =
            self.models.iter_mut().filter(|model| !claimed.contains(&(model.provider, model.name.clone())));
        for model in own {
            model.aliases.retain(|alias| !claimed.contains(&(model.provider, alias.clone())));
        }
    }

    /// The facts of every model under every name it has; models of one's own servers that nobody described are
    /// free.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        let says = |provider: &&Provider| {
            provider.default_pricing() != Pricing::Unpriced || provider.batch_percent.is_some()
        };
        for provider in providers().iter().filter(says) {
            facts.insert_default(provider.slug, provider.default_facts());
        }
        for model in &self.models {
            for name in model.names() {
                facts.insert(model.provider, name, model.facts());
            }
        }
        facts
    }
}

fn refuse_names_given_twice(models: &[Model]) -> Result<(), BadCatalog> {
    let mut seen = HashSet::new();
    for model in models {
        for name in model.names() {
            if !seen.insert((model.provider, name)) {
                let row = format!("{}/{}", model.provider, model.name);
                return Err(BadCatalog::Row { row, problem: BadRow::NameTwice(name.to_owned()) });
            }
        }
    }
    Ok(())
}

fn is_version(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=LONGEST_VERSION).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
