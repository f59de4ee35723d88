//! Rotation: a successor takes over while callers call, and the old key ends when it was told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use domain::id::KeyId;
use domain::token::Kind;
use store::keys::NewKey;
use tokio::task::JoinSet;

use crate::world::caller::Caller;
use crate::world::{World, eventually, fresh};

/// A new key with the settings of another, as `key rotate` makes it.
async fn successor(world: &World, of: KeyId) -> (String, NewKey) {
    let token = vault::entropy::token(Kind::Live).unwrap();
    let old = world.store().keys().get(&of.to_string()).await.unwrap();
    let new = NewKey {
        id: KeyId::new(fresh()),
        org: old.org,
        project: old.project,
        user: old.user,
        name: old.name,
        prefix: token.prefix(),
        digest: world.digest(&token),
        models: old.models,
        scopes: old.scopes,
        allowed_ips: old.allowed_ips,
        limits: old.limits,
        expires_at: old.expires_at,
        created_at: world.now(),
    };
    (token.reveal().to_owned(), new)
}

#[tokio::test]
async fn rotation_under_load_fails_no_call() {
    let mut world = World::start().await;
    let (old, id) = world.key_with(|_| {}).await;
    let (new, successor) = successor(&world, id).await;
    let address = world.caller.address;
    let (turn, keys) = tokio::sync::watch::channel(Some(old.clone()));
    let calls = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let (mut keys, calls) = (keys.clone(), Arc::clone(&calls));
        callers.spawn(async move {
            let mut failed = 0;
            loop {
                let Some(key) = keys.borrow_and_update().clone() else { return failed };
                failed += usize::from(Caller::new(address, key).get("/v1/models").await.status != 200);
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let more_calls = async |count: usize| {
        let enough = calls.load(Ordering::Relaxed) + count;
        eventually("more calls", || async { calls.load(Ordering::Relaxed) >= enough }).await;
    };
    more_calls(20).await;
    let ends_at = world.now().plus_seconds(24 * 3_600);
    world.store().keys().rotate(id, &successor, ends_at, &world.act()).await.unwrap();
    // Both work: callers change over when they like.
    more_calls(40).await;
    for key in [&new, &old, &new] {
        turn.send_replace(Some(key.clone()));
        more_calls(40).await;
    }
    turn.send_replace(None);
    assert_eq!(callers.join_all().await, [0; 4], "failed calls of each caller");
    world.pass(Duration::from_secs(24 * 3_600 + 1));
    assert_eq!(Caller::new(address, old).get("/v1/models").await.status, 401, "after its grace");
    assert_eq!(Caller::new(address, new).get("/v1/models").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn without_grace_the_old_key_ends_within_a_second() {
    let mut world = World::start().await;
    let (old, id) = world.key_with(|_| {}).await;
    world.caller.key = old;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    let (new, successor) = successor(&world, id).await;
    world.store().keys().rotate(id, &successor, world.now(), &world.act()).await.unwrap();
    let rotated = Instant::now();
    eventually("the refusal", || async { world.caller.get("/v1/models").await.status == 401 }).await;
    assert!(rotated.elapsed() < Duration::from_millis(1_080), "took {:?}", rotated.elapsed());
    assert_eq!(Caller::new(world.caller.address, new).get("/v1/models").await.status, 200);
    world.finish().await;
}
