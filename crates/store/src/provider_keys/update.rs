//! Changes of a provider key. A secret is never sent to another host than the one it was given for: another host asks
//! for it again.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, ProviderKeyId, UserId};
use domain::pool::quota::{Quota, Quotas};
use domain::route::Serves;

use super::{MAX_PRIORITY, ProviderKey, ProviderKeyRefused, ProviderKeys, Whose, entry, listed};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};
use crate::edit::Edit;
use crate::name;
use crate::switch::Switch;

/// A secret in the place of another. Without `Debug`, for it holds the sealed bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// The sealed secret; none for a server that asks for no key.
    pub sealed: Option<Vec<u8>>,
    /// What may be shown of it.
    pub masked: String,
}

/// What is to be different.
#[derive(Clone, Default)]
pub struct ProviderKeyChange {
    /// The name.
    pub name: Edit<String>,
    /// The base URL, checked by the egress policy.
    pub base_url: Edit<String>,
    /// The models it serves.
    pub serves: Edit<Serves>,
    /// 1–1000, lower first.
    pub priority: Edit<u16>,
    /// Whether its owner's calls may pass on to the connections behind it.
    pub fallback_to_platform: Edit<bool>,
    /// Whether it is in use.
    pub state: Edit<Switch>,
    /// What may go over it, all of it anew.
    pub quotas: Edit<Quotas>,
    /// The secret.
    pub secret: Edit<NewSecret>,
}

impl ProviderKeys<'_> {
    /// Changes a provider key; the request path learns of it. What makes no difference is not recorded; another secret
    /// has a row of its own, and so has switching it off or on.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::SecretNeeded`] when the host changes and the secret does not, and what
    /// [`insert`](ProviderKeys::insert) refuses.
    pub async fn update(
        &self,
        id: ProviderKeyId,
        change: &ProviderKeyChange,
        act: &Act,
    ) -> Result<ProviderKey, ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let before = self.found(&mut tx, id).await?;
        let mut found = before.clone();
        let detail = apply(change, &mut found);
        let other_secret = matches!(change.secret, Edit::Set(_));
        let switched = change.state.over(&mut found.state);
        if switched {
            found.switched_at = Some(act.at);
        }
        if host(&found.base_url) != host(&before.base_url) && before.sealed.is_some() && !other_secret {
            return Err(ProviderKeyRefused::SecretNeeded);
        }
        if found == before {
            return Ok(found);
        }
        check(&found)?;
        write(&mut tx, &found).await?;
        changes::note(&mut tx, Kind::Route, id, act.at).await?;
        if let Some(detail) = detail {
            audit::append(&mut tx, &entry(&found, Action::PROVIDER_KEY_UPDATE, detail, act)).await?;
        }
        if other_secret {
            let detail = Detail::none().text("name", &found.name).text("secret", &found.masked);
            audit::append(&mut tx, &entry(&found, Action::PROVIDER_KEY_ROTATE, detail, act)).await?;
        }
        if switched {
            audit::append(&mut tx, &entry(&found, switching(found.state), named(&found), act)).await?;
        }
        tx.commit().await?;
        Ok(found)
    }

    /// Switches a provider key off or on; the request path learns of it.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn set_state(
        &self,
        id: ProviderKeyId,
        state: Switch,
        act: &Act,
    ) -> Result<(), ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = ProviderKey { state, switched_at: Some(act.at), ..self.found(&mut tx, id).await? };
        write(&mut tx, &found).await?;
        finish(tx, &found, switching(state), act).await
    }

    /// Removes a provider key with its sealed secret; records of calls keep its identifier. The request path learns
    /// of it.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn delete(&self, id: ProviderKeyId, act: &Act) -> Result<(), ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = self.found(&mut tx, id).await?;
        let statement = Statement::new("DELETE FROM provider_keys WHERE id = $1").bind(id.to_string());
        tx.execute(Whose::Owners(found.owner).narrow(statement)).await?;
        finish(tx, &found, Action::PROVIDER_KEY_REMOVE, act).await
    }
}

pub(super) async fn finish(
    mut tx: Tx,
    key: &ProviderKey,
    action: Action,
    act: &Act,
) -> Result<(), ProviderKeyRefused> {
    changes::note(&mut tx, Kind::Route, key.id, act.at).await?;
    audit::append(&mut tx, &entry(key, action, named(key), act)).await?;
    Ok(tx.commit().await?)
}

fn switching(state: Switch) -> Action {
    match state {
        Switch::Active => Action::PROVIDER_KEY_ENABLE,
        Switch::Disabled => Action::PROVIDER_KEY_DISABLE,
    }
}

pub(super) fn named(key: &ProviderKey) -> Detail {
    Detail::none().text("name", &key.name).text("provider", &key.provider)
}

