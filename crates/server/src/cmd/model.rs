//! `portcullis model`: what is known of models and what they cost: the catalogue, with rows of one's own over it.

mod listing;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use domain::money::Money;
use domain::price::{NegativePrice, Price, Pricing};
use store::Store;
use store::models::{ModelRefused, NewModel};
use store::switch::Switch;
use wire::catalog::{self, Catalog};

use self::listing::Listed;
use super::context::{Context, open_store};
use crate::boot;

/// `portcullis model …`
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Describe a model, or replace what the catalogue says of it
    Create(CreateArgs),
    /// List the models of connected providers
    List {
        /// Of this provider only
        #[arg(long)]
        provider: Option<String>,
        /// Of every provider, connected or not
        #[arg(long)]
        all: bool,
    },
    /// Show one model
    Show(Named),
    /// Take a model out of service
    Disable(Named),
    /// Take a disabled model back into service
    Enable(Named),
    /// Forget a row of one's own, so that the catalogue's holds again
    Remove(Named),
}

/// One model.
#[derive(Debug, Args)]
pub struct Named {
    /// The model, as PROVIDER/MODEL
    #[arg(value_name = "PROVIDER/MODEL", value_parser = full_name)]
    model: (String, String),
}

/// `portcullis model create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The provider, by its slug
    #[arg(long, value_name = "SLUG")]
    provider: String,
    /// The model, as the provider knows it
    #[arg(long)]
    model: String,
    /// US dollars per million input tokens
    #[arg(long, value_name = "USD", requires = "output_usd", required_unless_present_any = ["free", "unit"])]
    input_usd: Option<Money>,
    /// US dollars per million output tokens
    #[arg(long, value_name = "USD", requires = "input_usd")]
    output_usd: Option<Money>,
    /// US dollars per million input tokens that the provider had cached [default: as input]
    #[arg(long, value_name = "USD", requires = "input_usd")]
    cached_usd: Option<Money>,
    /// US dollars per million input tokens that the provider writes to its cache [default: as input]
    #[arg(long, value_name = "USD", requires = "input_usd")]
    cache_write_usd: Option<Money>,
    /// The same for an hour [default: as for five minutes]
    #[arg(long, value_name = "USD", requires = "input_usd")]
    cache_write_1h_usd: Option<Money>,
    /// US dollars per million tokens of pictures [default: the dearer of input and output]
    #[arg(long, value_name = "USD", requires = "input_usd")]
    image_usd: Option<Money>,
    /// US dollars per picture
    #[arg(long, value_name = "USD", group = "unit")]
    per_picture_usd: Option<Money>,
    /// US dollars per second of sound
    #[arg(long, value_name = "USD", group = "unit")]
    per_second_usd: Option<Money>,
    /// US dollars per million characters
    #[arg(long, value_name = "USD", group = "unit")]
    per_million_characters_usd: Option<Money>,
    /// US dollars per search
    #[arg(long, value_name = "USD", group = "unit")]
    per_search_usd: Option<Money>,
    /// US dollars per request
    #[arg(long, value_name = "USD", group = "unit")]
    per_request_usd: Option<Money>,
    /// It costs nothing
    #[arg(long, conflicts_with_all = ["input_usd", "unit"])]
    free: bool,
    /// Tokens of context
    #[arg(long, value_name = "TOKENS")]
    context: Option<u32>,
    /// Most tokens of output
    #[arg(long, value_name = "TOKENS")]
    max_output: Option<u32>,
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there or not possible.
pub async fn run(command: ModelCommand, context: &Context) -> Result<()> {
    let config = context.config()?;
    let catalogue = boot::catalogue(&config)?;
    let store = open_store(&config).await?;
    let (provider, name) = match command {
        ModelCommand::List { provider, all } => {
            let connected = if all { None } else { Some(connected(&store).await?) };
            let mut rows = listing::all(&catalogue, &store.models().list().await?);
            rows.retain(|row| {
                connected.as_ref().is_none_or(|slugs| slugs.contains(&row.provider))
                    && provider.as_ref().is_none_or(|only| *only == row.provider)
            });
            store.close().await;
            let empty = "No provider is connected yet, so that no model can be called. --all lists every model known.";
            return Ok(context.output.list("models", &rows, empty)?);
        }
        ModelCommand::Create(args) => create(args, &store, context).await?,
        ModelCommand::Show(named) => named.model,
        ModelCommand::Disable(named) => {
            switch(named.model, Switch::Disabled, &catalogue, &store, context).await?
        }
        ModelCommand::Enable(named) => {
            switch(named.model, Switch::Active, &catalogue, &store, context).await?
        }
        ModelCommand::Remove(named) => {
            let (provider, name) = named.model;
            store.models().remove(&provider, &name, &context.act()).await?;
            store.close().await;
            return Ok(context.output.show(
                &listing::one(&catalogue, &[], &provider, &name)
                    .unwrap_or_else(|| Listed::unknown(&provider, &name)),
            )?);
        }
    };
    let own = store.models().list().await?;
    store.close().await;
    let row = listing::one(&catalogue, &own, &provider, &name).with_context(|| {
        format!("nothing is known of {provider}/{name}. `portcullis model list --all` lists what is")
    })?;
    Ok(context.output.show(&row)?)
}

