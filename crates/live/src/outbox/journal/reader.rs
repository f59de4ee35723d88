//! Reading the journal: settled calls in the order of their lanes, from where the store stands, across segments and
//! runs, without waiting in a loop. It posts nothing.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use super::Handle;
use super::frame::{self, Frame, Rest};
use super::lane::{Kept, Lane, pack, unpack};
use super::ledger::Ledger;
use super::recovery::{Plan, load, path_of, report_damage};
use super::segment::{HEADER_BYTES, Segment};
use crate::outbox::{Batch, NotDelivered, Position, ReadFailed};
use domain::usage::Event;

/// The one reader of an outbox.
pub struct Reader {
    handle: Arc<Handle>,
    cursors: Vec<Cursor>,
    ledger: Ledger,
    /// The lane whose turn it is in this round of reading; as many as there are lanes when the round is over.
    turn: usize,
    damaged: u64,
    damaged_unreported: u64,
}

/// Where reading stands in a lane. Places are packed.
#[derive(Default)]
struct Cursor {
    place: u64,
    /// How far this round goes.
    target: u64,
    /// What the last batch said.
    reported: u64,
    confirmed: u64,
    source: Option<Source>,
}

/// The segment being read.
struct Source {
    number: u32,
    bytes: Bytes,
}

enum Bytes {
    File(Vec<u8>),
    Mapped(Arc<Segment>),
}

/// Why reading a lane paused.
enum Paused {
    LaneRead,
    BatchFull,
}

impl Reader {
    pub(super) fn new(handle: Arc<Handle>, plan: Plan) -> Self {
        let cursor = |place| Cursor { place, reported: place, confirmed: place, ..Cursor::default() };
        let cursors: Vec<Cursor> = plan.confirmed.into_iter().map(cursor).collect();
        let mut ledger = Ledger::new(cursors.len());
        for (call, lane, number) in plan.orphans {
            ledger.opened(call, lane, number);
        }
        let turn = cursors.len();
        let mut reader = Self { handle, cursors, ledger, turn, damaged: 0, damaged_unreported: 0 };
        reader.release_segments();
        reader
    }

    /// The next records to post, at most `max`; waits until there are some. Dropped before it ends, it has taken
    /// nothing.
    ///
    /// # Errors
    /// [`ReadFailed`] when a segment of an earlier run cannot be read.
    pub async fn next(&mut self, max: usize) -> Result<Batch, ReadFailed> {
        loop {
            if let Some(batch) = self.try_next(max)? {
                return Ok(batch);
            }
            let journal = Arc::clone(&self.handle.journal);
            journal.wake.sleeping.store(true, Ordering::Relaxed);
            // Orders the mark before another look: whoever writes after that look sees the mark.
            fence(Ordering::SeqCst);
            if let Some(batch) = self.try_next(max)? {
                journal.wake.sleeping.store(false, Ordering::Relaxed);
                return Ok(batch);
            }
            journal.wake.notify.notified().await;
        }
    }

    /// The next records to post, at most `max`, as far as there are some now. Reads files only while it catches up
    /// with an earlier run.
    ///
    /// # Errors
    /// [`ReadFailed`] when a segment of an earlier run cannot be read. The next call tries it again.
    pub fn try_next(&mut self, max: usize) -> Result<Option<Batch>, ReadFailed> {
        let mut batch = Batch::default();
        // What is left of a round begun earlier, and then a whole one.
        let read = self.round(&mut batch, max.max(1)).and_then(|paused| match paused {
            Paused::LaneRead => self.round(&mut batch, max.max(1)),
            Paused::BatchFull => Ok(Paused::BatchFull),
        });
        if batch.is_empty() {
            self.release_segments();
            return read.map(|_| None);
        }
        // A failure after something was read comes up again with the next call.
        batch.damaged = std::mem::take(&mut self.damaged_unreported);
        for (cursor, lane) in self.cursors.iter_mut().zip(&self.handle.journal.lanes) {
            if cursor.place > cursor.reported {
                cursor.reported = cursor.place;
                let (segment, offset) = unpack(cursor.place);
                let (segment, offset) = (u64::from(segment), u64::from(offset));
                batch.positions.push(Position { lane: lane.number(), segment, offset });
            }
        }
        Ok(Some(batch))
    }

    /// Says that everything up to `positions` is posted. Segments that nobody needs any more are removed, in the
    /// background.
    ///
    /// # Errors
    /// [`NotDelivered`] when a position was not in a batch; then nothing is confirmed.
    pub fn confirm(&mut self, positions: &[Position]) -> Result<(), NotDelivered> {
        let mut places = Vec::with_capacity(positions.len());
        for position in positions {
            places.push(self.delivered_place(position).ok_or(NotDelivered(*position))?);
        }
        for (lane, place) in places {
            let confirmed = self.ledger.confirm(lane, place);
            self.handle.journal.confirmed.fetch_add(confirmed, Ordering::AcqRel);
            self.cursors[lane].confirmed = place.max(self.cursors[lane].confirmed);
        }
        self.release_segments();
        Ok(())
    }

    /// Damaged places met since the outbox was opened. Each was logged.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Calls that were opened, as far as was read, and are not yet confirmed as settled.
    #[must_use]
    pub fn open_calls(&self) -> usize {
        self.ledger.open_calls()
    }

    fn delivered_place(&self, position: &Position) -> Option<(usize, u64)> {
        let lane = usize::from(position.lane);
        let place = pack(u32::try_from(position.segment).ok()?, u32::try_from(position.offset).ok()?);
        (place <= self.cursors.get(lane)?.reported).then_some((lane, place))
    }

