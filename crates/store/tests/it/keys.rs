//! API keys.

use domain::id::KeyId;
use domain::limit::{Limits, OrgLimits, ProjectLimits};
use domain::scope::{Access, ApiKey, KeyState};
use store::edit::Edit;
use store::keys::{ImportedKey, KeyChange, KeyFilter, KeyRefused, NewKey};
use store::orgs::OrgState;
use store::switch::Switch;

use crate::world::{World, act, at, digest, key, new_key, org, prefix, project};

#[tokio::test]
async fn they_are_registered_listed_and_found_by_identifier_or_prefix() {
    let world = World::new().await;
    let (one, two) = (world.key(1).await, world.key(2).await);
    let keys = world.store.keys();
    let list =
        async |org, project| keys.list(&KeyFilter { org, project, ..KeyFilter::default() }).await.unwrap();
    assert_eq!(list(None, None).await, [one.clone(), two.clone()]);
    assert_eq!(list(Some(org(2)), None).await, std::slice::from_ref(&two));
    assert_eq!(list(None, Some(project(1))).await, std::slice::from_ref(&one));
    assert!(list(Some(org(1)), Some(project(2))).await.is_empty());
    let revoked = KeyFilter { state: Some(KeyState::Revoked), ..KeyFilter::default() };
    assert_eq!(keys.list(&revoked).await.unwrap(), []);
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
    let nul = NewKey { models: vec!["gpt\0x".to_owned()], ..fresh() };
    assert!(matches!(insert(nul).await, Some(KeyRefused::BadModel(_))));
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
        user: None,
        state: KeyState::Active,
        expires_at: Some(at(900)),
        models: vec!["openai/gpt-x".to_owned()],
        scopes: vec![Access::Chat],
        allowed_ips: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        limits: new_key(1).limits,
        project_limits: ProjectLimits::default(),
        org_limits: OrgLimits::default(),
        org_allowed_ips: None,
        org_origins: domain::origin::Origins::default(),
        org_inline_keys: domain::scope::InlineKeys::Refused,
        trace_hours: 0,
    };
    assert_eq!(world.store.keys().find_by_digest(&digest(1)).await.unwrap(), Some(expect));
    let mut almost = digest(1);
    almost[31] ^= 1;
    assert_eq!(world.store.keys().find_by_digest(&almost).await.unwrap(), None);
}

#[tokio::test]
async fn several_keys_are_found_in_the_order_they_were_asked_for() {
    let world = World::new().await;
    world.key(1).await;
    world.key(2).await;
    let found = async |digests: &[[u8; 32]]| -> Vec<Option<KeyId>> {
        let found = world.store.keys().find_by_digests(digests).await.unwrap();
        found.into_iter().map(|found| found.unwrap().map(|key| key.id)).collect()
    };
    assert_eq!(found(&[]).await, []);
    assert_eq!(found(&[digest(9)]).await, [None]);
    let (one, two) = (Some(key(1)), Some(key(2)));
    let asked = [digest(2), digest(9), digest(1), digest(2), digest(8)];
    assert_eq!(found(&asked).await, [two, None, one, two, None]);
    let many: Vec<_> = (1..=100).map(digest).collect();
    assert_eq!(found(&many).await.iter().flatten().count(), 2);
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
    let own = OrgLimits {
        requests_per_minute: Some(7),
        tokens_per_minute: Some(9_000),
        user_requests_per_minute: Some(5),
    };
    let changed = world.store.orgs().set_limits(org(1), own, &act(5)).await.unwrap();
    assert_eq!(changed.limits, own);
    assert_eq!(world.store.orgs().get(&org(1).to_string()).await.unwrap(), changed);
    assert_eq!(world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap().org_limits, own);
    assert!(world.store.orgs().set_limits(org(9), own, &act(5)).await.is_err());
}

#[tokio::test]
async fn the_limits_of_a_project_come_with_its_keys() {
    let world = World::new().await;
    world.key(1).await;
    let found = async || world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap().project_limits;
    let own = ProjectLimits { requests_per_minute: Some(7), tokens_per_minute: Some(9_000) };
    for limits in [own, ProjectLimits::default()] {
        world.store.projects().set_limits(project(1), limits, &act(5)).await.unwrap();
        assert_eq!(found().await, limits);
        let noted = world.store.changes().since(0).await.unwrap();
        assert_eq!(noted.last().unwrap().subject, project(1).to_string(), "the request path learns of it");
    }
}

#[tokio::test]
async fn a_list_of_addresses_is_changed_while_the_key_is_in_use() {
    let world = World::new().await;
    let made = world.key(1).await;
    let keys = world.store.keys();
    for allowed in [Some(vec!["2001:db8::/32".parse().unwrap()]), Some(vec![]), None] {
        let set = keys.set_allowed_ips(key(1), allowed.as_deref(), &act(5)).await.unwrap();
        assert_eq!(set, store::keys::Key { allowed_ips: allowed.clone(), ..made.clone() });
        assert_eq!(keys.find_by_digest(&digest(1)).await.unwrap().unwrap().allowed_ips, allowed);
    }
    let noted = world.store.changes().since(0).await.unwrap();
    assert_eq!(noted.iter().filter(|change| change.subject == key(1).to_string()).count(), 4);
    assert!(matches!(keys.set_allowed_ips(key(9), None, &act(6)).await, Err(KeyRefused::NotFound(_))));
}

