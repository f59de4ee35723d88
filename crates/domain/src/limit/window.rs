//! The sliding window: time is cut into parts of 1/128 of the window, and what was counted in a part stays counted
//! until the whole part has left the window. So no window ever holds more than its limit, and nothing is refused
//! that a window longer by 1/128 (0.8 %) would admit.
//!
//! What is kept is a list of parts with their counts and its sum: a hash with a field per part says the same.

/// Parts that a window is cut into.
pub const PARTS: i64 = 128;

/// The number of the part that `now_ms` lies in, since the epoch.
#[must_use]
pub fn part(now_ms: i64, period_ms: u32) -> i64 {
    now_ms.saturating_mul(PARTS).div_euclid(i64::from(period_ms.max(1)))
}

/// The first millisecond at which what was counted in `part` has left the window.
#[must_use]
pub fn end_ms(part: i64, period_ms: u32) -> i64 {
    let beyond = part.saturating_add(PARTS + 1).saturating_mul(i64::from(period_ms.max(1)));
    // Rounded up: a millisecond too early would find the part still counted.
    beyond.saturating_add(PARTS - 1).div_euclid(PARTS)
}

/// A sliding window. It holds at most one entry for each of its parts, and none while it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// The part of the latest count or look; a clock that steps back stays there.
    newest: i64,
    total: u64,
    entries: Vec<Entry>,
}

/// What was counted in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// The part's number without its high bits: entries are never further apart than a window.
    part: u32,
    count: u32,
}

/// How a caller stands with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The limit.
    pub limit: u32,
    /// What may still follow at once.
    pub remaining: u32,
    /// Milliseconds until nothing of what is counted now counts any more.
    pub reset_ms: u64,
}

/// A refusal by a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Milliseconds after which a retry may pass.
    pub retry_after_ms: u64,
    /// Milliseconds until nothing of what is counted now counts any more.
    pub reset_ms: u64,
}

impl Window {
    /// Counts one request at `now_ms` against `limit` requests per `period_ms`.
    ///
    /// # Errors
    /// [`Exceeded`] when the request would be over the limit; it is then not counted.
    pub fn admit(&mut self, now_ms: i64, limit: u32, period_ms: u32) -> Result<Standing, Exceeded> {
        let standing = self.look(now_ms, limit, period_ms)?;
        let reset_ms = self.add(now_ms, 1, period_ms);
        Ok(Standing { remaining: standing.remaining.saturating_sub(1), reset_ms, ..standing })
    }

    /// Whether one more request would pass, without counting it.
    ///
    /// # Errors
    /// [`Exceeded`] when it would not.
    pub fn look(&mut self, now_ms: i64, limit: u32, period_ms: u32) -> Result<Standing, Exceeded> {
        self.advance(part(now_ms, period_ms));
        let reset_ms = self.reset_ms(now_ms, period_ms);
        match u64::from(limit).checked_sub(self.total) {
            None | Some(0) => {
                let retry_after_ms = self.wait_ms(now_ms, limit, period_ms);
                Err(Exceeded { retry_after_ms, reset_ms: reset_ms.max(retry_after_ms) })
            }
            Some(free) => Ok(Standing { limit, remaining: u32::try_from(free).unwrap_or(limit), reset_ms }),
        }
    }

    /// Counts `count` at `now_ms` whatever the limit, for what was looked at before or is known only after it was
    /// spent. Gives the milliseconds until nothing of what is counted now counts any more.
    pub fn add(&mut self, now_ms: i64, count: u32, period_ms: u32) -> u64 {
        self.advance(part(now_ms, period_ms));
        let part = low(self.newest);
        match self.entries.last_mut().filter(|entry| entry.part == part) {
            Some(entry) => {
                let before = entry.count;
                entry.count = entry.count.saturating_add(count);
                self.total += u64::from(entry.count - before);
            }
            None => {
                self.entries.push(Entry { part, count });
                self.total += u64::from(count);
            }
        }
        self.reset_ms(now_ms, period_ms)
    }

    /// What counts at `now_ms`.
    pub fn used(&mut self, now_ms: i64, period_ms: u32) -> u64 {
        self.advance(part(now_ms, period_ms));
        self.total
    }

    /// When it was last counted in or looked at, as a part.
    #[must_use]
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// Moves on to a part and lets go of what has left the window.
    fn advance(&mut self, to: i64) {
        let to = to.max(self.newest);
        if to.saturating_sub(self.newest) > PARTS {
            self.entries.clear();
            self.total = 0;
        } else {
            let gone = self.entries.iter().take_while(|entry| age(to, entry) > PARTS).count();
            let left: u64 = self.entries.drain(..gone).map(|entry| u64::from(entry.count)).sum();
            self.total -= left;
        }
        self.newest = to;
    }

    fn reset_ms(&self, now_ms: i64, period_ms: u32) -> u64 {
        self.entries.last().map_or(0, |entry| self.until_gone(entry, now_ms, period_ms))
    }

    /// Milliseconds until enough has left the window for one more request.
    fn wait_ms(&self, now_ms: i64, limit: u32, period_ms: u32) -> u64 {
        let mut left = self.total;
        for entry in &self.entries {
            left -= u64::from(entry.count);
            if left < u64::from(limit) {
                return self.until_gone(entry, now_ms, period_ms);
            }
        }
        // A limit of zero: no wait helps.
        u64::from(period_ms)
    }

    fn until_gone(&self, entry: &Entry, now_ms: i64, period_ms: u32) -> u64 {
        let end = end_ms(self.newest - age(self.newest, entry), period_ms);
        u64::try_from(end.saturating_sub(now_ms).max(1)).unwrap_or(1)
    }
}

/// Parts between an entry and a later part at most a few windows on.
fn age(at: i64, entry: &Entry) -> i64 {
    i64::from(low(at).wrapping_sub(entry.part))
}

/// The low 32 bits.
fn low(part: i64) -> u32 {
    u32::try_from(part.rem_euclid(1 << 32)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
