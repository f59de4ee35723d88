//! `portcullis provider add`: checks URL and secret, seals, stores. The secret never stands on the command line, where
//! other processes and the shell's history would see it.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use control::vault_keys::prove;
use domain::id::ProviderKeyId;
use domain::route::Serves;
use domain::secret::Secret;
use egress::Policy;
use store::provider_keys::{NewProviderKey, ProviderKey};
use vault::envelope::{Bind, MAX_SECRET_BYTES};
use wire::catalog::{self, KeyRule, Production, Provider};

use crate::cmd::context::{Context, open_store};
use crate::cmd::resolve;
use crate::config::{Config, Environment};

/// `portcullis provider add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Which provider; `portcullis provider catalog` lists them
    #[arg(long, value_name = "SLUG")]
    provider: String,
    /// A name for the connection [default: the provider's]
    #[arg(long)]
    name: Option<String>,
    /// Base URL, for servers of your own and for other endpoints [default: the provider's]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Models to offer, by the provider's names, or `any`
    #[arg(long, value_delimiter = ',', default_value = "any")]
    models: Vec<String>,
    /// 1 to 1000; lower is tried first
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1000))]
    priority: u16,
    /// Serve this organization's calls only
    #[arg(long)]
    org: Option<String>,
    #[command(flatten)]
    secret: SecretArgs,
}

/// Where the provider's secret comes from.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct SecretArgs {
    /// Environment variable that holds the provider's key
    #[arg(long, value_name = "VAR")]
    secret_env: Option<String>,
    /// File that holds the provider's key
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Read the provider's key from standard input
    #[arg(long)]
    secret_stdin: bool,
}

/// Connects a provider.
///
/// # Errors
/// When the provider, the URL or the secret is refused, or the store cannot be written.
pub(super) async fn add(args: AddArgs, context: &Context) -> Result<ProviderKey> {
    let (loaded, roots) = context.config_with_roots()?;
    let config = loaded.config;
    let provider = provider(&args.provider, config.environment)?;
    let base_url = base_url(args.base_url.as_deref(), provider, &config)?;
    let serves = serves(args.models)?;
    let secret = secret(&args.secret, provider, context)?;

    let store = open_store(&config).await?;
    prove(&store, &roots.vault, context.now()).await?;
    let owner = match &args.org {
        Some(org) => Some(resolve::org(&store, Some(org)).await?.id),
        None => None,
    };
    let id = ProviderKeyId::new(context.new_id()?);
    let bind = Bind { org: owner, record: id.uuid(), purpose: super::PURPOSE };
    let new = NewProviderKey {
        id,
        owner,
        name: args.name.unwrap_or_else(|| provider.slug.to_owned()),
        provider: provider.slug.to_owned(),
        base_url,
        sealed: secret.as_ref().map(|secret| roots.vault.seal(secret, &bind)).transpose()?,
        masked: secret.as_ref().map_or_else(|| "none".to_owned(), Secret::masked),
        serves,
        priority: args.priority,
        created_at: context.now(),
    };
    let kept = store.provider_keys().insert(&new, &context.act()).await;
    let row = kept.context("the connection is not kept")?;
    store.close().await;
    Ok(row)
}

fn provider(slug: &str, environment: Environment) -> Result<&'static Provider> {
    let Some(provider) = catalog::provider(slug) else {
        bail!("no provider is called `{slug}`. `portcullis provider catalog` lists them")
    };
    if provider.production == Production::Refused && environment == Environment::Production {
        bail!("{} is for trials and refused in production", provider.title);
    }
    Ok(provider)
}

fn base_url(given: Option<&str>, provider: &Provider, config: &Config) -> Result<String> {
    let Some(url) = given.or(provider.base_url) else {
        bail!("{} has no address of its own: give it with --base-url", provider.title)
    };
    let url = url.trim_end_matches('/');
    let policy = Policy::new(config.egress.allow.clone());
    if let Err(rejected) = policy.check(url) {
        bail!(
            "the base URL is refused: {rejected}. A server of your own is allowed by adding its host:port to \
             egress.allow in the configuration"
        );
    }
    if url.contains('?') {
        bail!("the base URL is refused: it carries a query. Give scheme, host and path only");
    }
    Ok(url.to_owned())
}

fn serves(models: Vec<String>) -> Result<Serves> {
    if models.iter().any(|model| model.is_empty() || model.chars().any(char::is_control)) {
        bail!("--models holds an empty name. Give names separated by commas, or `any`");
    }
    match models.as_slice() {
        [one] if one == "any" => Ok(Serves::Any),
        several if several.iter().any(|model| model == "any") => {
            bail!("`any` stands alone: give --models any, or a list of names")
        }
        _ => Ok(Serves::Listed(models)),
    }
}

fn secret(args: &SecretArgs, provider: &Provider, context: &Context) -> Result<Option<Secret>> {
    let bytes = match (&args.secret_env, &args.secret_file) {
        (Some(name), _) => match context.variables.get(name) {
            Some(value) => value.as_bytes().to_vec(),
            None => bail!("the environment variable {name} is not set: it should hold the provider's key"),
        },
        (None, Some(file)) => bounded(std::fs::File::open(file), &file.display().to_string())?,
        (None, None) if args.secret_stdin => bounded(Ok(std::io::stdin()), "standard input")?,
        (None, None) if provider.key == KeyRule::Optional => return Ok(None),
        (None, None) => {
            let title = provider.title;
            bail!("{title} needs a key: give it with --secret-env VAR, --secret-file FILE or --secret-stdin")
        }
    };
    let secret = trimmed(bytes);
    catalog::check_key_format(provider, secret.open()).context("the provider's key is refused")?;
    Ok(Some(secret))
}

fn bounded(source: std::io::Result<impl std::io::Read>, name: &str) -> Result<Vec<u8>> {
    let limit = u64::try_from(MAX_SECRET_BYTES).unwrap_or(u64::MAX);
    // Room for all of it from the start, so that growing leaves no copies of a secret behind.
    let mut bytes = Vec::with_capacity(MAX_SECRET_BYTES);
    source
        .and_then(|source| source.take(limit).read_to_end(&mut bytes))
        .with_context(|| format!("the provider's key cannot be read from {name}"))?;
    Ok(bytes)
}

/// Files and pipes end in a newline that is not part of the key.
fn trimmed(mut bytes: Vec<u8>) -> Secret {
    bytes.truncate(bytes.trim_ascii_end().len());
    Secret::new(bytes)
}
