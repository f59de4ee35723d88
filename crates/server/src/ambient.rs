//! The one place that asks the machine for the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::{Clock, Timestamp};

/// The system's clock.
#[must_use]
pub fn system_clock() -> Clock {
    Clock::new(now)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the system's clock is joined to `Clock`")]
fn now() -> Timestamp {
    // A clock set before 1970 reads as 1970, one beyond the year 292277 as the last instant there is.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
