//! The outbox as a journal on disk: lanes of append-only segments. A thread writes into its own lane, so that
//! writers rarely meet; one segment per lane is kept ready, so that changing over makes no system call; two
//! threads, one for syncing and one for making and removing segments, do the rest.

mod frame;
mod keeper;
mod lane;
mod ledger;
pub(super) mod reader;
mod recovery;
mod segment;

use std::cell::RefCell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use domain::usage::Event;
use tokio::sync::Notify;

use super::{
    Full, MAX_KEPT_BYTES, MAX_NOTED_BYTES, MAX_OPENED_BYTES, MAX_SETTLED_BYTES, OpenFailed, Settings, Sync,
    SyncFailed, Ticket,
};
use crate::thread_number::thread_number;
use keeper::{Flusher, Housekeeper};
use lane::{Lane, Need, Taken};
use reader::Reader;

/// The journal as its writers, its reader and its threads share it.
pub(super) struct Journal {
    dir: PathBuf,
    lanes: Box<[Lane]>,
    segment_bytes: u32,
    max_bytes: u64,
    sync: Sync,
    /// Bytes of all segments, those being made included.
    allocated_bytes: AtomicU64,
    /// Posted records that are confirmed, recovered ones included.
    confirmed: AtomicU64,
    /// Another segment could not be made; cleared when one could.
    starved: AtomicBool,
    /// A sync failed. The system may have dropped what it could not write, so nothing short of a new start, which
    /// reads everything back, can tell what is on the disk.
    broken: AtomicBool,
    wake: Wake,
    flusher: Flusher,
    housekeeper: Housekeeper,
    /// Where every lane ended when the reader had delivered, and had confirmed, everything.
    finished: Mutex<Option<Vec<u64>>>,
    /// Held for the lock on the directory.
    _lock: File,
}

/// How a sleeping reader is woken.
#[derive(Default)]
struct Wake {
    sleeping: AtomicBool,
    notify: Notify,
}

/// The journal with its threads; the last one to go stops them.
pub(super) struct Handle {
    pub(super) journal: Arc<Journal>,
    threads: Vec<JoinHandle<()>>,
}

/// Opens the journal and recovers what an earlier run left.
pub(super) fn open(dir: &Path, settings: Settings) -> Result<(Arc<Handle>, Reader), OpenFailed> {
    let (journal, plan) = recovery::open(dir, settings)?;
    let journal = Arc::new(journal);
    let threads =
        keeper::start(&journal).map_err(|source| OpenFailed::Io { path: dir.to_owned(), source })?;
    let handle = Arc::new(Handle { journal, threads });
    Ok((Arc::clone(&handle), Reader::new(handle, plan)))
}

impl Journal {
    /// See [`super::Outbox::append`].
    pub(super) fn append(&self, event: &Event) -> Result<Ticket, Full> {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        // A thread that is ending has no buffer any more, and still may settle calls.
        let buffer = BUFFER.try_with(|buffer| buffer.take()).unwrap_or_default();
        let payload = frame::encode(event, buffer).ok_or(Full::Record)?;
        let written = self.write(event, &payload);
        // The buffer goes back for the next record; where the thread is ending there is nothing to keep it in.
        let _ = BUFFER.try_with(|buffer| buffer.replace(payload));
        written
    }

    fn write(&self, event: &Event, payload: &[u8]) -> Result<Ticket, Full> {
        let (need, most) = match event {
            Event::Opened(_) => (Need::Opening, MAX_OPENED_BYTES),
            Event::Settled(_) => (Need::Settling, MAX_SETTLED_BYTES),
            Event::Noted(_) | Event::Pinned(_) => (Need::Noting, MAX_NOTED_BYTES),
            Event::Filed(_) | Event::FileRemoved(_) | Event::Batched(_) => (Need::Noting, MAX_KEPT_BYTES),
        };
        let largest = self.segment_bytes.saturating_sub(segment::HEADER_BYTES) as usize;
        if payload.len() > most || frame::footprint(payload.len()) > largest {
            return Err(Full::Record);
        }
        let home = thread_number();
        let mut refused = Full::Disk;
        for step in 0..self.lanes.len() {
            let lane = &self.lanes[(home + step) % self.lanes.len()];
            match lane.append(self, payload, need) {
                Ok(Taken { end, spare_wanted }) => {
                    if spare_wanted {
                        self.housekeeper.ask_for_spares();
                    }
                    if need != Need::Opening {
                        self.wake_reader();
                    }
                    return Ok(Ticket { lane: lane.number(), end });
                }
                Err(full) => refused = full,
            }
        }
        Err(refused)
    }

    /// Wakes the reader if it sleeps; otherwise this is two memory accesses.
    fn wake_reader(&self) {
        // Orders the commit before the look at the mark; the reader sets the mark before it looks at the lanes.
        fence(Ordering::SeqCst);
        if self.wake.sleeping.load(Ordering::Relaxed) && self.wake.sleeping.swap(false, Ordering::Relaxed) {
            self.wake.notify.notify_one();
        }
    }

