//! `portcullis org key-provider`: which key wraps the provider keys of an organization.

use anyhow::{Result, bail};
use serde::Serialize;
use store::Store;
use vault::remote::RemoteKey;

use crate::cmd::context::Context;
use crate::cmd::output::Output;
use crate::cmd::resolve;

/// What is asked of the command.
pub(super) enum Choice {
    /// To say which key it is.
    None,
    /// The configuration's.
    Default,
    /// One of the organization's own.
    Own(RemoteKey),
}

#[derive(Serialize)]
struct Chosen<'a> {
    org_id: String,
    key_provider: Option<&'a str>,
}

/// What the flags ask for.
pub(super) fn choice(key: Option<RemoteKey>, default: bool) -> Choice {
    match key {
        Some(key) => Choice::Own(key),
        None if default => Choice::Default,
        None => Choice::None,
    }
}

/// Shows the choice, or makes it.
pub(super) async fn run(store: &Store, asked: &str, choice: Choice, context: &Context) -> Result<()> {
    let org = resolve::org(store, Some(asked)).await?;
    if matches!(choice, Choice::Own(_)) && context.config()?.transit.is_none() {
        bail!("no key provider is configured: give transit.address and transit.token first");
    }
    match &choice {
        Choice::None => {}
        Choice::Default => store.orgs().set_key_provider(org.id, None, &context.act()).await?,
        Choice::Own(key) => {
            store.orgs().set_key_provider(org.id, Some(&key.to_string()), &context.act()).await?;
        }
    }
    let chosen = store.orgs().key_provider(org.id).await?;
    store.clone().close().await;
    let chosen = Chosen { org_id: org.id.to_string(), key_provider: chosen.as_deref() };
    match (context.output, &choice) {
        (Output::Json, _) => Ok(context.output.document(&chosen)?),
        (Output::Text, Choice::None) => Ok(context.output.say(chosen.key_provider.unwrap_or("default"))?),
        (Output::Text, Choice::Default | Choice::Own(_)) => Ok(context.output.say(
            "Provider keys are sealed with it from now on. `portcullis vault rotate` wraps those that are there \
             with it as well.",
        )?),
    }
}
