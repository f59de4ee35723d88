//! The outbox: what must be posted after an answer, recorded before the answer ends, and an opened call before the
//! upstream is called. This file is the contract; the journal on disk is behind it. It knows nothing of where the
//! records are posted to.

mod journal;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::audit::Entry;
use domain::batch;
use domain::file::{File, Removed};
use domain::pinned::Pinned;
use domain::usage::{CallSettled, Event};

use journal::Handle;
pub use journal::reader::Reader;

/// Lanes when nothing else is set: threads that write at the same time rarely share one.
pub const DEFAULT_LANES: u16 = 4;
/// Most lanes.
pub const MAX_LANES: u16 = 64;
/// Bytes of one segment when nothing else is set.
pub const DEFAULT_SEGMENT_BYTES: u32 = 16 << 20;
/// Fewest bytes of a segment.
pub const MIN_SEGMENT_BYTES: u32 = 1 << 10;
/// Most bytes of a segment.
pub const MAX_SEGMENT_BYTES: u32 = 1 << 30;
/// Bytes of all segments together when nothing else is set: about three million calls that wait to be posted.
pub const DEFAULT_MAX_BYTES: u64 = 1 << 30;
/// Most bytes of one recorded opening; its settlement adds the names of the connection to it.
pub const MAX_OPENED_BYTES: usize = 4 << 10;
/// Most bytes of one recorded settlement.
pub const MAX_SETTLED_BYTES: usize = 64 << 10;
/// Most bytes of one recorded entry of the audit trail.
pub const MAX_NOTED_BYTES: usize = 16 << 10;
/// Most bytes of one recorded file or batch.
pub const MAX_KEPT_BYTES: usize = 16 << 10;

/// When records reach the disk. Records survive the end of the process in either case; this is about power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// [`Outbox::durable`] waits for the disk. Waiters share one sync.
    Always,
    /// In the background at this interval, which bounds what a power cut can lose.
    Every(Duration),
}

/// How the outbox is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Independent files written side by side, 1 to [`MAX_LANES`].
    pub lanes: u16,
    /// Bytes of one segment, [`MIN_SEGMENT_BYTES`] to [`MAX_SEGMENT_BYTES`].
    pub segment_bytes: u32,
    /// Bytes of all segments together, above which new calls are refused.
    pub max_bytes: u64,
    /// When records reach the disk.
    pub sync: Sync,
    /// Up to where the store has posted everything, as it last saved [`Batch::positions`].
    pub confirmed: Vec<Position>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lanes: DEFAULT_LANES,
            segment_bytes: DEFAULT_SEGMENT_BYTES,
            max_bytes: DEFAULT_MAX_BYTES,
            sync: Sync::Every(Duration::from_secs(1)),
            confirmed: Vec::new(),
        }
    }
}

/// A place in the journal: everything of the lane before it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The lane.
    pub lane: u16,
    /// The segment of the lane.
    pub segment: u64,
    /// The byte in the segment.
    pub offset: u64,
}

/// Proof of one append, to wait for the disk with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "with `Sync::Always` the record is durable only after `Outbox::durable`"]
pub struct Ticket {
    lane: u16,
    /// Packed end of the record, as the lane counts it.
    end: u64,
}

/// Why the outbox did not take a record.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The disk has no room for another segment.
    #[error("the outbox cannot get more room on its disk")]
    Disk,
    /// The unposted records have reached the configured bound.
    #[error("the outbox holds as many unposted records as it may")]
    Bound,
    /// This one record is larger than any record may be.
    #[error("the record is too large for the outbox")]
    Record,
}

/// The journal on disk could not be made durable. It takes no new calls until the process is started again.
#[derive(Debug, thiserror::Error)]
#[error("the outbox could not be synced to its disk")]
pub struct SyncFailed;

