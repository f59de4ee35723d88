//! Limits through the edge: who is counted as whom, in which windows, and what the answers say; every row of the
//! vectors about rate limits.

mod projects;

use std::time::Duration;

use domain::limit::{Limits, OrgLimits};
use tokio::task::JoinSet;

use crate::chat::{ANSWER, request};
use crate::vectors::{all_in_one_place, row};
use crate::world::caller::{Answer, Caller};
use crate::world::{World, eventually, generous};

const FILE: &str = "rate_limit";
const JSON: &str = "content-type: application/json\r\n";
/// As many counted requests of one address as the vectors allow.
const TWENTY: [(&str, &str); 2] = [("limits.ip_requests_per_minute", "20"), ("limits.ip_counts", "all")];

#[test]
fn every_row_is_run_or_listed() {
    all_in_one_place(FILE, &[include_str!("limits.rs")]);
}

async fn from(world: &World, header: &str) -> Answer {
    let text = world.caller.request("GET", "/v1/models", header, "");
    world.caller.raw(text.as_bytes()).await
}

#[tokio::test]
async fn a_header_of_a_stranger_changes_nothing() {
    for (id, header) in [
        ("ratelimit-spoof-xff-list", "x-forwarded-for: 198.51.100.{n}, 203.0.113.{n}\r\n".to_owned()),
        ("ratelimit-spoof-xff-junk", "x-forwarded-for: unknown, _hidden, \"x\", {n}\r\n".to_owned()),
        ("ratelimit-spoof-xff-long", format!("x-forwarded-for: {}\r\n", vec!["{n}"; 10_000].join(","))),
    ] {
        let limits = row(FILE, id)["input"]["scenario"].clone();
        assert_eq!((&limits["requests"], &limits["limit"]), (&100.into(), &20.into()));
        let world = World::with(&TWENTY).await;
        let mut calls = JoinSet::new();
        for number in 0..100 {
            let caller = Caller::new(world.caller.address, world.caller.key.clone());
            let text = caller.request("GET", "/v1/models", &header.replace("{n}", &number.to_string()), "");
            calls.spawn(async move { caller.raw(text.as_bytes()).await.status });
        }
        let allowed = calls.join_all().await.into_iter().filter(|status| *status == 200).count();
        assert!(allowed <= 20, "{id}: {allowed}");
        // A head of ten thousand hops is too long to be read at all; the others are counted to the last one.
        assert!(allowed == 20 || id == "ratelimit-spoof-xff-long", "{id}: {allowed}");
        world.finish().await;
    }
}

/// Asserts that requests with two headers are counted as of one address, and those with a third as of another.
async fn counted_as_one(header: &str, other: &str, stranger: &str) {
    let settings = [
        ("limits.ip_requests_per_minute", "4"),
        ("limits.ip_counts", "all"),
        ("network.trusted_proxies", "127.0.0.1,10.0.0.0/8"),
    ];
    let world = World::with(&settings).await;
    for turn in 0..4 {
        assert_eq!(from(&world, if turn % 2 == 0 { header } else { other }).await.status, 200);
    }
    for again in [header, other] {
        from(&world, again).await.is_error(429, "rate_limit_error", "rate_limited");
    }
    assert_eq!(from(&world, stranger).await.status, 200, "{stranger}");
    world.finish().await;
}

#[tokio::test]
async fn behind_trusted_proxies_the_right_most_other_hop_is_the_client() {
    let hops = |hops: &str| format!("x-forwarded-for: {hops}\r\n");
    row(FILE, "ratelimit-client-hop2");
    counted_as_one(&hops("1.1.1.1, 10.0.0.9"), &hops("6.6.6.6, 1.1.1.1"), &hops("1.1.1.2, 10.0.0.9")).await;
    row(FILE, "ratelimit-client-hop-garbage");
    counted_as_one(&hops("1.1.1.1, garbage"), "", &hops("1.1.1.1")).await;
    row(FILE, "ratelimit-client-hop-v6port");
    counted_as_one(
        &hops("[2001:db8::1]:443"),
        &hops("2001:db8::ffff:1, 10.0.0.9"),
        &hops("[2001:db8:0:1::1]:443"),
    )
    .await;
}

