//! Canaries: a row that is planted every night and must be gone the night after. One that is still there proves that
//! rows do not leave; none at all, that nobody goes over them.

use domain::retention::Class;
use domain::time::Timestamp;

use super::Retention;
use crate::db::ReadFailed;
use crate::db::WriteFailed;
use crate::db::statement::Statement;

/// Hours by which a canary may be late, or the next one be missing, before something is wrong.
pub const GRACE_HOURS: i64 = 2;

/// What the canaries tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// Nothing yet: none was ever planted.
    None,
    /// All is well; the newest was planted then.
    Well(Timestamp),
    /// One that was planted then is past its time, or it is the newest and the next is missing.
    Overdue(Timestamp),
}

impl Retention<'_> {
    /// Plants a canary.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn plant_canary(&self, now: Timestamp) -> Result<(), WriteFailed> {
        let statement =
            Statement::new("INSERT INTO retention_canaries (planted_at) VALUES ($1) ON CONFLICT DO NOTHING");
        let mut tx = self.db.begin().await?;
        tx.execute(statement.bind(now)).await?;
        tx.commit().await
    }

    /// When the newest canary was planted.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn newest_canary(&self) -> Result<Option<Timestamp>, ReadFailed> {
        let statement = Statement::new("SELECT MAX(planted_at) AS at FROM retention_canaries");
        self.db.fetch_optional(statement).await?.map_or(Ok(None), |row| row.time_optional("at"))
    }

    /// What the canaries tell at `now`.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn canary(&self, now: Timestamp) -> Result<Canary, ReadFailed> {
        let statement = Statement::new(
            "SELECT MIN(planted_at) AS oldest, MAX(planted_at) AS newest FROM retention_canaries",
        );
        let Some(row) = self.db.fetch_optional(statement).await? else { return Ok(Canary::None) };
        let (oldest, newest) = (row.time_optional("oldest")?, row.time_optional("newest")?);
        let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(Canary::None) };
        let hours = Class::CANARIES.default().unwrap_or_default();
        let late = Class::CANARIES.unit().before(now, hours).plus_seconds(-GRACE_HOURS * 3_600);
        Ok(if oldest < late { Canary::Overdue(oldest) } else { Canary::Well(newest) })
    }
}
