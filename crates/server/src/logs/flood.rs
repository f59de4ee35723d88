//! A flood of calls must not become a flood of lines, which would cost more than what they tell of: of each kind of line a
//! thread writes so many a second and then says how many it left out. Errors are always written, for some are the only
//! record of what they tell, and so is what only those see who ask for everything. It knows no text of a line.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines of one kind that one thread writes in a second.
pub const LINES_PER_SECOND: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);

/// Leaves out what is too much.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flood;

/// The lines of one kind.
struct Kind {
    since: Instant,
    written: u32,
    left_out: u64,
}

thread_local! {
    static KINDS: RefCell<HashMap<Identifier, Kind>> = RefCell::default();
    static LEFT_OUT: Cell<u64> = const { Cell::new(0) };
}

impl Kind {
    fn new(now: Instant) -> Self {
        Self { since: now, written: 0, left_out: 0 }
    }

    /// Whether one more line is written now, and how many were left out before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.since) >= SECOND {
            (self.since, self.written) = (now, 0);
        }
        if self.written >= LINES_PER_SECOND {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

/// How many lines of the kind that is being written were left out before it, asked once for each line.
pub(super) fn left_out() -> u64 {
    LEFT_OUT.take()
}

impl<S: Subscriber> Layer<S> for Flood {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if !matches!(*metadata.level(), Level::WARN | Level::INFO) {
            return true;
        }
        let now = Instant::now();
        // A thread that is ending counts no more, and writes.
        let admitted = KINDS.try_with(|kinds| match kinds.try_borrow_mut() {
            Ok(mut kinds) => kinds.entry(metadata.callsite()).or_insert_with(|| Kind::new(now)).admit(now),
            Err(_) => Some(0),
        });
        match admitted.unwrap_or(Some(0)) {
            Some(left_out) => {
                LEFT_OUT.set(left_out);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_lines_and_the_next_one_tells_of_the_rest() {
        let start = Instant::now();
        let mut kind = Kind::new(start);
        let written = (0..1_000).filter(|_| kind.admit(start) == Some(0)).count();
        assert_eq!(written, 50);
        assert_eq!(kind.admit(start + SECOND / 2), None);
        assert_eq!(kind.admit(start + SECOND), Some(951));
        assert_eq!(kind.admit(start + SECOND), Some(0));
    }
}
