//! Which key outside the installation wraps the secrets of an organization. That it is one is checked by whoever knows
//! keys; here it is a text.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::OrgId;

use super::{OrgRefused, Orgs};
use crate::audit;
use crate::db::ReadFailed;
use crate::db::statement::Statement;

impl Orgs<'_> {
    /// The key that an organization chose; none where the installation chooses.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn key_provider(&self, id: OrgId) -> Result<Option<String>, ReadFailed> {
        let statement = Statement::new("SELECT key_provider FROM orgs WHERE 1 = 1")
            .and("id =", Some(id.to_string()))
            .and("id =", self.org.map(|org| org.to_string()));
        let row = self.db.fetch_optional(statement).await?;
        row.map_or(Ok(None), |row| row.get("key_provider"))
    }

    /// Every organization that chose a key, with that key.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn key_providers(&self) -> Result<Vec<(OrgId, String)>, ReadFailed> {
        let statement = Statement::new("SELECT id, key_provider FROM orgs WHERE key_provider IS NOT NULL")
            .and("id =", self.org.map(|org| org.to_string()));
        let rows = self.db.fetch_all(statement).await?;
        rows.iter().map(|row| Ok((row.parse("id")?, row.text("key_provider")?))).collect()
    }

    /// Chooses the key for the secrets of an organization that are sealed from now on; those that are there stay as
    /// they are until somebody wraps them anew.
    ///
    /// # Errors
    /// [`OrgRefused::NotFound`] when there is none.
    pub async fn set_key_provider(&self, id: OrgId, key: Option<&str>, act: &Act) -> Result<(), OrgRefused> {
        self.own(id)?;
        let mut tx = self.db.begin().await?;
        let statement = Statement::new("UPDATE orgs SET key_provider = $1 WHERE id = $2 RETURNING name")
            .bind(key.map(str::to_owned))
            .bind(id.to_string());
        let row = tx.fetch_optional(statement).await?.ok_or_else(|| OrgRefused::NotFound(id.to_string()))?;
        let detail =
            Detail::none().text("name", row.text("name")?).text("key_provider", key.unwrap_or("default"));
        audit::append(&mut tx, &act.done(Action::ORG_UPDATE, id, detail).of(id)).await?;
        Ok(tx.commit().await?)
    }
}
