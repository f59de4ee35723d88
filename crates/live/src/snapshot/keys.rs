//! The cache of keys by digest. A known key is served from memory for [`FRESH_MS`]; after that one request asks the
//! store again while the others are still served, and a store that does not answer leaves the entry good until it
//! is [`STALE_MS`] old. That nobody has a key is remembered for [`NEGATIVE_MS`], apart from the known keys, so that
//! made-up keys push out none.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use domain::id::KeyId;
use domain::origin::Origin;
use domain::scope::ApiKey;
use domain::time::Clock;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Lookup, LookupFailed};

/// Milliseconds for which a known key is served without asking again. Changes reach the cache sooner, by
/// [`super::Snapshot::forget_key`]; this bounds what a lost notice can do.
pub const FRESH_MS: i64 = 60_000;
/// Milliseconds after which a known key is not served from memory any more, even while the store is gone.
pub const STALE_MS: i64 = 5 * 60_000;
/// Milliseconds for which it is remembered that nobody has a key.
pub const NEGATIVE_MS: i64 = 2_000;

/// Bytes that known keys may take.
const KNOWN_BYTES: u64 = 32 << 20;
/// How many known keys are expected; only the first size of the table.
const KNOWN_EXPECTED: usize = 4_096;
/// How many digests are remembered that nobody has.
const NEGATIVE_ENTRIES: usize = 16_384;
/// Milliseconds between two attempts to refresh one key that could not be refreshed.
const RETRY_MS: i64 = 1_000;
/// How often a lookup is repeated because a key changed meanwhile; after that its answer serves one request.
const MAX_LOOKUPS: u32 = 3;

type Digest = [u8; 32];
type Known = Cache<Digest, Arc<Entry>, ByBytes>;

/// A key as it was at one moment.
struct Entry {
    key: Arc<ApiKey>,
    loaded_ms: i64,
    refreshing: AtomicBool,
    /// No refresh before this moment; moved on when one failed.
    refresh_ms: AtomicI64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Digest, Arc<Entry>> for ByBytes {
    fn weight(&self, digest: &Digest, entry: &Arc<Entry>) -> u64 {
        let models: usize = entry.key.models.iter().map(|model| size_of::<String>() + model.len()).sum();
        let lists = [&entry.key.allowed_ips, &entry.key.org_allowed_ips].into_iter().flatten();
        let blocks: usize = lists.map(|blocks| size_of_val(blocks.as_slice())).sum();
        let pages: usize =
            entry.key.org_origins.iter().map(|origin| size_of::<Origin>() + origin.as_str().len()).sum();
        let lists = blocks + pages + size_of_val(entry.key.scopes.as_slice());
        let fixed = size_of_val(digest) + size_of::<Entry>() + size_of::<ApiKey>();
        u64::try_from(fixed + models + lists).unwrap_or(u64::MAX)
    }
}

/// What a lookup found, and whether it may be kept.
struct Found {
    key: Option<Arc<ApiKey>>,
    generation: u64,
}

/// The cache.
pub(super) struct Keys {
    lookup: Arc<dyn Lookup>,
    clock: Clock,
    known: Known,
    negative: Cache<Digest, i64>,
    /// Counts the calls to forget something. An answer is kept only if nothing was forgotten since its lookup
    /// began; keeping happens under a read lock, forgetting under the write lock.
    generation: RwLock<u64>,
    /// Whether the last lookup failed, so that the log tells of the change and not of every request.
    failing: AtomicBool,
}

impl Keys {
    pub(super) fn new(lookup: Arc<dyn Lookup>, clock: Clock) -> Self {
        let known = Cache::with_weighter(KNOWN_EXPECTED, KNOWN_BYTES, ByBytes);
        let negative = Cache::new(NEGATIVE_ENTRIES);
        Self { lookup, clock, known, negative, generation: RwLock::new(0), failing: AtomicBool::new(false) }
    }

    pub(super) fn known(&self) -> usize {
        self.known.len()
    }

    pub(super) async fn get(&self, digest: &Digest) -> Result<Option<Arc<ApiKey>>, LookupFailed> {
        if let Some(entry) = self.known.get(digest) {
            let now = self.now();
            if now < entry.refresh_ms.load(Ordering::Relaxed) && now - entry.loaded_ms <= STALE_MS {
                return Ok(Some(Arc::clone(&entry.key)));
            }
            if now - entry.loaded_ms <= STALE_MS {
                return self.refresh(digest, &entry).await;
            }
            self.known.remove_if(digest, |kept| Arc::ptr_eq(kept, &entry));
        }
        self.load(digest).await
    }

