//! Callers without a good key: how many may wait for their refusal, and that guessing is throttled by address.

use std::time::Duration;

use domain::scope::KeyState;
use domain::token::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::chat::ANSWER;
use crate::keys::{FILE, call};
use crate::vectors::row;
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn refusals_that_wait_are_bounded_and_the_rest_is_not_answered() {
    let mut world = World::with(&[("limits.parked_refusals", "8")]).await;
    row(FILE, "apikey-timing-floor-cost");
    let good = std::mem::take(&mut world.caller.key);
    let text = world.caller.request("GET", "/v1/models", "x-api-key: wrong\r\n", "");
    // All are there before the last byte of each makes it a request.
    let (last, most) = (&text[text.len() - 1..], &text[..text.len() - 1]);
    let mut waiting = vec![];
    for _ in 0..60 {
        waiting.push(world.caller.open(most.as_bytes()).await);
    }
    for stream in &mut waiting {
        stream.write_all(last.as_bytes()).await.unwrap();
    }
    let (mut answered, mut closed) = (0, 0);
    for stream in &mut waiting {
        let mut all = vec![];
        let read =
            tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end in time");
        // A connection that is closed with its request unread may end with a reset.
        if read.is_ok() && !all.is_empty() {
            assert!(all.starts_with(b"HTTP/1.1 401"), "{}", String::from_utf8_lossy(&all));
            answered += 1;
        } else {
            closed += 1;
        }
    }
    assert!(answered >= 8 && closed > 0, "{answered} answered, {closed} closed");
    world.caller.key = good;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn guessing_is_throttled_and_harms_nobody_else() {
    let settings = [("limits.ip_requests_per_minute", "8"), ("network.trusted_proxies", "127.0.0.1")];
    let mut world = World::with(&settings).await;
    row(FILE, "apikey-prefix-enumeration");
    let victim = world.caller.key.clone();
    let mut statuses = vec![];
    for _ in 0..12 {
        let guess = vault::entropy::token(Kind::Live).unwrap();
        let headers = format!("x-api-key: {}\r\nx-forwarded-for: 6.6.6.6\r\n", guess.reveal());
        statuses.push(call(&mut world, "/v1/chat/completions", &headers).await.status);
    }
    assert_eq!(statuses, [[401; 8].as_slice(), [429; 4].as_slice()].concat());

    // Someone who knows the prefix spoils nothing for the key's owner, who comes from elsewhere.
    row(FILE, "apikey-lockout-abuse");
    let wrong = format!("{}{}", &victim[..16], "0".repeat(44));
    for _ in 0..12 {
        let headers = format!("x-api-key: {wrong}\r\nx-forwarded-for: 6.6.6.7\r\n");
        call(&mut world, "/v1/chat/completions", &headers).await;
    }
    world.upstream.answers(ANSWER);
    let headers = format!("x-api-key: {victim}\r\nx-forwarded-for: 1.1.1.1\r\n");
    let answer = call(&mut world, "/v1/chat/completions", &headers).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn over_the_limit_of_an_address_every_credential_gets_the_same_answer() {
    let mut world = World::with(&[("limits.ip_requests_per_minute", "3")]).await;
    row(FILE, "apikey-state-rate-limited-unknown");
    let good = world.caller.key.clone();
    let (revoked, id) = world.key_with(|_| {}).await;
    world.store().keys().set_state(id, KeyState::Revoked, &world.act()).await.unwrap();
    for _ in 0..3 {
        assert_eq!(call(&mut world, "/v1/chat/completions", "").await.status, 401);
    }
    let mut bodies = vec![];
    for key in [good, revoked, format!("pc_live_{}", "z".repeat(52)), "sk-1234".to_owned()] {
        let answer = call(&mut world, "/v1/chat/completions", &format!("x-api-key: {key}\r\n")).await;
        answer.is_error(429, "rate_limit_error", "rate_limited");
        assert!(answer.took >= Duration::from_millis(80), "the floor holds for them, too: {:?}", answer.took);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("0"));
        bodies.push(answer.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(world.caller.get("/healthz").await.status, 200, "health is not refused");
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}
