//! `portcullis key make` and `key register`: a key that is made where it will be used. The installation learns its
//! prefix and its SHA-256, and sees the key itself on its first call.

use anyhow::{Result, bail};
use clap::Args;
use data_encoding::HEXLOWER_PERMISSIVE;
use domain::id::KeyId;
use domain::token::{Kind, Prefix};
use serde::Serialize;

use super::Listed;
use super::settings::{KeySettings, Proof};
use crate::cmd::context::{Context, open_store};
use crate::cmd::output::Output;
use crate::cmd::resolve;

/// `portcullis key make`
#[derive(Debug, Args)]
pub struct MakeArgs {
    /// For trials: `pc_test_…`
    #[arg(long)]
    test: bool,
}

/// `portcullis key register`
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// The first eight characters behind `pc_live_` or `pc_test_`
    #[arg(long, value_parser = prefix)]
    prefix: Prefix,
    /// SHA-256 of the whole key, as `key make` prints it: 64 hexadecimal digits
    #[arg(long, value_name = "DIGITS", value_parser = sha256)]
    sha256: [u8; 32],
    #[command(flatten)]
    settings: KeySettings,
}

/// A key and what may be told of it.
#[derive(Serialize)]
struct Made<'a> {
    key: &'a str,
    prefix: &'a str,
    sha256: String,
}

/// Makes a key without any installation.
///
/// # Errors
/// When the machine gives no random bytes.
pub(super) fn make(args: &MakeArgs, context: &Context) -> Result<()> {
    let token = vault::entropy::token(if args.test { Kind::Test } else { Kind::Live })?;
    let prefix = token.prefix();
    let sha256 = HEXLOWER_PERMISSIVE.encode(&vault::digest::sha256_of(&token));
    match context.output {
        Output::Json => {
            context.output.document(&Made { key: token.reveal(), prefix: prefix.as_str(), sha256 })?;
        }
        Output::Text => {
            context.output.say("Register it where the gate is; this tells nobody the key:\n")?;
            context.output.say(&format!("portcullis key register --prefix {prefix} --sha256 {sha256}"))?;
            context.output.say("\nThis is the key. It is shown this once and kept nowhere:\n")?;
            context.output.say(token.reveal())?;
        }
    }
    Ok(())
}

/// Registers a key that was made elsewhere.
///
/// # Errors
/// When the project is not clear, the key could never work, is registered already, or the store cannot be written.
pub(super) async fn register(args: RegisterArgs, context: &Context) -> Result<()> {
    let (now, settings) = (context.now(), args.settings);
    settings.expiry(now)?;
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let project = resolve::project(&store, settings.org.as_deref(), settings.project.as_deref()).await?;
    let proof = Proof {
        id: KeyId::new(context.new_id()?),
        prefix: args.prefix,
        digest: roots.pepper.digest(&args.sha256),
    };
    let key = settings.key(proof, &project, loaded.config.limits, now)?;
    let made = match store.keys().insert(&key, &context.act()).await {
        Err(store::keys::KeyRefused::Duplicate) => bail!("this key is registered already"),
        inserted => inserted?,
    };
    store.close().await;
    Ok(context.output.show(&Listed::at(made, now))?)
}

fn prefix(text: &str) -> Result<Prefix, String> {
    Prefix::parse(text).ok_or_else(|| "not eight characters of a key, in lower case".to_owned())
}

fn sha256(text: &str) -> Result<[u8; 32], String> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "not 64 hexadecimal digits".to_owned())
}
