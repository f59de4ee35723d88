//! When requests are due: the schedule of a fixed rate, and a timer of the kernel that keeps it to some microseconds.
//! It does not know whether anybody is ready.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A fixed rate: the times at which requests are to be sent, whether or not the earlier ones were answered.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    period: Duration,
    given: u32,
}

impl Schedule {
    /// `rate` a second from `start` on; the first is due after one period.
    pub fn new(start: Instant, rate: u32) -> Self {
        Self { start, period: Duration::from_secs(1) / rate.max(1), given: 0 }
    }

    /// The next time that has come; none while it has not.
    pub fn due(&mut self, now: Instant) -> Option<Instant> {
        let next = self.start + self.period * (self.given + 1);
        (next <= now).then(|| {
            self.given += 1;
            next
        })
    }
}

/// A timer that fires at a fixed period.
pub struct Ticker(AsyncFd<OwnedFd>);

impl Ticker {
    /// Fires `rate` times a second from now on.
    ///
    /// # Errors
    /// The operating system's.
    pub fn start(rate: u32) -> Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let period = Timespec::try_from(Duration::from_secs(1) / rate.max(1)).context("a period")?;
        let times = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe code; an OwnedFd keeps what that one asks for"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self(timer))
    }

    /// Waits until it has fired at least once since the last time.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn fired(&self) -> Result<()> {
        let mut count = [0; size_of::<u64>()];
        loop {
            let mut ready = self.0.readable().await?;
            match read(self.0.get_ref(), &mut count) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(failed) => return Err(failed.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_due_while_nobody_looked_is_given_with_its_own_time() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 1_000);
        let at = |ms: u64| start + Duration::from_millis(ms);
        assert_eq!(schedule.due(start), None);
        assert_eq!(schedule.due(at(1)), Some(at(1)));
        assert_eq!(schedule.due(at(1)), None);
        // A generator that was held up for 3 ms sends three at once, and each counts from when it was due.
        let late: Vec<Instant> = std::iter::from_fn(|| schedule.due(at(4))).collect();
        assert_eq!(late, [at(2), at(3), at(4)]);
    }

    #[test]
    fn rates_that_do_not_divide_a_second_do_not_drift() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 3_000);
        let end = start + Duration::from_secs(10);
        let count = std::iter::from_fn(|| schedule.due(end)).count();
        assert!((29_999..=30_001).contains(&count), "{count}");
    }
}
