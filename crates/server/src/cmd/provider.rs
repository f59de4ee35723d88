//! `portcullis provider`: connections to upstreams. A provider's secret comes from a variable, a file or standard
//! input, is sealed at once, and is only ever shown masked.

pub mod add;
mod quota;
mod rows;

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use control::provider_keys::discover::Undiscovered;
use store::Store;
use store::provider_keys::{ProviderKey, ProviderKeyRefused};
use store::switch::Switch;
use wire::catalog;

use self::rows::{Connected, Known, Offered};
use super::context::{Context, open_store};
use super::output::print;
use crate::{key_provider, provider_catalogue};

/// The longest rest that a person can order: 30 days.
const MAX_REST_SECONDS: i64 = 30 * 24 * 3_600;

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
    /// Say how much may go over a connection; what is not named stays as it is
    Quota(quota::QuotaArgs),
    /// Put a connection to rest, or end every rest it has
    Cooldown {
        /// Its name or id
        connection: String,
        /// For how long; zero ends every rest
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=MAX_REST_SECONDS))]
        seconds: u32,
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

/// Runs it.
///
/// # Errors
/// When the store cannot be reached, or what was asked for is not there or not possible.
pub async fn run(command: ProviderCommand, context: &Context) -> Result<()> {
    match command {
        ProviderCommand::Catalog { markdown: true } => Ok(print(&catalog::docs_page()?)?),
        ProviderCommand::Catalog { markdown: false } => {
            let rows: Vec<Known> = catalog::providers().iter().map(Known::from).collect();
            Ok(context.output.list("providers", &rows, "")?)
        }
        ProviderCommand::Add(args) => {
            let row = add::add(args, context).await?;
            Ok(context.output.show(&Connected::new(row, context.now()))?)
        }
        ProviderCommand::Discover { connection } => offered(&connection, context).await,
        ProviderCommand::List => {
            let store = context.store().await?;
            let rows = store.provider_keys().list().await?;
            let rows: Vec<Connected> =
                rows.into_iter().map(|row| Connected::new(row, context.now())).collect();
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
        ProviderCommand::Quota(args) => {
            let store = context.store().await?;
            let row = quota::set(&store, &find(&store, &args.connection).await?, &args, context).await?;
            store.close().await;
            Ok(context.output.show(&Connected::new(row, context.now()))?)
        }
        ProviderCommand::Cooldown { connection, seconds } => {
            change(&connection, context, Change::Rest(seconds)).await
        }
        ProviderCommand::Remove { connection } => change(&connection, context, Change::Remove).await,
    }
}

enum Change {
    Nothing,
    To(Switch),
    /// For so many seconds; none ends every rest.
    Rest(u32),
    Remove,
}

async fn change(asked: &str, context: &Context, change: Change) -> Result<()> {
    let store = context.store().await?;
    let mut row = find(&store, asked).await?;
    let last_words = match change {
        Change::Nothing => "",
        Change::To(state) => {
            store.provider_keys().set_state(row.id, state, &context.act()).await?;
            row.state = state;
            ""
        }
        Change::Rest(seconds) => {
            let act = context.act();
            let until = (seconds > 0).then(|| act.at.plus_seconds(i64::from(seconds)));
            row = store.provider_keys().rest(row.id, until, &act).await?;
            ""
        }
        Change::Remove => {
            store.provider_keys().delete(row.id, &context.act()).await?;
            "\nIt is removed, and its sealed secret with it."
        }
    };
    store.close().await;
    context.output.show(&Connected::new(row, context.now()))?;
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
    let sealer =
        key_provider::sealer(&loaded.config, &store, roots.vault, roots.transit_token, &context.clock)?;
    let listed = provider_catalogue::upstreams_of(&loaded.config, sealer)?.models_of(&row).await;
    store.close().await;
    let models = match listed {
        Err(Undiscovered::Sealed(closed)) => {
            let said = format!("the secret of {} does not open; add it again", row.name);
            return Err(anyhow::Error::from(closed).context(said));
        }
        listed => listed.with_context(|| format!("{} does not list its models", row.base_url))?.models,
    };
    let rows: Vec<Offered> = models.into_iter().map(|id| Offered { id }).collect();
    Ok(context.output.list("models", &rows, "It offers no models.")?)
}