#[tokio::test]
async fn an_organization_has_one_limit_however_many_keys_it_makes() {
    let mut world = World::with(&[("limits.org_requests_per_minute", "30")]).await;
    row(FILE, "ratelimit-key-rotation");
    let mut keys = vec![];
    for _ in 0..50 {
        keys.push(world.key(generous()).await);
    }
    let mut allowed = 0;
    for key in &keys {
        let answer = Caller::new(world.caller.address, key.clone()).get("/v1/models").await;
        if answer.status == 200 {
            allowed += 1;
        } else {
            answer.is_error(429, "rate_limit_error", "rate_limited");
            assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("30"));
            assert!(answer.text().contains("org_requests_per_minute"), "{}", answer.text());
        }
    }
    assert_eq!(allowed, 30);
    // Its own limit takes the place of the installation's within moments.
    let own = OrgLimits { requests_per_minute: Some(1_000), ..OrgLimits::default() };
    world.store().orgs().set_limits(world.org, own, &world.act()).await.unwrap();
    eventually("the wider limit", || async { world.caller.get("/v1/models").await.status == 200 }).await;
    world.finish().await;
}

#[tokio::test]
async fn a_person_has_one_limit_however_many_keys_they_make() {
    let mut world = World::with(&[("limits.user_requests_per_minute", "20")]).await;
    let [one, other] = [world.nobody().await.user, world.nobody().await.user];
    let mut keys = vec![];
    for _ in 0..30 {
        keys.push(world.key_with(|new| new.user = Some(one)).await.0);
    }
    let mut allowed = 0;
    for key in &keys {
        let answer = Caller::new(world.caller.address, key.clone()).get("/v1/models").await;
        if answer.status == 200 {
            allowed += 1;
        } else {
            answer.is_error(429, "rate_limit_error", "rate_limited");
            assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("20"));
            assert!(answer.text().contains("user_requests_per_minute"), "{}", answer.text());
        }
    }
    assert_eq!(allowed, 20);
    // Neither somebody else's keys nor those that nobody made are concerned.
    let other = world.key_with(|new| new.user = Some(other)).await.0;
    for key in [other, world.caller.key.clone()] {
        assert_eq!(Caller::new(world.caller.address, key).get("/v1/models").await.status, 200);
    }
    // What their organization says takes the place of what the installation says within moments.
    let own = OrgLimits { user_requests_per_minute: Some(1_000), ..OrgLimits::default() };
    world.store().orgs().set_limits(world.org, own, &world.act()).await.unwrap();
    let again = Caller::new(world.caller.address, keys[0].clone());
    eventually("the wider limit", || async { again.get("/v1/models").await.status == 200 }).await;
    world.finish().await;
}

#[tokio::test]
async fn two_spellings_of_a_path_are_one_bucket() {
    let mut world = World::start().await;
    row(FILE, "ratelimit-path-alias");
    world.caller.key = world.key(Limits { requests_per_minute: 4, ..generous() }).await;
    let mut statuses = vec![];
    for path in ["/v1/chat/completions", "/chat/completions", "/v1/models", "/models", "/chat/completions"] {
        let answer = match path.ends_with("models") {
            true => world.caller.get(path).await,
            false => world.caller.post(path, &request("absent")).await,
        };
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [404, 404, 200, 200, 429]);
    world.finish().await;
}

#[tokio::test]
async fn the_edge_of_a_window_opens_nothing() {
    let mut world = World::start().await;
    row(FILE, "ratelimit-window-edge");
    world.caller.key = world.key(Limits { requests_per_minute: 60, ..generous() }).await;
    let allowed = async |world: &World| {
        let mut allowed = 0;
        for _ in 0..60 {
            allowed += usize::from(world.caller.get("/v1/models").await.status == 200);
        }
        allowed
    };
    // The world begins on a full minute.
    world.pass(Duration::from_millis(59_900));
    assert_eq!(allowed(&world).await, 60);
    world.pass(Duration::from_millis(200));
    assert_eq!(allowed(&world).await, 0, "a fixed window would begin anew");
    world.pass(Duration::from_millis(60_300));
    assert_eq!(allowed(&world).await, 60, "after the minute and less than one percent all of it is free");
    world.finish().await;
}

