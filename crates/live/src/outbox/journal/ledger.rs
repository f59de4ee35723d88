//! What the reader remembers of the calls it has read: which are open, and which of the delivered ones are not yet
//! confirmed. It decides which segments are still needed, and reads none.

use std::collections::{HashMap, VecDeque};

use domain::id::CallId;

/// A segment: its lane and its number.
type Home = (u16, u32);

/// The calls in the journal.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Calls opened and not yet confirmed as settled, with the segment of their opening.
    open: HashMap<CallId, Home>,
    /// How many of them each segment holds.
    holds: HashMap<Home, u64>,
    /// Calls settled before their opening was read, which happens when the two are in different lanes, with the
    /// round of reading. An opening was written before its settlement, so a round that begins after the settlement
    /// was read meets the opening, if there is one.
    early: HashMap<CallId, u64>,
    /// Delivered calls by lane, in order, with their packed end.
    delivered: Vec<VecDeque<(u64, CallId)>>,
    round: u64,
}

impl Ledger {
    pub(super) fn new(lanes: usize) -> Self {
        Self { delivered: vec![VecDeque::new(); lanes], ..Self::default() }
    }

    /// An opening was read.
    pub(super) fn opened(&mut self, call: CallId, lane: u16, number: u32) {
        if self.early.remove(&call).is_none() && self.open.insert(call, (lane, number)).is_none() {
            *self.holds.entry((lane, number)).or_default() += 1;
        }
    }

    /// A settlement that ends at `end` was read and is being delivered.
    pub(super) fn settled(&mut self, call: CallId, lane: usize, end: u64) {
        if !self.open.contains_key(&call) {
            self.early.insert(call, self.round);
        }
        if let Some(delivered) = self.delivered.get_mut(lane) {
            delivered.push_back((end, call));
        }
    }

    /// Every lane has been read as far as it was written when the round began.
    pub(super) fn round_ended(&mut self) {
        let round = self.round;
        self.early.retain(|_, read| *read >= round);
        self.round += 1;
    }

    /// Everything of `lane` up to `place` is posted; how many calls that were.
    pub(super) fn confirm(&mut self, lane: usize, place: u64) -> u64 {
        let Some(delivered) = self.delivered.get_mut(lane) else { return 0 };
        let mut confirmed = 0;
        while let Some((_, call)) = delivered.pop_front_if(|(end, _)| *end <= place) {
            confirmed += 1;
            if let Some(home) = self.open.remove(&call)
                && let Some(held) = self.holds.get_mut(&home)
            {
                *held -= 1;
                if *held == 0 {
                    self.holds.remove(&home);
                }
            }
        }
        confirmed
    }

    /// Whether a segment holds the opening of a call that is not confirmed as settled.
    pub(super) fn needs(&self, lane: u16, number: u32) -> bool {
        self.holds.contains_key(&(lane, number))
    }

    /// Calls opened and not yet confirmed as settled.
    pub(super) fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing is open and nothing waits to be confirmed.
    pub(super) fn is_done(&self) -> bool {
        self.open.is_empty() && self.delivered.iter().all(VecDeque::is_empty)
    }
}
