//! `portcullis key rotate`: a new key with the same settings; the old one goes on for a while, so that callers can
//! change over without a failed call.

use anyhow::{Context as _, Result};
use clap::Args;
use domain::id::KeyId;
use domain::token::Kind;
use store::keys::NewKey;

use super::create::show_once;
use super::{Listed, find};
use crate::cmd::context::{Context, open_store};
use crate::config::span;

/// `portcullis key rotate`
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Its id or prefix
    key: String,
    /// How long the old key goes on; 0 revokes it at once
    #[arg(long, value_name = "TIME", default_value = "24h")]
    grace: String,
    /// Make a key for trials: `pc_test_…`
    #[arg(long)]
    test: bool,
}

/// Makes the successor of a key.
///
/// # Errors
/// When there is no such key, it does not work any more, or the store cannot be written.
pub(super) async fn rotate(args: RotateArgs, context: &Context) -> Result<()> {
    let grace = if args.grace == "0" { "0s" } else { args.grace.as_str() };
    let grace = span::parse(grace).context("--grace")?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let old = find(&store, &args.key).await?;
    let act = context.act();
    let ends_at = act.at.plus_seconds(i64::try_from(grace.as_secs()).unwrap_or(i64::MAX));
    let token = vault::entropy::token(if args.test { Kind::Test } else { Kind::Live })?;
    let new = NewKey {
        id: KeyId::new(context.new_id()?),
        org: old.org,
        project: old.project,
        user: old.user,
        name: old.name,
        prefix: token.prefix(),
        digest: roots.pepper.digest(&vault::digest::sha256_of(&token)),
        models: old.models,
        scopes: old.scopes,
        allowed_ips: old.allowed_ips,
        limits: old.limits,
        expires_at: old.expires_at,
        created_at: act.at,
    };
    let made = store.keys().rotate(old.id, &new, ends_at, &act).await?;
    store.close().await;
    show_once(&token, Listed::at(made, act.at), context)
}
