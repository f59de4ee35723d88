//! Logins in which an operator acts as a person: whom they may act as, and everything that ends it, with its row.

use domain::audit::{Act, Actor, Entry};
use domain::id::UserId;
use domain::role::OrgRole;
use store::audit::AuditFilter;
use store::logins::{ImpersonationRefused, LoginRefused, MAX_LOGINS, NewImpersonation, SignedIn};
use store::members::By;
use store::orgs::OrgState;
use store::switch::Switch;
use store::users::User;

use crate::world::{World, act, at, login, org, user};

/// A world with an operator (person 1, login 1) and a member of an organization (person 2, login 2).
async fn world() -> (World, User, User) {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.person(1).await;
    let operator = world.store.users().make_operator(user(1), &act(3)).await.unwrap();
    let ada = world.member(2, 1, OrgRole::Admin).await;
    world.login(1, &operator, 10).await;
    world.login(2, &ada, 10).await;
    (world, operator, ada)
}

fn new(number: u128, person: UserId) -> NewImpersonation {
    NewImpersonation {
        id: login(number),
        user: person,
        org: None,
        by: user(1),
        from: login(1),
        reason: "ticket 7".to_owned(),
        ends_at: at(60),
    }
}

fn by_operator(seconds: i64) -> Act {
    Act::new(Actor::user(user(1)), at(seconds))
}

async fn begin(world: &World, number: u128, person: UserId, seconds: i64) -> SignedIn {
    world.store.logins().impersonate(&new(number, person), &by_operator(seconds)).await.unwrap()
}

async fn last_row(world: &World) -> Entry {
    let rows = world.store.audit().fitting(&AuditFilter::default(), 0).await.unwrap();
    rows.into_iter().last().unwrap().entry
}

async fn holds(world: &World, number: u128, seconds: i64) -> bool {
    world.store.logins().find(login(number)).await.unwrap().unwrap().holds(at(seconds))
}

#[tokio::test]
async fn a_login_as_somebody_else_is_the_persons_and_names_the_operator() {
    let (world, operator, ada) = world().await;
    let begun = begin(&world, 10, ada.id, 20).await;
    assert_eq!((begun.user, begun.org, begun.role), (ada.id, Some(org(1)), Some(OrgRole::Admin)));
    assert_eq!(begun.impersonation.as_ref().unwrap().by, operator.id);
    assert!(begun.holds(at(59)) && !begun.holds(at(60)));
    let listed = world.store.logins().list(ada.id, at(21)).await.unwrap();
    let marks: Vec<_> = listed.iter().map(|one| one.impersonated_by).collect();
    assert_eq!(marks, [None, Some(operator.id)]);
    assert_eq!(
        world.store.users().get(ada.id).await.unwrap().last_login_at,
        Some(at(10)),
        "it was not the person"
    );
    let row = last_row(&world).await;
    assert_eq!((row.action.as_str(), row.org.as_str()), ("impersonation.start", org(1).to_string().as_str()));
    assert_eq!((row.actor.id, row.resource), (operator.id.to_string(), ada.id.to_string()));
    assert!(row.detail.contains("ticket 7") && row.detail.contains("\"seconds\":40"), "{}", row.detail);
    world.store.logins().end_impersonation(login(10), &by_operator(30)).await.unwrap();
    assert!(!holds(&world, 10, 30).await && holds(&world, 2, 30).await);
    let again = world.store.logins().end_impersonation(login(10), &by_operator(31)).await;
    assert!(matches!(again, Err(LoginRefused::NotFound(_))));
    let own = world.store.logins().end_impersonation(login(2), &by_operator(31)).await;
    assert!(matches!(own, Err(LoginRefused::NotFound(_))), "the person's own is none");
}

#[tokio::test]
async fn some_people_nobody_acts_as() {
    let (world, operator, ada) = world().await;
    let refused = async |person, seconds| {
        let logins = world.store.logins();
        logins.impersonate(&new(10, person), &by_operator(seconds)).await.unwrap_err()
    };
    assert!(matches!(refused(user(99), 20).await, ImpersonationRefused::NotFound(_)));
    assert!(matches!(refused(operator.id, 20).await, ImpersonationRefused::Operator(_)));
    let elsewhere = NewImpersonation { org: Some(org(9)), ..new(10, ada.id) };
    let elsewhere = world.store.logins().impersonate(&elsewhere, &by_operator(20)).await;
    assert!(matches!(elsewhere, Err(ImpersonationRefused::Login(LoginRefused::NoSuchOrg(_)))));
    world.store.users().set_state(ada.id, Switch::Disabled, &act(21)).await.unwrap();
    assert!(matches!(refused(ada.id, 22).await, ImpersonationRefused::NotActive(_)));
    world.store.users().set_state(ada.id, Switch::Active, &act(23)).await.unwrap();
    world.store.users().erase(ada.id, &act(24)).await.unwrap();
    assert!(matches!(refused(ada.id, 25).await, ImpersonationRefused::NotActive(_)));
    let bob = world.person(3).await;
    world.store.logins().end(operator.id, login(1), &act(30)).await.unwrap();
    // From a login that ended a moment ago nothing begins.
    let late = refused(bob.id, 31).await;
    assert!(matches!(late, ImpersonationRefused::Login(LoginRefused::NotFound(_))), "{late}");
    assert!(world.store.logins().list(bob.id, at(32)).await.unwrap().is_empty());
}