    /// Reads on in the round begun earlier, or begins one.
    fn round(&mut self, batch: &mut Batch, max: usize) -> Result<Paused, ReadFailed> {
        if self.turn >= self.cursors.len() {
            self.turn = 0;
            for (cursor, lane) in self.cursors.iter_mut().zip(&self.handle.journal.lanes) {
                cursor.target = lane.tail();
            }
        }
        while self.turn < self.cursors.len() {
            match self.read_lane(self.turn, batch, max)? {
                Paused::LaneRead => self.turn += 1,
                Paused::BatchFull => return Ok(Paused::BatchFull),
            }
        }
        self.ledger.round_ended();
        Ok(Paused::LaneRead)
    }

    fn read_lane(&mut self, index: usize, batch: &mut Batch, max: usize) -> Result<Paused, ReadFailed> {
        let handle = Arc::clone(&self.handle);
        let lane = &handle.journal.lanes[index];
        while self.cursors[index].place < self.cursors[index].target {
            if batch.len() >= max {
                return Ok(Paused::BatchFull);
            }
            let cursor = &mut self.cursors[index];
            let (_, offset) = unpack(cursor.place);
            let Some(Source { number, bytes }) = cursor.source(lane, &handle)? else { continue };
            let (number, bytes, offset) = (*number, bytes.get(), offset as usize);
            let damage = match frame::at(bytes, offset) {
                Frame::Record { payload, next } => {
                    let event = frame::decode(payload);
                    let end = pack(number, u32::try_from(next).unwrap_or(u32::MAX));
                    cursor.place = end;
                    match event {
                        Ok(Event::Opened(opened)) => {
                            self.ledger.opened(opened.call, lane.number(), number);
                            None
                        }
                        Ok(Event::Settled(settled)) => {
                            self.ledger.settled(settled.opened.call, index, end);
                            batch.settled.push(settled);
                            None
                        }
                        Ok(Event::Noted(entry)) => {
                            self.ledger.noted(index, end);
                            batch.noted.push(entry);
                            None
                        }
                        Ok(Event::Pinned(pinned)) => {
                            self.ledger.noted(index, end);
                            batch.pinned.push(pinned);
                            None
                        }
                        Ok(Event::Filed(file)) => {
                            self.ledger.noted(index, end);
                            batch.filed.push(file);
                            None
                        }
                        Ok(Event::FileRemoved(removed)) => {
                            self.ledger.noted(index, end);
                            batch.removed.push(removed);
                            None
                        }
                        Ok(Event::Batched(batched)) => {
                            self.ledger.noted(index, end);
                            batch.batched.push(*batched);
                            None
                        }
                        Err(cause) => Some(cause.to_string()),
                    }
                }
                Frame::End | Frame::Broken => {
                    let rest = frame::judge(bytes, offset);
                    cursor.leave_segment(number);
                    match rest {
                        Rest::Clean => None,
                        Rest::Torn => {
                            tracing::warn!(
                                lane = lane.number(),
                                segment = number,
                                offset,
                                "the last record is torn"
                            );
                            None
                        }
                        Rest::Damaged => Some("records stand behind a broken one".to_owned()),
                    }
                }
            };
            if let Some(cause) = damage {
                self.damaged += 1;
                self.damaged_unreported += 1;
                report_damage(lane.number(), number, offset, &cause);
            }
        }
        Ok(Paused::LaneRead)
    }

    /// Gives up the segments that are confirmed to their end and hold no open call.
    fn release_segments(&mut self) {
        for (lane, cursor) in self.cursors.iter_mut().enumerate() {
            // Read and not to be posted: nothing before this place is waited for.
            if self.ledger.all_posted(lane) {
                cursor.confirmed = cursor.place.max(cursor.confirmed);
            }
        }
        let journal = &self.handle.journal;
        for (cursor, lane) in self.cursors.iter().zip(&journal.lanes) {
            let (number, _) = unpack(cursor.confirmed);
            let released = lane.release_below(number, |number| self.ledger.needs(lane.number(), number));
            if !released.is_empty() {
                journal.housekeeper.remove(lane.number(), released);
            }
        }
    }
}

impl Cursor {
    /// The segment to read from; `None` when the cursor was moved on instead: over a header, or over segments that
    /// are gone.
    fn source(&mut self, lane: &Lane, handle: &Handle) -> Result<Option<&Source>, ReadFailed> {
        let (number, offset) = unpack(self.place);
        if self.source.as_ref().is_none_or(|source| source.number != number) {
            let bytes = match lane.kept_from(number) {
                Some((found, Kept::Mapped(segment))) if found == number => Bytes::Mapped(segment),
                Some((found, Kept::File)) if found == number => {
                    Bytes::File(load(&path_of(&handle.journal.dir, lane.number(), number))?)
                }
                Some((found, _)) => {
                    self.place = pack(found, 0);
                    return Ok(None);
                }
                None => {
                    // The segment being written is always kept, so that there is one up to the target.
                    self.place = self.target;
                    return Ok(None);
                }
            };
            self.source = Some(Source { number, bytes });
        }
        if offset < HEADER_BYTES {
            self.place = pack(number, HEADER_BYTES);
            return Ok(None);
        }
        Ok(self.source.as_ref())
    }

    fn leave_segment(&mut self, number: u32) {
        self.place = pack(number.saturating_add(1), 0);
        self.source = None;
    }
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Bytes::File(bytes) => bytes,
            Bytes::Mapped(segment) => segment.committed(),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let journal = &self.handle.journal;
        let tails: Vec<u64> = journal.lanes.iter().map(Lane::tail).collect();
        let read = self.cursors.iter().zip(&tails).all(|(cursor, tail)| cursor.place == *tail);
        if read && self.ledger.is_done() {
            *journal.finished.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(tails);
        }
    }
}
