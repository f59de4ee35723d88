//! What a person does about the state of a provider key: puts it to rest, ends a rest, tries it.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::id::ProviderKeyId;
use domain::time::Timestamp;

use super::update::{finish, named, write};
use super::{ProviderKey, ProviderKeyRefused, ProviderKeys, entry};
use crate::audit;
use crate::changes::{self, Kind};

/// How a person's attempt at a provider key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Its provider takes it.
    Works,
    /// It does not, or nobody knows; the word says why.
    Fails(&'static str),
}

impl ProviderKeys<'_> {
    /// Puts a provider key to rest until then, or ends every rest that it has, whatever it was for; the request path
    /// learns of it.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn rest(
        &self,
        id: ProviderKeyId,
        until: Option<Timestamp>,
        act: &Act,
    ) -> Result<ProviderKey, ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = ProviderKey { rests_until: until, ..self.found(&mut tx, id).await? };
        write(&mut tx, &found).await?;
        changes::note(&mut tx, Kind::Route, id, act.at).await?;
        let (action, detail) = match until {
            Some(until) => {
                let detail = named(&found).text("reason", "put_to_rest");
                (Action::PROVIDER_KEY_COOLDOWN, detail.number("rest_ms", until.millis_since(act.at)))
            }
            None => (Action::PROVIDER_KEY_BACK, named(&found).text("reason", "rest_ended")),
        };
        audit::append(&mut tx, &entry(&found, action, detail, act)).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Records that a person has tried a provider key. One that works is in service again: the request path learns of
    /// that.
    ///
    /// # Errors
    /// [`ProviderKeyRefused::NotFound`] when there is none.
    pub async fn tried(&self, id: ProviderKeyId, how: Tried, act: &Act) -> Result<(), ProviderKeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = self.found(&mut tx, id).await?;
        match how {
            Tried::Works => finish(tx, &found, Action::PROVIDER_KEY_TEST, act).await,
            Tried::Fails(why) => {
                let detail = named(&found).text("fault", why);
                audit::append(&mut tx, &entry(&found, Action::PROVIDER_KEY_TEST, detail, act)).await?;
                Ok(tx.commit().await?)
            }
        }
    }
}
