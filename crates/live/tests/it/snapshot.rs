//! Keys from memory: how long, how often the store is asked, and that a change is never served late.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use domain::id::{KeyId, OrgId, ProjectId};
use domain::limit::{Limits, OrgLimits};
use domain::route::Routes;
use domain::scope::{ApiKey, KeyState};
use domain::time::{Clock, Timestamp};
use live::snapshot::{FRESH_MS, Looked, Lookup, LookupFailed, NEGATIVE_MS, STALE_MS, Snapshot};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// A store of keys that can be stopped, held up and counted.
struct Store {
    keys: Mutex<HashMap<[u8; 32], ApiKey>>,
    lookups: AtomicUsize,
    down: AtomicBool,
    /// Answers pass one permit each.
    answers: Semaphore,
    now_ms: AtomicI64,
}

impl Lookup for Store {
    fn key_by_digest<'a>(&'a self, digest: &'a [u8; 32]) -> Looked<'a> {
        Box::pin(async move {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            // Read first, answered later: what a slow database does.
            let found = self.keys.lock().unwrap().get(digest).cloned();
            self.answers.acquire().await.unwrap().forget();
            if self.down.load(Ordering::SeqCst) {
                return Err(LookupFailed("the disk is gone".into()));
            }
            Ok(found)
        })
    }
}

pub(crate) fn digest(number: u8) -> [u8; 32] {
    [number; 32]
}

pub(crate) fn key(number: u8, state: KeyState) -> ApiKey {
    let id = Uuid::from_u128(number.into());
    ApiKey {
        id: KeyId::new(id),
        org: OrgId::new(id),
        project: ProjectId::new(id),
        user: None,
        state,
        expires_at: None,
        models: vec![],
        scopes: vec![],
        allowed_ips: None,
        limits: Limits::default(),
        project_limits: domain::limit::ProjectLimits::default(),
        org_limits: OrgLimits::default(),
        org_allowed_ips: None,
        org_origins: domain::origin::Origins::default(),
        trace_hours: 0,
        org_inline_keys: domain::scope::InlineKeys::Refused,
    }
}

impl Store {
    /// A store that knows keys 1 and 2, and a snapshot of it.
    fn start() -> (Arc<Self>, Arc<Snapshot>) {
        let store = Arc::new(Self {
            keys: Mutex::default(),
            lookups: AtomicUsize::new(0),
            down: AtomicBool::new(false),
            answers: Semaphore::new(1_000_000),
            now_ms: AtomicI64::new(1_000_000_000),
        });
        store.put(1, KeyState::Active);
        store.put(2, KeyState::Active);
        let of_store = Arc::clone(&store);
        let clock = Clock::new(move || Timestamp(of_store.now_ms.load(Ordering::SeqCst) * 1_000));
        let snapshot = Arc::new(Snapshot::new(Arc::clone(&store) as Arc<dyn Lookup>, clock));
        (store, snapshot)
    }

    fn put(&self, number: u8, state: KeyState) {
        self.keys.lock().unwrap().insert(digest(number), key(number, state));
    }

    fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    fn hold_answers(&self) {
        self.answers.forget_permits(usize::MAX);
    }

    /// Lets other tasks run until so many lookups have begun.
    async fn asked(&self, lookups: usize) {
        while self.lookups() < lookups {
            tokio::task::yield_now().await;
        }
    }
}

async fn state(snapshot: &Snapshot, number: u8) -> Option<KeyState> {
    snapshot.key(&digest(number)).await.unwrap().map(|key| key.state)
}

#[tokio::test]
async fn a_known_key_is_asked_for_once_a_minute() {
    let (store, snapshot) = Store::start();
    for _ in 0..5 {
        assert_eq!(state(&snapshot, 1).await, Some(KeyState::Active));
    }
    store.pass(FRESH_MS - 1);
    assert!(state(&snapshot, 1).await.is_some());
    assert_eq!(store.lookups(), 1);
    store.put(1, KeyState::Disabled);
    store.pass(1);
    assert_eq!(state(&snapshot, 1).await, Some(KeyState::Disabled), "a lost notice is made up for");
    assert_eq!(store.lookups(), 2);
}

