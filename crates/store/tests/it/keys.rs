//! API keys.

use domain::limit::OrgLimits;
use domain::scope::{Access, ApiKey, KeyState};
use store::keys::{KeyFilter, KeyRefused, NewKey};
use store::orgs::OrgState;
use store::switch::Switch;

use crate::world::{World, act, at, digest, key, new_key, org, prefix, project};

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
    keys.insert(&twin, &act(1)).await.unwrap();
    assert!(matches!(keys.get(prefix(1).as_str()).await, Err(KeyRefused::Ambiguous(_))));
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    let insert = async |new: NewKey| world.store.keys().insert(&new, &act(1)).await.err();
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
        scopes: vec![Access::Chat],
        allowed_ips: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        limits: new_key(1).limits,
        org_limits: OrgLimits::default(),
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
    orgs.set_state(org(1), OrgState::Suspended, &act(5)).await.unwrap();
    check(KeyState::Disabled).await;
    orgs.set_state(org(1), OrgState::Active, &act(6)).await.unwrap();
    check(KeyState::Active).await;
    projects.set_state(project(1), Switch::Disabled, &act(7)).await.unwrap();
    check(KeyState::Disabled).await;
    keys.set_state(key(1), KeyState::Revoked, &act(8)).await.unwrap();
    check(KeyState::Revoked).await;
}

#[tokio::test]
async fn revocation_is_final() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let set = async |state| keys.set_state(key(1), state, &act(5)).await.map(|key| key.state);
    assert_eq!(set(KeyState::Disabled).await.unwrap(), KeyState::Disabled);
    assert_eq!(set(KeyState::Active).await.unwrap(), KeyState::Active);
    assert_eq!(set(KeyState::Revoked).await.unwrap(), KeyState::Revoked);
    for state in [KeyState::Active, KeyState::Disabled] {
        assert!(matches!(set(state).await, Err(KeyRefused::Revoked(id)) if id == key(1)));
    }
    assert_eq!(set(KeyState::Revoked).await.unwrap(), KeyState::Revoked, "revoking twice is no fault");
    assert_eq!(keys.get(&key(1).to_string()).await.unwrap().state, KeyState::Revoked);
    assert!(matches!(keys.set_state(key(9), KeyState::Active, &act(5)).await, Err(KeyRefused::NotFound(_))));
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

#[tokio::test]
async fn a_successor_takes_over_and_the_old_key_ends() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let successor = |number| NewKey { id: key(number), digest: digest(number), ..new_key(1) };
    let made = keys.rotate(key(1), &successor(2), at(500), &act(100)).await.unwrap();
    assert_eq!((made.id, made.state, made.expires_at), (key(2), KeyState::Active, Some(at(900))));
    let old = keys.get(&key(1).to_string()).await.unwrap();
    assert_eq!((old.state, old.expires_at), (KeyState::Active, Some(at(500))));
    // A grace beyond the old key's own end does not prolong it.
    keys.rotate(key(1), &successor(3), at(5_000), &act(101)).await.unwrap();
    assert_eq!(keys.get(&key(1).to_string()).await.unwrap().expires_at, Some(at(500)));
    // No grace ends it for good.
    keys.rotate(key(1), &successor(4), at(102), &act(102)).await.unwrap();
    assert_eq!(keys.get(&key(1).to_string()).await.unwrap().state, KeyState::Revoked);
    let changed: Vec<String> =
        world.store.changes().since(0).await.unwrap().into_iter().map(|change| change.subject).collect();
    for number in 1..=4 {
        assert!(changed.contains(&key(number).to_string()), "{changed:?}");
    }
}

#[tokio::test]
async fn only_a_key_in_use_has_a_successor() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let rotate = async |number, now| {
        let new = NewKey { id: key(number), digest: digest(number), ..new_key(1) };
        keys.rotate(key(1), &new, at(now + 10), &act(now)).await
    };
    assert!(matches!(rotate(2, 900).await, Err(KeyRefused::NotInUse(_))), "expired");
    keys.set_state(key(1), KeyState::Disabled, &act(5)).await.unwrap();
    assert!(matches!(rotate(2, 6).await, Err(KeyRefused::NotInUse(_))));
    keys.set_state(key(1), KeyState::Active, &act(7)).await.unwrap();
    assert!(matches!(rotate(1, 8).await, Err(KeyRefused::Duplicate)));
    assert_eq!(
        keys.get(&key(1).to_string()).await.unwrap().expires_at,
        Some(at(900)),
        "nothing was half done"
    );
    keys.set_state(key(1), KeyState::Revoked, &act(9)).await.unwrap();
    assert!(matches!(rotate(2, 10).await, Err(KeyRefused::NotInUse(_))));
}

#[tokio::test]
async fn the_limits_of_an_organization_come_with_its_keys() {
    let world = World::new().await;
    world.key(1).await;
    let own = OrgLimits { requests_per_minute: Some(7), tokens_per_minute: Some(9_000) };
    let changed = world.store.orgs().set_limits(org(1), own, &act(5)).await.unwrap();
    assert_eq!(changed.limits, own);
    assert_eq!(world.store.orgs().get(&org(1).to_string()).await.unwrap(), changed);
    assert_eq!(world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap().org_limits, own);
    assert!(world.store.orgs().set_limits(org(9), own, &act(5)).await.is_err());
}
