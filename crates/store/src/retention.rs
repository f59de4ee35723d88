//! How long data is kept, as people set it, and the removal of what is past its time: a bounded number of rows in each
//! transaction, written down as it goes, so that it ends although the process did not. When to go over which class is
//! not decided here.

mod canary;
mod purge;
mod runs;

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::{OrgId, UserId};
use domain::retention::{Class, Level, NotTaken};
use domain::time::Timestamp;

use crate::audit;
use crate::changes::{self, Kind};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

pub use canary::{Canary, GRACE_HOURS};
pub use purge::BATCH;
pub(crate) use runs::count;
pub use runs::{Cause, Run, RunRefused, RunState};

/// For whom a time is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// For everybody who has set none.
    Installation,
    /// For one organization.
    Org(OrgId),
    /// For one person.
    User(UserId),
}

impl Whose {
    /// At which level it is.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Whose::Installation => Level::Installation,
            Whose::Org(_) => Level::Org,
            Whose::User(_) => Level::User,
        }
    }

    fn subject(self) -> String {
        match self {
            Whose::Installation => String::new(),
            Whose::Org(id) => id.to_string(),
            Whose::User(id) => id.to_string(),
        }
    }

    fn read(row: &Row) -> Result<Self, ReadFailed> {
        match row.read("level", Level::parse)? {
            Level::Installation => Ok(Whose::Installation),
            Level::Org => row.parse("subject").map(Whose::Org),
            Level::User => row.parse("subject").map(Whose::User),
        }
    }
}

/// A time that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Of which class.
    pub class: Class,
    /// For whom.
    pub whose: Whose,
    /// For how long, in the unit of the class.
    pub keep: u32,
    /// When it was set.
    pub set_at: Timestamp,
}

/// Why a time was not set.
#[derive(Debug, thiserror::Error)]
pub enum SettingRefused {
    /// The class does not take it.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// There is no such organization or person.
    #[error("there is no such organization or person")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

/// The times that were set: those of one organization and its people, or all.
pub struct Settings<'a> {
    db: &'a Db,
    org: Option<OrgId>,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(db: &'a Db, org: Option<OrgId>) -> Self {
        Self { db, org }
    }

    /// What was set for `whose`.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn of(&self, whose: Whose) -> Result<Vec<Setting>, ReadFailed> {
        let statement =
            Statement::new("SELECT class, level, subject, keep, set_at FROM retention_settings WHERE 1 = 1")
                .and("level =", Some(whose.level().word()))
                .and("subject =", Some(whose.subject()))
                .push(" ORDER BY class");
        self.db.fetch_all(statement).await?.iter().map(setting).collect()
    }

    /// What was set for anybody.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn all(&self) -> Result<Vec<Setting>, ReadFailed> {
        let statement =
            Statement::new("SELECT class, level, subject, keep, set_at FROM retention_settings WHERE 1 = 1");
        let statement = match self.org {
            None => statement,
            Some(org) => statement
                .push(" AND (level = 'org' AND subject = ")
                .push_bind(org.to_string())
                .push(" OR level = 'user' AND subject IN (SELECT user_id FROM members WHERE org_id = ")
                .push_bind(org.to_string())
                .push("))"),
        };
        let rows = self.db.fetch_all(statement.push(" ORDER BY class, level, subject")).await?;
        rows.iter().map(setting).collect()
    }

    /// Sets how long a class is kept; none goes back to what holds without it. The request path learns of it. It is
    /// recorded as done by `act`.
    ///
    /// # Errors
    /// [`SettingRefused`] when the class does not take it, or there is nobody like that.
    pub async fn set(
        &self,
        class: Class,
        whose: Whose,
        keep: Option<u32>,
        act: &Act,
    ) -> Result<(), SettingRefused> {
        class.check(whose.level(), keep.or(class.default()).unwrap_or_default())?;
        let mut tx = self.db.begin().await?;
        if !self.holds(&mut tx, whose).await? {
            return Err(SettingRefused::NotFound);
        }
        let statement = match keep {
            Some(_) => Statement::new(
                "INSERT INTO retention_settings (class, level, subject, keep, set_at) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (class, level, subject) DO UPDATE SET keep = excluded.keep, set_at = excluded.set_at",
            ),
            None => Statement::new(
                "DELETE FROM retention_settings WHERE class = $1 AND level = $2 AND subject = $3",
            ),
        };
        let statement = statement.bind(class.word()).bind(whose.level().word()).bind(whose.subject());
        let statement = keep.iter().fold(statement, |statement, keep| statement.bind(*keep).bind(act.at));
        tx.execute(statement).await?;
        changes::note(&mut tx, Kind::Org, whose.subject(), act.at).await?;
        let detail = Detail::none().text("level", whose.level().word()).text("subject", whose.subject());
        let detail = match keep {
            Some(keep) => detail.number(class.unit().word(), keep.into()),
            None => detail.text(class.unit().word(), "default"),
        };
        let entry = act.done(Action::RETENTION_SET, class.word(), detail);
        let org = if let Whose::Org(org) = whose { Some(org) } else { self.org };
        audit::append(&mut tx, &org.into_iter().fold(entry, domain::audit::Entry::of)).await?;
        Ok(tx.commit().await?)
    }

    /// Whether whoever it is for is there, as far as these settings reach.
    async fn holds(&self, tx: &mut Tx, whose: Whose) -> Result<bool, WriteFailed> {
        let statement = match (whose, self.org) {
            (Whose::Installation, None) => return Ok(true),
            (Whose::Installation, Some(_)) => return Ok(false),
            (Whose::Org(id), Some(org)) if id != org => return Ok(false),
            (Whose::Org(id), _) => Statement::new("SELECT id FROM orgs WHERE id = $1").bind(id.to_string()),
            (Whose::User(id), None) => {
                Statement::new("SELECT id FROM users WHERE id = $1").bind(id.to_string())
            }
            (Whose::User(id), Some(org)) => {
                Statement::new("SELECT user_id FROM members WHERE user_id = $1 AND org_id = $2")
                    .bind(id.to_string())
                    .bind(org.to_string())
            }
        };
        Ok(tx.fetch_optional(statement).await?.is_some())
    }
}

/// Retention over the whole installation.
pub struct Retention<'a> {
    db: &'a Db,
}

impl<'a> Retention<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// The times that were set.
    #[must_use]
    pub fn settings(&self) -> Settings<'a> {
        Settings::new(self.db, None)
    }

    /// How long a class is kept where neither an organization nor a person has set anything; none for ever.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn kept(&self, class: Class) -> Result<Option<u32>, ReadFailed> {
        let set = self.settings().of(Whose::Installation).await?;
        let set = set.into_iter().find(|setting| setting.class == class).map(|setting| setting.keep);
        Ok(class.default().map(|default| set.unwrap_or(default)))
    }

    /// Takes what was removed out of the write-ahead log as well. False when somebody reads at the moment: it is then
    /// to be tried again.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn scrub(&self) -> Result<bool, ReadFailed> {
        self.db.empty_log().await
    }
}

fn setting(row: &Row) -> Result<Setting, ReadFailed> {
    Ok(Setting {
        class: row.read("class", Class::parse)?,
        whose: Whose::read(row)?,
        keep: row.number("keep")?,
        set_at: row.time("set_at")?,
    })
}
