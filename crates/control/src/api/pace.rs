//! How often somebody may call: sliding windows by caller, in bounded memory. Who that is was proved before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::limit::{Exceeded, Standing, Window};
use domain::time::Timestamp;
use uuid::Uuid;

/// The length of the windows.
const MINUTE_MS: u32 = 60_000;
/// Most callers that are remembered; beyond them, those who did nothing for a minute are let go, then the quietest.
const MAX_CALLERS: usize = 10_000;

/// The callers of the last minute.
#[derive(Debug, Default)]
pub(super) struct Pace {
    callers: Mutex<HashMap<Uuid, Window>>,
}

impl Pace {
    /// Counts a request.
    pub(super) fn count(&self, caller: Uuid, limit: u32, now: Timestamp) -> Result<Standing, Exceeded> {
        let now_ms = now.millis();
        let mut callers = self.callers();
        if callers.len() >= MAX_CALLERS && !callers.contains_key(&caller) {
            callers.retain(|_, window| window.used(now_ms, MINUTE_MS) > 0);
            if callers.len() >= MAX_CALLERS {
                let used =
                    callers.iter_mut().map(|(caller, window)| (window.used(now_ms, MINUTE_MS), *caller));
                if let Some((_, quietest)) = used.min() {
                    callers.remove(&quietest);
                }
            }
        }
        callers.entry(caller).or_default().admit(now_ms, limit, MINUTE_MS)
    }

    fn callers(&self) -> MutexGuard<'_, HashMap<Uuid, Window>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000)
    }

    #[test]
    fn each_caller_has_a_window_of_its_own() {
        let pace = Pace::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(pace.count(one, 2, at(0)).unwrap().remaining, 1);
        assert_eq!(pace.count(one, 2, at(0)).unwrap().remaining, 0);
        let refused = pace.count(one, 2, at(0)).unwrap_err();
        assert!(pace.count(other, 2, at(0)).is_ok());
        assert!(pace.count(one, 2, at(i64::try_from(refused.retry_after_ms).unwrap())).is_ok());
    }

    #[test]
    fn no_number_of_callers_grows_it() {
        let pace = Pace::default();
        let loud = Uuid::from_u128(0);
        for _ in 0..3 {
            pace.count(loud, 3, at(0)).unwrap();
        }
        for number in 1..=(MAX_CALLERS as u128 + 50) {
            pace.count(Uuid::from_u128(number), 3, at(1)).unwrap();
        }
        assert!(pace.callers().len() <= MAX_CALLERS);
        assert!(pace.count(loud, 3, at(2)).is_err(), "the one who called most is not forgotten");
    }
}