/// Why the outbox did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFailed {
    /// Another process has it open.
    #[error("the outbox {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A setting is outside its range.
    #[error("outbox setting out of range: {0}")]
    Setting(&'static str),
    /// A file of the journal belongs to another format or another place.
    #[error("{} is not a segment of this outbox", .0.display())]
    NotASegment(PathBuf),
    /// A file was written by a newer release.
    #[error("{} has format {found}, this release knows up to {known}: use the release that wrote it", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
        /// The newest this release reads.
        known: u16,
    },
    /// The room that recovery needs is not there.
    #[error("the outbox has no room to recover: {0}")]
    Full(#[from] Full),
    /// The file system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A retained segment could not be read back. Nothing is lost; the next call tries again.
#[derive(Debug, thiserror::Error)]
#[error("reading back {}: {source}", .path.display())]
pub struct ReadFailed {
    /// The segment.
    pub path: PathBuf,
    /// What the system said.
    pub source: std::io::Error,
}

/// A position was confirmed that the reader has not delivered.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("lane {}, segment {}, byte {} was confirmed but never delivered", .0.lane, .0.segment, .0.offset)]
pub struct NotDelivered(pub Position);

/// Settled calls and other records to post, and what to save and confirm once they are posted.
#[derive(Debug, Default)]
pub struct Batch {
    /// The calls, in the order of their lane. A call may come twice; post it once, by its id.
    pub settled: Vec<CallSettled>,
    /// Entries for the audit trail, in the order of their lane. One may come twice; post it once, by its identifier.
    pub noted: Vec<Entry>,
    /// Answers that providers keep, in the order of their lane. One may come twice.
    pub pinned: Vec<Pinned>,
    /// Files that providers keep, in the order of their lane. One may come twice, and after its removal.
    pub filed: Vec<File>,
    /// Files that are gone, in the order of their lane. One may come twice.
    pub removed: Vec<Removed>,
    /// Batches, in the order of their lane. One comes without its name and with it, in either order, and each may come
    /// twice.
    pub batched: Vec<batch::Batch>,
    /// Where reading stands after this batch, for the lanes that moved. Save them in the same transaction, then
    /// hand them to [`Reader::confirm`].
    pub positions: Vec<Position>,
    /// Damaged places met on the way to this batch, each already logged.
    pub damaged: u64,
}

/// Handle to the outbox, cheap to clone. When the last handle and the reader are gone, everything is synced and the
/// threads are joined.
#[derive(Clone)]
pub struct Outbox(Arc<Handle>);

impl Batch {
    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        [
            self.settled.len(),
            self.noted.len(),
            self.pinned.len(),
            self.filed.len(),
            self.removed.len(),
            self.batched.len(),
        ]
        .into_iter()
        .sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Outbox {
    /// Opens the outbox in `dir`, which is made when it is missing, and recovers what an earlier run left: calls
    /// opened and never settled are settled as interrupted. Blocks on the disk.
    ///
    /// # Errors
    /// [`OpenFailed`], with the file it is about.
    pub fn open(dir: &Path, settings: Settings) -> Result<(Self, Reader), OpenFailed> {
        let (handle, reader) = journal::open(dir, settings)?;
        Ok((Self(handle), reader))
    }

    /// Records an event. Makes no system call on the common path and shares no lock with the threads of other
    /// lanes, so it may be called from `Drop`.
    ///
    /// # Errors
    /// [`Full`] when there is no room. Whatever settles no call is refused while half a segment per lane is still free, which
    /// settles about 40,000 open calls a lane with segments of the default size.
    pub fn append(&self, event: &Event) -> Result<Ticket, Full> {
        self.0.journal.append(event)
    }

    /// Waits until the record is on disk with [`Sync::Always`]; returns at once with [`Sync::Every`].
    ///
    /// # Errors
    /// [`SyncFailed`] when the disk refused; the outbox is not [`Self::ready`] from then on.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), SyncFailed> {
        self.0.journal.durable(ticket).await
    }

    /// Whether [`Self::durable`] ever waits.
    #[must_use]
    pub fn syncs_always(&self) -> bool {
        self.0.journal.syncs_always()
    }

    /// Whether new calls may be opened: there is room, and the disk has not refused a sync.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.0.journal.ready()
    }

    /// Settled calls and other records to post that are not confirmed yet.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.0.journal.backlog()
    }

    /// Begins new segments, so that the records of the present ones leave the disk as soon as they are posted and not
    /// only when a segment is full.
    pub fn begin_anew(&self) {
        self.0.journal.begin_anew();
    }

    /// Syncs everything now, for an orderly stop. Blocks on the disk.
    ///
    /// # Errors
    /// [`SyncFailed`] when the disk refused.
    pub fn sync(&self) -> Result<(), SyncFailed> {
        self.0.journal.flush()
    }
}