/// Whatever the change: the login as Ada holds no longer, and its end is in the trail once.
async fn check_ends(what: &str, change: impl AsyncFn(&World)) {
    let (world, ..) = world().await;
    begin(&world, 10, user(2), 20).await;
    change(&world).await;
    assert!(!holds(&world, 10, 31).await, "{what}");
    world.store.logins().end_lapsed_impersonations(&act(32)).await.unwrap();
    assert_eq!(world.store.logins().end_lapsed_impersonations(&act(33)).await.unwrap(), 0, "{what}");
    let actions = world.actions().await;
    assert_eq!(
        actions.iter().filter(|action| *action == "impersonation.end").count(),
        1,
        "{what}: {actions:?}"
    );
}

#[tokio::test]
async fn whatever_ends_it_is_recorded_once() {
    check_ends("the operator ends their own login", async |world| {
        world.store.logins().end(user(1), login(1), &act(30)).await.unwrap();
    })
    .await;
    check_ends("the operator ends all logins", async |world| {
        world.store.logins().end_all(user(1), None, &act(30)).await.unwrap();
    })
    .await;
    check_ends("the operator is locked out", async |world| {
        world.store.users().set_state(user(1), Switch::Disabled, &act(30)).await.unwrap();
    })
    .await;
    check_ends("the operator is none any more", async |world| {
        world.store.users().unmake_operator(user(1), &act(30)).await.unwrap();
    })
    .await;
    check_ends("the operator is erased", async |world| {
        world.store.users().erase(user(1), &act(30)).await.unwrap();
    })
    .await;
    check_ends("the person ends it", async |world| {
        world.store.logins().end(user(2), login(10), &act(30)).await.unwrap();
    })
    .await;
    check_ends("the person ends all logins", async |world| {
        world.store.logins().end_all(user(2), None, &act(30)).await.unwrap();
    })
    .await;
    check_ends("the person gets another password", async |world| {
        world.store.users().set_password(user(2), "another", &act(30)).await.unwrap();
    })
    .await;
    check_ends("the person becomes an operator", async |world| {
        world.store.users().make_operator(user(2), &act(30)).await.unwrap();
    })
    .await;
    check_ends("the person leaves the organization", async |world| {
        world.store.members(org(1)).remove(user(2), By::Operator, &act(30)).await.unwrap();
    })
    .await;
    check_ends("the operator begins another", async |world| {
        let bob = world.person(3).await;
        begin(world, 11, bob.id, 30).await;
    })
    .await;
}

#[tokio::test]
async fn what_lapses_is_recorded_and_what_goes_on_is_left() {
    let (world, _, ada) = world().await;
    begin(&world, 10, ada.id, 20).await;
    let lapsed = async |seconds| world.store.logins().end_lapsed_impersonations(&act(seconds)).await.unwrap();
    assert_eq!(lapsed(59).await, 0);
    assert!(holds(&world, 10, 59).await);
    assert_eq!((lapsed(60).await, lapsed(61).await), (1, 0));
    let row = last_row(&world).await;
    assert_eq!((row.action.as_str(), row.org), ("impersonation.end", org(1).to_string()));
    assert!(row.detail.contains(&user(1).to_string()), "{}", row.detail);
}

#[tokio::test]
async fn it_takes_no_place_among_the_persons_own_logins() {
    let (world, _, ada) = world().await;
    for number in 3..=u8::try_from(MAX_LOGINS).unwrap() + 1 {
        world.login(number.into(), &ada, 10 + i64::from(number)).await;
    }
    begin(&world, 1_000, ada.id, 50).await;
    assert_eq!(world.store.logins().list(ada.id, at(51)).await.unwrap().len(), MAX_LOGINS + 1);
    world.login(1_001, &ada, 52).await;
    assert!(holds(&world, 1_000, 53).await, "nor is it the one that makes room");
    assert!(!holds(&world, 2, 53).await);
    world.store.orgs().set_state(org(1), OrgState::Suspended, &act(54)).await.unwrap();
    let found = world.store.logins().find(login(1_000)).await.unwrap().unwrap();
    assert_eq!(found.org_state, Some(OrgState::Suspended));
}
