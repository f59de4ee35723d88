//! The installation's own model rows, laid over the shipped catalogue: a model the catalogue does not know, another
//! price, or one that is switched off.

pub(crate) mod prices;

use std::sync::Arc;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::catalog::ModelFacts;
use domain::price::{NegativePrice, Pricing};
use domain::route::Facts;
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, WriteFailed};
use crate::name::{self, BadName};
use crate::switch::Switch;

/// A model row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The provider's slug in the catalogue.
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// What it costs.
    pub pricing: Pricing,
    /// Tokens of context, when known.
    pub context_tokens: Option<u32>,
    /// Most tokens of output, when known.
    pub max_output_tokens: Option<u32>,
    /// Whether it may be called.
    pub state: Switch,
    /// When the row was first written.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// Which price this is: the number of the change that set it, never used twice.
    pub version: i64,
}

impl Model {
    /// The word by which a record of a call names the price of this row.
    #[must_use]
    pub fn price_version(&self) -> String {
        format!("own-{}", self.version)
    }
}

/// A model row to be written.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// The provider's slug in the catalogue.
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// What it costs.
    pub pricing: Pricing,
    /// Tokens of context, when known.
    pub context_tokens: Option<u32>,
    /// Most tokens of output, when known.
    pub max_output_tokens: Option<u32>,
    /// Whether it may be called.
    pub state: Switch,
}

/// Why a model row was not written or found.
#[derive(Debug, thiserror::Error)]
pub enum ModelRefused {
    /// The provider or the model is no name.
    #[error("a provider is a slug without a slash, and a model a name: {0}")]
    BadName(#[from] BadName),
    /// A price is below zero.
    #[error(transparent)]
    NegativePrice(#[from] NegativePrice),
    /// There is no row of this model.
    #[error("the installation has no row of its own for {0}")]
    NotFound(String),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The model rows.
pub struct Models<'a> {
    db: &'a Db,
}

const COLUMNS: &str = "SELECT provider, model, pricing, prices, context_tokens, max_output_tokens, state, \
                       created_at, updated_at, version FROM models WHERE 1 = 1";

const UPSERT: &str = "INSERT INTO models (provider, model, pricing, prices, context_tokens, max_output_tokens, \
    state, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) \
    ON CONFLICT (provider, model) DO UPDATE SET pricing = excluded.pricing, prices = excluded.prices, \
    context_tokens = excluded.context_tokens, max_output_tokens = excluded.max_output_tokens, \
    state = excluded.state, updated_at = excluded.updated_at, version = excluded.version";

impl<'a> Models<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Writes a model row in place of the one there was; the request path learns of it. It is recorded as done by `act`,
    /// as every change below is.
    ///
    /// # Errors
    /// [`ModelRefused`] when a name is bad or a price negative.
    pub async fn upsert(&self, new: &NewModel, act: &Act) -> Result<Model, ModelRefused> {
        name::check(&new.provider)?;
        name::check(&new.model)?;
        if new.provider.contains('/') {
            return Err(BadName.into());
        }
        let prices = prices::of(&new.pricing)?.map(|prices| WriteFailed::json(&prices)).transpose()?;
        let mut tx = self.db.begin().await?;
        let subject = subject(&new.provider, &new.model);
        let version = changes::note(&mut tx, Kind::Route, &subject, act.at).await?;
        let detail = priced(new, prices.as_deref(), version);
        let statement = Statement::new(UPSERT)
            .bind(new.provider.as_str())
            .bind(new.model.as_str())
            .bind(new.pricing.word())
            .bind(prices)
            .bind(new.context_tokens)
            .bind(new.max_output_tokens)
            .bind(new.state.word())
            .bind(act.at)
            .bind(version);
        tx.execute(statement).await?;
        audit::append(&mut tx, &act.done(Action::MODEL_SET, subject, detail)).await?;
        tx.commit().await?;
        self.get(&new.provider, &new.model).await
    }

    /// All model rows, by provider and name.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn list(&self) -> Result<Vec<Model>, ReadFailed> {
        let statement = Statement::new(COLUMNS).push(" ORDER BY provider, model");
        self.db.fetch_all(statement).await?.iter().map(model).collect()
    }

