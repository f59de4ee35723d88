//! Counters in this process. A key has a lock of its own, those that keys share have none, and the table that finds them
//! is sharded, so that requests of different keys rarely meet. Who has been idle is forgotten, which bounds the memory
//! by the keys in use.

mod shared_counts;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::{KeyId, OrgId, ProjectId, UserId};
use domain::limit::{Exceeded, Standing, Window};

use self::shared_counts::{Rule, SharedCounts};
use super::{Admitted, Asking, Refused, Unit};

/// Independent parts of each table.
const SHARDS: usize = 64;
/// The windows' lengths.
const MINUTE_MS: u32 = 60_000;
const SECOND_MS: u32 = 1_000;
/// After this long without a request every window is empty, whatever it held.
const IDLE_MS: i64 = 2 * 60_000;
/// How often a shard looks for the idle.
const SWEEP_MS: i64 = 60_000;
/// What a refusal for concurrency advises: nobody knows when a request in flight will end.
const CONCURRENCY_RETRY_MS: u64 = 1_000;

/// The counters of all keys, people, projects and organizations.
#[derive(Debug, Default)]
pub(super) struct Memory {
    keys: Table<KeyId, KeyCounts>,
    users: Table<UserId, SharedCounts>,
    projects: Table<ProjectId, SharedCounts>,
    orgs: Table<OrgId, SharedCounts>,
}

#[derive(Debug)]
struct KeyCounts {
    /// A key never changes who made it, nor its project and organization.
    user: Option<Arc<SharedCounts>>,
    project: Arc<SharedCounts>,
    org: Arc<SharedCounts>,
    windows: Mutex<Windows>,
    in_flight: AtomicU32,
    last_ms: AtomicI64,
}

#[derive(Debug, Default)]
struct Windows {
    minute: Window,
    second: Window,
    tokens: Window,
}

/// What an admitted request holds on to: its place, and the windows its tokens will count in.
#[derive(Debug)]
pub(super) struct Held {
    key: Arc<KeyCounts>,
    key_tokens: bool,
    project_tokens: bool,
    org_tokens: bool,
}

impl Memory {
    /// See [`super::Counters::admit`].
    pub(super) fn admit(&self, asking: &Asking<'_>, now_ms: i64) -> Result<Admitted, Refused> {
        let key = self.keys.find(asking.key, now_ms, || KeyCounts {
            user: asking.user.map(|user| self.users.find(user, now_ms, SharedCounts::default)),
            project: self.projects.find(asking.project, now_ms, SharedCounts::default),
            org: self.orgs.find(asking.org, now_ms, SharedCounts::default),
            windows: Mutex::default(),
            in_flight: AtomicU32::new(0),
            last_ms: AtomicI64::new(now_ms),
        });
        key.admit(asking, now_ms)
    }
}

impl KeyCounts {
    /// Looks at everything, then counts everything: only those with whom a request shares its person, its project or its
    /// organization can still come between, and then it is counted nowhere.
    fn admit(self: Arc<Self>, asking: &Asking<'_>, now_ms: i64) -> Result<Admitted, Refused> {
        self.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        let limits = asking.limits;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        // Places are taken only under this lock, so between this check and the taking they can only become more.
        if self.in_flight.load(Ordering::Relaxed) >= limits.concurrent {
            let wait = Exceeded { retry_after_ms: CONCURRENCY_RETRY_MS, reset_ms: CONCURRENCY_RETRY_MS };
            return Err(refused("concurrency", Unit::Requests, limits.concurrent)(wait));
        }
        let (burst, rate) = (limits.burst_per_second, limits.requests_per_minute);
        windows.second.look(now_ms, burst, SECOND_MS).map_err(refused("burst", Unit::Requests, burst))?;
        let standing = windows.minute.look(now_ms, rate, MINUTE_MS);
        let standing = standing.map_err(refused("requests_per_minute", Unit::Requests, rate))?;
        let tokens = match limits.tokens_per_minute {
            None => None,
            Some(limit) => {
                let standing = windows.tokens.look(now_ms, limit, MINUTE_MS);
                Some(standing.map_err(refused("tokens_per_minute", Unit::Tokens, limit))?)
            }
        };
        self.count_shared(asking, now_ms)?;
        windows.second.add(now_ms, 1, SECOND_MS);
        let reset_ms = windows.minute.add(now_ms, 1, MINUTE_MS);
        let requests = Standing { remaining: standing.remaining - 1, reset_ms, ..standing };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        drop(windows);
        let held = Held {
            key_tokens: limits.tokens_per_minute.is_some(),
            project_tokens: asking.project_tokens_per_minute.is_some(),
            org_tokens: asking.org_tokens_per_minute.is_some(),
            key: self,
        };
        Ok(Admitted { requests, tokens, held })
    }

