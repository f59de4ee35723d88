//! Several settings of a key, changed as one. Whether the one who changes it may give so much is not known here.

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::KeyId;
use domain::limit::Limits;
use domain::scope::{Access, KeyState};
use domain::time::Timestamp;

use super::{Key, KeyRefused, Keys};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};
use crate::edit::Edit;
use crate::name;

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// The name.
    pub name: Edit<String>,
    /// The models it may ask for; empty means all.
    pub models: Edit<Vec<String>>,
    /// What it may be used for; empty means everything.
    pub scopes: Edit<Vec<Access>>,
    /// Where it may be used from.
    pub allowed_ips: Edit<Option<Vec<Block>>>,
    /// Its limits.
    pub limits: Edit<Limits>,
    /// When it stops working.
    pub expires_at: Edit<Option<Timestamp>>,
}

impl Keys<'_> {
    /// Changes a key; the request path learns of it. What makes no difference is not recorded.
    ///
    /// # Errors
    /// [`KeyRefused`] when there is none, it is revoked, or a name is bad.
    pub async fn update(&self, id: KeyId, change: &KeyChange, act: &Act) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let mut found = self.found(&mut tx, id).await?;
        if found.state == KeyState::Revoked {
            return Err(KeyRefused::Revoked(id));
        }
        let Some(detail) = apply(change, &mut found)? else { return Ok(found) };
        name::check(&found.name)?;
        found.models.iter().try_for_each(|model| name::check_text(model))?;
        write(&mut tx, &found).await?;
        changes::note(&mut tx, Kind::Key, id, act.at).await?;
        let detail = detail.text("prefix", found.prefix);
        audit::append(&mut tx, &act.done(Action::KEY_UPDATE, id, detail).of(found.org)).await?;
        tx.commit().await?;
        Ok(found)
    }
}

async fn write(tx: &mut Tx, key: &Key) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "UPDATE api_keys SET name = $1, models = $2, scopes = $3, allowed_ips = $4, limits = $5, expires_at = $6 \
         WHERE id = $7 AND org_id = $8",
    )
    .bind(key.name.as_str())
    .bind(WriteFailed::json(&key.models)?)
    .bind(WriteFailed::json(&key.scopes)?)
    .bind(key.allowed_ips.as_ref().map(WriteFailed::json).transpose()?)
    .bind(WriteFailed::json(&key.limits)?)
    .bind(key.expires_at)
    .bind(key.id.to_string())
    .bind(key.org.to_string());
    tx.execute(statement).await.map(drop)
}

/// Makes the changes and says what they are; none when nothing is different.
fn apply(change: &KeyChange, key: &mut Key) -> Result<Option<Detail>, WriteFailed> {
    let before = key.clone();
    let mut detail = Detail::none();
    if change.name.over(&mut key.name) {
        detail = detail.text("name", &key.name);
    }
    if change.models.over(&mut key.models) {
        detail = detail.text("models", WriteFailed::json(&key.models)?);
    }
    if change.scopes.over(&mut key.scopes) {
        detail = detail.text("scopes", WriteFailed::json(&key.scopes)?);
    }
    if change.allowed_ips.over(&mut key.allowed_ips) {
        detail = audit::with_addresses(detail, key.allowed_ips.as_deref());
    }
    if change.limits.over(&mut key.limits) {
        detail = detail.text("limits", WriteFailed::json(&key.limits)?);
    }
    if change.expires_at.over(&mut key.expires_at) {
        let end = key.expires_at.map_or_else(|| "never".to_owned(), |at| at.0.to_string());
        detail = detail.text("expires_at_us", end);
    }
    Ok((*key != before).then_some(detail))
}
