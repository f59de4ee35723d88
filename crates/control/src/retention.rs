//! Removing what is past its time: begins runs, works them off batch by batch, and leaves each so that it can go on in
//! another process. Rows of the audit trail leave by being archived. When that is to be is decided elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::audit::{Act, Actor};
use domain::id::JobId;
use domain::retention::Class;
use domain::time::{Clock, Timestamp};
use store::retention::{BATCH, Cause, Run};
use store::{ReadFailed, Store, WriteFailed};
use tokio::sync::watch;
use vault::entropy::{self, NoEntropy};
use vault::signing::SigningKeys;

use crate::audit::archive::{self, NotArchived};

/// Pause between two batches, in which others write.
const PAUSE: Duration = Duration::from_millis(10);

/// What removes data past its time.
#[derive(Clone)]
pub struct Keeper {
    /// The books.
    pub store: Store,
    /// Sign archives.
    pub keys: Arc<SigningKeys>,
    /// Where archives of the audit trail are kept.
    pub archives: PathBuf,
    /// The time of day.
    pub clock: Clock,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Worked {
    /// Nothing of what was due is left.
    Done(Run),
    /// It was given up, and says why.
    GivenUp(String),
    /// The process stops; the run goes on with the next start.
    Paused,
}

/// Why a run was not begun or worked off; it is still open then.
#[derive(Debug, thiserror::Error)]
pub enum NotRemoved {
    /// No identifier can be made.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// The database cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFailed),
    /// The database cannot be written.
    #[error(transparent)]
    Write(#[from] WriteFailed),
}

impl Keeper {
    /// Begins a run over a class; `asked_by` is whoever asked for it.
    ///
    /// # Errors
    /// [`NotRemoved`] when it is not written down.
    pub async fn begin(&self, class: Class, cause: Cause, asked_by: Option<&Act>) -> Result<Run, NotRemoved> {
        let now = self.clock.now();
        let id = JobId::new(entropy::uuid_v7(now)?);
        Ok(self.store.retention().begin(id, class, cause, now, asked_by).await?)
    }

    /// Works off a run until nothing is left of it or `stop` turns true.
    ///
    /// # Errors
    /// [`NotRemoved`] when the database fails; the run is still open.
    pub async fn work_off(&self, run: &Run, stop: &watch::Receiver<bool>) -> Result<Worked, NotRemoved> {
        loop {
            if *stop.borrow() {
                return Ok(Worked::Paused);
            }
            let more = match Class::parse(&run.class) {
                None => return self.give_up(run, "this release knows no such class".to_owned()).await,
                Some(Class::AUDIT) => match self.archive_batch(run).await {
                    Ok(more) => more,
                    Err(NotArchived::Read(failed)) => return Err(failed.into()),
                    Err(NotArchived::Write(failed)) => return Err(failed.into()),
                    Err(failed) => return self.give_up(run, failed.to_string()).await,
                },
                Some(_) => self.store.retention().remove_batch(run, self.clock.now()).await?,
            };
            if !more {
                let ended = self.store.retention().finish(run.id, &self.act()).await?;
                if ended.removed > 0 {
                    tracing::info!(
                        class = ended.class,
                        removed = ended.removed,
                        "data past its time is removed"
                    );
                }
                return Ok(Worked::Done(ended));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether anything of a class is past its time.
    ///
    /// # Errors
    /// [`ReadFailed`] when the database does not answer.
    pub async fn is_due(&self, class: Class, now: Timestamp) -> Result<bool, ReadFailed> {
        match self.audit_before(class, now).await? {
            Some(before) => Ok(self.store.audit().archivable(before, archive::MAX_ROWS).await?.is_some()),
            None => self.store.retention().is_due(class, now).await,
        }
    }

    /// Removes rows that are in an archive, or archives a segment that was past its time when the run began. False
    /// when there is nothing left to do.
    async fn archive_batch(&self, run: &Run) -> Result<bool, NotArchived> {
        let now = self.clock.now();
        if self.store.audit().remove_archived(BATCH, run.id, now).await? > 0 {
            return Ok(true);
        }
        let Some(before) = self.audit_before(Class::AUDIT, run.created_at).await? else { return Ok(false) };
        Ok(archive::archive(&self.store, &self.keys, &self.archives, before, &self.act()).await?.is_some())
    }

    /// Before when rows of the audit trail leave; none for another class.
    async fn audit_before(&self, class: Class, now: Timestamp) -> Result<Option<Timestamp>, ReadFailed> {
        if class != Class::AUDIT {
            return Ok(None);
        }
        let kept = self.store.retention().kept(class).await?;
        Ok(kept.map(|count| class.unit().before(now, count)))
    }

    async fn give_up(&self, run: &Run, fault: String) -> Result<Worked, NotRemoved> {
        tracing::error!(class = run.class, fault, "data past its time is not removed");
        self.store.retention().give_up(run.id, &fault, self.clock.now()).await?;
        Ok(Worked::GivenUp(fault))
    }

    fn act(&self) -> Act {
        Act::new(Actor::system("retention"), self.clock.now())
    }
}