    /// Counts the request with everybody it is shared with, or with nobody.
    fn count_shared(&self, asking: &Asking<'_>, now_ms: i64) -> Result<(), Refused> {
        let user_requests = Rule::of("user_requests_per_minute", Some(asking.user_requests_per_minute));
        let project_requests = Rule::of("project_requests_per_minute", asking.project_requests_per_minute);
        let project_tokens = Rule::of("project_tokens_per_minute", asking.project_tokens_per_minute);
        let org_requests = Rule::of("org_requests_per_minute", Some(asking.org_requests_per_minute));
        let org_tokens = Rule::of("org_tokens_per_minute", asking.org_tokens_per_minute);
        let shared = [
            (self.user.as_deref(), user_requests, None),
            (Some(&*self.project), project_requests, project_tokens),
            (Some(&*self.org), org_requests, org_tokens),
        ];
        let mut counted = [None; 3];
        for ((counts, requests, tokens), place) in shared.into_iter().zip(&mut counted) {
            let Some(counts) = counts else { continue };
            match counts.admit(requests, tokens, now_ms) {
                Ok(counted_in) => *place = counted_in.map(|counted_in| (counts, counted_in)),
                Err(refused) => {
                    for (counts, counted_in) in counted.into_iter().flatten() {
                        counts.take_back(counted_in);
                    }
                    return Err(refused);
                }
            }
        }
        Ok(())
    }
}

impl Held {
    pub(super) fn spend(&self, tokens: u32, now_ms: i64) {
        // A request may have taken longer than it takes to be forgotten, and its tokens count from now on.
        self.key.last_ms.fetch_max(now_ms, Ordering::Relaxed);
        if self.key_tokens {
            let mut windows = self.key.windows.lock().unwrap_or_else(PoisonError::into_inner);
            windows.tokens.add(now_ms, tokens, MINUTE_MS);
        }
        if self.project_tokens {
            self.key.project.spend(tokens, now_ms);
        }
        if self.org_tokens {
            self.key.org.spend(tokens, now_ms);
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.key.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.key.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is found by identifier, and forgotten when idle.
#[derive(Debug)]
struct Table<K, V> {
    hasher: RandomState,
    shards: [Mutex<Shard<K, V>>; SHARDS],
}

#[derive(Debug)]
struct Shard<K, V> {
    rows: HashMap<K, Arc<V>>,
    next_sweep_ms: i64,
}

/// When it was last asked for.
trait Aging {
    fn last_ms(&self) -> i64;
}

impl Aging for KeyCounts {
    fn last_ms(&self) -> i64 {
        self.last_ms.load(Ordering::Relaxed)
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        let empty = |_| Mutex::new(Shard { rows: HashMap::new(), next_sweep_ms: 0 });
        Self { hasher: RandomState::new(), shards: std::array::from_fn(empty) }
    }
}

impl<K: Hash + Eq + Copy, V: Aging> Table<K, V> {
    fn find(&self, id: K, now_ms: i64, make: impl FnOnce() -> V) -> Arc<V> {
        // The remainder is below the number of shards, so the conversion cannot fail.
        let index = usize::try_from(self.hasher.hash_one(id) % SHARDS as u64).unwrap_or(0);
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if now_ms >= shard.next_sweep_ms {
            shard.next_sweep_ms = now_ms.saturating_add(SWEEP_MS);
            // Whoever holds a row is using it: a request in flight, or a key of the person, the project or
            // the organization.
            shard.rows.retain(|_, row| {
                Arc::strong_count(row) > 1 || now_ms.saturating_sub(row.last_ms()) < IDLE_MS
            });
        }
        Arc::clone(shard.rows.entry(id).or_insert_with(|| Arc::new(make())))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().rows.len()).sum()
    }
}

fn refused(which: &'static str, unit: Unit, limit: u32) -> impl Fn(Exceeded) -> Refused {
    move |Exceeded { retry_after_ms, reset_ms }| Refused {
        which,
        unit,
        limit,
        retry_after_ms,
        reset_ms: reset_ms.max(retry_after_ms),
    }
}

#[cfg(test)]
mod tests;
