//! Where a key may be used from, changed while it is in use.

use domain::address::Block;
use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::KeyId;

use super::{Key, KeyRefused, Keys};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::WriteFailed;
use crate::db::statement::Statement;

impl Keys<'_> {
    /// Says from where a key may be used; the request path learns of it.
    ///
    /// # Errors
    /// [`KeyRefused::NotFound`] when there is none.
    pub async fn set_allowed_ips(
        &self,
        id: KeyId,
        allowed_ips: Option<&[Block]>,
        act: &Act,
    ) -> Result<Key, KeyRefused> {
        let mut tx = self.db.begin().await?;
        let found = Key { allowed_ips: allowed_ips.map(<[Block]>::to_vec), ..self.found(&mut tx, id).await? };
        let statement = Statement::new("UPDATE api_keys SET allowed_ips = $1 WHERE id = $2 AND org_id = $3")
            .bind(allowed_ips.map(|blocks| WriteFailed::json(&blocks)).transpose()?)
            .bind(id.to_string())
            .bind(found.org.to_string());
        tx.execute(statement).await?;
        changes::note(&mut tx, Kind::Key, id, act.at).await?;
        let detail = Detail::none().text("name", &found.name).text("prefix", found.prefix);
        let detail = audit::with_addresses(detail, allowed_ips);
        audit::append(&mut tx, &act.done(Action::KEY_ALLOW_IP, id, detail).of(found.org)).await?;
        tx.commit().await?;
        Ok(found)
    }
}