    /// See [`super::Outbox::syncs_always`].
    pub(super) fn syncs_always(&self) -> bool {
        self.sync == Sync::Always
    }

    /// See [`super::Outbox::durable`].
    pub(super) async fn durable(&self, ticket: Ticket) -> Result<(), SyncFailed> {
        let lane = match (self.sync, self.lanes.get(usize::from(ticket.lane))) {
            (Sync::Always, Some(lane)) => lane,
            _ => return Ok(()),
        };
        loop {
            let mut synced = pin!(self.flusher.synced());
            // Registered before looking, so that a sync that ends in between is not missed.
            synced.as_mut().enable();
            if lane.synced() >= ticket.end {
                return Ok(());
            }
            if self.broken.load(Ordering::Acquire) {
                return Err(SyncFailed);
            }
            self.flusher.ask();
            synced.await;
        }
    }

    /// See [`super::Outbox::ready`].
    pub(super) fn ready(&self) -> bool {
        !self.starved.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed)
    }

    /// See [`super::Outbox::backlog`].
    pub(super) fn backlog(&self) -> u64 {
        // Read in this order a call can only seem to be still waiting, never confirmed before it was settled.
        let confirmed = self.confirmed.load(Ordering::Acquire);
        let settled: u64 = self.lanes.iter().map(Lane::settled).sum();
        settled.saturating_sub(confirmed)
    }

    /// See [`super::Outbox::sync`].
    pub(super) fn flush(&self) -> Result<(), SyncFailed> {
        for lane in &self.lanes {
            if let Err(cause) = lane.sync() {
                if !self.broken.swap(true, Ordering::AcqRel) {
                    tracing::error!(lane = lane.number(), %cause, "the outbox cannot be synced; new calls are refused");
                }
                return Err(SyncFailed);
            }
        }
        if self.broken.load(Ordering::Acquire) { Err(SyncFailed) } else { Ok(()) }
    }

    /// See [`super::Outbox::begin_anew`].
    pub(super) fn begin_anew(&self) {
        let begun = self.lanes.iter().filter(|lane| lane.begin_anew()).count();
        if begun > 0 {
            self.housekeeper.ask_for_spares();
            self.wake_reader();
        }
    }

    /// Removes everything if the reader had confirmed all that was ever written, so that the next start has
    /// nothing to read back.
    fn remove_if_finished(&self) {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tails: Vec<u64> = self.lanes.iter().map(Lane::tail).collect();
        if finished != Some(tails) {
            return;
        }
        for lane in &self.lanes {
            for number in lane.every_segment() {
                self.remove(lane.number(), number);
            }
        }
    }

    /// Removes one segment that nobody needs any more.
    fn remove(&self, lane: u16, number: u32) {
        let path = recovery::path_of(&self.dir, lane, number);
        let bytes = path.metadata().map_or(0, |meta| meta.len());
        match std::fs::remove_file(&path) {
            Ok(()) => drop(self.allocated_bytes.fetch_sub(bytes, Ordering::Relaxed)),
            Err(cause) => {
                tracing::error!(path = %path.display(), %cause, "a posted segment cannot be removed")
            }
        }
    }

    /// Whether another segment would pass the bound on all of them.
    fn bound_reached(&self) -> Option<Full> {
        let after = self.allocated_bytes.load(Ordering::Relaxed).saturating_add(self.segment_bytes.into());
        (after > self.max_bytes).then_some(Full::Bound)
    }

    /// Makes a segment for a lane.
    fn make(&self, lane: u16, number: u32, bound: Bound) -> Result<segment::Writer, Full> {
        let bytes = u64::from(self.segment_bytes);
        let path = recovery::path_of(&self.dir, lane, number);
        let refused = (bound == Bound::Kept).then(|| self.bound_reached()).flatten();
        // Counted while it is being made; two lanes at once may pass the bound by one segment each.
        self.allocated_bytes.fetch_add(bytes, Ordering::Relaxed);
        let made = match refused {
            Some(full) => Err((full, None)),
            None => {
                let header = segment::Header { lane, number, bytes: self.segment_bytes };
                segment::create(&path, header).map_err(|cause| (Full::Disk, Some(cause)))
            }
        };
        match made {
            Ok(writer) => {
                if self.starved.swap(false, Ordering::Relaxed) {
                    tracing::info!("the outbox has room again");
                }
                Ok(writer)
            }
            Err((full, cause)) => {
                self.allocated_bytes.fetch_sub(bytes, Ordering::Relaxed);
                if !self.starved.swap(true, Ordering::Relaxed) {
                    let cause = cause.map(|cause| cause.to_string()).unwrap_or_default();
                    tracing::error!(path = %path.display(), reason = %full, cause, "new calls are refused");
                }
                Err(full)
            }
        }
    }
}

/// Whether the bound on all segments together applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Kept,
    /// For the first segments at the start, without which nothing recovered could be settled.
    Waived,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.journal.flusher.stop();
        self.journal.housekeeper.stop();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the outbox had failed");
            }
        }
        self.journal.remove_if_finished();
    }
}
