//! Runs: one row for each time that a class is gone over, from its beginning to its end, across restarts.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::JobId;
use domain::retention::Class;
use domain::time::Timestamp;

use super::Retention;
use crate::audit;
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{ReadFailed, Tx, WriteFailed};
use crate::page::{self, BY_ID, Page, Paged};

pub(super) const COLUMNS: &str = "SELECT id, class, cause, state, removed, batches, created_at, updated_at, ended_at, \
                                  fault FROM retention_runs WHERE 1 = 1";
/// Most characters of a fault that is kept.
const FAULT_CHARS: usize = 500;

/// Why a class is gone over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Something was past its time.
    Due,
    /// It was night.
    Nightly,
    /// Somebody asked for it.
    Asked,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 3] = [Cause::Due, Cause::Nightly, Cause::Asked];

    /// The word in rows and answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Cause::Due => "due",
            Cause::Nightly => "nightly",
            Cause::Asked => "asked",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It goes on, now or with the next start.
    Running,
    /// Nothing is left of what was due.
    Done,
    /// It was given up.
    Failed,
}

impl RunState {
    /// Every state.
    pub const ALL: [RunState; 3] = [RunState::Running, RunState::Done, RunState::Failed];

    /// The word in rows and answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            RunState::Running => "running",
            RunState::Done => "done",
            RunState::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its identifier.
    pub id: JobId,
    /// The word of its class, which may be one of a newer release.
    pub class: String,
    /// Why it began.
    pub cause: Cause,
    /// How far it is.
    pub state: RunState,
    /// How many rows it has removed, or archived.
    pub removed: u64,
    /// In how many transactions.
    pub batches: u64,
    /// When it began; what was due then is what it removes.
    pub created_at: Timestamp,
    /// When it last removed something.
    pub updated_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it was given up.
    pub fault: Option<String>,
}

/// Why there is no such run.
#[derive(Debug, thiserror::Error)]
pub enum RunRefused {
    /// There is none.
    #[error("there is no run {0}")]
    NotFound(JobId),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
}

impl Retention<'_> {
    /// Begins a run. What it does is done by whoever works through [`Retention::open_runs`]. One that somebody asked
    /// for is recorded as asked for by `asked_by`.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn begin(
        &self,
        id: JobId,
        class: Class,
        cause: Cause,
        now: Timestamp,
        asked_by: Option<&Act>,
    ) -> Result<Run, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let statement = Statement::new(
            "INSERT INTO retention_runs (id, class, cause, state, removed, batches, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, 0, 0, $5, $5)",
        )
        .bind(id.to_string())
        .bind(class.word())
        .bind(cause.word())
        .bind(RunState::Running.word())
        .bind(now);
        tx.execute(statement).await?;
        if let Some(act) = asked_by {
            let detail = Detail::none().text("run", id).text("state", "asked");
            audit::append(&mut tx, &act.done(Action::RETENTION_RUN, class.word(), detail)).await?;
        }
        tx.commit().await?;
        Ok(Run {
            id,
            class: class.word().to_owned(),
            cause,
            state: RunState::Running,
            removed: 0,
            batches: 0,
            created_at: now,
            updated_at: now,
            ended_at: None,
            fault: None,
        })
    }

    /// Ends a run, and records how much it removed, if anything.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; the run is then still open.
    pub async fn finish(&self, id: JobId, act: &Act) -> Result<Run, WriteFailed> {
        let mut tx = self.db.begin().await?;
        close(&mut tx, id, RunState::Done, None, act.at).await?;
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = tx.fetch_optional(statement).await?.ok_or(WriteFailed::from(sqlx::Error::RowNotFound))?;
        let run = run(&row)?;
        if run.removed > 0 {
            let detail = Detail::none().text("run", id).number("removed", run.removed);
            audit::append(&mut tx, &act.done(Action::RETENTION_RUN, &run.class, detail)).await?;
        }
        tx.commit().await?;
        Ok(run)
    }

    /// Gives a run up.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written; the run is then still open.
    pub async fn give_up(&self, id: JobId, fault: &str, now: Timestamp) -> Result<(), WriteFailed> {
        let fault: String = fault.chars().take(FAULT_CHARS).collect();
        let mut tx = self.db.begin().await?;
        close(&mut tx, id, RunState::Failed, Some(fault), now).await?;
        tx.commit().await
    }

    /// A page of the runs.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn runs(&self, page: &Page) -> Result<Paged<Run>, ReadFailed> {
        let id = |uuid| JobId::new(uuid).to_string();
        let place = |run: &Run| (run.created_at, run.id.uuid());
        page::read(self.db, Statement::new(COLUMNS), &BY_ID, page, id, run, place).await
    }

    /// The runs that go on, oldest first.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn open_runs(&self) -> Result<Vec<Run>, ReadFailed> {
        let open = Statement::new(COLUMNS).and("state =", Some(RunState::Running.word()));
        self.db.fetch_all(open.push(" ORDER BY created_at, id")).await?.iter().map(run).collect()
    }

    /// The newest runs, newest first, at most `most`.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn newest_runs(&self, most: u32) -> Result<Vec<Run>, ReadFailed> {
        let statement =
            Statement::new(COLUMNS).push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(most);
        self.db.fetch_all(statement).await?.iter().map(run).collect()
    }

    /// One run.
    ///
    /// # Errors
    /// [`RunRefused::NotFound`] when there is none.
    pub async fn run(&self, id: JobId) -> Result<Run, RunRefused> {
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = self.db.fetch_optional(statement).await?.ok_or(RunRefused::NotFound(id))?;
        Ok(run(&row)?)
    }
}

/// Writes down that rows are gone, in the transaction that removes them.
pub(crate) async fn count(tx: &mut Tx, id: JobId, rows: u64, now: Timestamp) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "UPDATE retention_runs SET removed = removed + $1, batches = batches + 1, updated_at = $2 WHERE id = $3",
    )
    .bind(i64::try_from(rows).unwrap_or(i64::MAX))
    .bind(now)
    .bind(id.to_string());
    tx.execute(statement).await.map(drop)
}

async fn close(
    tx: &mut Tx,
    id: JobId,
    state: RunState,
    fault: Option<String>,
    now: Timestamp,
) -> Result<(), WriteFailed> {
    let statement =
        Statement::new("UPDATE retention_runs SET state = $1, fault = $2, ended_at = $3 WHERE id = $4")
            .bind(state.word())
            .bind(fault)
            .bind(now)
            .bind(id.to_string());
    tx.execute(statement).await.map(drop)
}

pub(super) fn run(row: &Row) -> Result<Run, ReadFailed> {
    Ok(Run {
        id: row.parse("id")?,
        class: row.text("class")?,
        cause: row.read("cause", Cause::parse)?,
        state: row.read("state", RunState::parse)?,
        removed: row.number("removed")?,
        batches: row.number("batches")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        ended_at: row.time_optional("ended_at")?,
        fault: row.get("fault")?,
    })
}
