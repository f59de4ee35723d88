//! What is done to provider keys, whoever owns them: they are checked, sealed and kept.

use domain::audit::Act;
use domain::id::ProviderKeyId;
use domain::route::Owner;
use domain::secret::Secret;
use store::edit::Edit;
use store::provider_keys::{NewProviderKey, NewSecret, ProviderKey, ProviderKeyChange, ProviderKeys, Tried};
use store::switch::Switch;

use super::asked::{KeyAsked, ProviderKeyEdit, RotationAsked, TestShown, serves};
use super::quotas::QuotasBody;
use super::show;
use super::shown::ProviderKeyShown;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::provider_keys::{By, Unfit};

/// The priority of a key that nobody gave one.
const PRIORITY: u16 = 100;

/// Keeps a new one.
pub(super) async fn create(
    api: &Api,
    keys: &ProviderKeys<'_>,
    owner: Owner,
    by: By,
    asked: KeyAsked,
    act: &Act,
) -> Result<ProviderKeyShown, Problem> {
    check_fallback(owner, asked.fallback_to_platform)?;
    let upstreams = api.upstreams();
    let provider = upstreams.provider(&asked.provider).map_err(Unfit::from)?;
    let base_url = upstreams.base_url(&provider, asked.base_url.as_deref(), by)?;
    let secret = asked.secret.map(|secret| secret.0);
    upstreams.check_key(&provider, &base_url, secret.as_ref())?;
    let serves = serves(asked.models)?;
    let id = ProviderKeyId::new(api.fresh()?);
    let NewSecret { sealed, masked } = upstreams.seal(id, owner, secret.as_ref()).await?;
    let new = NewProviderKey {
        id,
        owner,
        name: asked.name.0,
        provider: provider.slug.to_owned(),
        base_url,
        sealed,
        masked,
        serves,
        priority: asked.priority.unwrap_or(PRIORITY),
        fallback_to_platform: asked.fallback_to_platform.unwrap_or(false),
        created_at: act.at,
    };
    Ok(show(api, keys.insert(&new, act).await?))
}

/// Changes one.
pub(super) async fn change(
    api: &Api,
    keys: &ProviderKeys<'_>,
    key: &ProviderKey,
    by: By,
    edit: ProviderKeyEdit,
    act: &Act,
) -> Result<ProviderKeyShown, Problem> {
    check_fallback(key.owner, edit.fallback_to_platform)?;
    let base_url = match edit.base_url {
        Some(url) => Edit::Set(permitted(api, key, &url, by)?),
        None => Edit::Keep,
    };
    let secret = match edit.secret {
        Some(secret) => {
            let place = if let Edit::Set(url) = &base_url { url } else { &key.base_url };
            Edit::Set(sealed(api, key, place, &secret.0).await?)
        }
        None => Edit::Keep,
    };
    let change = ProviderKeyChange {
        name: Edit::from(edit.name.map(|name| name.0)),
        base_url,
        serves: Edit::from(edit.models.map(serves).transpose()?),
        priority: Edit::from(edit.priority),
        fallback_to_platform: Edit::from(edit.fallback_to_platform),
        state: Edit::from(edit.state.map(Switch::from)),
        quotas: Edit::from(edit.quotas.map(QuotasBody::checked).transpose()?),
        secret,
    };
    Ok(show(api, keys.update(key.id, &change, act).await?))
}

/// Puts another secret in the place of the one it has.
pub(super) async fn rotate(
    api: &Api,
    keys: &ProviderKeys<'_>,
    key: &ProviderKey,
    asked: &RotationAsked,
    act: &Act,
) -> Result<ProviderKeyShown, Problem> {
    let secret = Edit::Set(sealed(api, key, &key.base_url, &asked.secret.0).await?);
    let change = ProviderKeyChange { secret, ..ProviderKeyChange::default() };
    Ok(show(api, keys.update(key.id, &change, act).await?))
}

/// Asks its provider whether it works.
pub(super) async fn test(
    api: &Api,
    keys: &ProviderKeys<'_>,
    key: &ProviderKey,
    act: &Act,
) -> Result<TestShown, Problem> {
    let listed = api.upstreams().models_of(key).await;
    let tried = match &listed {
        Ok(_) => Tried::Works,
        Err(fault) => Tried::Fails(fault.word()),
    };
    keys.tried(key.id, tried, act).await?;
    Ok(TestShown::from(listed))
}

/// The platform's keys are the last: there is nothing behind them.
fn check_fallback(owner: Owner, asked: Option<bool>) -> Result<(), Problem> {
    if owner == Owner::Platform && asked == Some(true) {
        return Err(Problem::unfit("fallback_to_platform", "There is nothing behind the platform's own."));
    }
    Ok(())
}

async fn sealed(api: &Api, key: &ProviderKey, base_url: &str, secret: &Secret) -> Result<NewSecret, Problem> {
    let provider = api.upstreams().provider(&key.provider).map_err(Unfit::from)?;
    api.upstreams().check_key(&provider, base_url, Some(secret))?;
    Ok(api.upstreams().seal(key.id, key.owner, Some(secret)).await?)
}

fn permitted(api: &Api, key: &ProviderKey, url: &str, by: By) -> Result<String, Problem> {
    let provider = api.upstreams().provider(&key.provider).map_err(Unfit::from)?;
    Ok(api.upstreams().base_url(&provider, Some(url), by)?)
}
