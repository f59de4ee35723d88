//! The web pages that organizations let call them from browsers.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::OrgId;
use domain::origin::{Origin, Origins};

use super::{Org, OrgRefused, OrgState, Orgs, org};
use crate::audit;
use crate::changes::{self, Kind};
use crate::db::statement::Statement;
use crate::db::{ReadFailed, WriteFailed};

impl Orgs<'_> {
    /// Says which pages may call an organization from browsers; the request path learns of it.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none.
    pub async fn set_allowed_origins(
        &self,
        id: OrgId,
        origins: &Origins,
        act: &Act,
    ) -> Result<Org, OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "UPDATE orgs SET allowed_origins = $1 WHERE id = $2 \
             RETURNING id, name, state, limits, allowed_ips, allowed_origins, inline_keys, created_at",
        )
        .bind(WriteFailed::json(origins)?)
        .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?;
        changes::note(&mut tx, Kind::Org, id, act.at).await?;
        let listed: Vec<&str> = origins.iter().map(Origin::as_str).collect();
        let detail = Detail::none().text("name", row.text("name")?).text("allowed_origins", listed.join(" "));
        audit::append(&mut tx, &act.done(Action::ORG_UPDATE, id, detail).of(id)).await?;
        tx.commit().await?;
        Ok(org(&row)?)
    }

    /// The pages that any organization in use lets call it from browsers.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn all_origins(&self) -> Result<Origins, ReadFailed> {
        let statement = Statement::new("SELECT allowed_origins FROM orgs WHERE allowed_origins <> '[]'")
            .and("state =", Some(OrgState::Active.word()))
            .and("id =", self.org.map(|org| org.to_string()));
        let rows = self.db.fetch_all(statement).await?;
        let lists = rows.iter().map(|row| row.json::<Vec<Origin>>("allowed_origins"));
        Ok(lists.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}
