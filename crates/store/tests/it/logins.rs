//! Logins and their refresh tokens.

use std::net::IpAddr;

use domain::audit::action::Action;
use domain::audit::{Act, Actor};
use domain::role::OrgRole;
use store::logins::{LoginRefused, MAX_LOGINS, NewLogin, REFRESH_GRACE_MS, Refresh, Refreshed};
use store::orgs::OrgState;
use tokio::task::JoinSet;

use crate::world::{World, act, at, digest, login, new_login, org};

fn refresh(spent: u128, next: u128, seconds: i64) -> Refresh {
    Refresh { spent: digest(spent), next: digest(next), expires_at: at(seconds + 100) }
}

#[tokio::test]
async fn who_is_behind_a_login_is_read_in_one_piece() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let ada = world.member(1, 1, OrgRole::Owner).await;
    let from = Act {
        ip: Some(IpAddr::from([192, 0, 2, 7])),
        user_agent: "browser\r\n1".to_owned(),
        ..Act::new(Actor::user(ada.id), at(10))
    };
    let opened = world.store.logins().open(&new_login(1, &ada, 10), &from).await.unwrap();
    assert_eq!(world.store.logins().find(login(1)).await.unwrap(), Some(opened.clone()));
    assert_eq!(world.store.logins().find(login(2)).await.unwrap(), None);
    assert_eq!((opened.user, opened.org, opened.role), (ada.id, Some(org(1)), Some(OrgRole::Owner)));
    assert_eq!((opened.created_at, opened.proved_at), (at(10), at(10)));
    assert!(opened.holds(at(109)) && !opened.holds(at(110)));
    let [listed] = &world.store.logins().list(ada.id, at(11)).await.unwrap()[..] else { panic!("one login") };
    assert_eq!((listed.ip.as_str(), listed.user_agent.as_str()), ("192.0.2.7", "browser\u{fffd}\u{fffd}1"));
    assert_eq!(world.store.users().get(ada.id).await.unwrap().last_login_at, Some(at(10)));
    world.store.orgs().set_state(org(1), OrgState::Suspended, &act(12)).await.unwrap();
    let found = world.store.logins().find(login(1)).await.unwrap().unwrap();
    assert_eq!(found.org_state, Some(OrgState::Suspended));
}

#[tokio::test]
async fn each_token_continues_a_login_once_until_its_end() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let logins = world.store.logins();
    world.login(1, &ada, 10).await;
    let renewed = async |spent, next, seconds| {
        logins.refresh(&refresh(spent, next, seconds), &act(seconds)).await.unwrap()
    };
    let Refreshed::Done(first) = renewed(1, 2, 50).await else { panic!("it is good") };
    assert_eq!(first.expires_at, at(150));
    assert_eq!(renewed(9, 3, 51).await, Refreshed::Unknown);
    assert!(matches!(renewed(2, 3, 149).await, Refreshed::Done(_)));
    assert_eq!(renewed(3, 4, 249).await, Refreshed::Unknown, "it was not refreshed in time");
    assert_eq!(logins.list(ada.id, at(249)).await.unwrap(), []);

    // However often it is refreshed, a login ends.
    world.login(10, &ada, 1_000).await;
    let mut last = 10;
    for seconds in (1_090..1_950).step_by(90) {
        assert!(matches!(renewed(last, last + 1, seconds).await, Refreshed::Done(_)), "{seconds}");
        last += 1;
    }
    let Refreshed::Done(end) = renewed(last, last + 1, 1_950).await else { panic!("it is good") };
    assert_eq!(end.expires_at, at(2_000));
    assert_eq!(renewed(last + 1, last + 2, 2_000).await, Refreshed::Unknown);
}

#[tokio::test]
async fn a_token_that_comes_again_ends_the_login_unless_it_comes_in_haste() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let logins = world.store.logins();
    world.login(1, &ada, 10).await;
    let renewed = async |spent, next, act: Act| {
        logins.refresh(&Refresh { expires_at: at(100), ..refresh(spent, next, 0) }, &act).await.unwrap()
    };
    assert!(matches!(renewed(1, 2, act(20)).await, Refreshed::Done(_)));
    let grace_seconds = i64::try_from(REFRESH_GRACE_MS / 1_000).unwrap();
    let mut hasty = act(20 + grace_seconds);
    hasty.at.0 -= 1;
    assert_eq!(renewed(1, 3, hasty).await, Refreshed::JustSpent);
    assert!(logins.find(login(1)).await.unwrap().unwrap().holds(at(30)));
    assert_eq!(renewed(1, 3, act(20 + grace_seconds)).await, Refreshed::Reused(login(1)));
    assert!(!logins.find(login(1)).await.unwrap().unwrap().holds(at(31)));
    assert_eq!(renewed(2, 4, act(32)).await, Refreshed::Unknown, "the thief's or the owner's: both are out");
    assert_eq!(renewed(1, 5, act(60)).await, Refreshed::Unknown);
    assert_eq!(world.actions().await.last().unwrap(), Action::LOGIN_REUSE.word());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_come_with_one_token_one_gets_the_next() {
    let world = World::new().await;
    let ada = world.person(1).await;
    world.login(1, &ada, 10).await;
    let mut tasks = JoinSet::new();
    for number in 2..=17 {
        let store = world.store.clone();
        tasks.spawn(async move { store.logins().refresh(&refresh(1, number, 20), &act(20)).await.unwrap() });
    }
    let all = tasks.join_all().await;
    assert_eq!(all.iter().filter(|one| matches!(one, Refreshed::Done(_))).count(), 1);
    assert_eq!(all.iter().filter(|one| matches!(one, Refreshed::JustSpent)).count(), 15);
    assert!(world.store.logins().find(login(1)).await.unwrap().unwrap().holds(at(21)));
}

