//! `portcullis vault`: which encryption key wraps what, and the exchange of that key while the gate serves.

use anyhow::{Result, bail};
use clap::Subcommand;
use control::vault_keys::rotate::{Progress, Rotated, Who, rotate};
use control::vault_keys::{census, prove};
use serde::Serialize;
use vault::envelope::WrappedBy;

use super::context::{Context, open_store};
use super::output::{Output, Row, complain};
use crate::key_provider;

/// `portcullis vault …`
#[derive(Debug, Subcommand)]
pub enum VaultCommand {
    /// Show the encryption keys by name and how many sealed values each of them wraps
    Status,
    /// Wrap every sealed value with the newest encryption key, or the key its organization chose; the gate may serve
    /// meanwhile
    Rotate,
}

#[derive(Serialize)]
struct Counted {
    key: String,
    place: &'static str,
    values: u64,
}

impl Row for Counted {
    const HEAD: &'static [&'static str] = &["key", "place", "values"];

    fn cells(&self) -> Vec<String> {
        vec![self.key.clone(), self.place.to_owned(), self.values.to_string()]
    }
}

#[derive(Serialize)]
struct Report<'a> {
    newest: String,
    rewrapped: u64,
    already: u64,
    broken: &'a [String],
}

/// Runs it.
///
/// # Errors
/// When the keys are not those of the installation, the store fails, or something does not open.
pub async fn run(command: VaultCommand, context: &Context) -> Result<()> {
    match command {
        VaultCommand::Status => status(context).await,
        VaultCommand::Rotate => exchange(context).await,
    }
}

async fn status(context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    let counts = census(&store).await?;
    store.close().await;
    let names = roots.vault.key_names();
    let held = names.iter().enumerate().map(|(index, name)| Counted {
        key: name.to_string(),
        place: if index == 0 { "newest" } else { "older" },
        values: counts.get(&Some(WrappedBy::Ring(*name))).copied().unwrap_or(0),
    });
    let others = counts.iter().filter_map(|(wrapped_by, values)| {
        let (key, place) = match wrapped_by {
            Some(WrappedBy::Ring(name)) if names.contains(name) => return None,
            Some(WrappedBy::Ring(name)) => (name.to_string(), "missing"),
            Some(WrappedBy::Remote(key)) => (key.to_string(), "outside"),
            None => ("(unreadable)".to_owned(), "missing"),
        };
        Some(Counted { key, place, values: *values })
    });
    let rows: Vec<Counted> = held.chain(others).collect();
    Ok(context.output.list("encryption_keys", &rows, "")?)
}

async fn exchange(context: &Context) -> Result<()> {
    let (loaded, roots) = context.config_with_roots()?;
    let store = open_store(&loaded.config).await?;
    prove(&store, &roots.vault, context.now()).await?;
    let sealer =
        key_provider::sealer(&loaded.config, &store, roots.vault, roots.transit_token, &context.clock)?;
    let tell = |Progress { seen, of, rewrapped }: Progress| {
        complain(&format!("{seen} of {of} values looked at, {rewrapped} wrapped anew"));
    };
    let actor = context.act().actor;
    let who = Who { actor: &actor, clock: &context.clock };
    let rotated = rotate(&sealer, who, tell).await;
    store.close().await;
    let Rotated { rewrapped, already, broken } = rotated?;
    let newest = sealer.vault().key_names().first().map(ToString::to_string).unwrap_or_default();
    match context.output {
        Output::Json => context.output.document(&Report { newest, rewrapped, already, broken: &broken })?,
        Output::Text => context.output.say(&format!(
            "{rewrapped} values were wrapped anew; {already} were wrapped as they are to be. The newest key is {newest}.\n\
             Older keys may go: take them out of secrets.encryption_keys, then send the gate SIGHUP."
        ))?,
    }
    if broken.is_empty() {
        return Ok(());
    }
    bail!(
        "{} sealed values open with none of the keys and were left as they are: {}. Put back the key that wrapped \
         them (`portcullis vault status` names it), give the key provider's token the right to it, or connect these \
         providers anew",
        broken.len(),
        broken.join(", ")
    )
}
