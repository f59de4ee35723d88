//! `portcullis org inline-keys`: whether calls of an organization may bring a provider key of their own.

use anyhow::Result;
use domain::scope::InlineKeys;
use store::Store;
use store::edit::Edit;
use store::orgs::{Org, OrgChange};

use crate::cmd::context::Context;
use crate::cmd::resolve;

/// Reads the word that the API has for it as well.
pub(super) fn word(text: &str) -> Result<InlineKeys, String> {
    [InlineKeys::Refused, InlineKeys::Allowed]
        .into_iter()
        .find(|inline_keys| shown(*inline_keys) == text)
        .ok_or_else(|| "write allowed or refused".to_owned())
}

/// The word.
pub(super) fn shown(inline_keys: InlineKeys) -> &'static str {
    match inline_keys {
        InlineKeys::Refused => "refused",
        InlineKeys::Allowed => "allowed",
    }
}

/// Sets it.
pub(super) async fn set(
    store: &Store,
    asked: &str,
    inline_keys: InlineKeys,
    context: &Context,
) -> Result<Org> {
    let org = resolve::org(store, Some(asked)).await?;
    let change = OrgChange { inline_keys: Edit::Set(inline_keys), ..OrgChange::default() };
    Ok(store.orgs().update(org.id, &change, &context.act()).await?)
}