/// Makes the changes and says what they are, but for the secret; none when nothing else is different.
fn apply(change: &ProviderKeyChange, key: &mut ProviderKey) -> Option<Detail> {
    let before = key.clone();
    let mut detail = Detail::none();
    if change.name.over(&mut key.name) {
        detail = detail.text("name", &key.name);
    }
    if let Edit::Set(base_url) = &change.base_url
        && Edit::Set(base_url.trim_end_matches('/').to_owned()).over(&mut key.base_url)
    {
        detail = detail.text("base_url", &key.base_url);
    }
    if change.serves.over(&mut key.serves) {
        detail = match &key.serves {
            Serves::Any => detail.text("models", "any"),
            Serves::Listed(models) => detail.text("models", models.join(" ")),
        };
    }
    if change.priority.over(&mut key.priority) {
        detail = detail.number("priority", key.priority.into());
    }
    if change.fallback_to_platform.over(&mut key.fallback_to_platform) {
        detail = detail.text("fallback_to_platform", key.fallback_to_platform);
    }
    if change.quotas.over(&mut key.quotas) {
        for quota in Quota::ALL {
            let allowed =
                key.quotas.of(quota).map_or_else(|| "off".to_owned(), |allowed| allowed.to_string());
            detail = detail.text(quota.word(), allowed);
        }
    }
    let differs = *key != before;
    if let Edit::Set(secret) = &change.secret {
        key.sealed.clone_from(&secret.sealed);
        key.masked.clone_from(&secret.masked);
    }
    differs.then_some(detail)
}

/// Refuses what could not have been inserted.
pub(super) fn check(key: &ProviderKey) -> Result<(), ProviderKeyRefused> {
    name::check(&key.name)?;
    let models = match &key.serves {
        Serves::Listed(models) => models.as_slice(),
        Serves::Any => &[],
    };
    let texts = models.iter().chain([&key.provider, &key.base_url, &key.masked]);
    texts.into_iter().try_for_each(|text| name::check_text(text))?;
    if (1..=MAX_PRIORITY).contains(&key.priority) { Ok(()) } else { Err(ProviderKeyRefused::BadPriority) }
}

pub(super) async fn write(tx: &mut Tx, key: &ProviderKey) -> Result<(), ProviderKeyRefused> {
    let statement = Statement::new(
        "UPDATE provider_keys SET name = $1, base_url = $2, sealed = $3, masked = $4, models = $5, priority = $6, \
         fallback_to_platform = $7, state = $8, switched_at = $9, rests_until = $10, quotas = $11 WHERE id = $12",
    )
    .bind(key.name.as_str())
    .bind(key.base_url.as_str())
    .bind(key.sealed.clone())
    .bind(key.masked.as_str())
    .bind(listed(&key.serves)?)
    .bind(key.priority)
    .bind(key.fallback_to_platform)
    .bind(key.state.word())
    .bind(key.switched_at)
    .bind(key.rests_until)
    .bind(WriteFailed::json(&key.quotas)?)
    .bind(key.id.to_string());
    match tx.execute(Whose::Owners(key.owner).narrow(statement)).await {
        Err(failed) if failed.is_duplicate() => Err(ProviderKeyRefused::NameTaken(key.name.clone())),
        written => Ok(written.map(drop)?),
    }
}

/// The scheme, host and port of a URL as it is written: two spellings of one place count as two.
fn host(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

/// Removes the provider keys that a person has for their own calls, in one organization or in all; the request path
/// learns of each.
pub(crate) async fn remove_own(
    tx: &mut Tx,
    user: UserId,
    org: Option<OrgId>,
    act: &Act,
) -> Result<(), WriteFailed> {
    let statement = Statement::new("SELECT id FROM provider_keys WHERE 1 = 1")
        .and("owner_user =", Some(user.to_string()))
        .and("owner_org =", org.map(|org| org.to_string()));
    for row in tx.fetch_all(statement).await? {
        let id = row.text("id")?;
        changes::note(tx, Kind::Route, &id, act.at).await?;
        tx.execute(Statement::new("DELETE FROM provider_keys WHERE id = $1").bind(id)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_a_secret_was_given_for() {
        let check = |url: &str, expect: &str| assert_eq!(host(url), expect, "{url}");
        check("https://api.example.com/v1", "https://api.example.com");
        check("https://api.example.com", "https://api.example.com");
        check("http://api.example.com:8080?x=/", "http://api.example.com:8080");
        check("https://api.example.com@evil.example/v1", "https://api.example.com@evil.example");
        check("https://evil.example\\@api.example.com/", "https://evil.example");
        check("nonsense", "nonsense");
    }
}
