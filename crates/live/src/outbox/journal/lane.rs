//! One lane: the segment being written, the one kept ready, and those that are not yet confirmed. Its lock is shared
//! by the threads of this lane alone.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::segment::{HEADER_BYTES, Segment, Writer};
use super::{Bound, Full, Journal, frame};

/// What a record is for, which decides whether it may use the reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// An opening leaves at least half a segment of the lane for settlements.
    Opening,
    /// A settlement takes any room there is.
    Settling,
    /// Anything else leaves that half as well: refusals must not take the room of what was spent.
    Noting,
}

/// A record that was taken.
pub(super) struct Taken {
    /// Its end, packed.
    pub(super) end: u64,
    /// Whether it has used up the spare segment of the lane.
    pub(super) spare_wanted: bool,
}

/// A segment of the lane that is still needed.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// Left by an earlier run: a file.
    File,
    /// Of this run: mapped.
    Mapped(Arc<Segment>),
}

/// One lane. Aligned so that two lanes share no cache line.
#[repr(align(128))]
pub(super) struct Lane {
    number: u16,
    active: Mutex<Active>,
    kept: Mutex<BTreeMap<u32, Kept>>,
    /// Packed end of the last record.
    tail: AtomicU64,
    /// Packed place up to which everything is on the disk.
    synced: AtomicU64,
    /// Records written that are to be posted, recovered ones that wait included.
    settled: AtomicU64,
}

struct Active {
    writer: Writer,
    spare: Option<Writer>,
    next_number: u32,
}

/// A place in a lane as one number that grows with it.
pub(super) const fn pack(segment: u32, offset: u32) -> u64 {
    // Widening only; `From` is not const.
    ((segment as u64) << 32) | offset as u64
}

