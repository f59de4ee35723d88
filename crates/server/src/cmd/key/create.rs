//! `portcullis key create`: makes a key, registers its prefix and digest, shows it this once.

use anyhow::Result;
use clap::Args;
use domain::id::KeyId;
use domain::token::{Kind, Token};
use serde::Serialize;

use super::Listed;
use super::settings::{KeySettings, Proof};
use crate::cmd::context::{Context, open_store};
use crate::cmd::output::Output;
use crate::cmd::resolve;

/// `portcullis key create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// For real traffic: `pc_live_…` (the default)
    #[arg(long, conflicts_with = "test")]
    live: bool,
    /// For trials: `pc_test_…`
    #[arg(long)]
    test: bool,
    #[command(flatten)]
    settings: KeySettings,
}

/// The one answer that holds a key.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    #[serde(flatten)]
    listed: Listed,
}

/// Makes a key.
///
/// # Errors
/// When the project is not clear, the key could never work, or the store cannot be written.
pub(super) async fn create(args: CreateArgs, context: &Context) -> Result<()> {
    let (now, settings) = (context.now(), args.settings);
    settings.expiry(now)?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let project = resolve::project(&store, settings.org.as_deref(), settings.project.as_deref()).await?;
    let token = vault::entropy::token(if args.test { Kind::Test } else { Kind::Live })?;
    let proof = Proof {
        id: KeyId::new(context.new_id()?),
        prefix: token.prefix(),
        digest: roots.pepper.digest(&vault::digest::sha256_of(&token)),
    };
    let key = settings.key(proof, &project, loaded.config.limits, now)?;
    let made = store.keys().insert(&key, &context.act()).await?;
    store.close().await;
    show_once(&token, Listed::at(made, now), context)
}

/// Shows a fresh key, which stands alone on the last line.
pub(super) fn show_once(token: &Token, listed: Listed, context: &Context) -> Result<()> {
    match context.output {
        Output::Json => context.output.document(&Made { key: token.reveal(), listed })?,
        Output::Text => {
            context.output.show(&listed)?;
            context.output.say("\nThis is the key. It is shown this once and kept nowhere:\n")?;
            context.output.say(token.reveal())?;
        }
    }
    Ok(())
}
