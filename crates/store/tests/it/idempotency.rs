//! Writes that may be sent twice.

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::audit::{Act, Claim, Outcome};
use store::idempotency::{Begun, KEPT_SECONDS, Owner, RUNNING_SECONDS};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::world::{World, act, at, digest, org};

fn owner(actor: &str) -> Owner {
    Owner { actor: actor.to_owned(), org: Some(org(1)) }
}

fn claim(number: u128) -> Claim {
    Claim(Uuid::from_u128(number))
}

/// Something that is done in the attempt of this number.
fn act_in(number: u128) -> Act {
    Act { claim: Some(claim(number)), ..act(1) }
}

#[tokio::test]
async fn a_write_is_done_once_and_its_answer_given_again() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let begin = async |request, attempt, seconds| {
        let (ada, request) = (owner("ada"), digest(request));
        kept.begin(&ada, "order-1", &request, claim(attempt), at(seconds)).await.unwrap()
    };
    assert_eq!(begin(1, 1, 0).await, Begun::Fresh);
    assert_eq!(begin(1, 2, 1).await, Begun::Running);
    assert_eq!(begin(2, 3, 1).await, Begun::Mismatch);
    kept.finish(claim(1), 201, "{\"id\":1}").await.unwrap();
    let replay = Begun::Replay { status: 201, body: "{\"id\":1}".to_owned() };
    assert_eq!(begin(1, 4, KEPT_SECONDS - 1).await, replay);
    assert_eq!(begin(2, 5, 2).await, Begun::Mismatch);
    // The first answer stays.
    kept.finish(claim(1), 500, "late").await.unwrap();
    kept.abandon(claim(1)).await.unwrap();
    kept.break_off(claim(1)).await.unwrap();
    assert_eq!(begin(1, 6, 3).await, replay);
    assert_eq!(begin(2, 7, KEPT_SECONDS).await, Begun::Fresh, "a day later it is another's");
}

#[tokio::test]
async fn a_key_is_its_owners_alone() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let elsewhere = Owner { org: None, ..owner("ada") };
    for (number, owner) in (1..).zip([owner("ada"), owner("bob"), elsewhere]) {
        let begun = kept.begin(&owner, "order-1", &digest(1), claim(number), at(0)).await.unwrap();
        assert_eq!(begun, Begun::Fresh, "{owner:?}");
    }
}

#[tokio::test]
async fn what_was_not_done_can_be_tried_again() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let begin = async |attempt| {
        kept.begin(&owner("ada"), "order-1", &digest(1), claim(attempt), at(0)).await.unwrap()
    };
    assert_eq!(begin(1).await, Begun::Fresh);
    kept.abandon(claim(1)).await.unwrap();
    assert_eq!(begin(2).await, Begun::Fresh);
    kept.break_off(claim(2)).await.unwrap();
    assert_eq!(begin(3).await, Begun::Fresh);
    kept.abandon(claim(2)).await.unwrap();
    assert_eq!(begin(4).await, Begun::Running, "an attempt ends itself and no other");
}

#[tokio::test]
async fn an_attempt_that_did_nothing_gives_way_and_can_do_nothing_after() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    let kept = world.store.idempotency();
    let begin = async |attempt, seconds| {
        kept.begin(&owner("ada"), "order-1", &digest(1), claim(attempt), at(seconds)).await.unwrap()
    };
    assert_eq!(begin(1, 0).await, Begun::Fresh);
    // To turn somebody away is to do nothing.
    let turned_away = act_in(1).entry(Action::ORG_UPDATE, acme.id, Outcome::Refused, Detail::none());
    world.store.audit().record(&turned_away).await.unwrap();
    assert_eq!(begin(2, RUNNING_SECONDS - 1).await, Begun::Running);
    assert_eq!(begin(3, RUNNING_SECONDS).await, Begun::Fresh);
    let (orgs, told) = (world.store.orgs(), world.actions().await.len());
    let late = orgs.set_allowed_ips(acme.id, Some(&[]), &act_in(1)).await.unwrap_err();
    assert!(late.to_string().contains("another attempt"), "{late}");
    assert_eq!((orgs.get("acme").await.unwrap(), world.actions().await.len()), (acme.clone(), told));
    kept.finish(claim(1), 200, "late").await.unwrap();
    assert_eq!(begin(4, RUNNING_SECONDS + 1).await, Begun::Running);
    let set = orgs.set_allowed_ips(acme.id, Some(&[]), &act_in(3)).await.unwrap();
    assert_eq!(set.allowed_ips.as_deref(), Some(&[][..]));
    kept.finish(claim(3), 200, "{}").await.unwrap();
    assert_eq!(begin(5, RUNNING_SECONDS + 2).await, Begun::Replay { status: 200, body: "{}".to_owned() });
    // What a request set off goes on after its answer.
    orgs.set_allowed_ips(acme.id, None, &act_in(3)).await.unwrap();
}

#[tokio::test]
async fn an_attempt_that_did_something_is_never_made_again() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    let kept = world.store.idempotency();
    let begin = async |attempt, seconds| {
        kept.begin(&owner("ada"), "order-1", &digest(1), claim(attempt), at(seconds)).await.unwrap()
    };
    assert_eq!(begin(1, 0).await, Begun::Fresh);
    world.store.orgs().set_allowed_ips(acme.id, Some(&[]), &act_in(1)).await.unwrap();
    kept.break_off(claim(1)).await.unwrap();
    assert_eq!(begin(2, RUNNING_SECONDS - 1).await, Begun::Running);
    assert_eq!(begin(2, RUNNING_SECONDS).await, Begun::Lost);
    assert_eq!(begin(2, KEPT_SECONDS - 1).await, Begun::Lost);
    assert_eq!(begin(2, KEPT_SECONDS).await, Begun::Fresh);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_done() {
    let world = World::new().await;
    let kept = world.store.idempotency();
    let left = kept.begin(&owner("ada"), "order-1", &digest(1), claim(1), at(0)).await.unwrap();
    assert_eq!(left, Begun::Fresh);
    let mut tasks = JoinSet::new();
    for number in 2..22 {
        let store = world.store.clone();
        tasks.spawn(async move {
            let (kept, now) = (store.idempotency(), at(RUNNING_SECONDS));
            kept.begin(&owner("ada"), "order-1", &digest(1), claim(number), now).await.unwrap()
        });
    }
    let all = tasks.join_all().await;
    assert_eq!(all.iter().filter(|begun| **begun == Begun::Fresh).count(), 1);
    assert_eq!(all.iter().filter(|begun| **begun == Begun::Running).count(), 19);
}