/// The segment and the offset of a packed place.
pub(super) fn unpack(place: u64) -> (u32, u32) {
    let half = |value: u64| u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    (half(place >> 32), half(place))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can stop half-way: a panic of a writer leaves what it had committed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    /// A lane that writes into `writer`, keeps `files` of an earlier run, and has `waiting` settled calls in them. Its
    /// spare segment is yet to be made.
    pub(super) fn new(number: u16, writer: Writer, files: &[u32], waiting: u64) -> Self {
        let first = writer.segment().number();
        let next_number = first.saturating_add(1);
        let mut kept: BTreeMap<u32, Kept> = files.iter().map(|file| (*file, Kept::File)).collect();
        kept.insert(first, Kept::Mapped(Arc::clone(writer.segment())));
        Self {
            number,
            active: Mutex::new(Active { writer, spare: None, next_number }),
            kept: Mutex::new(kept),
            tail: AtomicU64::new(pack(first, HEADER_BYTES)),
            synced: AtomicU64::new(pack(first, HEADER_BYTES)),
            settled: AtomicU64::new(waiting),
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn tail(&self) -> u64 {
        self.tail.load(Ordering::Acquire)
    }

    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(super) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    /// Writes one record.
    pub(super) fn append(&self, journal: &Journal, payload: &[u8], need: Need) -> Result<Taken, Full> {
        let room = frame::footprint(payload.len());
        let mut active = locked(&self.active);
        active.provide(self, journal, room, need)?;
        let spare_wanted = active.writer.room() < room;
        if spare_wanted {
            self.change_over(&mut active)?;
        }
        let end = active.writer.append(payload).ok_or(Full::Record)?;
        let end = pack(active.writer.segment().number(), end);
        if need != Need::Opening {
            // Before the tail, so that no reader can confirm a record that is not counted yet.
            self.settled.fetch_add(1, Ordering::Release);
        }
        self.tail.store(end, Ordering::Release);
        Ok(Taken { end, spare_wanted })
    }

    /// Writes into the spare segment from now on.
    fn change_over(&self, active: &mut Active) -> Result<(), Full> {
        active.writer = active.spare.take().ok_or(Full::Record)?;
        let segment = active.writer.segment();
        locked(&self.kept).insert(segment.number(), Kept::Mapped(Arc::clone(segment)));
        Ok(())
    }

    /// Begins another segment, so that this one leaves the disk once it is posted. False when nothing is in it, or when
    /// there is no spare segment at the moment.
    pub(super) fn begin_anew(&self) -> bool {
        let mut active = locked(&self.active);
        if active.writer.is_empty() || active.spare.is_none() || self.change_over(&mut active).is_err() {
            return false;
        }
        // The reader goes on to the new segment though nothing is in it yet, and gives the old one up.
        self.tail.store(pack(active.writer.segment().number(), HEADER_BYTES), Ordering::Release);
        true
    }

    /// The number of the spare segment to make; `None` when there is one.
    pub(super) fn missing_spare(&self) -> Option<u32> {
        let mut active = locked(&self.active);
        if active.spare.is_some() {
            return None;
        }
        Some(active.take_number())
    }

    /// Takes a spare segment, or gives it back when a writer has been faster.
    pub(super) fn offer_spare(&self, spare: Writer) -> Result<(), Writer> {
        let mut active = locked(&self.active);
        if active.spare.is_some() || spare.segment().number() < active.writer.segment().number() {
            return Err(spare);
        }
        active.spare = Some(spare);
        Ok(())
    }

    /// Brings everything of this run to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        let goal = self.tail();
        if self.synced() >= goal {
            return Ok(());
        }
        let (from, _) = unpack(self.synced());
        let segments: Vec<Kept> = locked(&self.kept).range(from..).map(|(_, kept)| kept.clone()).collect();
        for kept in segments {
            if let Kept::Mapped(segment) = kept {
                segment.sync()?;
            }
        }
        self.synced.fetch_max(goal, Ordering::AcqRel);
        Ok(())
    }

    /// The first segment kept with this number or a greater one.
    pub(super) fn kept_from(&self, number: u32) -> Option<(u32, Kept)> {
        locked(&self.kept).range(number..).next().map(|(number, kept)| (*number, kept.clone()))
    }

    /// Takes out the segments below `number` for which `needed` is false.
    pub(super) fn release_below(&self, number: u32, needed: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut kept = locked(&self.kept);
        let released: Vec<u32> =
            kept.range(..number).map(|(number, _)| *number).filter(|n| !needed(*n)).collect();
        for number in &released {
            kept.remove(number);
        }
        released
    }

    /// Every segment with a file, the spare included.
    pub(super) fn every_segment(&self) -> Vec<u32> {
        let spare = locked(&self.active).spare.as_ref().map(|spare| spare.segment().number());
        locked(&self.kept).keys().copied().chain(spare).collect()
    }
}

impl Active {
    fn take_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    /// Sees to it that a record of `room` bytes fits, making a segment here and now when the spare is used up.
    fn provide(&mut self, lane: &Lane, journal: &Journal, room: usize, need: Need) -> Result<(), Full> {
        if self.has_room(journal, room, need) {
            return Ok(());
        }
        if self.spare.is_some() {
            // Too little room even with a whole segment in reserve: only a segment too small for its records.
            return Err(Full::Record);
        }
        // Settling tries the disk whatever is known of it, opening does not wait for a failure it can foresee.
        if need != Need::Settling && journal.starved.load(Ordering::Relaxed) {
            return Err(journal.bound_reached().unwrap_or(Full::Disk));
        }
        let number = self.take_number();
        self.spare = Some(journal.make(lane.number, number, Bound::Kept)?);
        if self.has_room(journal, room, need) { Ok(()) } else { Err(Full::Record) }
    }

    fn has_room(&self, journal: &Journal, room: usize, need: Need) -> bool {
        let here = self.writer.room();
        let spare = self.spare.as_ref().map_or(0, Writer::room);
        // A record that does not fit here goes into the spare, and what is left here is given up.
        let Some(left) = (if here >= room { Some(here - room + spare) } else { spare.checked_sub(room) })
        else {
            return false;
        };
        match need {
            Need::Opening | Need::Noting => left >= journal.segment_bytes as usize / 2,
            Need::Settling => true,
        }
    }
}
