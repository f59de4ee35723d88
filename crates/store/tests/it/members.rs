//! Members of organizations.

use domain::role::OrgRole;
use store::members::{By, MemberRefused};
use store::switch::Switch;
use tokio::task::JoinSet;

use crate::world::{World, act, org, user};

#[tokio::test]
async fn they_join_change_and_leave() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let members = world.store.members(org(1));
    world.member(1, 1, OrgRole::Owner).await;
    let bob = world.person(2).await;
    let joined = members.add(bob.id, OrgRole::Member, By::Role(OrgRole::Admin), &act(4)).await.unwrap();
    assert_eq!((joined.role, joined.email.as_str()), (OrgRole::Member, "person2@example.com"));
    assert_eq!(members.get(bob.id).await.unwrap(), joined);
    let again = members.add(bob.id, OrgRole::Member, By::Operator, &act(4)).await;
    assert!(matches!(again, Err(MemberRefused::Already(_))));
    let nobody = members.add(user(9), OrgRole::Member, By::Operator, &act(4)).await;
    assert!(matches!(nobody, Err(MemberRefused::Nobody(_))));
    let nowhere = world.store.members(org(9)).add(bob.id, OrgRole::Member, By::Operator, &act(4)).await;
    assert!(matches!(nowhere, Err(MemberRefused::Nobody(_))));

    let changed =
        members.set_role(bob.id, OrgRole::Auditor, By::Role(OrgRole::Admin), &act(5)).await.unwrap();
    assert_eq!(members.get(bob.id).await.unwrap(), changed);
    let of_bob = world.store.users().memberships(bob.id).await.unwrap();
    assert_eq!((of_bob.len(), of_bob[0].name.as_str(), of_bob[0].role), (1, "acme", OrgRole::Auditor));
    members.remove(bob.id, By::Themselves, &act(6)).await.unwrap();
    assert!(matches!(members.get(bob.id).await, Err(MemberRefused::NotFound(_))));
    assert!(matches!(members.remove(bob.id, By::Operator, &act(7)).await, Err(MemberRefused::NotFound(_))));
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_a_part_of_the_own_rights() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let members = world.store.members(org(1));
    world.member(1, 1, OrgRole::Owner).await;
    world.member(2, 1, OrgRole::Member).await;
    let refused = |result: Result<_, MemberRefused>| matches!(result, Err(MemberRefused::BeyondOwnRights(_)));
    let admin = By::Role(OrgRole::Admin);
    assert!(refused(members.set_role(user(2), OrgRole::Admin, admin, &act(4)).await));
    assert!(refused(members.set_role(user(1), OrgRole::Member, admin, &act(4)).await), "an owner is beyond");
    assert!(refused(members.set_role(user(2), OrgRole::Owner, By::Themselves, &act(4)).await));
    assert!(refused(members.set_role(user(2), OrgRole::Auditor, By::Role(OrgRole::Auditor), &act(4)).await));
    assert!(matches!(members.remove(user(1), admin, &act(4)).await, Err(MemberRefused::BeyondOwnRights(_))));
    world.person(3).await;
    assert!(refused(members.add(user(3), OrgRole::Owner, admin, &act(4)).await));
    assert_eq!(members.get(user(2)).await.unwrap().role, OrgRole::Member);
    members.set_role(user(2), OrgRole::Owner, By::Role(OrgRole::Owner), &act(5)).await.unwrap();
}

#[tokio::test]
async fn the_last_owner_who_can_log_in_stays() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let members = world.store.members(org(1));
    world.member(1, 1, OrgRole::Owner).await;
    let is_last = |result: Result<(), MemberRefused>| matches!(result, Err(MemberRefused::LastOwner));
    assert!(is_last(members.remove(user(1), By::Themselves, &act(4)).await));
    assert!(is_last(members.set_role(user(1), OrgRole::Admin, By::Operator, &act(4)).await.map(drop)));
    world.member(2, 1, OrgRole::Owner).await;
    world.store.users().set_state(user(2), Switch::Disabled, &act(5)).await.unwrap();
    assert!(is_last(members.remove(user(1), By::Operator, &act(6)).await), "the other one is locked out");
    world.store.users().set_state(user(2), Switch::Active, &act(7)).await.unwrap();
    members.remove(user(1), By::Themselves, &act(8)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_who_leave_at_once_one_stays() {
    for _ in 0..5 {
        let world = World::new().await;
        world.org(1, "acme").await;
        world.member(1, 1, OrgRole::Owner).await;
        world.member(2, 1, OrgRole::Owner).await;
        let mut tasks = JoinSet::new();
        for number in [1, 2] {
            let store = world.store.clone();
            tasks.spawn(async move {
                store.members(org(1)).remove(user(number), By::Themselves, &act(9)).await.is_ok()
            });
        }
        let left = tasks.join_all().await.into_iter().filter(|gone| *gone).count();
        assert_eq!(left, 1);
    }
}

#[tokio::test]
async fn who_is_removed_acts_for_the_organization_no_more() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.org(2, "bolt").await;
    world.member(1, 1, OrgRole::Owner).await;
    let bob = world.member(2, 1, OrgRole::Member).await;
    let signed_in = world.login(1, &bob, 10).await;
    assert_eq!((signed_in.org, signed_in.role), (Some(org(1)), Some(OrgRole::Member)));
    world.store.members(org(1)).remove(bob.id, By::Operator, &act(11)).await.unwrap();
    let found = world.store.logins().find(signed_in.login).await.unwrap().unwrap();
    assert_eq!((found.org, found.role, found.org_state), (None, None, None));
    // Somebody who comes back does not find the old login in the organization.
    world.store.members(org(1)).add(bob.id, OrgRole::Admin, By::Operator, &act(12)).await.unwrap();
    assert_eq!(world.store.logins().find(signed_in.login).await.unwrap().unwrap().org, None);
}
