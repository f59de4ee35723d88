//! A provider key's beginning.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::pool::quota::Quotas;
use domain::route::Owner;

use super::update::check;
use super::{NewProviderKey, ProviderKey, ProviderKeyRefused, ProviderKeys, entry, listed};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::Tx;
use crate::db::statement::Statement;
use crate::switch::Switch;

impl ProviderKeys<'_> {
    /// Keeps a provider key; the request path learns of it. It is recorded as done by `act`, as every change below is.
    ///
    /// # Errors
    /// [`ProviderKeyRefused`] when the name is bad or taken, the priority out of range, or the owner unknown.
    pub async fn insert(&self, new: &NewProviderKey, act: &Act) -> Result<ProviderKey, ProviderKeyRefused> {
        if !self.whose.holds(new.owner) || matches!(new.owner, Owner::Request(_)) {
            return Err(ProviderKeyRefused::NotTheirs);
        }
        let made = ProviderKey::from(new.clone());
        check(&made)?;
        let mut tx = self.db.begin().await?;
        insert(&mut tx, &made).await?;
        changes::note(&mut tx, Kind::Route, made.id, made.created_at).await?;
        let detail = Detail::none()
            .text("name", &made.name)
            .text("provider", &made.provider)
            .text("base_url", &made.base_url)
            .text("secret", &made.masked);
        audit::append(&mut tx, &entry(&made, Action::PROVIDER_KEY_CREATE, detail, act)).await?;
        tx.commit().await?;
        Ok(made)
    }
}

impl From<NewProviderKey> for ProviderKey {
    fn from(new: NewProviderKey) -> Self {
        Self {
            id: new.id,
            owner: new.owner,
            name: new.name,
            provider: new.provider,
            base_url: new.base_url.trim_end_matches('/').to_owned(),
            sealed: new.sealed,
            masked: new.masked,
            serves: new.serves,
            priority: new.priority,
            fallback_to_platform: new.fallback_to_platform,
            state: Switch::Active,
            switched_at: None,
            rests_until: None,
            quotas: Quotas::default(),
            created_at: new.created_at,
        }
    }
}

async fn insert(tx: &mut Tx, key: &ProviderKey) -> Result<(), ProviderKeyRefused> {
    let statement = Statement::new(
        "INSERT INTO provider_keys (id, owner_org, owner_user, name, provider, base_url, sealed, masked, models, \
         priority, fallback_to_platform, state, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(key.id.to_string())
    .bind(key.owner.org().map(|org| org.to_string()))
    .bind(key.owner.user().map(|user| user.to_string()))
    .bind(key.name.as_str())
    .bind(key.provider.as_str())
    .bind(key.base_url.as_str())
    .bind(key.sealed.clone())
    .bind(key.masked.as_str())
    .bind(listed(&key.serves)?)
    .bind(key.priority)
    .bind(key.fallback_to_platform)
    .bind(key.state.word())
    .bind(key.created_at);
    match (tx.execute(statement).await, key.owner.org()) {
        (Err(failed), _) if failed.is_duplicate() => Err(ProviderKeyRefused::NameTaken(key.name.clone())),
        (Err(failed), Some(org)) if failed.is_dangling() => Err(ProviderKeyRefused::NoSuchOrg(org)),
        (inserted, _) => Ok(inserted.map(drop)?),
    }
}