#[tokio::test]
async fn settings_are_changed_as_one_and_reach_the_gate() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    let change = KeyChange {
        name: Edit::Set("phone".to_owned()),
        models: Edit::Set(vec![]),
        scopes: Edit::Set(vec![Access::Embeddings]),
        allowed_ips: Edit::Set(None),
        limits: Edit::Set(Limits { concurrent: 3, ..new_key(1).limits }),
        expires_at: Edit::Set(None),
    };
    let changed = keys.update(key(1), &change, &act(5)).await.unwrap();
    assert_eq!(keys.get(&key(1).to_string()).await.unwrap(), changed);
    let found = keys.find_by_digest(&digest(1)).await.unwrap().unwrap();
    assert_eq!((found.limits.concurrent, found.expires_at, found.allowed_ips), (3, None, None));
    assert_eq!((found.models, found.scopes), (vec![], vec![Access::Embeddings]));
    let subjects = world.store.changes().since(0).await.unwrap();
    assert_eq!(subjects.last().unwrap().subject, key(1).to_string());
    let told = world.actions().await.len();
    assert_eq!(keys.update(key(1), &change, &act(6)).await.unwrap(), changed);
    assert_eq!(world.actions().await.len(), told, "what makes no difference is not told of");
    keys.set_state(key(1), KeyState::Revoked, &act(7)).await.unwrap();
    let again = KeyChange { expires_at: Edit::Set(Some(at(9_999))), ..KeyChange::default() };
    assert!(matches!(keys.update(key(1), &again, &act(8)).await, Err(KeyRefused::Revoked(_))));
}

#[tokio::test]
async fn a_key_remembers_who_made_it() {
    let world = World::new().await;
    world.key(1).await;
    let ada = world.person(1).await;
    let keys = world.store.keys();
    let new = NewKey { id: key(2), digest: digest(2), user: Some(ada.id), ..new_key(1) };
    assert_eq!(keys.insert(&new, &act(5)).await.unwrap().user, Some(ada.id));
    let hers = KeyFilter { user: Some(ada.id), ..KeyFilter::default() };
    assert_eq!(keys.list(&hers).await.unwrap().iter().map(|one| one.id).collect::<Vec<_>>(), [key(2)]);
    assert_eq!(keys.find_by_digest(&digest(2)).await.unwrap().unwrap().user, Some(ada.id));
    let nobody = NewKey { id: key(3), digest: digest(3), user: Some(crate::world::user(9)), ..new_key(1) };
    assert!(keys.insert(&nobody, &act(6)).await.is_err());
}

#[tokio::test]
async fn keys_of_another_gateway_are_taken_over_as_one() {
    let world = World::new().await;
    world.key(1).await;
    let keys = world.store.keys();
    assert!(!keys.any_imported().await.unwrap(), "a key of one's own is none");
    let wanted = |number, state| ImportedKey { new: new_key(number), state };
    let mut nameless = wanted(5, KeyState::Active);
    nameless.new.name = " ".to_owned();
    let all = [
        wanted(3, KeyState::Active),
        wanted(1, KeyState::Active),
        nameless.clone(),
        wanted(7, KeyState::Disabled),
    ];
    let all: Vec<_> = all
        .into_iter()
        .map(|one| ImportedKey { new: NewKey { org: org(1), project: project(1), ..one.new }, ..one })
        .collect();
    // Nothing is taken over where one does not belong.
    assert!(matches!(keys.import(project(2), &all, &act(5)).await, Err(KeyRefused::NoSuchProject(_))));
    assert!(keys.find_by_digest(&digest(3)).await.unwrap().is_none());

    let made = keys.import(project(1), &all, &act(5)).await.unwrap();
    let states: Vec<_> = made.iter().map(|made| made.as_ref().ok().map(|key| key.state)).collect();
    assert_eq!(states, [Some(KeyState::Active), None, None, Some(KeyState::Disabled)]);
    assert!(matches!(made[1], Err(KeyRefused::Duplicate)));
    assert!(matches!(made[2], Err(KeyRefused::BadName(_))));
    assert_eq!(keys.find_by_digest(&digest(3)).await.unwrap().unwrap().state, KeyState::Active);
    assert_eq!(keys.find_by_digest(&digest(7)).await.unwrap().unwrap().state, KeyState::Disabled);
    let filter = store::audit::AuditFilter::default();
    let rows = world.store.audit().fitting(&filter, 0).await.unwrap();
    let last = &rows.last().unwrap().entry;
    assert_eq!((last.action.as_str(), &last.org), ("key.import", &org(1).to_string()));
    assert_eq!(last.detail, "{\"keys\":2,\"disabled\":1}");

    // Once all of them are withdrawn, none is looked for.
    assert!(keys.any_imported().await.unwrap());
    for number in [3, 7] {
        assert!(keys.any_imported().await.unwrap());
        keys.set_state(key(number), KeyState::Revoked, &act(6)).await.unwrap();
    }
    assert!(!keys.any_imported().await.unwrap());
    assert!(keys.import(project(1), &[], &act(7)).await.unwrap().is_empty());
}