#[tokio::test]
async fn a_key_that_is_gone_is_gone_after_a_minute() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.keys.lock().unwrap().clear();
    store.pass(FRESH_MS);
    assert_eq!(state(&snapshot, 1).await, None);
    assert_eq!(state(&snapshot, 1).await, None);
    assert_eq!(store.lookups(), 2);
}

#[tokio::test]
async fn without_the_store_known_keys_work_for_five_minutes_and_unknown_ones_fail() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.down.store(true, Ordering::SeqCst);
    assert!(snapshot.key(&digest(2)).await.is_err(), "an unknown key is not told apart from a wrong one");
    for _ in 0..5 {
        store.pass(STALE_MS / 5);
        assert!(state(&snapshot, 1).await.is_some());
    }
    store.pass(1);
    assert!(snapshot.key(&digest(1)).await.is_err());
    store.down.store(false, Ordering::SeqCst);
    assert!(state(&snapshot, 1).await.is_some() && state(&snapshot, 2).await.is_some());
}

#[tokio::test]
async fn a_store_that_is_down_is_asked_once_a_second_per_key() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.down.store(true, Ordering::SeqCst);
    store.pass(FRESH_MS);
    for _ in 0..10 {
        assert!(state(&snapshot, 1).await.is_some());
    }
    assert_eq!(store.lookups(), 2);
    store.pass(1_000);
    assert!(state(&snapshot, 1).await.is_some());
    assert_eq!(store.lookups(), 3);
}

#[tokio::test]
async fn that_nobody_has_a_key_is_remembered_briefly() {
    let (store, snapshot) = Store::start();
    for _ in 0..5 {
        assert_eq!(state(&snapshot, 9).await, None);
    }
    assert_eq!(store.lookups(), 1);
    store.put(9, KeyState::Active);
    store.pass(NEGATIVE_MS - 1);
    assert_eq!(state(&snapshot, 9).await, None);
    store.pass(1);
    assert_eq!(state(&snapshot, 9).await, Some(KeyState::Active));
}

#[tokio::test]
async fn a_notice_of_a_new_key_makes_it_known_at_once() {
    let (store, snapshot) = Store::start();
    assert_eq!(state(&snapshot, 9).await, None);
    store.put(9, KeyState::Active);
    snapshot.forget_key(key(9, KeyState::Active).id);
    assert_eq!(state(&snapshot, 9).await, Some(KeyState::Active));
}

#[tokio::test]
async fn requests_that_come_together_share_one_lookup() {
    let (store, snapshot) = Store::start();
    for number in [1, 9] {
        let before = store.lookups();
        store.hold_answers();
        let waiting: Vec<_> = (0..50)
            .map(|_| {
                let snapshot = Arc::clone(&snapshot);
                tokio::spawn(async move { state(&snapshot, number).await.is_some() })
            })
            .collect();
        store.asked(before + 1).await;
        store.answers.add_permits(100);
        for task in waiting {
            assert_eq!(task.await.unwrap(), number == 1);
        }
        assert_eq!(store.lookups(), before + 1);
    }
}

#[tokio::test]
async fn a_forgotten_key_is_asked_for_again_at_once_and_the_others_are_not() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some() && state(&snapshot, 2).await.is_some());
    store.put(1, KeyState::Revoked);
    store.put(2, KeyState::Revoked);
    snapshot.forget_key(key(1, KeyState::Active).id);
    assert_eq!(state(&snapshot, 1).await, Some(KeyState::Revoked));
    assert_eq!(state(&snapshot, 2).await, Some(KeyState::Active));
    snapshot.forget_all_keys();
    assert_eq!(state(&snapshot, 2).await, Some(KeyState::Revoked));
}

