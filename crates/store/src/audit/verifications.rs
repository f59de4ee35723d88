//! Proofs of the trail that somebody asked for: how far they are and what came out. What is proved and how is not known
//! here.

use domain::audit::Act;
use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::JobId;
use domain::time::Timestamp;

use super::{Audit, append};
use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{ReadFailed, WriteFailed};

/// Most characters of what is wrong.
const FAULT_CHARS: usize = 500;

/// How a proof stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofState {
    /// It goes on.
    Running,
    /// The trail is whole.
    Whole,
    /// The trail is broken.
    Broken,
    /// Nobody can say: something could not be read.
    Failed,
}

impl ProofState {
    /// Every state.
    pub const ALL: [ProofState; 4] =
        [ProofState::Running, ProofState::Whole, ProofState::Broken, ProofState::Failed];

    /// The word in rows and answers.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ProofState::Running => "running",
            ProofState::Whole => "whole",
            ProofState::Broken => "broken",
            ProofState::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its identifier.
    pub id: JobId,
    /// How it stands.
    pub state: ProofState,
    /// The rows that are proved so far.
    pub rows: u64,
    /// The signed heads.
    pub heads: u64,
    /// The rows after the last head.
    pub unsigned: u64,
    /// What is wrong.
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Why a proof was not begun or found.
#[derive(Debug, thiserror::Error)]
pub enum ProofRefused {
    /// One is running.
    #[error("a proof of the audit trail is running: {0}")]
    Running(JobId),
    /// There is none.
    #[error("there is no proof {0}")]
    NotFound(JobId),
    /// The database failed.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database failed.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

const COLUMNS: &str = "SELECT id, state, rows, heads, unsigned, fault, created_at, ended_at FROM audit_verifications \
                       WHERE 1 = 1";

impl Audit<'_> {
    /// Notes that a proof begins; it is recorded as asked for by `act`. One at a time.
    ///
    /// # Errors
    /// [`ProofRefused::Running`] when one is running.
    pub async fn begin_proof(&self, id: JobId, act: &Act) -> Result<Verification, ProofRefused> {
        let mut tx = self.db.begin().await?;
        let running =
            Statement::new(COLUMNS).and("state =", Some(ProofState::Running.word())).push(" LIMIT 1");
        if let Some(row) = tx.fetch_optional(running).await? {
            return Err(ProofRefused::Running(row.parse("id")?));
        }
        let statement = Statement::new(
            "INSERT INTO audit_verifications (id, state, rows, heads, unsigned, created_at) \
             VALUES ($1, 'running', 0, 0, 0, $2)",
        );
        tx.execute(statement.bind(id.to_string()).bind(act.at)).await?;
        let entry = act.done(Action::AUDIT_VERIFY, "audit", Detail::none().text("proof", id));
        append(&mut tx, &entry).await?;
        tx.commit().await?;
        Ok(Verification {
            id,
            state: ProofState::Running,
            rows: 0,
            heads: 0,
            unsigned: 0,
            fault: None,
            created_at: act.at,
            ended_at: None,
        })
    }

    /// Keeps how a proof stands.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn keep_proof(&self, proof: &Verification) -> Result<(), WriteFailed> {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let fault = proof.fault.as_ref().map(|fault| fault.chars().take(FAULT_CHARS).collect::<String>());
        let statement = Statement::new(
            "UPDATE audit_verifications SET state = $1, rows = $2, heads = $3, unsigned = $4, fault = $5, \
             ended_at = $6 WHERE id = $7",
        )
        .bind(proof.state.word())
        .bind(whole(proof.rows))
        .bind(whole(proof.heads))
        .bind(whole(proof.unsigned))
        .bind(fault)
        .bind(proof.ended_at)
        .bind(proof.id.to_string());
        let mut tx = self.db.begin().await?;
        tx.execute(statement).await?;
        tx.commit().await
    }

    /// The proof that is to be gone on with, in this process or after an earlier one.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn open_proof(&self) -> Result<Option<Verification>, ReadFailed> {
        let running =
            Statement::new(COLUMNS).and("state =", Some(ProofState::Running.word())).push(" LIMIT 1");
        self.db.fetch_optional(running).await?.as_ref().map(verification).transpose()
    }

    /// One proof.
    ///
    /// # Errors
    /// [`ProofRefused::NotFound`] when there is none.
    pub async fn proof(&self, id: JobId) -> Result<Verification, ProofRefused> {
        let statement = Statement::new(COLUMNS).and("id =", Some(id.to_string()));
        let row = self.db.fetch_optional(statement).await?.ok_or(ProofRefused::NotFound(id))?;
        Ok(verification(&row)?)
    }
}

fn verification(row: &Row) -> Result<Verification, ReadFailed> {
    Ok(Verification {
        id: row.parse("id")?,
        state: row.read("state", ProofState::parse)?,
        rows: row.number("rows")?,
        heads: row.number("heads")?,
        unsigned: row.number("unsigned")?,
        fault: row.get("fault")?,
        created_at: row.time("created_at")?,
        ended_at: row.time_optional("ended_at")?,
    })
}
