//! Keys of another gateway: their digests are taken over, so that their holders change nothing but an address.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::ProjectId;
use domain::scope::KeyState;

use super::{Key, KeyRefused, Keys, NewKey};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::ReadFailed;
use crate::db::statement::Statement;

/// A key to be taken over.
#[derive(Clone)]
pub struct ImportedKey {
    /// What it may do.
    pub new: NewKey,
    /// Where it is in its life.
    pub state: KeyState,
}

impl Keys<'_> {
    /// Takes over keys of one project, and says of each in its turn what became of it: one that is registered already,
    /// or has a name that is none, stands in nobody's way. Everything else that fails takes all of them back.
    ///
    /// # Errors
    /// [`KeyRefused::NoSuchProject`], or the database's.
    pub async fn import(
        &self,
        project: ProjectId,
        keys: &[ImportedKey],
        act: &Act,
    ) -> Result<Vec<Result<Key, KeyRefused>>, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let (mut outcomes, mut org) = (Vec::with_capacity(keys.len()), None);
        for ImportedKey { new, state } in keys {
            if new.project != project {
                return Err(KeyRefused::NoSuchProject(new.project));
            }
            let key = match self.insert_in(&mut tx, new, act).await {
                Ok(key) => Key { state: *state, ..key },
                Err(refused @ (KeyRefused::BadName(_) | KeyRefused::BadModel(_) | KeyRefused::Duplicate)) => {
                    outcomes.push(Err(refused));
                    continue;
                }
                Err(refused) => return Err(refused),
            };
            let statement = Statement::new("UPDATE api_keys SET imported = TRUE, state = $1 WHERE id = $2")
                .bind(state.word())
                .bind(key.id.to_string());
            tx.execute(statement).await?;
            changes::note(&mut tx, Kind::Key, key.id, act.at).await?;
            org = Some(key.org);
            outcomes.push(Ok(key));
        }
        let Some(org) = org else { return Ok(outcomes) };
        let all = || outcomes.iter().flatten();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let detail = Detail::none()
            .number("keys", count(all().count()))
            .number("disabled", count(all().filter(|key| key.state != KeyState::Active).count()));
        audit::append(&mut tx, &act.done(Action::KEY_IMPORT, project, detail).of(org)).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    /// Whether there is a key of another gateway that was not withdrawn.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn any_imported(&self) -> Result<bool, ReadFailed> {
        let statement =
            Statement::new("SELECT id FROM api_keys WHERE imported AND state <> 'revoked' LIMIT 1");
        Ok(self.db.fetch_optional(statement).await?.is_some())
    }
}