#[tokio::test]
async fn a_thousand_bad_keys_are_not_a_thousand_answers() {
    let world = World::with(&[("limits.ip_requests_per_minute", "60")]).await;
    row(FILE, "ratelimit-failed-auth");
    let address = world.caller.address;
    let (mut refused, mut limited) = (0, 0);
    for batch in 0..10 {
        let mut calls = JoinSet::new();
        for number in 0..100 {
            let key = format!("pc_live_{:052}", batch * 100 + number);
            calls.spawn(async move { Caller::new(address, key).get("/v1/models").await });
        }
        for answer in calls.join_all().await {
            match answer.status {
                401 => refused += 1,
                429 => limited += 1,
                other => panic!("{other}"),
            }
            assert!(answer.took >= Duration::from_millis(80));
        }
    }
    assert_eq!((refused, limited), (60, 940));
    // A good key from there is not looked at either, and all is well a minute later.
    let answer = world.caller.get("/v1/models").await;
    answer.is_error(429, "rate_limit_error", "rate_limited");
    let wait: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    world.pass(Duration::from_millis(wait));
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn good_requests_and_questions_for_health_are_no_failures() {
    let world = World::with(&[("limits.ip_requests_per_minute", "2")]).await;
    for _ in 0..5 {
        assert_eq!(world.caller.get("/v1/models").await.status, 200);
        assert_eq!(world.caller.get("/healthz").await.status, 200);
        assert_eq!(world.caller.get("/readyz").await.status, 200);
    }
    for _ in 0..2 {
        assert_eq!(world.caller.get("/nothing").await.status, 404);
    }
    world.caller.get("/nothing").await.is_error(429, "rate_limit_error", "rate_limited");
    world.finish().await;
}

#[tokio::test]
async fn tokens_are_limited_once_they_are_spent() {
    let mut world = World::start().await;
    // The answer uses 12 tokens.
    world.caller.key = world.key(Limits { tokens_per_minute: Some(20), ..generous() }).await;
    for remaining in ["20", "8"] {
        world.upstream.answers(ANSWER);
        let answer = world.chat(&request("gpt-test")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), Some("20"));
        assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some(remaining));
        assert!(answer.header("x-ratelimit-reset-tokens").is_some());
    }
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(429, "rate_limit_error", "rate_limited");
    assert_eq!(answer.header("x-ratelimit-remaining-tokens"), Some("0"));
    let wait: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    world.pass(Duration::from_millis(wait));
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200, "waiting as told is enough");

    // The organization's tokens are counted over its keys.
    let own = OrgLimits { tokens_per_minute: Some(10), ..OrgLimits::default() };
    world.store().orgs().set_limits(world.org, own, &world.act()).await.unwrap();
    let mut calls = 3;
    eventually("the limit of the organization", || async {
        world.caller.get("/v1/models").await.header("x-ratelimit-limit-tokens").is_some()
    })
    .await;
    loop {
        world.caller.key = world.key(generous()).await;
        world.upstream.answers(ANSWER);
        let answer = world.chat(&request("gpt-test")).await;
        assert!(answer.header("x-ratelimit-limit-tokens").is_none() || answer.status == 429);
        if answer.status == 429 {
            assert!(answer.text().contains("org_tokens_per_minute"), "{}", answer.text());
            break;
        }
        calls += 1;
        assert!(calls < 20, "the organization is never over its tokens");
    }
    world.usage(calls).await;
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_by_one_limit_uses_up_no_other() {
    let mut world = World::start().await;
    world.caller.key = world.key(Limits { requests_per_minute: 5, burst_per_second: 2, ..generous() }).await;
    for _ in 0..2 {
        assert_eq!(world.caller.get("/v1/models").await.status, 200);
    }
    for _ in 0..20 {
        let answer = world.caller.post_with("/v1/chat/completions", JSON, &request("gpt-test")).await;
        answer.is_error(429, "rate_limit_error", "rate_limited");
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("2"), "the burst refuses");
    }
    world.pass(Duration::from_millis(1_010));
    let answer = world.caller.get("/v1/models").await;
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("2"), "three of five are used");
    world.finish().await;
}

#[tokio::test]
async fn a_provider_that_is_limited_is_left_alone() {
    let world = World::start().await;
    row(FILE, "ratelimit-provider-429-all");
    world.upstream.says(429, "retry-after: 7\r\n", "");
    for _ in 0..5 {
        let answer = world.chat(&request("gpt-test")).await;
        answer.is_error(429, "rate_limit_error", "rate_limited");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=7).contains(&seconds), "{seconds}");
    }
    assert_eq!(world.upstream.received().len(), 1, "nobody hammers a provider that asked for time");
    world.usage(5).await;
    world.finish().await;
}
