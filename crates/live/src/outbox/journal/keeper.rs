//! The two threads of the journal: one syncs, one makes and removes segments. Each owns no data of its own; they
//! are asked through a mutex and a condition, and stop when told to.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{Bound, Full, Journal, Sync};

/// How long to wait before trying again to make a segment when there was no room.
const RETRY: Duration = Duration::from_secs(1);

/// Starts both threads.
pub(super) fn start(journal: &Arc<Journal>) -> io::Result<Vec<JoinHandle<()>>> {
    let (flushed, kept) = (Arc::clone(journal), Arc::clone(journal));
    let flusher =
        Builder::new().name("outbox-sync".to_owned()).spawn(move || flush_until_stopped(&flushed))?;
    match Builder::new().name("outbox-segments".to_owned()).spawn(move || keep_until_stopped(&kept)) {
        Ok(housekeeper) => Ok(vec![flusher, housekeeper]),
        Err(cause) => {
            journal.flusher.stop();
            // It has only just begun; there is nothing to learn from how it ended.
            let _ = flusher.join();
            Err(cause)
        }
    }
}

/// What a thread has been asked.
#[derive(Debug, Default)]
struct Asked {
    work: bool,
    stop: bool,
    /// Segments to remove: lane and number.
    remove: Vec<(u16, u32)>,
}

/// How a thread is asked.
#[derive(Debug, Default)]
struct Bell {
    asked: Mutex<Asked>,
    rung: Condvar,
}

impl Bell {
    fn ring(&self, ask: impl FnOnce(&mut Asked)) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut asked);
        self.rung.notify_one();
    }

    /// Waits until something is asked, or at most for `limit`.
    fn wait(&self, limit: Option<Duration>) -> Asked {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |asked: &mut Asked| !asked.work && !asked.stop && asked.remove.is_empty();
        let mut asked = match limit {
            Some(limit) => {
                self.rung.wait_timeout_while(asked, limit, idle).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.rung.wait_while(asked, idle).unwrap_or_else(PoisonError::into_inner),
        };
        let taken = std::mem::take(&mut *asked);
        // A thread told to stop stays told.
        asked.stop = taken.stop;
        taken
    }
}

/// Asks the syncing thread and learns of its syncs.
#[derive(Default)]
pub(super) struct Flusher {
    bell: Bell,
    synced: Notify,
}

impl Flusher {
    /// Asks for a sync. Asked while one runs, another follows; all that ask in the meantime share it.
    pub(super) fn ask(&self) {
        self.bell.ring(|asked| asked.work = true);
    }

    /// Ends with the next sync that ends.
    pub(super) fn synced(&self) -> Notified<'_> {
        self.synced.notified()
    }

    pub(super) fn stop(&self) {
        self.bell.ring(|asked| asked.stop = true);
    }
}

fn flush_until_stopped(journal: &Journal) {
    let interval = match journal.sync {
        Sync::Always => None,
        Sync::Every(interval) => Some(interval),
    };
    loop {
        let asked = journal.flusher.bell.wait(interval);
        // A failure is logged where it is found, and the waiters find the journal broken.
        let _ = journal.flush();
        journal.flusher.synced.notify_waiters();
        if asked.stop {
            return;
        }
    }
}

/// Asks the thread that makes and removes segments.
#[derive(Default)]
pub(super) struct Housekeeper {
    bell: Bell,
}

impl Housekeeper {
    /// Some lane has no spare segment.
    pub(super) fn ask_for_spares(&self) {
        self.bell.ring(|asked| asked.work = true);
    }

    /// These segments of a lane are not needed any more.
    pub(super) fn remove(&self, lane: u16, numbers: Vec<u32>) {
        self.bell.ring(|asked| asked.remove.extend(numbers.into_iter().map(|number| (lane, number))));
    }

    pub(super) fn stop(&self) {
        self.bell.ring(|asked| asked.stop = true);
    }
}

fn keep_until_stopped(journal: &Journal) {
    // The lanes begin without spares, so that a start does not wait for the disk to have them all.
    let mut retry = make_spares(journal).err().map(|_| RETRY);
    loop {
        let asked = journal.housekeeper.bell.wait(retry);
        for (lane, number) in asked.remove {
            journal.remove(lane, number);
        }
        if asked.stop {
            return;
        }
        retry = make_spares(journal).err().map(|_| RETRY);
    }
}

/// Gives every lane its spare segment. A failure is logged where it is found.
fn make_spares(journal: &Journal) -> Result<(), Full> {
    for lane in &journal.lanes {
        let Some(number) = lane.missing_spare() else { continue };
        let spare = journal.make(lane.number(), number, Bound::Kept)?;
        if lane.offer_spare(spare).is_err() {
            journal.remove(lane.number(), number);
        }
    }
    Ok(())
}
