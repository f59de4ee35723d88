//! Data keys that a remote provider unwrapped, for a bounded time and in bounded number. Past its time a key is not
//! given out any more, whether or not somebody swept: a provider that took a right away is obeyed that soon.

use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use domain::secret::Secret;
use domain::time::{Clock, Timestamp};

use super::RemoteKey;
use crate::digest::sha256_of_parts;

/// Most keys that are kept; beyond it the one that ends first gives way.
pub const MAX_DATA_KEYS: usize = 10_000;

/// The keys.
pub struct DataKeys {
    clock: Clock,
    lifetime_micros: i64,
    kept: RwLock<HashMap<[u8; 32], Kept>>,
}

struct Kept {
    key: Secret,
    ends_at: Timestamp,
}

impl DataKeys {
    /// None yet; each is kept for `lifetime` after it was unwrapped.
    #[must_use]
    pub fn new(clock: Clock, lifetime: Duration) -> Self {
        let lifetime_micros = i64::try_from(lifetime.as_micros()).unwrap_or(i64::MAX);
        Self { clock, lifetime_micros, kept: RwLock::default() }
    }

    /// When the time of a wrapped key ends; `None` when it is not kept, or its time is over.
    #[must_use]
    pub(crate) fn ends_at(&self, key: &RemoteKey, wrapped: &[u8]) -> Option<Timestamp> {
        let now = self.clock.now();
        self.read().get(&id(key, wrapped)).map(|kept| kept.ends_at).filter(|ends_at| *ends_at > now)
    }

    /// A copy of the data key, while its time lasts.
    pub(crate) fn get(&self, key: &RemoteKey, wrapped: &[u8]) -> Option<Secret> {
        let now = self.clock.now();
        let kept = self.read();
        let found = kept.get(&id(key, wrapped)).filter(|kept| kept.ends_at > now)?;
        Some(Secret::new(found.key.open().to_vec()))
    }

    /// Keeps a data key from now on.
    pub(crate) fn put(&self, key: &RemoteKey, wrapped: &[u8], data_key: Secret) {
        let ends_at = Timestamp(self.clock.now().0.saturating_add(self.lifetime_micros));
        let id = id(key, wrapped);
        let mut kept = self.write();
        if kept.len() >= MAX_DATA_KEYS && !kept.contains_key(&id) {
            let first = kept.iter().min_by_key(|(_, kept)| kept.ends_at).map(|(id, _)| *id);
            first.map(|first| kept.remove(&first));
        }
        kept.insert(id, Kept { key: data_key, ends_at });
    }

    /// How long a key is kept.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.lifetime_micros).unwrap_or(0))
    }

    /// Zeroes the keys whose time is over, and says how many they were.
    pub fn sweep(&self) -> usize {
        let now = self.clock.now();
        let mut kept = self.write();
        let before = kept.len();
        kept.retain(|_, kept| kept.ends_at > now);
        before - kept.len()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKeys").field("kept", &self.read().len()).finish_non_exhaustive()
    }
}

/// A wrapped key by its digest: names are plain, so that nothing of one can pass for the other.
fn id(key: &RemoteKey, wrapped: &[u8]) -> [u8; 32] {
    sha256_of_parts(&[key.name().as_bytes(), b"\0", wrapped])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn key(name: &str) -> RemoteKey {
        RemoteKey::of(name).unwrap()
    }

    fn keys() -> (DataKeys, impl Fn(i64)) {
        let now = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp(read.load(Ordering::Relaxed)));
        let pass = move |seconds: i64| {
            now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
        };
        (DataKeys::new(clock, Duration::from_secs(300)), pass)
    }

    fn held(keys: &DataKeys, name: &str, wrapped: &[u8]) -> Option<Vec<u8>> {
        keys.get(&key(name), wrapped).map(|found| found.open().to_vec())
    }

    #[test]
    fn a_key_is_given_out_for_its_time_and_not_longer() {
        let (keys, pass) = keys();
        keys.put(&key("a"), b"w", Secret::new(vec![1; 32]));
        pass(299);
        assert_eq!(held(&keys, "a", b"w"), Some(vec![1; 32]));
        assert_eq!(held(&keys, "b", b"w"), None);
        assert_eq!(held(&keys, "a", b"x"), None);
        pass(1);
        assert_eq!((held(&keys, "a", b"w"), keys.ends_at(&key("a"), b"w")), (None, None), "nobody swept");
        assert_eq!((keys.sweep(), keys.sweep()), (1, 0));
    }

    #[test]
    fn unwrapping_again_begins_the_time_anew() {
        let (keys, pass) = keys();
        keys.put(&key("a"), b"w", Secret::new(vec![1; 32]));
        pass(200);
        keys.put(&key("a"), b"w", Secret::new(vec![1; 32]));
        pass(200);
        assert_eq!(keys.sweep(), 0);
        assert_eq!(held(&keys, "a", b"w"), Some(vec![1; 32]));
    }

    #[test]
    fn the_one_that_ends_first_gives_way() {
        let (keys, pass) = keys();
        keys.put(&key("a"), b"first", Secret::new(vec![1; 32]));
        pass(1);
        for number in 0..MAX_DATA_KEYS {
            keys.put(&key("a"), &number.to_be_bytes(), Secret::new(vec![2; 32]));
        }
        assert_eq!(held(&keys, "a", b"first"), None);
        assert_eq!(held(&keys, "a", &0usize.to_be_bytes()), Some(vec![2; 32]));
        assert_eq!(keys.read().len(), MAX_DATA_KEYS);
    }
}
