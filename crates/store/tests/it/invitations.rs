//! Invitations.

use domain::audit::{Act, Actor};
use domain::id::InvitationId;
use domain::role::OrgRole;
use store::invitations::{
    Grants, Invitation, InvitationRefused, InvitationState, NewInvitation, NotAccepted,
};
use store::members::By;
use store::orgs::OrgState;
use store::page::Page;
use store::users::{NewUser, UserRefused};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::world::{World, act, at, digest, new_user, org, prefix, user};

fn new(number: u128, grants: Grants) -> NewInvitation {
    NewInvitation {
        id: InvitationId::new(Uuid::from_u128(number)),
        grants,
        email: None,
        prefix: prefix(number),
        digest: digest(number),
        expires_at: at(100),
    }
}

fn member() -> Grants {
    Grants::Membership { org: org(1), role: OrgRole::Member }
}

async fn invite(world: &World, number: u128, grants: Grants) -> Invitation {
    world.store.invitations().create(&new(number, grants), By::Operator, &act(5)).await.unwrap()
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_the_role() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let invitations = world.store.invitations();
    let made = invite(&world, 1, member()).await;
    assert_eq!(invitations.find(&digest(1), &act(6)).await.unwrap(), Some(made.clone()));
    assert_eq!(invitations.find(&digest(2), &act(6)).await.unwrap(), None);
    // What the account is comes from the invitation alone.
    let greedy = NewUser { operator: true, ..new_user(1) };
    let user = invitations.accept_as_new(&digest(1), &greedy, &act(6)).await.unwrap();
    assert!(!user.operator);
    assert_eq!(world.store.members(org(1)).get(user.id).await.unwrap().role, OrgRole::Member);
    assert_eq!(invitations.get(made.id).await.unwrap().state, InvitationState::Accepted);
    let again = invitations.accept_as_new(&digest(1), &new_user(2), &act(7)).await;
    assert!(matches!(again, Err(NotAccepted::Unknown)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_hold_one_token_one_gets_in() {
    let world = World::new().await;
    world.org(1, "acme").await;
    invite(&world, 1, member()).await;
    let mut tasks = JoinSet::new();
    for number in 1..=8 {
        let store = world.store.clone();
        tasks.spawn(async move {
            store.invitations().accept_as_new(&digest(1), &new_user(number), &act(6)).await.is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|got_in| *got_in).count(), 1);
    assert_eq!(world.store.users().count().await.unwrap(), 1);
    assert_eq!(world.store.members(org(1)).page(&Page::first(9)).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_accepted_stays_as_it_was() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.person(1).await;
    let invitations = world.store.invitations();
    let addressed = NewInvitation { email: Some("Bob@Example.com".to_owned()), ..new(1, member()) };
    invitations.create(&addressed, By::Operator, &act(5)).await.unwrap();
    let accept = async |number, seconds| {
        invitations.accept_as_new(&digest(1), &new_user(number), &act(seconds)).await.err()
    };
    assert!(matches!(accept(2, 6).await, Some(NotAccepted::OtherAddress)));
    assert!(matches!(accept(1, 6).await, Some(NotAccepted::User(UserRefused::EmailTaken))));
    assert!(matches!(accept(2, 100).await, Some(NotAccepted::Unknown)), "expired");
    assert_eq!(world.store.users().count().await.unwrap(), 1);
    world.store.orgs().set_state(org(1), OrgState::Suspended, &act(7)).await.unwrap();
    let bob = NewUser { email: "bob@example.com".to_owned(), ..new_user(2) };
    let refused = invitations.accept_as_new(&digest(1), &bob, &act(8)).await;
    assert!(matches!(refused, Err(NotAccepted::Unknown)), "suspended");
    world.store.orgs().set_state(org(1), OrgState::Active, &act(9)).await.unwrap();
    invitations.accept_as_new(&digest(1), &bob, &act(10)).await.unwrap();

    let other = invite(&world, 2, member()).await;
    let already = invitations.accept_as(&digest(2), user(2), &act(11)).await;
    assert!(matches!(already, Err(NotAccepted::Member(_))));
    assert_eq!(invitations.get(other.id).await.unwrap().state, InvitationState::Pending);
    invitations.revoke(other.id, &act(12)).await.unwrap();
    assert!(matches!(invitations.accept_as(&digest(2), user(1), &act(13)).await, Err(NotAccepted::Unknown)));
    assert!(matches!(invitations.revoke(other.id, &act(14)).await, Err(InvitationRefused::NotOpen(_))));
}

#[tokio::test]
async fn somebody_who_has_an_account_joins_with_it() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.person(1).await;
    let invitations = world.store.invitations();
    let theirs = NewInvitation { email: Some("PERSON1@example.com".to_owned()), ..new(1, member()) };
    invitations.create(&theirs, By::Operator, &act(5)).await.unwrap();
    world.person(2).await;
    assert!(matches!(
        invitations.accept_as(&digest(1), user(2), &act(6)).await,
        Err(NotAccepted::OtherAddress)
    ));
    invitations.accept_as(&digest(1), user(1), &act(6)).await.unwrap();
    invite(&world, 2, Grants::Operator).await;
    assert!(invitations.accept_as(&digest(2), user(2), &act(7)).await.unwrap().operator);
}

#[tokio::test]
async fn the_first_account_is_set_up_once() {
    let world = World::new().await;
    let invitations = world.store.invitations();
    let first = invitations.set_up(&new(1, Grants::Setup), &act(5)).await.unwrap().unwrap();
    let second = invitations.set_up(&new(2, Grants::Setup), &act(6)).await.unwrap().unwrap();
    assert_eq!(invitations.get(first.id).await.unwrap().state, InvitationState::Revoked);
    let old = invitations.accept_as_new(&digest(1), &new_user(1), &act(7)).await;
    assert!(matches!(old, Err(NotAccepted::Unknown)));
    assert!(invitations.accept_as_new(&digest(2), &new_user(1), &act(7)).await.unwrap().operator);
    assert_eq!(invitations.get(second.id).await.unwrap().state, InvitationState::Accepted);
    assert_eq!(invitations.set_up(&new(3, Grants::Setup), &act(8)).await.unwrap(), None);
}

#[tokio::test]
async fn a_setup_token_is_nothing_once_somebody_is_there() {
    let world = World::new().await;
    let invitations = world.store.invitations();
    invitations.set_up(&new(1, Grants::Setup), &act(5)).await.unwrap().unwrap();
    world.person(1).await;
    let late = invitations.accept_as_new(&digest(1), &new_user(2), &act(6)).await;
    assert!(matches!(late, Err(NotAccepted::Unknown)));
    let late = invitations.accept_as(&digest(1), user(1), &act(6)).await;
    assert!(matches!(late, Err(NotAccepted::Unknown)));
    assert_eq!(world.store.users().count().await.unwrap(), 1);
}

#[tokio::test]
async fn nobody_invites_to_more_than_the_own_rights() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let books = world.books(1);
    let create = async |grants, by| books.invitations().create(&new(1, grants), by, &act(5)).await.err();
    let owner = Grants::Membership { org: org(1), role: OrgRole::Owner };
    let elsewhere = Grants::Membership { org: org(2), role: OrgRole::Member };
    let refused = |result| matches!(result, Some(InvitationRefused::BeyondOwnRights));
    assert!(refused(create(owner, By::Role(OrgRole::Admin)).await));
    assert!(refused(create(member(), By::Role(OrgRole::Member)).await));
    assert!(refused(create(Grants::Operator, By::Role(OrgRole::Owner)).await));
    assert!(refused(create(Grants::Operator, By::Operator).await), "not from within an organization");
    assert!(refused(create(Grants::Setup, By::Operator).await));
    assert!(matches!(
        create(elsewhere, By::Role(OrgRole::Owner)).await,
        Some(InvitationRefused::NoSuchOrg(_))
    ));
    world.person(1).await;
    let by_person = Act::new(Actor::user(user(1)), at(5));
    let made =
        books.invitations().create(&new(1, owner), By::Role(OrgRole::Owner), &by_person).await.unwrap();
    assert_eq!(made.invited_by, Some(user(1)));
    assert_eq!(books.invitations().page(&Page::first(9)).await.unwrap().rows, [made]);
    assert!(matches!(create(owner, By::Operator).await, Some(InvitationRefused::Duplicate)));
}
