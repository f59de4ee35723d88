//! Rotation: a new key takes the place of an old one, which goes on for a while. Both happen, or neither.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::KeyId;
use domain::scope::KeyState;
use domain::time::Timestamp;

use super::{Key, KeyRefused, Keys, NewKey};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::statement::Statement;

impl Keys<'_> {
    /// Registers `new` in the place of `old`, which ends at `ends_at` if it does not end before; an end that is not
    /// in the future revokes it. The request path learns of both.
    ///
    /// # Errors
    /// [`KeyRefused::NotFound`] when there is no old key, [`KeyRefused::NotInUse`] when it does not work any more,
    /// and what [`Keys::insert`] refuses.
    pub async fn rotate(
        &self,
        old: KeyId,
        new: &NewKey,
        ends_at: Timestamp,
        act: &Act,
    ) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = self.found(&mut tx, old).await?;
        if found.state != KeyState::Active || found.expires_at.is_some_and(|at| at <= act.at) {
            return Err(KeyRefused::NotInUse(old));
        }
        let made = self.insert_in(&mut tx, new, act).await?;
        let statement = if ends_at <= act.at {
            Statement::new("UPDATE api_keys SET state = $1 WHERE id = $2").bind(KeyState::Revoked.word())
        } else {
            let ends_at = found.expires_at.map_or(ends_at, |at| at.min(ends_at));
            Statement::new("UPDATE api_keys SET expires_at = $1 WHERE id = $2").bind(ends_at)
        };
        tx.execute(statement.bind(old.to_string()).and("org_id =", Some(found.org.to_string()))).await?;
        changes::note(&mut tx, Kind::Key, old, act.at).await?;
        let detail = Detail::none()
            .text("name", &found.name)
            .text("prefix", found.prefix)
            .text("successor", new.id)
            .number("grace_seconds", ends_at.millis_since(act.at) / 1_000);
        audit::append(&mut tx, &act.done(Action::KEY_ROTATE, old, detail).of(found.org)).await?;
        tx.commit().await?;
        Ok(made)
    }
}
