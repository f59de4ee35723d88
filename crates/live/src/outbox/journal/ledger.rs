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
    /// Delivered records by lane, in order: their packed end, and the call if they settle one.
    delivered: Vec<VecDeque<(u64, Option<CallId>)>>,
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
            delivered.push_back((end, Some(call)));
        }
    }

    /// A record that settles no call and ends at `end` was read and is being delivered.
    pub(super) fn noted(&mut self, lane: usize, end: u64) {
        if let Some(delivered) = self.delivered.get_mut(lane) {
            delivered.push_back((end, None));
        }
    }

    /// Every lane has been read as far as it was written when the round began.
    pub(super) fn round_ended(&mut self) {
        let round = self.round;
        self.early.retain(|_, read| *read >= round);
        self.round += 1;
    }

    /// Everything of `lane` up to `place` is posted; how many records that were.
    pub(super) fn confirm(&mut self, lane: usize, place: u64) -> u64 {
        let Some(delivered) = self.delivered.get_mut(lane) else { return 0 };
        let mut confirmed = 0;
        while let Some((_, call)) = delivered.pop_front_if(|(end, _)| *end <= place) {
            confirmed += 1;
            if let Some(home) = call.and_then(|call| self.open.remove(&call))
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

    /// Whether everything of `lane` that was delivered is posted.
    pub(super) fn all_posted(&self, lane: usize) -> bool {
        self.delivered.get(lane).is_none_or(VecDeque::is_empty)
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn call(number: u128) -> CallId {
        CallId::new(Uuid::from_u128(number))
    }

    /// Reads and confirms a settlement, lets `rounds` rounds end, and reads the opening.
    fn check(rounds: usize, open_calls: usize) {
        let mut ledger = Ledger::new(1);
        ledger.settled(call(1), 0, 100);
        assert_eq!(ledger.confirm(0, 100), 1);
        (0..rounds).for_each(|_| ledger.round_ended());
        ledger.opened(call(1), 0, 7);
        assert_eq!(ledger.open_calls(), open_calls);
        assert_eq!(ledger.needs(0, 7), open_calls > 0);
    }

    #[test]
    fn a_settlement_waits_for_its_opening_until_the_next_round_has_ended() {
        check(0, 0);
        check(1, 0);
        // No opening can come so late; what this shows is that nothing is remembered for ever.
        check(2, 1);
    }

    #[test]
    fn a_segment_is_needed_until_its_last_call_is_confirmed() {
        let mut ledger = Ledger::new(2);
        ledger.opened(call(1), 0, 7);
        ledger.opened(call(2), 0, 7);
        ledger.settled(call(1), 1, 50);
        ledger.settled(call(2), 1, 90);
        assert_eq!(ledger.confirm(1, 89), 1);
        assert!(ledger.needs(0, 7) && !ledger.is_done());
        assert_eq!(ledger.confirm(1, 90), 1);
        assert!(!ledger.needs(0, 7) && ledger.is_done());
    }

    #[test]
    fn a_call_settled_twice_is_delivered_twice_and_closed_once() {
        let mut ledger = Ledger::new(1);
        ledger.opened(call(1), 0, 7);
        ledger.settled(call(1), 0, 50);
        ledger.settled(call(1), 0, 60);
        assert_eq!(ledger.confirm(0, 60), 2);
        assert!(ledger.is_done() && !ledger.needs(0, 7));
    }
}
