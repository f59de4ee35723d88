//! `portcullis provider`: connections to upstreams. A provider's secret comes from a variable, a file or standard
//! input, is sealed at once, and is only ever shown masked.

pub mod add;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use domain::id::ProviderKeyId;
use domain::route::Serves;
use serde::Serialize;
use store::Store;
use store::provider_keys::{ProviderKey, ProviderKeyRefused};
use store::switch::Switch;
use vault::envelope::Bind;
use wire::catalog::{self, KeyRule, Production};

use super::context::{Context, open_store};
use super::instant;
use super::output::{Row, print};
use crate::{boot, discover};

/// What provider keys are sealed for; part of what a sealed value is bound to.
pub const PURPOSE: &str = "provider_key";

/// `portcullis provider …`
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Connect a provider
    #[command(visible_alias = "create")]
    Add(add::AddArgs),
    /// List connections
    List,
    /// Show one connection
    Show {
        /// Its name or id
        connection: String,
    },
    /// Ask a connected provider which models it offers; stores nothing
    Discover {
        /// Its name or id
        connection: String,
    },
    /// Stop using a connection
    Disable {
        /// Its name or id
        connection: String,
    },
    /// Use a disabled connection again
    Enable {
        /// Its name or id
        connection: String,
    },
    /// Forget a connection and its sealed secret
    Remove {
        /// Its name or id
        connection: String,
    },
    /// List the providers that can be connected
    Catalog {
        /// Print the page of the documentation
        #[arg(long)]
        markdown: bool,
    },
}

#[derive(Serialize)]
struct Connected {
    id: String,
    name: String,
    provider: String,
    base_url: String,
    secret_masked: Option<String>,
    models: Option<Vec<String>>,
    priority: u16,
    state: &'static str,
    org_id: Option<String>,
    created_at: String,
}

impl Row for Connected {
    const HEAD: &'static [&'static str] =
        &["name", "provider", "id", "base url", "secret", "models", "priority", "state", "org"];

    fn cells(&self) -> Vec<String> {
        let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
        vec![
            self.name.clone(),
            self.provider.clone(),
            self.id.clone(),
            self.base_url.clone(),
            or(&self.secret_masked, "none"),
            self.models.as_ref().map_or_else(|| "any".to_owned(), |models| models.join(",")),
            self.priority.to_string(),
            self.state.to_owned(),
            or(&self.org_id, "all"),
        ]
    }
}

impl From<ProviderKey> for Connected {
    fn from(row: ProviderKey) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            provider: row.provider,
            base_url: row.base_url,
            secret_masked: row.sealed.is_some().then_some(row.masked),
            models: match row.serves {
                Serves::Any => None,
                Serves::Listed(models) => Some(models),
            },
            priority: row.priority,
            state: row.state.word(),
            org_id: row.owner.map(|org| org.to_string()),
            created_at: instant::written(row.created_at),
        }
    }
}

#[derive(Serialize)]
struct Known {
    slug: &'static str,
    title: &'static str,
    base_url: Option<&'static str>,
    needs_key: bool,
    local: bool,
    production: bool,
    docs_url: &'static str,
    notes: &'static str,
}

impl Row for Known {
    const HEAD: &'static [&'static str] = &["provider", "title", "base url", "key"];

    fn cells(&self) -> Vec<String> {
        let key = if self.needs_key { "required" } else { "optional" };
        let base_url = self.base_url.unwrap_or("(yours: --base-url)");
        vec![self.slug.to_owned(), self.title.to_owned(), base_url.to_owned(), key.to_owned()]
    }
}

#[derive(Serialize)]
struct Offered {
    id: String,
}

impl Row for Offered {
    const HEAD: &'static [&'static str] = &["model"];

    fn cells(&self) -> Vec<String> {
        vec![self.id.clone()]
    }
}

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there or not possible.
pub async fn run(command: ProviderCommand, context: &Context) -> Result<()> {
    match command {
        ProviderCommand::Catalog { markdown: true } => Ok(print(&catalog::docs_page()?)?),
        ProviderCommand::Catalog { markdown: false } => {
            let rows: Vec<Known> = catalog::providers().iter().map(known).collect();
            Ok(context.output.list("providers", &rows, "")?)
        }
        ProviderCommand::Add(args) => {
            let row = add::add(args, context).await?;
            Ok(context.output.show(&Connected::from(row))?)
        }
        ProviderCommand::Discover { connection } => offered(&connection, context).await,
        ProviderCommand::List => {
            let store = context.store().await?;
            let rows: Vec<Connected> =
                store.provider_keys().list().await?.into_iter().map(Connected::from).collect();
            store.close().await;
            let empty = "No provider is connected yet: `portcullis provider add` connects one.";
            Ok(context.output.list("provider_keys", &rows, empty)?)
        }
        ProviderCommand::Show { connection } => change(&connection, context, Change::Nothing).await,
        ProviderCommand::Disable { connection } => {
            change(&connection, context, Change::To(Switch::Disabled)).await
        }
        ProviderCommand::Enable { connection } => {
            change(&connection, context, Change::To(Switch::Active)).await
        }
        ProviderCommand::Remove { connection } => change(&connection, context, Change::Remove).await,
    }
}

fn known(provider: &'static catalog::Provider) -> Known {
    Known {
        slug: provider.slug,
        title: provider.title,
        base_url: provider.base_url,
        needs_key: provider.key == KeyRule::Required,
        local: provider.local,
        production: provider.production == Production::Allowed,
        docs_url: provider.docs_url,
        notes: provider.notes,
    }
}

enum Change {
    Nothing,
    To(Switch),
    Remove,
}

async fn change(asked: &str, context: &Context, change: Change) -> Result<()> {
    let store = context.store().await?;
    let mut row = find(&store, asked).await?;
    let last_words = match change {
        Change::Nothing => "",
        Change::To(state) => {
            store.provider_keys().set_state(row.id, state, context.now()).await?;
            row.state = state;
            ""
        }
        Change::Remove => {
            store.provider_keys().delete(row.id, context.now()).await?;
            "\nIt is removed, and its sealed secret with it."
        }
    };
    store.close().await;
    context.output.show(&Connected::from(row))?;
    if last_words.is_empty() { Ok(()) } else { Ok(context.output.say(last_words)?) }
}

async fn find(store: &Store, asked: &str) -> Result<ProviderKey> {
    match store.provider_keys().get(asked).await {
        Err(ProviderKeyRefused::NotFound(_)) => {
            bail!("there is no connection `{asked}`. `portcullis provider list` shows them")
        }
        found => Ok(found?),
    }
}

async fn offered(asked: &str, context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let row = find(&store, asked).await?;
    store.close().await;
    let secret = match &row.sealed {
        None => None,
        Some(sealed) => {
            let opened = roots.vault.open(sealed, &bind(row.id, &row));
            Some(opened.with_context(|| format!("the secret of {} does not open; add it again", row.name))?)
        }
    };
    let (policy, client) = boot::egress_client(&loaded.config)?;
    let models = discover::models(&policy, &client, &row.base_url, secret.as_ref()).await;
    let models = models.with_context(|| format!("{} does not list its models", row.base_url))?;
    let rows: Vec<Offered> = models.into_iter().map(|id| Offered { id }).collect();
    Ok(context.output.list("models", &rows, "It offers no models.")?)
}

/// What the secret of `row` is bound to.
pub(super) fn bind(id: ProviderKeyId, row: &ProviderKey) -> Bind<'static> {
    Bind { org: row.owner, record: id.uuid(), purpose: PURPOSE }
}
