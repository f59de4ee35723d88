//! A timer that is looked at far more often than it strikes: a look costs next to nothing while it runs and the same task
//! waits for it. It does not know what it is for.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// One timer, which can be set again and again.
pub(crate) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// Whom it wakes.
    listener: Option<Waker>,
}

impl Alarm {
    /// Strikes at `strike`.
    pub(crate) fn at(strike: Instant) -> Self {
        Self { sleep: Box::pin(sleep_until(strike)), listener: None }
    }

    /// Strikes at `strike` and no more at the time that was set before.
    pub(crate) fn set(&mut self, strike: Instant) {
        self.sleep.as_mut().reset(strike);
        self.listener = None;
    }

    /// Ready when it has struck; if it has not, it wakes the task of `context` when it does.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let listens = |listener: &Waker| listener.will_wake(context.waker());
        if self.listener.as_ref().is_some_and(listens) && !self.sleep.is_elapsed() {
            return Poll::Pending;
        }
        self.listener = Some(context.waker().clone());
        ready!(self.sleep.as_mut().poll(context));
        self.listener = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_strikes_in_time_however_often_it_was_looked_at_and_set() {
        let begun = Instant::now();
        let mut alarm = Alarm::at(begun + Duration::from_secs(10));
        for after in [10, 15, 40] {
            let strike = begun + Duration::from_secs(after);
            alarm.set(strike);
            poll_fn(|context| {
                assert!(alarm.poll(context).is_pending());
                assert!(alarm.poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
            poll_fn(|context| alarm.poll(context)).await;
            assert_eq!(Instant::now(), strike);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_wakes_the_task_that_looked_last() {
        let mut alarm = Alarm::at(Instant::now() + Duration::from_secs(1));
        poll_fn(|context| {
            assert!(alarm.poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let waiting = tokio::spawn(async move { poll_fn(|context| alarm.poll(context)).await });
        waiting.await.unwrap();
    }
}
