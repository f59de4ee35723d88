//! One line per model: the catalogue's rows, replaced where the installation has rows of its own.

use domain::money::Money;
use domain::price::{Price, Pricing};
use serde::Serialize;
use store::models::Model as OwnModel;
use wire::catalog::{Catalog, Modalities, Modality, Model};

use crate::cmd::output::Row;

/// A model as it is listed. Prices are US dollars per million tokens, or per unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Listed {
    pub provider: String,
    pub model: String,
    pub aliases: Vec<String>,
    pub kind: Option<&'static str>,
    pub pricing: &'static str,
    pub input_usd: Option<String>,
    pub cached_usd: Option<String>,
    pub output_usd: Option<String>,
    pub cache_write_usd: Option<String>,
    pub cache_write_1h_usd: Option<String>,
    pub image_usd: Option<String>,
    /// What is not counted in tokens.
    pub per_picture_usd: Option<String>,
    pub per_second_usd: Option<String>,
    pub per_million_characters_usd: Option<String>,
    pub per_search_usd: Option<String>,
    pub per_request_usd: Option<String>,
    /// The shortest prompt that costs more than the prices here.
    pub dearer_from_prompt_tokens: Option<u64>,
    pub context_tokens: Option<u32>,
    pub max_output_tokens: Option<u32>,
    /// What it reads and writes; empty where nobody said.
    pub reads: Vec<&'static str>,
    pub writes: Vec<&'static str>,
    /// What a batch costs, in percent of the prices here.
    pub batch_percent: Option<u8>,
    pub state: &'static str,
    /// `catalogue`, `own`, or `none` for a model that nobody described.
    pub origin: &'static str,
    pub price_version: String,
}

impl Row for Listed {
    const HEAD: &'static [&'static str] = &[
        "model",
        "pricing",
        "input",
        "cached",
        "output",
        "reads",
        "writes",
        "context",
        "max output",
        "state",
        "from",
    ];

    fn cells(&self) -> Vec<String> {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let words =
            |words: &[&str], none: &str| if words.is_empty() { none.to_owned() } else { words.join(",") };
        // What is described but writes nothing gives vectors, scores or verdicts.
        let nothing = if self.reads.is_empty() { "?" } else { "-" };
        let number = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
        let pricing = match self.dearer_from_prompt_tokens {
            Some(tokens) => format!("{} (more from {tokens})", self.pricing),
            None => self.pricing.to_owned(),
        };
        vec![
            format!("{}/{}", self.provider, self.model),
            pricing,
            or(&self.input_usd),
            or(&self.cached_usd),
            or(&self.output_usd),
            words(&self.reads, "?"),
            words(&self.writes, nothing),
            number(self.context_tokens),
            number(self.max_output_tokens),
            self.state.to_owned(),
            self.origin.to_owned(),
        ]
    }
}

impl Listed {
    /// A model that nobody described.
    pub(super) fn unknown(provider: &str, model: &str) -> Self {
        let facts = wire::catalog::provider(provider)
            .map_or_else(domain::catalog::ModelFacts::unknown, wire::catalog::Provider::default_facts);
        Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
            batch_percent: facts.batch_percent,
            origin: "none",
            price_version: facts.price_version.to_string(),
            ..Self::priced(&facts.pricing)
        }
    }

    fn from_catalogue(model: &Model) -> Self {
        Self {
            provider: model.provider.to_owned(),
            model: model.name.clone(),
            aliases: model.aliases.clone(),
            kind: Some(model.kind.word()),
            context_tokens: model.context_tokens,
            max_output_tokens: model.max_output_tokens,
            reads: words(model.reads),
            writes: words(model.writes),
            batch_percent: model.batch_percent,
            origin: "catalogue",
            price_version: model.price_version.to_string(),
            ..Self::priced(&model.pricing)
        }
    }

    /// A row of one's own. What it does not describe is as `known` without it.
    fn from_own(model: &OwnModel, known: Self) -> Self {
        Self {
            reads: known.reads,
            writes: known.writes,
            batch_percent: known.batch_percent,
            provider: model.provider.clone(),
            model: model.model.clone(),
            context_tokens: model.context_tokens,
            max_output_tokens: model.max_output_tokens,
            state: model.state.word(),
            origin: "own",
            price_version: model.price_version(),
            ..Self::priced(&model.pricing)
        }
    }

    fn priced(pricing: &Pricing) -> Self {
        let (price, dearer_from_prompt_tokens) = match pricing {
            Pricing::Priced(price) => (Some(price), None),
            Pricing::Stepped(stepped) => (Some(&stepped.below), Some(stepped.from_prompt_tokens)),
            Pricing::Free | Pricing::Unpriced => (None, None),
        };
        let usd = |of: fn(&Price) -> Money| price.map(|price| of(price).to_string());
        let unit = |of: fn(&Price) -> Option<Money>| price.and_then(of).map(|price| price.to_string());
        Self {
            provider: String::new(),
            model: String::new(),
            aliases: Vec::new(),
            kind: None,
            pricing: pricing.word(),
            input_usd: usd(|price| price.input),
            cached_usd: usd(|price| price.cache_read),
            output_usd: usd(|price| price.output),
            cache_write_usd: usd(|price| price.cache_write),
            cache_write_1h_usd: usd(|price| price.cache_write_1h),
            image_usd: usd(|price| price.image),
            per_picture_usd: unit(|price| price.picture),
            per_second_usd: unit(|price| price.second),
            per_million_characters_usd: unit(|price| price.characters),
            per_search_usd: unit(|price| price.search),
            per_request_usd: unit(|price| (price.request > Money::ZERO).then_some(price.request)),
            dearer_from_prompt_tokens,
            context_tokens: None,
            max_output_tokens: None,
            reads: Vec::new(),
            writes: Vec::new(),
            batch_percent: None,
            state: "active",
            origin: "",
            price_version: String::new(),
        }
    }
}

fn words(modalities: Modalities) -> Vec<&'static str> {
    modalities.iter().map(Modality::word).collect()
}

/// Every model, by provider and name. A row of one's own takes the place of the catalogue's row of that name, and
/// takes an alias out of the row that had it.
pub(super) fn all(catalogue: &Catalog, own: &[OwnModel]) -> Vec<Listed> {
    let mut rows: Vec<Listed> = catalogue.models().map(Listed::from_catalogue).collect();
    for model in own {
        let known = one(catalogue, &[], &model.provider, &model.model)
            .unwrap_or_else(|| Listed::unknown(&model.provider, &model.model));
        rows.retain(|row| !(row.provider == model.provider && row.model == model.model));
        let of_provider = rows.iter_mut().filter(|row| row.provider == model.provider);
        of_provider.for_each(|row| row.aliases.retain(|alias| *alias != model.model));
        rows.push(Listed::from_own(model, known));
    }
    rows.sort_by(|a, b| (&a.provider, &a.model).cmp(&(&b.provider, &b.model)));
    rows
}

/// The model of this name or alias.
pub(super) fn one(catalogue: &Catalog, own: &[OwnModel], provider: &str, name: &str) -> Option<Listed> {
    let mut rows = all(catalogue, own).into_iter().filter(|row| row.provider == provider);
    rows.find(|row| row.model == name || row.aliases.iter().any(|alias| alias == name))
}