/// Revokes a key while a lookup that has already read the old row is on its way.
async fn check_revoked_meanwhile(store: &Arc<Store>, snapshot: &Arc<Snapshot>) {
    let before = store.lookups();
    store.hold_answers();
    let slow = tokio::spawn({
        let snapshot = Arc::clone(snapshot);
        async move { state(&snapshot, 1).await }
    });
    store.asked(before + 1).await;
    store.put(1, KeyState::Revoked);
    snapshot.forget_key(key(1, KeyState::Active).id);
    store.answers.add_permits(100);
    assert_eq!(slow.await.unwrap(), Some(KeyState::Revoked), "the old row is not believed");
    assert_eq!(state(snapshot, 1).await, Some(KeyState::Revoked));
}

#[tokio::test]
async fn a_lookup_that_began_before_a_change_is_not_kept() {
    let (store, snapshot) = Store::start();
    check_revoked_meanwhile(&store, &snapshot).await;
}

#[tokio::test]
async fn a_refresh_that_began_before_a_change_is_not_kept() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.pass(FRESH_MS);
    check_revoked_meanwhile(&store, &snapshot).await;
}

/// Changes something during every lookup that one request makes; the last answer is too old to be kept.
async fn check_changed_all_the_time(store: &Arc<Store>, snapshot: &Arc<Snapshot>) {
    let before = store.lookups();
    store.hold_answers();
    let slow = tokio::spawn({
        let snapshot = Arc::clone(snapshot);
        async move { state(&snapshot, 1).await }
    });
    for lookup in 1..=3 {
        store.asked(before + lookup).await;
        if lookup == 3 {
            store.put(1, KeyState::Revoked);
        }
        snapshot.forget_key(key(1, KeyState::Active).id);
        store.answers.add_permits(1);
    }
    assert_eq!(slow.await.unwrap(), Some(KeyState::Active), "it came before the change");
    store.answers.add_permits(100);
    assert_eq!(state(snapshot, 1).await, Some(KeyState::Revoked));
    assert_eq!(store.lookups(), before + 4);
}

#[tokio::test]
async fn an_answer_that_is_too_old_serves_one_request_and_is_not_kept() {
    let (store, snapshot) = Store::start();
    check_changed_all_the_time(&store, &snapshot).await;
    store.put(1, KeyState::Active);
    snapshot.forget_all_keys();
    assert!(state(&snapshot, 1).await.is_some());
    store.pass(FRESH_MS);
    check_changed_all_the_time(&store, &snapshot).await;
}

#[tokio::test]
async fn one_request_refreshes_while_the_others_are_served() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.pass(FRESH_MS);
    store.hold_answers();
    let slow = tokio::spawn({
        let snapshot = Arc::clone(&snapshot);
        async move { state(&snapshot, 1).await }
    });
    store.asked(2).await;
    for _ in 0..10 {
        assert_eq!(state(&snapshot, 1).await, Some(KeyState::Active));
    }
    // The one that refreshes leaves; another takes over.
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    store.answers.add_permits(1);
    store.put(1, KeyState::Disabled);
    assert_eq!(state(&snapshot, 1).await, Some(KeyState::Disabled));
    assert_eq!(store.lookups(), 3);
}

#[tokio::test]
async fn a_refresh_that_fails_after_the_key_was_forgotten_does_not_serve_it() {
    let (store, snapshot) = Store::start();
    assert!(state(&snapshot, 1).await.is_some());
    store.pass(FRESH_MS);
    store.hold_answers();
    let slow = tokio::spawn({
        let snapshot = Arc::clone(&snapshot);
        async move { snapshot.key(&digest(1)).await.is_err() }
    });
    store.asked(2).await;
    store.down.store(true, Ordering::SeqCst);
    snapshot.forget_key(key(1, KeyState::Active).id);
    store.answers.add_permits(100);
    assert!(slow.await.unwrap());
}

#[test]
fn routes_are_replaced_whole() {
    let (_, snapshot) = Store::start();
    let before = snapshot.routes();
    snapshot.set_routes(Routes::default());
    assert!(!Arc::ptr_eq(&before, &snapshot.routes()));
    assert!(Arc::ptr_eq(&snapshot.routes(), &snapshot.routes()));
}
