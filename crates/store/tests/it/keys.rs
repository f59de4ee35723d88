//! API keys.

use domain::scope::{ApiKey, KeyState};
use store::keys::{KeyFilter, KeyRefused, NewKey};
use store::orgs::OrgState;
use store::switch::Switch;

use crate::world::{World, at, digest, key, new_key, org, prefix, project};

#[tokio::test]
async fn they_are_registered_listed_and_found_by_identifier_or_prefix() {
    let world = World::new().await;
    let (one, two) = (world.key(1).await, world.key(2).await);
    let keys = world.store.keys();
    let list = async |org, project| keys.list(&KeyFilter { org, project }).await.unwrap();
    assert_eq!(list(None, None).await, [one.clone(), two.clone()]);
    assert_eq!(list(Some(org(2)), None).await, std::slice::from_ref(&two));
    assert_eq!(list(None, Some(project(1))).await, std::slice::from_ref(&one));
    assert!(list(Some(org(1)), Some(project(2))).await.is_empty());
    assert_eq!(keys.get(&one.id.to_string()).await.unwrap(), one);
    assert_eq!(keys.get(prefix(2).as_str()).await.unwrap(), two);
    assert!(matches!(keys.get("zzzzzzzz").await, Err(KeyRefused::NotFound(_))));

    let twin = NewKey { id: key(3), digest: digest(3), ..new_key(1) };
    keys.insert(&twin).await.unwrap();
    assert!(matches!(keys.get(prefix(1).as_str()).await, Err(KeyRefused::Ambiguous(_))));
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    let insert = async |new: NewKey| world.store.keys().insert(&new).await.err();
    let fresh = || NewKey { id: key(3), digest: digest(3), ..new_key(1) };
    assert!(matches!(insert(new_key(1)).await, Some(KeyRefused::Duplicate)));
    assert!(matches!(insert(NewKey { id: key(3), ..new_key(1) }).await, Some(KeyRefused::Duplicate)));
    assert!(matches!(insert(NewKey { name: String::new(), ..fresh() }).await, Some(KeyRefused::BadName(_))));
    let unknown = NewKey { project: project(9), ..fresh() };
    assert!(matches!(insert(unknown).await, Some(KeyRefused::NoSuchProject(_))));
    let foreign = NewKey { project: project(2), ..fresh() };
    assert!(matches!(insert(foreign).await, Some(KeyRefused::NoSuchProject(_))), "another tenant's project");
}

#[tokio::test]
async fn the_gate_finds_a_key_by_its_whole_digest_alone() {
    let world = World::new().await;
    world.key(1).await;
    let expect = ApiKey {
        id: key(1),
        org: org(1),
        project: project(1),
        state: KeyState::Active,
        expires_at: Some(at(900)),
        models: vec!["openai/gpt-x".to_owned()],
        limits: new_key(1).limits,
    };
    assert_eq!(world.store.keys().find_by_digest(&digest(1)).await.unwrap(), Some(expect));
    let mut almost = digest(1);
    almost[31] ^= 1;
    assert_eq!(world.store.keys().find_by_digest(&almost).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_above_a_key_stops_it() {
    let world = World::new().await;
    world.key(1).await;
    let check = async |expect: KeyState| {
        let found = world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap();
        assert_eq!(found.state, expect);
    };
    let (orgs, projects, keys) = (world.store.orgs(), world.store.projects(), world.store.keys());
    check(KeyState::Active).await;
    orgs.set_state(org(1), OrgState::Suspended, at(5)).await.unwrap();
    check(KeyState::Disabled).await;
    orgs.set_state(org(1), OrgState::Active, at(6)).await.unwrap();
    check(KeyState::Active).await;
    projects.set_state(project(1), Switch::Disabled, at(7)).await.unwrap();
    check(KeyState::Disabled).await;
    keys.set_state(key(1), KeyState::Revoked, at(8)).await.unwrap();
    check(KeyState::Revoked).await;
}

#[tokio::test]
async fn revocation_is_final() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let set = async |state| keys.set_state(key(1), state, at(5)).await.map(|key| key.state);
    assert_eq!(set(KeyState::Disabled).await.unwrap(), KeyState::Disabled);
    assert_eq!(set(KeyState::Active).await.unwrap(), KeyState::Active);
    assert_eq!(set(KeyState::Revoked).await.unwrap(), KeyState::Revoked);
    for state in [KeyState::Active, KeyState::Disabled] {
        assert!(matches!(set(state).await, Err(KeyRefused::Revoked(id)) if id == key(1)));
    }
    assert_eq!(set(KeyState::Revoked).await.unwrap(), KeyState::Revoked, "revoking twice is no fault");
    assert_eq!(keys.get(&key(1).to_string()).await.unwrap().state, KeyState::Revoked);
    assert!(matches!(keys.set_state(key(9), KeyState::Active, at(5)).await, Err(KeyRefused::NotFound(_))));
}

#[tokio::test]
async fn last_use_only_moves_forward() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let check = async |seconds, expect| {
        keys.touch_used(&[(key(1), at(seconds)), (key(9), at(seconds))]).await.unwrap();
        assert_eq!(keys.get(&key(1).to_string()).await.unwrap().last_used_at, Some(at(expect)));
    };
    check(50, 50).await;
    check(40, 50).await;
    check(60, 60).await;
}
