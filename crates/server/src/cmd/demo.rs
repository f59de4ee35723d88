//! `portcullis demo`: a whole installation for trying things out, in front of the demo provider or of a provider
//! of one's own; and `portcullis demo provider`: the demo provider alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use control::provider_keys::catalogue::Proof;
use control::provider_keys::discover;
use domain::audit::Act;
use domain::id::{ProjectId, ProviderKeyId};
use domain::limit::Limits;
use domain::route::{Owner, Serves};
use domain::scope::KeyState;
use domain::secret::Secret;
use domain::time::Clock;
use domain::token::{Kind, Prefix};
use serde::Serialize;
use store::Store;
use store::keys::{Key, KeyFilter};
use vault::envelope::Bind;

use crate::cmd::context::Context;
use crate::cmd::init;
use crate::cmd::output::{self, Output};
use crate::cmd::serve::{Signals, Stop, attend};
use crate::config::environment::Variables;
use crate::config::roots::Roots;
use crate::config::{Config, Environment, Flags};
use crate::demo::greeting::{Greeting, Upstream as Named, greeting};
use crate::demo::provider::{DemoProvider, Options};
use crate::{boot, logs};

/// The organization, project and connection of a demo installation.
const NAME: &str = "demo";
/// Folder that keeps keys, books and journal from one run to the next, when no other is named.
const DATA_DIR: &str = "portcullis-demo";
/// Limits of a demo key: out of the way of a load test.
const LIMITS: Limits = Limits {
    requests_per_minute: 10_000_000,
    burst_per_second: 1_000_000,
    concurrent: 100_000,
    body_bytes: 1 << 20,
    tokens_per_minute: None,
};

/// Try Portcullis: an installation of its own with a fresh API key.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    /// Address for applications; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address for operators; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8081")]
    admin_listen: SocketAddr,
    /// Base URL of an OpenAI-compatible provider to use instead of the demo provider.
    #[arg(long)]
    provider_url: Option<String>,
    /// Environment variable that holds that provider's key.
    #[arg(long, requires = "provider_url")]
    provider_key_env: Option<String>,
    /// Which provider of the catalogue that is.
    #[arg(long, requires = "provider_url", default_value = "openai_compatible")]
    provider: String,
    #[command(subcommand)]
    command: Option<DemoCommand>,
}

#[derive(Debug, Subcommand)]
enum DemoCommand {
    /// Run the demo provider alone.
    Provider(ProviderArgs),
}

/// The demo provider alone.
#[derive(Debug, Args)]
struct ProviderArgs {
    /// Loopback address; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// Milliseconds between two chunks of a stream.
    #[arg(long, default_value_t = 0)]
    chunk_delay_ms: u64,
}

/// Where the calls of a demo go.
struct Upstream {
    provider: String,
    base_url: String,
    secret: Option<Secret>,
    /// What its models endpoint lists, or whatever the catalogue knows.
    serves: Serves,
}

/// Runs the demo until it is told to stop.
///
/// # Errors
/// Whatever keeps it from starting or from stopping in order.
pub async fn run(args: DemoArgs, context: &Context) -> Result<()> {
    match args.command {
        Some(DemoCommand::Provider(args)) => run_provider(args, context).await,
        None => run_installation(args, context).await,
    }
}

async fn run_installation(args: DemoArgs, context: &Context) -> Result<()> {
    let (clock, variables) = (context.clock.clone(), &context.variables);
    let data_dir = context.flags.settings.iter().rev().find(|(name, _)| name == "data_dir");
    let data_dir = PathBuf::from(data_dir.map_or(DATA_DIR, |(_, folder)| folder));
    init::lay_out(&data_dir)?;
    let (provider, upstream) = match &args.provider_url {
        Some(url) => (None, own_upstream(&args, url, variables)?),
        None => {
            let (provider, upstream) = demo_upstream(&clock).await?;
            (Some(provider), upstream)
        }
    };
    let flags = flags(&args, &upstream, &data_dir, &context.flags)?;
    let (loaded, roots) = Config::load_with_roots(&flags, variables)?;
    let config = loaded.config;
    if config.environment == Environment::Production {
        bail!("the demo never runs in production: use `portcullis init` and `portcullis serve`");
    }
    logs::start(&config.log)?;
    let upstream = discovered(&config, upstream).await?;
    let opened = boot::open(&config).await?;
    let mut signals = Signals::listen()?;
    let keys = furnish(&opened.store, &roots, upstream, &context.act()).await?;
    let mut running = boot::start(opened, &config, roots, clock).await?;

    let ready = Ready {
        base_url: format!("http://{}/v1", running.public),
        admin_url: format!("http://{}", running.admin),
        api_key: keys.api_key,
        operator_token: keys.operator_token,
        data_dir: std::path::absolute(&data_dir)?.display().to_string(),
    };
    if context.output == Output::Json {
        output::line(&serde_json::to_string(&ready)?)?;
    } else {
        let program = std::env::args().next().unwrap_or_else(|| "portcullis".to_owned());
        output::line(&greeting(&Greeting {
            program: &program,
            base_url: &ready.base_url,
            admin_url: &ready.admin_url,
            api_key: &ready.api_key,
            model: &keys.model,
            upstream: args.provider_url.as_deref().map_or(Named::Demo, Named::Url),
            data_dir: Path::new(&ready.data_dir),
        }))?;
    }
    drop(ready);
    attend(&mut running, &mut signals, &flags, variables).await;
    running.stop().await?;
    if let Some(provider) = provider {
        provider.stop().await;
    }
    Ok(())
}

