//! The end of the drain, for the answers that still run: each learns of it, at the cost of one look for a piece. It does
//! not know what an answer then says.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Whether the time to finish is over.
#[derive(Default)]
pub(crate) struct Parting {
    over: AtomicBool,
    told: Arc<Notify>,
}

impl Parting {
    /// It is: every answer that still runs is woken.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.told.notify_waiters();
    }
}

/// One answer's view of it.
pub(crate) struct Farewell {
    parting: Arc<Parting>,
    told: Pin<Box<OwnedNotified>>,
    /// Whom the end wakes. To listen anew for every piece would take a lock that all answers share.
    listener: Option<Waker>,
}

impl Farewell {
    pub(crate) fn new(parting: &Arc<Parting>) -> Self {
        let told = Box::pin(Arc::clone(&parting.told).notified_owned());
        Self { parting: Arc::clone(parting), told, listener: None }
    }

    /// Whether the time is over; if not, the task of `context` is woken when it is.
    pub(crate) fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        if self.parting.over.load(Ordering::Acquire) {
            return true;
        }
        if self.listener.as_ref().is_some_and(|listener| listener.will_wake(context.waker())) {
            return false;
        }
        self.listener = Some(context.waker().clone());
        self.told.as_mut().poll(context).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Alarm(AtomicUsize);

    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks with a waker of its own, and says whether the time is over and how often the alarm had rung.
    fn ask(farewell: &mut Farewell, alarm: &Arc<Alarm>) -> (bool, usize) {
        let waker = Waker::from(Arc::clone(alarm));
        (farewell.is_over(&mut Context::from_waker(&waker)), alarm.0.load(Ordering::Relaxed))
    }

    #[test]
    fn whoever_asked_last_is_woken_once() {
        let (parting, first, last) = (Arc::<Parting>::default(), Arc::default(), Arc::default());
        let mut farewell = Farewell::new(&parting);
        assert_eq!(ask(&mut farewell, &first), (false, 0));
        assert_eq!(ask(&mut farewell, &last), (false, 0));
        assert_eq!(ask(&mut farewell, &last), (false, 0));
        parting.end();
        assert_eq!(ask(&mut farewell, &last), (true, 1));
        assert_eq!(ask(&mut farewell, &first), (true, 0));
    }

    #[test]
    fn whoever_comes_after_the_end_sees_it_at_once() {
        let parting = Arc::<Parting>::default();
        parting.end();
        assert_eq!(ask(&mut Farewell::new(&parting), &Arc::default()), (true, 0));
    }
}
