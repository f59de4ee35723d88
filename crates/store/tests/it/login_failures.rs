//! Failed logins.

use domain::time::Timestamp;
use store::login_failures::{ACCOUNT_FAILURES, ADDRESS_FAILURES, Attempt, Begun, Subject};
use tokio::task::JoinSet;

use crate::world::{World, at, digest};

const MINUTE: i64 = 60;

fn both(account: u128) -> [Subject; 2] {
    [Subject::Account(digest(account)), Subject::Address(digest(1_000))]
}

async fn begin(world: &World, subjects: &[Subject], seconds: i64) -> Result<Attempt, Timestamp> {
    match world.store.login_failures().begin(subjects, at(seconds)).await.unwrap() {
        Begun::Allowed(attempt) => Ok(attempt),
        Begun::Locked { until } => Err(until),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_guesses_at_once_five_are_looked_at() {
    let world = World::new().await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let store = world.store.clone();
        tasks.spawn(async move { store.login_failures().begin(&both(1), at(10)).await.unwrap() });
    }
    let all = tasks.join_all().await;
    let allowed = all.iter().filter(|one| matches!(one, Begun::Allowed(_))).count();
    assert_eq!(allowed, ACCOUNT_FAILURES);
    assert_eq!(all.iter().filter(|one| **one == Begun::Locked { until: at(40) }).count(), 45);
    assert!(begin(&world, &both(2), 11).await.is_ok(), "another account is not locked");
}

#[tokio::test]
async fn each_lock_is_twice_as_long_up_to_an_hour() {
    let world = World::new().await;
    for _ in 1..ACCOUNT_FAILURES {
        assert_eq!(begin(&world, &both(1), 0).await.unwrap().locked_until, None);
    }
    let mut now = 0;
    for lock in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
        assert_eq!(begin(&world, &both(1), now).await.unwrap().locked_until, Some(at(now + lock)));
        assert_eq!(begin(&world, &both(1), now + lock - 1).await, Err(at(now + lock)));
        now += lock;
    }
    // A quiet quarter of an hour after a lock forgets it.
    let later = now + 15 * MINUTE;
    assert_eq!(begin(&world, &both(1), later).await.unwrap().locked_until, None);
}

#[tokio::test]
async fn failures_count_for_a_quarter_of_an_hour_wherever_it_begins() {
    let world = World::new().await;
    for seconds in [0, 14 * MINUTE, 14 * MINUTE, 14 * MINUTE, 15 * MINUTE] {
        assert_eq!(begin(&world, &both(1), seconds).await.unwrap().locked_until, None, "{seconds}");
    }
    let fifth = begin(&world, &both(1), 15 * MINUTE + 1).await.unwrap();
    assert_eq!(fifth.locked_until, Some(at(15 * MINUTE + 31)));
}

#[tokio::test]
async fn who_gets_in_starts_afresh() {
    let world = World::new().await;
    for round in 0..4 {
        for _ in 1..ACCOUNT_FAILURES {
            begin(&world, &[Subject::Account(digest(1))], round).await.unwrap();
        }
        // Also the one that would lock counts for nothing when it succeeds.
        let right = begin(&world, &[Subject::Account(digest(1))], round).await.unwrap();
        assert!(right.locked_until.is_some());
        world.store.login_failures().clear(&right).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_of_ones_own_does_not_pay_for_guesses_at_others() {
    let world = World::new().await;
    let failures = world.store.login_failures();
    let limit = u128::try_from(ADDRESS_FAILURES).unwrap();
    for account in 1..limit {
        assert_eq!(begin(&world, &both(account), 0).await.unwrap().locked_until, None);
        let own = begin(&world, &both(5_000), 1).await.unwrap();
        failures.clear(&own).await.unwrap();
    }
    assert_eq!(begin(&world, &both(limit), 2).await.unwrap().locked_until, Some(at(32)));
    assert_eq!(begin(&world, &both(5_000), 3).await, Err(at(32)), "the address is locked");
    assert!(begin(&world, &[Subject::Account(digest(5_000))], 3).await.is_ok());
    // After the lock, one that succeeds takes back the lock that it would have caused, and no more.
    let own = begin(&world, &both(5_000), 32).await.unwrap();
    assert_eq!(own.locked_until, Some(at(92)));
    failures.clear(&own).await.unwrap();
    assert_eq!(begin(&world, &both(6_000), 33).await.unwrap().locked_until, Some(at(93)));
}