#[tokio::test]
async fn a_login_is_its_persons_alone() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let logins = world.store.logins();
    world.login(1, &ada, 10).await;
    let foreign = logins.end(bob.id, login(1), &act(11)).await.err().unwrap().to_string();
    let unknown = logins.end(bob.id, login(9), &act(11)).await.err().unwrap().to_string();
    assert_eq!(foreign.replace(&login(1).to_string(), ""), unknown.replace(&login(9).to_string(), ""));
    assert!(logins.find(login(1)).await.unwrap().unwrap().holds(at(11)));
    logins.end(ada.id, login(1), &act(12)).await.unwrap();
    assert!(!logins.find(login(1)).await.unwrap().unwrap().holds(at(12)));
    assert!(matches!(logins.end(ada.id, login(1), &act(13)).await, Err(LoginRefused::NotFound(_))));
}

#[tokio::test]
async fn all_logins_end_but_the_one_that_is_kept() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let logins = world.store.logins();
    for number in 1..=4 {
        world.login(number, &ada, 10).await;
    }
    world.login(5, &bob, 10).await;
    assert_eq!(logins.end_all(ada.id, Some(login(2)), &act(11)).await.unwrap(), 3);
    let left: Vec<_> = logins.list(ada.id, at(12)).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [login(2)]);
    assert_eq!(logins.end_all(ada.id, None, &act(13)).await.unwrap(), 1);
    assert!(logins.find(login(5)).await.unwrap().unwrap().holds(at(13)));
}

#[tokio::test]
async fn one_login_too_many_ends_the_one_that_was_not_used_for_longest() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let logins = world.store.logins();
    for number in 1..=u8::try_from(MAX_LOGINS).unwrap() {
        world.login(number.into(), &ada, 10 + i64::from(number)).await;
    }
    let renewed = logins.refresh(&refresh(1, 1_000, 50), &act(50)).await.unwrap();
    assert!(matches!(renewed, Refreshed::Done(_)));
    world.login(100, &ada, 51).await;
    let going_on = logins.list(ada.id, at(52)).await.unwrap();
    assert_eq!(going_on.len(), MAX_LOGINS);
    let holds = async |number| logins.find(login(number)).await.unwrap().unwrap().holds(at(52));
    assert!(holds(1).await && !holds(2).await && holds(3).await && holds(100).await);
}

#[tokio::test]
async fn a_login_turns_to_organizations_of_its_person_only() {
    let world = World::new().await;
    for (number, name) in [(1, "acme"), (2, "bolt"), (3, "coil")] {
        world.org(number, name).await;
    }
    let ada = world.member(1, 1, OrgRole::Owner).await;
    let join = store::members::By::Operator;
    world.store.members(org(2)).add(ada.id, OrgRole::Auditor, join, &act(4)).await.unwrap();
    world.login(1, &ada, 10).await;
    let logins = world.store.logins();
    let turned = logins.set_org(login(1), org(2), &act(11)).await.unwrap();
    assert_eq!((turned.org, turned.role), (Some(org(2)), Some(OrgRole::Auditor)));
    let refused = async |number| logins.set_org(login(1), org(number), &act(12)).await.err();
    for number in [3, 9] {
        assert!(matches!(refused(number).await, Some(LoginRefused::NoSuchOrg(id)) if id == org(number)));
    }
    world.store.orgs().set_state(org(1), OrgState::Suspended, &act(13)).await.unwrap();
    assert!(matches!(refused(1).await, Some(LoginRefused::NoSuchOrg(_))));
    assert_eq!(logins.find(login(1)).await.unwrap(), Some(turned), "a refusal turns nothing");
    let foreign = NewLogin { org: Some(org(3)), ..new_login(2, &ada, 14) };
    assert!(matches!(logins.open(&foreign, &act(14)).await, Err(LoginRefused::NoSuchOrg(_))));
    let asked = NewLogin { org: Some(org(2)), ..new_login(2, &ada, 14) };
    assert_eq!(logins.open(&asked, &act(14)).await.unwrap().org, Some(org(2)));
}

#[tokio::test]
async fn a_proof_is_remembered_while_the_login_holds() {
    let world = World::new().await;
    let ada = world.person(1).await;
    let logins = world.store.logins();
    world.login(1, &ada, 10).await;
    assert_eq!(logins.prove(login(1), &act(50)).await.unwrap().proved_at, at(50));
    assert_eq!(logins.find(login(1)).await.unwrap().unwrap().proved_at, at(50));
    assert!(matches!(logins.prove(login(1), &act(110)).await, Err(LoginRefused::NotFound(_))));
    assert!(matches!(logins.prove(login(9), &act(50)).await, Err(LoginRefused::NotFound(_))));
}