/// What is printed when the demo is ready. The only time that the key and the token are shown.
#[derive(Serialize)]
struct Ready {
    base_url: String,
    admin_url: String,
    api_key: String,
    operator_token: String,
    data_dir: String,
}

fn flags(args: &DemoArgs, upstream: &Upstream, data_dir: &Path, given: &Flags) -> Result<Flags> {
    let url = url::Url::parse(&upstream.base_url).context("--provider-url is not a URL")?;
    let mut settings = given.settings.clone();
    settings.extend([
        ("data_dir".to_owned(), data_dir.display().to_string()),
        ("listen.public".to_owned(), args.listen.to_string()),
        ("listen.admin".to_owned(), args.admin_listen.to_string()),
    ]);
    // A plain-http or private endpoint is allowed because the operator named it on this very command line.
    if let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) {
        settings.push(("egress.allow".to_owned(), format!("{host}:{port}")));
    }
    Ok(Flags { config: given.config.clone(), settings })
}

async fn demo_upstream(clock: &Clock) -> Result<(DemoProvider, Upstream)> {
    let secret = || -> Result<_> {
        let token = vault::entropy::token(Kind::Test).context("no entropy")?;
        Ok(format!("demo-{}", token.reveal()))
    };
    let text = secret()?;
    let options = Options {
        chunk_delay_ms: 0,
        key: Some(Secret::new(text.clone().into_bytes())),
        clock: clock.clone(),
    };
    let provider = DemoProvider::start(SocketAddr::from(([127, 0, 0, 1], 0)), options)
        .await
        .context("the demo provider does not start")?;
    let upstream = Upstream {
        provider: NAME.to_owned(),
        base_url: format!("http://{}/v1", provider.address()),
        secret: Some(Secret::new(text.into_bytes())),
        serves: Serves::Any,
    };
    Ok((provider, upstream))
}

fn own_upstream(args: &DemoArgs, url: &str, variables: &Variables) -> Result<Upstream> {
    let secret = match &args.provider_key_env {
        None => None,
        Some(name) => match variables.get(name) {
            Some(value) => Some(Secret::new(value.as_bytes().to_vec())),
            None => bail!("the environment variable {name} is not set: it should hold the provider's key"),
        },
    };
    let Some(provider) = wire::catalog::provider(&args.provider) else {
        bail!("no provider is called {}; `portcullis provider catalog` lists them", args.provider)
    };
    let base_url = url.trim_end_matches('/').to_owned();
    Ok(Upstream { provider: provider.slug.to_owned(), base_url, secret, serves: Serves::Listed(Vec::new()) })
}

/// Asks an upstream of one's own what it offers.
async fn discovered(config: &Config, mut upstream: Upstream) -> Result<Upstream> {
    if upstream.serves != Serves::Any {
        let (policy, client) = boot::egress_client(config)?;
        let models =
            discover::models(&policy, &client, &upstream.base_url, Proof::Bearer, upstream.secret.as_ref())
                .await;
        let models = models.with_context(|| format!("{} does not list its models", upstream.base_url))?;
        upstream.serves = Serves::Listed(models.models);
    }
    Ok(upstream)
}

struct Keys {
    api_key: String,
    operator_token: String,
    model: String,
}