    /// The row of one model.
    ///
    /// # Errors
    /// [`ModelRefused::NotFound`] when there is none.
    pub async fn get(&self, provider: &str, name: &str) -> Result<Model, ModelRefused> {
        let statement = Statement::new(COLUMNS).and("provider =", Some(provider)).and("model =", Some(name));
        let row = self.db.fetch_optional(statement).await?;
        Ok(model(&row.ok_or_else(|| ModelRefused::NotFound(subject(provider, name)))?)?)
    }

    /// Switches a model off or on and leaves its price as it is; the request path learns of it.
    ///
    /// # Errors
    /// [`ModelRefused::NotFound`] when there is no row.
    pub async fn set_state(
        &self,
        provider: &str,
        name: &str,
        state: Switch,
        act: &Act,
    ) -> Result<(), ModelRefused> {
        let action = match state {
            Switch::Active => Action::MODEL_ENABLE,
            Switch::Disabled => Action::MODEL_DISABLE,
        };
        let statement = Statement::new(
            "UPDATE models SET state = $1, updated_at = $2 WHERE provider = $3 AND model = $4",
        )
        .bind(state.word())
        .bind(act.at)
        .bind(provider)
        .bind(name);
        self.change(statement, provider, name, action, act).await
    }

    /// Removes a row, so that the catalogue's holds again; the request path learns of it.
    ///
    /// # Errors
    /// [`ModelRefused::NotFound`] when there is no row.
    pub async fn remove(&self, provider: &str, name: &str, act: &Act) -> Result<(), ModelRefused> {
        let statement =
            Statement::new("DELETE FROM models WHERE provider = $1 AND model = $2").bind(provider).bind(name);
        self.change(statement, provider, name, Action::MODEL_REMOVE, act).await
    }

    /// Lays the rows over `facts`: those in use replace what is there, those switched off take it out of service.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer; `facts` is then as it was.
    pub async fn lay_over(&self, facts: &mut Facts) -> Result<(), ReadFailed> {
        for row in self.list().await? {
            match row.state {
                Switch::Disabled => facts.disable(&row.provider, &row.model),
                Switch::Active => {
                    // What an operator says of a price says nothing of batches: the catalogue's share of it stays.
                    let before = facts.get(&row.provider, &row.model);
                    let before = before.map_or_else(ModelFacts::unknown, |before| (*before).clone());
                    let known = ModelFacts {
                        pricing: row.pricing,
                        price_version: Arc::from(row.price_version()),
                        context_tokens: row.context_tokens,
                        max_output_tokens: row.max_output_tokens,
                        ..before
                    };
                    facts.insert(&row.provider, &row.model, known);
                }
            }
        }
        Ok(())
    }

    async fn change(
        &self,
        statement: Statement,
        provider: &str,
        name: &str,
        action: Action,
        act: &Act,
    ) -> Result<(), ModelRefused> {
        let mut tx = self.db.begin().await?;
        if tx.execute(statement).await? == 0 {
            return Err(ModelRefused::NotFound(subject(provider, name)));
        }
        changes::note(&mut tx, Kind::Route, subject(provider, name), act.at).await?;
        audit::append(&mut tx, &act.done(action, subject(provider, name), Detail::none())).await?;
        Ok(tx.commit().await?)
    }
}

/// What the row of a price says of it.
fn priced(new: &NewModel, prices: Option<&str>, version: i64) -> Detail {
    let detail = Detail::none().text("pricing", new.pricing.word()).text("state", new.state.word());
    let detail = detail.text("version", version);
    match prices {
        Some(prices) => detail.text("prices", prices),
        None => detail,
    }
}

fn subject(provider: &str, model: &str) -> String {
    format!("{provider}/{model}")
}

fn model(row: &Row) -> Result<Model, ReadFailed> {
    Ok(Model {
        provider: row.text("provider")?,
        model: row.text("model")?,
        pricing: prices::column(row)?,
        context_tokens: row.number_optional("context_tokens")?,
        max_output_tokens: row.number_optional("max_output_tokens")?,
        state: row.read("state", Switch::parse)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.get("version")?,
    })
}
