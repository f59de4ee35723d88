//! Guesses at passwords: counted before anything is looked at, refused in one body and one time whatever is wrong, and
//! told to the audit trail alone.

use std::time::Duration;

use serde_json::json;
use store::switch::Switch;
use store::users::NewUser;

use crate::vectors::{all_in_one_place, row};
use crate::world::people::PASSWORD;
use crate::world::{World, fresh};

const ADA: &str = "ada@example.com";
const FLOOR: Duration = Duration::from_millis(150);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn five_failures_lock_an_account_even_for_the_right_password() {
    let mut world = World::start().await;
    let user = world.account(ADA).await;
    assert_eq!(row("lockout_session", "lockout-threshold")["expect"]["locked"], true);
    assert_eq!(row("lockout_session", "lockout-right-while-locked")["expect"]["uniform"], true);
    // White space and case around a name are one name.
    assert_eq!(row("lockout_session", "lockout-space")["expect"]["one_counter"], true);
    let mut bodies = vec![];
    for name in [ADA, " ada@example.com", "ada@example.com\t", "ADA@example.com", " Ada@Example.com "] {
        bodies.push(world.attempt(name, "a wrong password").await.is_problem(401, "unauthorized").text());
    }
    bodies.push(world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized").text());
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let locks = world.reasons("login.lock", 1).await;
    assert_eq!(locks[0].0, user.to_string());
    assert!(world.reasons("login.fail", 2).await.iter().any(|(_, detail)| detail.contains("\"locked\"")));

    world.pass(Duration::from_secs(30));
    world.attempt(ADA, "a wrong password").await.is_problem(401, "unauthorized");
    world.pass(MINUTE / 2);
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    world.pass(MINUTE / 2);
    world.attempt(ADA, PASSWORD).await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn each_lock_is_twice_as_long_and_none_longer_than_an_hour() {
    let mut world = World::start().await;
    world.account(ADA).await;
    for _ in 0..5 {
        world.attempt(ADA, "wrong").await;
    }
    for lock_s in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
        world.pass(Duration::from_secs(lock_s - 2));
        world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
        world.pass(Duration::from_secs(2));
        // It is open again, and this failure locks it anew.
        world.attempt(ADA, "wrong").await.is_problem(401, "unauthorized");
    }
    world.pass(60 * MINUTE);
    world.attempt(ADA, PASSWORD).await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn whatever_is_wrong_is_answered_alike_and_told_to_the_audit_trail_alone() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let disabled = world.account("disabled@example.com").await;
    world.store().users().set_state(disabled, Switch::Disabled, &world.act()).await.unwrap();
    let locked = world.account("locked@example.com").await;
    for _ in 0..5 {
        world.attempt("locked@example.com", "wrong").await;
    }
    let (id, created_at) = (domain::id::UserId::new(fresh()), world.now());
    let hash = world.store().users().account(locked).await.unwrap().password;
    let unverified = NewUser {
        id,
        email: "unverified@example.com".to_owned(),
        username: None,
        password: hash.clone(),
        operator: false,
        email_verified_at: None,
        created_at,
    };
    world.store().users().create(&unverified, &world.act()).await.unwrap();
    let bare = NewUser {
        id: domain::id::UserId::new(fresh()),
        email: "bare@example.com".to_owned(),
        password: None,
        email_verified_at: Some(created_at),
        ..unverified
    };
    world.store().users().create(&bare, &world.act()).await.unwrap();
    assert_eq!(row("lockout_session", "lockout-enumeration-time")["expect"]["welch_abs_t_below"], 4.5);
    let mut bodies = vec![];
    for (email, password) in [
        ("nobody-PLANTED-name@example.com", PASSWORD),
        (ADA, "wrong"),
        ("disabled@example.com", PASSWORD),
        ("locked@example.com", PASSWORD),
        ("unverified@example.com", PASSWORD),
        ("bare@example.com", PASSWORD),
        ("not even an address PLANTED-name", PASSWORD),
    ] {
        let answer = world.attempt(email, password).await;
        answer.is_problem(401, "unauthorized");
        assert!(answer.took >= FLOOR, "{email} was refused after {:?}", answer.took);
        bodies.push(answer.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let rows = world.reasons("login.fail", 7).await;
    for reason in ["unknown", "wrong_password", "disabled", "locked", "unverified", "no_password"] {
        assert!(
            rows.iter().any(|(_, detail)| detail.contains(&format!("\"{reason}\""))),
            "{reason}: {rows:?}"
        );
    }
    // What somebody typed as a name may be a password: it is in no row and no log line.
    assert_eq!(row("lockout_session", "lockout-audit-redact")["expect"]["hmac"], true);
    assert!(!format!("{rows:?}").contains("PLANTED-name"), "{rows:?}");
    assert!(!world.logged().contains("PLANTED-name"));
    world.finish().await;
}

#[tokio::test]
async fn of_many_guesses_at_once_no_more_are_looked_at_than_may_fail() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let expect = row("lockout_session", "lockout-parallel")["expect"]["verified_max"].as_u64().unwrap();
    let guesses = (0..50).map(|number| {
        let body =
            json!({ "email": ADA, "password": format!("guess {number}"), "session": "bearer" }).to_string();
        let api = world.api("");
        tokio::spawn(async move { api.post("/api/v1/login", &body).await.status })
    });
    for guess in guesses.collect::<Vec<_>>() {
        assert_eq!(guess.await.unwrap(), 401);
    }
    let count = |reason: &str| {
        let logged = world.logged();
        logged.lines().filter(|line| line.contains("a login failed") && line.contains(reason)).count()
    };
    let (looked_at, locked) = (count("wrong_password"), count("locked"));
    assert_eq!(looked_at as u64, expect, "and {locked} were locked out");
    assert_eq!(looked_at + locked, 50, "all are counted");
    world.finish().await;
}

#[tokio::test]
async fn a_password_is_kept_as_it_was_typed_and_has_an_end() {
    let mut world = World::start().await;
    world.account(ADA).await;
    assert_eq!(row("lockout_session", "lockout-trim")["expect"]["distinct"], true);
    for typed in [format!(" {PASSWORD}"), format!("{PASSWORD} "), PASSWORD.to_lowercase()] {
        world.attempt(ADA, &typed).await.is_problem(401, "unauthorized");
    }
    world.attempt(ADA, PASSWORD).await.is(200);
    // Ours is `422` with the field, as for every value that cannot be: it is never hashed.
    assert_eq!(row("lockout_session", "lockout-len-10k")["expect"]["max_ms"], 20);
    let long = world.attempt(ADA, &"x".repeat(10_000)).await;
    assert_eq!(long.is_problem(422, "validation_failed").json()["field"], "password");
    assert!(long.took < FLOOR, "{:?}: it was looked at", long.took);
    world.finish().await;
}

#[tokio::test]
async fn a_flood_of_logins_is_sent_away_and_calls_go_on() {
    // As dear as a real one, so that a line forms.
    let real = [("accounts.password_memory_kib", "19456"), ("accounts.password_passes", "2")];
    let world = World::with(&real).await;
    assert_eq!(row("lockout_session", "lockout-argon-dos")["expect"]["bounded"], true);
    let flood: Vec<_> = (0..200)
        .map(|number| {
            let body =
                json!({ "email": format!("u{number}@example.com"), "password": "wrong", "session": "bearer" });
            let api = world.api("");
            tokio::spawn(async move { api.post("/api/v1/login", &body.to_string()).await })
        })
        .collect();
    world.upstream.answers(r#"{"id":"x","choices":[{"message":{"content":"ok"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#);
    let call = world.chat(r#"{"model":"gpt-test","messages":[{"role":"user","content":"hello"}]}"#).await;
    assert_eq!(call.status, 200, "{}", call.text());
    assert!(call.took < Duration::from_secs(1), "a call took {:?} beside the flood", call.took);
    let mut away = 0;
    for attempt in flood {
        let answer = attempt.await.unwrap();
        match answer.status {
            401 => {}
            _ => {
                answer.is_problem(503, "unavailable");
                away += 1;
            }
        }
    }
    assert!(away > 0, "nobody was sent away");
    world.finish().await;
}

#[tokio::test]
async fn logins_and_resets_of_one_address_are_few_a_minute() {
    let world = World::with(&[("limits.login_requests_per_minute", "5")]).await;
    for _ in 0..5 {
        world.attempt(ADA, "wrong").await.is_problem(401, "unauthorized");
    }
    world.attempt(ADA, "wrong").await.is_problem(429, "rate_limited");
    let forgot = world.api("").post("/api/v1/password/forgot", &json!({ "email": ADA }).to_string()).await;
    forgot.is_problem(429, "rate_limited");
    let alias = json!({ "email": "ada+1@example.com", "password": PASSWORD }).to_string();
    world.api("").post("/api/v1/register", &alias).await.is_problem(429, "rate_limited");
    world.finish().await;
}

#[tokio::test]
async fn a_person_has_at_most_thirty_two_logins() {
    let mut world = World::start().await;
    world.account(ADA).await;
    assert_eq!(row("lockout_session", "lockout-concurrent-limit")["expect"]["documented"], true);
    let (first, _) = world.tokens(ADA).await;
    for _ in 0..store::logins::MAX_LOGINS {
        world.tokens(ADA).await;
    }
    first.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.finish().await;
}

#[test]
fn every_row_of_the_vectors_is_in_one_place() {
    let tests = [
        include_str!("lockout.rs"),
        include_str!("login.rs"),
        include_str!("me.rs"),
        include_str!("mail.rs"),
        include_str!("impersonation.rs"),
    ];
    all_in_one_place("lockout_session", &tests);
}