/// Puts the organization, the project, the connection and fresh credentials into the store.
async fn furnish(store: &Store, roots: &Roots, upstream: Upstream, act: &Act) -> Result<Keys> {
    let now = act.at;
    let (org, project) = init::first_project(store, NAME, NAME, act).await?;
    let model = match &upstream.serves {
        Serves::Listed(models) => models.first().cloned().context("the provider lists no model")?,
        Serves::Any => "demo-fast".to_owned(),
    };
    connect(store, roots, upstream, act).await?;
    withdraw(store, project, act).await?;

    let api_key = vault::entropy::token(Kind::Live)?;
    let digest = roots.pepper.digest(&vault::digest::sha256_of(&api_key));
    let id = domain::id::KeyId::new(vault::entropy::uuid_v7(now)?);
    store
        .keys()
        .insert(
            &store::keys::NewKey {
                id,
                org,
                project,
                user: None,
                name: own_name(api_key.prefix()),
                prefix: api_key.prefix(),
                digest,
                models: Vec::new(),
                scopes: Vec::new(),
                allowed_ips: None,
                limits: LIMITS,
                expires_at: None,
                created_at: now,
            },
            act,
        )
        .await?;
    let operator = vault::entropy::token(Kind::Operator)?;
    let digest = roots.pepper.digest(&vault::digest::sha256_of(&operator));
    store
        .operator_tokens()
        .insert(
            &store::operator_tokens::NewOperatorToken {
                id: vault::entropy::uuid_v7(now)?,
                name: own_name(operator.prefix()),
                prefix: operator.prefix(),
                digest,
                created_at: now,
            },
            act,
        )
        .await?;
    Ok(Keys { api_key: api_key.reveal().to_owned(), operator_token: operator.reveal().to_owned(), model })
}

/// How the demo names what it makes, by which it knows it again.
fn own_name(prefix: Prefix) -> String {
    format!("{NAME} {prefix}")
}

/// Ends the credentials that earlier runs made. They were shown once and cannot be shown again, so that each run needs
/// its own; those that a person made stay.
async fn withdraw(store: &Store, project: ProjectId, act: &Act) -> Result<()> {
    let keys = store.keys().list(&KeyFilter { project: Some(project), ..KeyFilter::default() }).await?;
    let own = |key: &&Key| key.state != KeyState::Revoked && key.name == own_name(key.prefix);
    for key in keys.iter().filter(own) {
        store.keys().set_state(key.id, KeyState::Revoked, act).await?;
    }
    let tokens = store.operator_tokens();
    for token in tokens.list().await?.iter().filter(|token| token.name == own_name(token.prefix)) {
        tokens.remove(token.id, act).await?;
    }
    Ok(())
}

/// The connection of an earlier run, and not an organization's own of the same name.
fn is_ours(old: &store::provider_keys::ProviderKey) -> bool {
    old.name == NAME && old.owner == Owner::Platform
}

/// Replaces the demo's connection: the port and the key of the demo provider are new in every run.
async fn connect(store: &Store, roots: &Roots, upstream: Upstream, act: &Act) -> Result<()> {
    let connections = store.provider_keys();
    if let Some(old) = connections.list().await?.into_iter().find(is_ours) {
        connections.delete(old.id, act).await?;
    }
    let id = ProviderKeyId::new(vault::entropy::uuid_v7(act.at)?);
    let bind = Bind { org: None, record: id.uuid(), purpose: "provider_key" };
    let sealed = upstream.secret.as_ref().map(|secret| roots.vault.seal(secret, &bind)).transpose()?;
    connections
        .insert(
            &store::provider_keys::NewProviderKey {
                id,
                owner: Owner::Platform,
                name: NAME.to_owned(),
                provider: upstream.provider,
                base_url: upstream.base_url,
                masked: upstream.secret.as_ref().map_or_else(|| "none".to_owned(), Secret::masked),
                sealed,
                serves: upstream.serves,
                priority: 100,
                fallback_to_platform: false,
                created_at: act.at,
            },
            act,
        )
        .await?;
    Ok(())
}

async fn run_provider(args: ProviderArgs, context: &Context) -> Result<()> {
    let mut stop = Stop::listen()?;
    let options = Options { chunk_delay_ms: args.chunk_delay_ms, key: None, clock: context.clock.clone() };
    let provider =
        DemoProvider::start(args.listen, options).await.context("the demo provider does not start")?;
    let address = provider.address();
    if context.output == Output::Json {
        let ready = serde_json::json!({
            "base_url": format!("http://{address}/v1"),
            "tally_url": format!("http://{address}/tally"),
        });
        output::line(&ready.to_string())?;
    } else {
        output::line(&format!(
            "The demo provider (deterministic text, not a model) is at http://{address}/v1"
        ))?;
    }
    stop.told().await;
    provider.stop().await;
    Ok(())
}