/// The providers that are connected and in use.
async fn connected(store: &Store) -> Result<BTreeSet<String>> {
    let connections = store.provider_keys().connections().await?;
    Ok(connections.iter().map(|connection| connection.provider.to_string()).collect())
}

async fn create(args: CreateArgs, store: &Store, context: &Context) -> Result<(String, String)> {
    let Some(provider) = catalog::provider(&args.provider) else {
        bail!("no provider is called `{}`. `portcullis provider catalog` lists them", args.provider)
    };
    let pricing = if args.free { Pricing::Free } else { Pricing::Priced(args.price()?) };
    let new = NewModel {
        provider: provider.slug.to_owned(),
        model: args.model,
        pricing,
        context_tokens: args.context,
        max_output_tokens: args.max_output,
        state: Switch::Active,
    };
    store.models().upsert(&new, &context.act()).await?;
    Ok((new.provider, new.model))
}

impl CreateArgs {
    /// The price list. What is sold by units alone has tokens that cost nothing.
    fn price(&self) -> Result<Price, NegativePrice> {
        let (input, output) = (self.input_usd.unwrap_or(Money::ZERO), self.output_usd.unwrap_or(Money::ZERO));
        let price = Price::new(input, output)?;
        let cache_write = self.cache_write_usd.unwrap_or(price.cache_write);
        Price {
            cache_read: self.cached_usd.unwrap_or(price.cache_read),
            cache_write,
            cache_write_1h: self.cache_write_1h_usd.unwrap_or(cache_write),
            image: self.image_usd.unwrap_or(price.image),
            picture: self.per_picture_usd,
            second: self.per_second_usd,
            characters: self.per_million_characters_usd,
            search: self.per_search_usd,
            request: self.per_request_usd.unwrap_or(Money::ZERO),
            ..price
        }
        .checked()
    }
}

/// Switches a model. One that only the catalogue knows gets a row of its own first, which keeps today's price.
async fn switch(
    (provider, name): (String, String),
    state: Switch,
    catalogue: &Catalog,
    store: &Store,
    context: &Context,
) -> Result<(String, String)> {
    match store.models().set_state(&provider, &name, state, &context.act()).await {
        Err(ModelRefused::NotFound(_)) => {
            let Some(known) = catalogue.model(&provider, &name) else {
                bail!("nothing is known of {provider}/{name}. `portcullis model list --all` lists what is")
            };
            if state == Switch::Disabled {
                let new = NewModel {
                    provider: provider.clone(),
                    model: name.clone(),
                    pricing: known.pricing,
                    context_tokens: known.context_tokens,
                    max_output_tokens: known.max_output_tokens,
                    state,
                };
                store.models().upsert(&new, &context.act()).await?;
                context
                    .output
                    .say("The catalogue's row is now one of your own; `model remove` gives it back.\n")?;
            }
        }
        switched => switched?,
    }
    Ok((provider, name))
}

fn full_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            Ok((provider.to_owned(), model.to_owned()))
        }
        _ => Err("write PROVIDER/MODEL, such as openai/gpt-4o-mini".to_owned()),
    }
}
