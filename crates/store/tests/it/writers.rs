//! Several handles on one file, as when a command runs beside the server.

use std::sync::Arc;
use std::time::Duration;

use domain::scope::KeyState;
use tokio::task::JoinSet;

use store::orgs::NewOrg;
use store::usage::UsageFilter;

use crate::world::{World, act, at, call, digest, file, key, open, org};

const ROUNDS: u128 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_write_at_once_and_none_is_turned_away() {
    let world = World::new().await;
    world.key(1).await;
    let (server, command) = (world.store.clone(), open(&world.folder).await);
    let mut tasks = JoinSet::new();
    for round in 1..=ROUNDS {
        let (server, command) = (server.clone(), command.clone());
        tasks.spawn(async move {
            let batch: Vec<_> = (0..20).map(|index| call(round * 100 + index)).collect();
            assert_eq!(server.usage().post(&batch, &[(0, 1, 1)]).await.unwrap(), 20);
        });
        tasks.spawn(async move {
            let new = NewOrg { id: org(1_000 + round), name: format!("org-{round}"), created_at: at(1) };
            command.orgs().create(&new, &act(1)).await.unwrap();
            let state = if round % 2 == 0 { KeyState::Active } else { KeyState::Disabled };
            command.keys().set_state(key(1), state, &act(1)).await.unwrap();
            assert!(command.keys().find_by_digest(&digest(1)).await.unwrap().is_some());
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    // The key's registration and every change of its state are in the feed that the other handle reads.
    assert_eq!(server.changes().latest().await.unwrap(), 1 + i64::try_from(ROUNDS).unwrap());
    assert_eq!(server.orgs().list().await.unwrap().len(), 1 + usize::try_from(ROUNDS).unwrap());
    let newest = command.usage().list(&UsageFilter::default(), 1, None).await.unwrap();
    assert_eq!(newest, [call(ROUNDS * 100 + 19)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_open_a_new_file_at_once() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut tasks = JoinSet::new();
    for number in 1..=6u128 {
        let folder = Arc::clone(&folder);
        tasks.spawn(async move {
            let store = open(&folder).await;
            let new = NewOrg { id: org(number), name: format!("org-{number}"), created_at: at(1) };
            store.orgs().create(&new, &act(1)).await.unwrap();
            store
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap().close().await;
    }
    assert!(file(&folder).exists());
    assert_eq!(open(&folder).await.orgs().list().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_write_that_is_given_up_is_kept_whole_or_not_at_all_and_blocks_nobody() {
    let world = World::new().await;
    let usage = world.store.usage();
    for (number, patience_ms) in (1u128..).zip([0, 1, 2, 4, 8]) {
        let mine = |index| {
            let mut call = call(number * 10_000 + index);
            call.opened.key = key(number);
            call
        };
        let batch: Vec<_> = (0..800).map(mine).collect();
        // The instant at which patience ends is left to chance: whatever it interrupts, the promise is the same.
        let _ = tokio::time::timeout(Duration::from_millis(patience_ms), usage.post(&batch, &[])).await;
        world.org(number, &format!("org-{number}")).await;
        let filter = UsageFilter { key: Some(key(number)), ..UsageFilter::default() };
        let kept = usage.list(&filter, 1_000, None).await.unwrap().len();
        assert!(kept == 0 || kept == batch.len(), "{kept} of {} after {patience_ms} ms", batch.len());
    }
}
