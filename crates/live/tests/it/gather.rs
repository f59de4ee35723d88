//! Lookups that come close together: how many questions they make, and that each gets its own answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::id::KeyId;
use domain::scope::KeyState;
use live::snapshot::{Gather, Lookup, LookupFailed, LookupSeveral, MOST_AT_ONCE, PAUSE, Several};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::snapshot::{digest, key};

/// A store that has the keys of even numbers, and that remembers when it was asked for how many.
#[derive(Default)]
struct Store {
    asked: Mutex<Vec<(Instant, usize)>>,
    down: AtomicBool,
}

/// How long the store takes to answer.
const ANSWER: Duration = Duration::from_millis(2);

impl LookupSeveral for Store {
    fn keys_by_digests<'a>(&'a self, digests: &'a [[u8; 32]]) -> Several<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push((Instant::now(), digests.len()));
            tokio::time::sleep(ANSWER).await;
            if self.down.load(Ordering::SeqCst) {
                return Err(LookupFailed("the disk is gone".into()));
            }
            let one = |number: u8| match number {
                13 => Err(LookupFailed("this row is torn".into())),
                _ => Ok(number.is_multiple_of(2).then(|| key(number, KeyState::Active))),
            };
            Ok(digests.iter().map(|digest| one(digest[0])).collect())
        })
    }
}

impl Store {
    /// How many were asked for at a time, and when, since `start`.
    fn asked_since(&self, start: Instant) -> Vec<(Duration, usize)> {
        self.asked.lock().unwrap().iter().map(|(at, count)| (at.duration_since(start), *count)).collect()
    }
}

async fn found(gather: &Gather, number: u8) -> Result<Option<KeyId>, String> {
    let found = gather.key_by_digest(&digest(number)).await;
    found.map(|key| key.map(|key| key.id)).map_err(|LookupFailed(cause)| cause.to_string())
}

fn gather() -> (Arc<Store>, Arc<Gather>, Instant) {
    let store = Arc::new(Store::default());
    let gather = Arc::new(Gather::start(Arc::clone(&store) as Arc<dyn LookupSeveral>));
    (store, gather, Instant::now())
}

/// Looks all of these up at the same time.
async fn all(gather: &Arc<Gather>, numbers: impl Iterator<Item = u8>) {
    let mut lookups = JoinSet::new();
    for number in numbers {
        let gather = Arc::clone(gather);
        lookups.spawn(async move {
            let expect = number.is_multiple_of(2).then(|| key(number, KeyState::Active).id);
            assert_eq!(found(&gather, number).await, Ok(expect));
        });
    }
    lookups.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn one_alone_is_asked_for_at_once_and_those_that_come_meanwhile_together() {
    let (store, gather, start) = gather();
    let first = tokio::spawn({
        let gather = Arc::clone(&gather);
        async move { found(&gather, 2).await }
    });
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    all(&gather, 20..30).await;
    assert!(first.await.unwrap().unwrap().is_some());
    assert_eq!(store.asked_since(start), [(Duration::ZERO, 1), (PAUSE, 10)]);
    tokio::time::sleep(PAUSE).await;
    let again = start.elapsed();
    assert_eq!(found(&gather, 3).await, Ok(None));
    assert_eq!(store.asked_since(start)[2], (again, 1));
}

#[tokio::test(start_paused = true)]
async fn a_flood_asks_seldom_and_never_for_too_many() {
    let (store, gather, start) = gather();
    all(&gather, (0..1_500).map(|turn| u8::try_from(turn % 100).unwrap().max(14))).await;
    let asked = store.asked_since(start);
    assert!(asked.iter().all(|(_, count)| *count <= MOST_AT_ONCE), "{asked:?}");
    assert_eq!(asked.iter().map(|(_, count)| count).sum::<usize>(), 1_500);
    assert!(asked.len() <= 8, "full questions follow each other without a pause: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_all_and_a_torn_row_to_its_own() {
    let (store, gather, _) = gather();
    let several = async || tokio::join!(found(&gather, 2), found(&gather, 13), found(&gather, 3));
    let (two, torn, three) = several().await;
    assert!(two.unwrap().is_some() && three.unwrap().is_none());
    assert_eq!(torn, Err("this row is torn".to_owned()));
    store.down.store(true, Ordering::SeqCst);
    let gone = || Err("the disk is gone".to_owned());
    assert_eq!(several().await, (gone(), gone(), gone()));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_gone_is_not_asked_for() {
    let (store, gather, start) = gather();
    found(&gather, 2).await.unwrap();
    let leaving = tokio::time::timeout(PAUSE / 2, found(&gather, 4));
    let (left, stayed) = tokio::join!(leaving, found(&gather, 6));
    assert!(left.is_err() && stayed.unwrap().is_some());
    assert_eq!(store.asked_since(start)[1].1, 1);
}
