//! Writes that may be sent twice.

use store::idempotency::{Begun, KEPT_SECONDS, Owner};
use tokio::task::JoinSet;

use crate::world::{World, at, digest, org};

fn owner(actor: &str) -> Owner {
    Owner { actor: actor.to_owned(), org: Some(org(1)) }
}

#[tokio::test]
async fn a_write_is_done_once_and_its_answer_given_again() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let begin = async |request, seconds| {
        kept.begin(&owner("ada"), "order-1", &digest(request), at(seconds)).await.unwrap()
    };
    assert_eq!(begin(1, 0).await, Begun::Fresh);
    assert_eq!(begin(1, 1).await, Begun::Running);
    assert_eq!(begin(2, 1).await, Begun::Mismatch);
    kept.finish(&owner("ada"), "order-1", 201, "{\"id\":1}").await.unwrap();
    let replay = Begun::Replay { status: 201, body: "{\"id\":1}".to_owned() };
    assert_eq!(begin(1, KEPT_SECONDS - 1).await, replay);
    assert_eq!(begin(2, 2).await, Begun::Mismatch);
    // The first answer stays.
    kept.finish(&owner("ada"), "order-1", 500, "late").await.unwrap();
    kept.abandon(&owner("ada"), "order-1").await.unwrap();
    assert_eq!(begin(1, 3).await, replay);
    assert_eq!(begin(2, KEPT_SECONDS).await, Begun::Fresh, "a day later it is another's");
}

#[tokio::test]
async fn a_key_is_its_owners_alone() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let elsewhere = Owner { org: None, ..owner("ada") };
    for owner in [owner("ada"), owner("bob"), elsewhere] {
        let begun = kept.begin(&owner, "order-1", &digest(1), at(0)).await.unwrap();
        assert_eq!(begun, Begun::Fresh, "{owner:?}");
    }
}

#[tokio::test]
async fn what_was_not_done_can_be_tried_again() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let begin = async || kept.begin(&owner("ada"), "order-1", &digest(1), at(0)).await.unwrap();
    assert_eq!(begin().await, Begun::Fresh);
    kept.abandon(&owner("ada"), "order-1").await.unwrap();
    assert_eq!(begin().await, Begun::Fresh);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_done() {
    let world = World::new().await;
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let store = world.store.clone();
        tasks.spawn(async move {
            store.idempotency().begin(&owner("ada"), "order-1", &digest(1), at(0)).await.unwrap()
        });
    }
    let all = tasks.join_all().await;
    assert_eq!(all.iter().filter(|begun| **begun == Begun::Fresh).count(), 1);
    assert_eq!(all.iter().filter(|begun| **begun == Begun::Running).count(), 19);
}