    pub(super) fn forget(&self, key: KeyId) {
        let mut generation = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.known.retain(|_, entry| entry.key.id != key);
        self.negative.clear();
    }

    pub(super) fn forget_all(&self) {
        let mut generation = self.generation.write().unwrap_or_else(PoisonError::into_inner);
        *generation += 1;
        self.known.clear();
        self.negative.clear();
    }

    /// Serves a known key that is due for a look at the store. One request at a time looks; when the store does
    /// not answer, the entry stays as it is, unless it was forgotten meanwhile.
    async fn refresh(
        &self,
        digest: &Digest,
        entry: &Arc<Entry>,
    ) -> Result<Option<Arc<ApiKey>>, LookupFailed> {
        if entry.refreshing.swap(true, Ordering::Relaxed) {
            return Ok(Some(Arc::clone(&entry.key)));
        }
        // A caller that leaves while the store is asked must not leave the entry marked.
        let _unmark = Unmark(&entry.refreshing);
        match self.look_up(digest).await {
            Ok(found) => {
                self.keep(digest, &found);
                Ok(found.key)
            }
            Err(failed) => {
                if self.known.peek(digest).is_none_or(|kept| !Arc::ptr_eq(&kept, entry)) {
                    return Err(failed);
                }
                entry.refresh_ms.store(self.now() + RETRY_MS, Ordering::Relaxed);
                Ok(Some(Arc::clone(&entry.key)))
            }
        }
    }

    /// Looks up a key that is not known, once for all requests that wait for it.
    async fn load(&self, digest: &Digest) -> Result<Option<Arc<ApiKey>>, LookupFailed> {
        if self.known_to_nobody(digest) {
            return Ok(None);
        }
        let guard = match self.known.get_value_or_guard_async(digest).await {
            Ok(entry) => return Ok(Some(Arc::clone(&entry.key))),
            Err(guard) => guard,
        };
        // The one before in the queue may have learnt that nobody has it.
        if self.known_to_nobody(digest) {
            return Ok(None);
        }
        let found = self.look_up(digest).await?;
        let generation = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        if *generation == found.generation {
            match &found.key {
                // An insertion is refused when the placeholder was forgotten meanwhile; then the answer simply
                // is not kept.
                Some(key) => drop(guard.insert(self.entry(key))),
                None => self.negative.insert(*digest, self.now()),
            }
        }
        Ok(found.key)
    }

    /// Asks the store, again when something was forgotten while it was asked.
    async fn look_up(&self, digest: &Digest) -> Result<Found, LookupFailed> {
        let mut lookups = 0;
        loop {
            let generation = self.current_generation();
            let answer = self.lookup.key_by_digest(digest).await;
            self.tell_of_change(answer.as_ref().err());
            let found = Found { key: answer?.map(Arc::new), generation };
            lookups += 1;
            if generation == self.current_generation() || lookups == MAX_LOOKUPS {
                return Ok(found);
            }
        }
    }

    /// Replaces what is known by what a refresh found.
    fn keep(&self, digest: &Digest, found: &Found) {
        let generation = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        if *generation != found.generation {
            return;
        }
        match &found.key {
            Some(key) => self.known.insert(*digest, self.entry(key)),
            None => {
                self.known.remove(digest);
                self.negative.insert(*digest, self.now());
            }
        }
    }

    fn entry(&self, key: &Arc<ApiKey>) -> Arc<Entry> {
        let loaded_ms = self.now();
        Arc::new(Entry {
            key: Arc::clone(key),
            loaded_ms,
            refreshing: AtomicBool::new(false),
            refresh_ms: AtomicI64::new(loaded_ms + FRESH_MS),
        })
    }

    fn known_to_nobody(&self, digest: &Digest) -> bool {
        self.negative.get(digest).is_some_and(|since| self.now() - since < NEGATIVE_MS)
    }

    fn current_generation(&self) -> u64 {
        *self.generation.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_of_change(&self, failure: Option<&LookupFailed>) {
        let was_failing = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(LookupFailed(cause)) if !was_failing => {
                tracing::error!(cause = %cause, "keys cannot be looked up; known keys are served until they are old");
            }
            None if was_failing => tracing::info!("keys can be looked up again"),
            _ => {}
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().millis()
    }
}

/// Clears the mark of a refresh when it ends, however it ends.
struct Unmark<'a>(&'a AtomicBool);

impl Drop for Unmark<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
