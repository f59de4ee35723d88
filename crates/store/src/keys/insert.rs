//! A key's registration.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::scope::KeyState;

use super::{Key, KeyRefused, Keys, NewKey};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::statement::Statement;
use crate::db::{Tx, WriteFailed};
use crate::name;

impl Keys<'_> {
    /// Registers a key in a transaction that does more.
    pub(super) async fn insert_in(&self, tx: &mut Tx, new: &NewKey, act: &Act) -> Result<Key, KeyRefused> {
        name::check(&new.name)?;
        if self.org.is_some_and(|own| own != new.org) {
            return Err(KeyRefused::NoSuchProject(new.project));
        }
        new.models.iter().try_for_each(|model| name::check_text(model))?;
        let statement = Statement::new(
            "INSERT INTO api_keys (id, org_id, project_id, user_id, name, prefix, digest, state, models, scopes, \
             allowed_ips, limits, expires_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(new.id.to_string())
        .bind(new.org.to_string())
        .bind(new.project.to_string())
        .bind(new.user.map(|user| user.to_string()))
        .bind(new.name.as_str())
        .bind(new.prefix.as_str())
        .bind(new.digest.as_slice())
        .bind(KeyState::Active.word())
        .bind(WriteFailed::json(&new.models)?)
        .bind(WriteFailed::json(&new.scopes)?)
        .bind(new.allowed_ips.as_ref().map(WriteFailed::json).transpose()?)
        .bind(WriteFailed::json(&new.limits)?)
        .bind(new.expires_at)
        .bind(new.created_at);
        match tx.execute(statement).await {
            Err(failed) if failed.is_duplicate() => return Err(KeyRefused::Duplicate),
            Err(failed) if failed.is_dangling() => return Err(KeyRefused::NoSuchProject(new.project)),
            inserted => inserted?,
        };
        changes::note(tx, Kind::Key, new.id, new.created_at).await?;
        let detail = Detail::none()
            .text("name", &new.name)
            .text("prefix", new.prefix)
            .text("org", new.org)
            .text("project", new.project);
        audit::append(tx, &act.done(Action::KEY_CREATE, new.id, detail).of(new.org)).await?;
        Ok(Key {
            id: new.id,
            org: new.org,
            project: new.project,
            user: new.user,
            name: new.name.clone(),
            prefix: new.prefix,
            state: KeyState::Active,
            models: new.models.clone(),
            scopes: new.scopes.clone(),
            allowed_ips: new.allowed_ips.clone(),
            limits: new.limits,
            expires_at: new.expires_at,
            created_at: new.created_at,
            last_used_at: None,
        })
    }
}
