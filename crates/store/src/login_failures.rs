//! Failed logins, counted before the password is looked at: of many guesses at once, no more are checked than may fail.
//! A login that succeeds takes its count back. Whose name and address it was is known as a digest alone.

use domain::time::Timestamp;

use crate::db::row::Row;
use crate::db::statement::Statement;
use crate::db::{Db, ReadFailed, Tx, WriteFailed};

/// How long a failure counts, and how long after a lock the next is longer.
const WINDOW_SECONDS: i64 = 15 * 60;
/// Failures of one account within the window that lock it.
pub const ACCOUNT_FAILURES: usize = 5;
/// Failures from one address within the window that lock it.
pub const ADDRESS_FAILURES: usize = 20;
/// The first lock; each further one is twice as long.
const FIRST_LOCK_SECONDS: i64 = 30;
/// The longest lock.
const LONGEST_LOCK_SECONDS: i64 = 60 * 60;

/// What failures are counted by, as a keyed digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The account that somebody meant, whether there is one or not, by its folded name.
    Account([u8; 32]),
    /// The address they came from.
    Address([u8; 32]),
}

impl Subject {
    fn digest(&self) -> &[u8; 32] {
        match self {
            Subject::Account(digest) | Subject::Address(digest) => digest,
        }
    }

    fn limit(&self) -> usize {
        match self {
            Subject::Account(_) => ACCOUNT_FAILURES,
            Subject::Address(_) => ADDRESS_FAILURES,
        }
    }
}

/// Whether a password may be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It may. The attempt counts as failed until it is [cleared](LoginFailures::clear).
    Allowed(Attempt),
    /// It may not, and nothing was counted.
    Locked {
        /// When the next attempt may be made.
        until: Timestamp,
    },
}

/// An attempt that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    at: Timestamp,
    subjects: Vec<Subject>,
    /// Until when the account or the address is locked if this attempt fails; none if it is not.
    pub locked_until: Option<Timestamp>,
}

/// The failed logins.
pub struct LoginFailures<'a> {
    db: &'a Db,
}

impl<'a> LoginFailures<'a> {
    pub(crate) fn new(db: &'a Db) -> Self {
        Self { db }
    }

    /// Counts an attempt against all of `subjects`, or none of them when one is locked.
    ///
    /// # Errors
    /// [`WriteFailed`] when it cannot be counted; the password must then not be looked at.
    pub async fn begin(&self, subjects: &[Subject], now: Timestamp) -> Result<Begun, WriteFailed> {
        let mut tx = self.db.begin().await?;
        let mut standings = Vec::with_capacity(subjects.len());
        for subject in subjects {
            standings.push((subject, load(&mut tx, subject).await?.unwrap_or_default()));
        }
        let locked = standings.iter().map(|(_, standing)| standing.locked_until);
        if let Some(until) = locked.filter(|until| now < *until).max() {
            return Ok(Begun::Locked { until });
        }
        let mut locked_until = None;
        for (subject, mut standing) in standings {
            locked_until = locked_until.max(standing.count(subject.limit(), now));
            keep(&mut tx, subject, &standing, now).await?;
        }
        tx.commit().await?;
        Ok(Begun::Allowed(Attempt { at: now, subjects: subjects.to_vec(), locked_until }))
    }

    /// Takes the count of an attempt back that succeeded. The account starts afresh; of the address this one attempt
    /// is forgiven, so that an account of one's own does not pay for guesses at others.
    ///
    /// # Errors
    /// [`WriteFailed`] when the database cannot be written.
    pub async fn clear(&self, attempt: &Attempt) -> Result<(), WriteFailed> {
        let mut tx = self.db.begin().await?;
        for subject in &attempt.subjects {
            match (subject, load(&mut tx, subject).await?) {
                (Subject::Account(digest), Some(_)) => {
                    let statement = Statement::new("DELETE FROM login_failures WHERE subject = $1");
                    tx.execute(statement.bind(digest.as_slice())).await?;
                }
                (Subject::Address(_), Some(mut standing)) => {
                    standing.forgive(attempt.at);
                    keep(&mut tx, subject, &standing, attempt.at).await?;
                }
                (_, None) => {}
            }
        }
        tx.commit().await
    }
}

/// How one subject stands.
#[derive(Default)]
struct Standing {
    /// The attempts within the window that failed or are not decided yet, at most as many as lock.
    failures: Vec<Timestamp>,
    /// Locks since the last quiet time.
    locks: u32,
    locked_until: Timestamp,
}

impl Standing {
    /// Counts an attempt, and says until when it locks.
    fn count(&mut self, limit: usize, now: Timestamp) -> Option<Timestamp> {
        if now >= self.locked_until.plus_seconds(WINDOW_SECONDS) {
            self.locks = 0;
        }
        self.failures.retain(|at| now < at.plus_seconds(WINDOW_SECONDS));
        self.failures.push(now);
        if self.failures.len() < limit && self.locks == 0 {
            return None;
        }
        let spare = self.failures.len().saturating_sub(limit);
        self.failures.drain(..spare);
        self.locks = self.locks.saturating_add(1);
        self.locked_until = now.plus_seconds(lock_seconds(self.locks));
        Some(self.locked_until)
    }

    /// Takes back the attempt of this instant, and the lock if it was the one that locked.
    fn forgive(&mut self, at: Timestamp) {
        if let Some(place) = self.failures.iter().position(|failure| *failure == at) {
            self.failures.remove(place);
        }
        if self.locks > 0 && self.locked_until == at.plus_seconds(lock_seconds(self.locks)) {
            self.locks -= 1;
            self.locked_until = at;
        }
    }
}

fn lock_seconds(locks: u32) -> i64 {
    let doubled = 2i64.saturating_pow(locks.saturating_sub(1));
    FIRST_LOCK_SECONDS.saturating_mul(doubled).min(LONGEST_LOCK_SECONDS)
}

async fn load(tx: &mut Tx, subject: &Subject) -> Result<Option<Standing>, WriteFailed> {
    let statement =
        Statement::new("SELECT failures, locks, locked_until FROM login_failures WHERE subject = $1")
            .bind(subject.digest().as_slice());
    Ok(tx.fetch_optional(statement).await?.as_ref().map(standing).transpose()?)
}

async fn keep(
    tx: &mut Tx,
    subject: &Subject,
    standing: &Standing,
    now: Timestamp,
) -> Result<(), WriteFailed> {
    let statement = Statement::new(
        "INSERT INTO login_failures (subject, failures, locks, locked_until, seen_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, locks = excluded.locks, \
         locked_until = excluded.locked_until, seen_at = excluded.seen_at",
    )
    .bind(subject.digest().as_slice())
    .bind(WriteFailed::json(&standing.failures)?)
    .bind(standing.locks)
    .bind(standing.locked_until)
    .bind(now);
    tx.execute(statement).await.map(drop)
}

fn standing(row: &Row) -> Result<Standing, ReadFailed> {
    Ok(Standing {
        failures: row.json("failures")?,
        locks: row.number("locks")?,
        locked_until: row.time("locked_until")?,
    })
}
