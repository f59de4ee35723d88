//! Writes under a key of the caller's: done once, answered the same, and nobody else's business.

use std::time::Duration;

use domain::audit::{Act, Actor, Claim};
use domain::role::OrgRole;
use store::idempotency::{Begun, Owner, RUNNING_SECONDS};
use store::projects::NewProject;

use crate::world::meddling::meddle;
use crate::world::people::Api;
use crate::world::{World, fresh};

const PATH: &str = "/api/v1/projects";

async fn post(api: &Api, key: &str, name: &str) -> crate::world::caller::Answer {
    api.with(&format!("idempotency-key: {key}\r\n")).post(PATH, &format!("{{\"name\":\"{name}\"}}")).await
}

async fn count(api: &Api) -> usize {
    api.get(PATH).await.is(200)["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_write_that_is_sent_again_is_answered_and_not_done_again() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    let first = post(&api, "k-1", "a").await;
    let again = post(&api, "k-1", "a").await;
    assert_eq!((first.is(201), first.header("idempotency-replayed")), (again.is(201), None));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("content-type"), Some("application/json"));
    assert_eq!(count(&api).await, 2);
    post(&api, "k-1", "b").await.is_problem(409, "idempotency_mismatch");
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let other_path = api.with("idempotency-key: k-1\r\n");
    other_path
        .patch(&format!("{PATH}/{id}"), "{\"name\":\"a\"}")
        .await
        .is_problem(409, "idempotency_mismatch");
    assert_eq!(count(&api).await, 2);
    world.pass(Duration::from_secs(86_401));
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_its_callers_own_and_its_organizations() {
    let mut world = World::start().await;
    let (one, two) = (world.person(OrgRole::Member).await.api, world.person(OrgRole::Member).await.api);
    let there = world.another_org("other").await;
    let foreigner = world.person_of(there, OrgRole::Member).await.api;
    post(&one, "same", "a").await.is(201);
    post(&two, "same", "b").await.is(201);
    post(&foreigner, "same", "a").await.is(201);
    assert_eq!((count(&one).await, count(&foreigner).await), (3, 1));
    world.finish().await;
}

#[tokio::test]
async fn what_was_refused_may_be_mended_and_sent_again_under_its_key() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    post(&api, "k", "web").await.is_problem(409, "conflict");
    post(&api, "k", " bad").await.is_problem(422, "validation_failed");
    let made = post(&api, "k", "good").await;
    assert_eq!((made.status, made.header("idempotency-replayed")), (201, None));
    world.finish().await;
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    let mut world = World::start().await;
    let api = std::sync::Arc::new(world.person(OrgRole::Member).await.api);
    let all: Vec<_> = (0..12)
        .map(|_| {
            let api = std::sync::Arc::clone(&api);
            tokio::spawn(async move { post(&api, "race", "once").await })
        })
        .collect();
    let mut made = 0;
    for one in all {
        let answer = one.await.unwrap();
        match answer.status {
            201 if answer.header("idempotency-replayed").is_none() => made += 1,
            201 => {}
            _ => drop(answer.is_problem(409, "conflict")),
        }
    }
    assert_eq!((made, count(&api).await), (1, 2));
    world.finish().await;
}

#[tokio::test]
async fn a_write_is_done_though_its_caller_hangs_up_and_told_to_who_asks_again() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    drop(api.with("idempotency-key: gone\r\n").open("POST", PATH, "{\"name\":\"left behind\"}").await);
    crate::world::eventually("the write", || async { count(&api).await == 2 }).await;
    crate::world::eventually("its answer", || async {
        post(&api, "gone", "left behind").await.header("idempotency-replayed").is_some()
    })
    .await;
    assert_eq!(count(&api).await, 2);
    world.finish().await;
}

#[tokio::test]
async fn keys_are_short_and_visible_and_mean_nothing_to_a_read() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    let long = "x".repeat(256);
    for bad in ["", "a b", "\u{e9}", &long] {
        post(&api, bad, "a").await.is_problem(400, "invalid_request");
    }
    let twice = api.with("idempotency-key: a\r\nidempotency-key: b\r\n");
    twice.post(PATH, "{\"name\":\"a\"}").await.is_problem(400, "invalid_request");
    assert_eq!(api.with(&format!("idempotency-key: {long}\r\n")).get(PATH).await.status, 200);
    post(&api, &long[1..], "a").await.is(201);
    world.finish().await;
}

/// Longer than any attempt is waited for.
const LATER: Duration = Duration::from_secs(RUNNING_SECONDS.unsigned_abs());

#[tokio::test]
async fn an_attempt_that_died_before_it_did_anything_gives_way() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Member).await;
    let (api, claim) = (&person.api, Claim(fresh()));
    let owner = Owner { actor: person.user.to_string(), org: Some(world.org) };
    // What a process left that died between its promise and the deed.
    let begun = world.store().idempotency().begin(&owner, "k", &[0; 32], claim, world.now()).await;
    assert_eq!(begun.unwrap(), Begun::Fresh);
    post(api, "k", "a").await.is_problem(409, "idempotency_mismatch");
    world.pass(LATER);
    post(api, "k", "a").await.is(201);
    assert_eq!(post(api, "k", "a").await.header("idempotency-replayed"), Some("true"));
    // Should it live after all, what it does comes too late.
    let act = Act { claim: Some(claim), ..Act::new(Actor::user(person.user), world.now()) };
    let id = domain::id::ProjectId::new(fresh());
    let new = NewProject { id, org: world.org, name: "twin".to_owned(), created_at: world.now() };
    let late = world.store().projects().create(&new, &act).await.unwrap_err();
    assert!(late.to_string().contains("another attempt"), "{late}");
    assert_eq!(count(api).await, 2);
    world.finish().await;
}

#[tokio::test]
async fn an_attempt_that_died_after_the_deed_is_not_made_again() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Member).await;
    let api = &person.api;
    post(api, "k", "a").await.is(201);
    // As if the process had died with the answer on its lips.
    meddle(&world.database(), "UPDATE idempotency SET status = NULL, body = NULL").await;
    post(api, "k", "a").await.is_problem(409, "conflict");
    world.pass(LATER);
    let lost = post(api, "k", "a").await;
    let said = lost.is_problem(409, "conflict").json();
    assert!(said["detail"].as_str().unwrap().contains("its answer was lost"), "{said}");
    assert_eq!(count(api).await, 2);
    post(api, "another", "b").await.is(201);
    world.finish().await;
}
