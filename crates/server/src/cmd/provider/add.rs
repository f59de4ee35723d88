//! `portcullis provider add`: checks URL and secret, seals, stores. The secret never stands on the command line, where
//! other processes and the shell's history would see it.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use control::provider_keys::catalogue::{KeyRule, Provider, Unknown};
use control::provider_keys::{By, Unfit};
use control::vault_keys::prove;
use domain::id::ProviderKeyId;
use domain::route::{Owner, Serves};
use domain::secret::Secret;
use store::provider_keys::{NewProviderKey, NewSecret, ProviderKey};
use vault::envelope::MAX_SECRET_BYTES;

use crate::cmd::context::{Context, open_store};
use crate::cmd::resolve;
use crate::{key_provider, provider_catalogue};

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
    /// Let this organization's calls go on to the installation's connections when this one cannot serve them
    #[arg(long, requires = "org")]
    fallback_to_platform: bool,
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
    let store = open_store(&config).await?;
    prove(&store, &roots.vault, context.now()).await?;
    let sealer = key_provider::sealer(&config, &store, roots.vault, roots.transit_token, &context.clock)?;
    let upstreams = provider_catalogue::upstreams_of(&config, sealer)?;
    let provider = upstreams.provider(&args.provider).map_err(|unknown| told(unknown.into()))?;
    let base_url = upstreams.base_url(&provider, args.base_url.as_deref(), By::Operator).map_err(told)?;
    let serves = serves(args.models)?;
    let secret = secret(&args.secret, &provider, context)?;
    upstreams.check_key(&provider, &base_url, secret.as_ref()).map_err(told)?;

    let owner = match &args.org {
        Some(org) => Owner::Org(resolve::org(&store, Some(org)).await?.id),
        None => Owner::Platform,
    };
    let id = ProviderKeyId::new(context.new_id()?);
    let sealed = upstreams.seal(id, owner, secret.as_ref()).await;
    let NewSecret { sealed, masked } = sealed.context("the provider's key is not sealed")?;
    let new = NewProviderKey {
        id,
        owner,
        name: args.name.unwrap_or_else(|| provider.slug.to_owned()),
        provider: provider.slug.to_owned(),
        base_url,
        sealed,
        masked,
        serves,
        priority: args.priority,
        fallback_to_platform: args.fallback_to_platform,
        created_at: context.now(),
    };
    let kept = store.provider_keys().insert(&new, &context.act()).await;
    let row = kept.context("the connection is not kept")?;
    store.close().await;
    Ok(row)
}

/// The refusal with what to do about it at the command line.
fn told(unfit: Unfit) -> anyhow::Error {
    match unfit {
        Unfit::Provider(Unknown::NoSuch(_)) => anyhow!("{unfit}. `portcullis provider catalog` lists them"),
        Unfit::NoUrl(title) => anyhow!("{title} has no address of its own: give it with --base-url"),
        Unfit::Url(_) => anyhow!(
            "{unfit}. A server of your own is allowed by adding its host:port to egress.allow in the configuration"
        ),
        Unfit::Key(bad) => anyhow!(bad).context("the provider's key is refused"),
        Unfit::Provider(_) | Unfit::UrlQuery | Unfit::Place(_) | Unfit::NoKey(_) => unfit.into(),
    }
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
            let title = &provider.title;
            bail!("{title} needs a key: give it with --secret-env VAR, --secret-file FILE or --secret-stdin")
        }
    };
    Ok(Some(trimmed(bytes)))
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
