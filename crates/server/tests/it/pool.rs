//! The pool of connections: which rest after what, what that costs nobody, and how they come back.

mod audited;
mod quotas;

use std::time::{Duration, Instant};

use domain::usage::Outcome;
use store::switch::Switch;

use crate::chat::{ANSWER, request};
use crate::world::caller::Caller;
use crate::world::upstream::{Step, Upstream};
use crate::world::{World, eventually};

/// A World whose connections are tried once per call.
async fn without_retries() -> World {
    World::with(&[("retries.per_target", "0")]).await
}

/// Calls once; the status, and the advised delay in milliseconds.
async fn call(world: &World) -> (u16, Option<u64>) {
    let answer = world.chat(&request("gpt-test")).await;
    (answer.status, answer.header("retry-after-ms").map(|delay| delay.parse().unwrap()))
}

/// Checks the gauges: active, cooling, broken, providers that are out.
async fn check_gauges(world: &mut World, [active, cooling, broken, out]: [u32; 4]) {
    check_all_gauges(world, [active, 0, cooling, broken, out]).await;
}

/// The same with the exhausted, after the active.
async fn check_all_gauges(world: &mut World, expect: [u32; 5]) {
    let mut operator = Caller::new(world.admin(), world.operator_token().await);
    operator.bearer = true;
    let text = operator.get("/metrics").await.text();
    let names = [
        "portcullis_provider_keys{state=\"active\"}",
        "portcullis_provider_keys{state=\"exhausted\"}",
        "portcullis_provider_keys{state=\"cooldown\"}",
        "portcullis_provider_keys{state=\"broken\"}",
        "portcullis_providers_out",
    ];
    for (name, expect) in names.iter().zip(expect) {
        let line = format!("{name} {expect}");
        assert!(text.lines().any(|found| found == line), "{line} is missing from\n{text}");
    }
}

/// Waits until a further connection is in the routing table.
async fn known(world: &mut World, count: u32) {
    let mut operator = Caller::new(world.admin(), world.operator_token().await);
    operator.bearer = true;
    eventually("the connections to be known", || async {
        let text = operator.get("/metrics").await.text();
        let of = |state: &str| -> u32 {
            let name = format!("portcullis_provider_keys{{state=\"{state}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
        };
        of("active") + of("exhausted") + of("cooldown") + of("broken") == count
    })
    .await;
}

#[tokio::test]
async fn a_connection_rests_as_long_as_its_provider_asks_and_nobody_hammers_it() {
    let mut world = World::start().await;
    world.upstream.says(429, "retry-after: 7\r\n", "");
    assert_eq!(call(&world).await, (429, Some(7_000)));
    world.pass(Duration::from_secs(3));
    for _ in 0..5 {
        assert_eq!(call(&world).await, (429, Some(4_000)));
    }
    assert_eq!(world.upstream.received().len(), 1);
    check_gauges(&mut world, [0, 1, 0, 0]).await;
    world.pass(Duration::from_secs(4));
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    check_gauges(&mut world, [1, 0, 0, 0]).await;
    world.usage(7).await;
    world.finish().await;
}

#[tokio::test]
async fn a_rate_limit_rests_by_what_the_answer_says_of_it() {
    let cases = [
        ("", 300),
        ("x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 1m4s\r\n", 64),
        ("retry-after: Thu, 01 Jan 2026 00:01:00 GMT\r\n", 60),
        ("retry-after: 86400\r\n", 3_600),
    ];
    for (headers, seconds) in cases {
        let world = World::start().await;
        world.upstream.says(429, headers, "");
        let (status, delay) = call(&world).await;
        // A date is whole seconds, and the World's clock ticks a little at each look.
        assert!(status == 429 && delay.unwrap().abs_diff(seconds * 1_000) <= 1, "{headers}: {delay:?}");
        world.pass(Duration::from_secs(seconds) - Duration::from_millis(5));
        assert_eq!(call(&world).await.0, 429, "{headers}");
        world.pass(Duration::from_millis(5));
        world.upstream.answers(ANSWER);
        assert_eq!(call(&world).await.0, 200, "{headers}");
        world.usage(3).await;
        world.finish().await;
    }
}

#[tokio::test]
async fn while_one_rests_another_serves() {
    let spare = Upstream::start().await;
    let mut world = World::with(&[("egress.also", &spare.address.to_string())]).await;
    let address = spare.address;
    world
        .add_connection_with("spare", |new| {
            new.base_url = format!("http://{address}/v1");
            new.priority = 200;
        })
        .await;
    known(&mut world, 2).await;
    world.upstream.says(429, "retry-after: 60\r\n", "");
    spare.answers(ANSWER).answers(ANSWER);
    for attempts in ["2", "1"] {
        let answer = world.chat(&request("gpt-test")).await;
        assert_eq!((answer.status, answer.header("x-portcullis-attempts")), (200, Some(attempts)));
    }
    assert_eq!((world.upstream.received().len(), spare.received().len()), (1, 2));
    world.pass(Duration::from_secs(60));
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    assert_eq!(world.upstream.received().len(), 2, "the better one is back");
    world.usage(3).await;
    world.finish().await;
}

#[tokio::test]
async fn short_advice_is_waited_for_and_long_advice_never_past_the_deadline() {
    let world = World::start().await;
    world.upstream.says(429, "retry-after-ms: 150\r\n", "").answers(ANSWER);
    let started = Instant::now();
    let answer = world.chat(&request("gpt-test")).await;
    assert_eq!((answer.status, answer.header("x-portcullis-attempts")), (200, Some("2")));
    assert!(started.elapsed() >= Duration::from_millis(150));
    world.finish().await;

    let world = World::with(&[("timeouts.whole_ms", "1000")]).await;
    world.upstream.says(429, "retry-after-ms: 1500\r\n", "").answers(ANSWER);
    assert_eq!(call(&world).await, (429, Some(1_500)));
    assert_eq!(world.upstream.received().len(), 1);
    world.usage(1).await;
    world.finish().await;

    let world = World::start().await;
    world.upstream.says(503, "retry-after: 3\r\n", "").answers(ANSWER);
    assert_eq!(call(&world).await.0, 502, "more than is worth waiting for");
    assert_eq!(world.upstream.received().len(), 1);
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn three_failures_open_the_breaker_and_one_probe_closes_it() {
    let mut world = World::start().await;
    for _ in 0..3 {
        world.upstream.says(500, "", "");
    }
    let (status, delay) = call(&world).await;
    let rest = delay.unwrap();
    assert!(status == 502 && (1_500..=2_000).contains(&rest), "{status} {rest}");
    for _ in 0..3 {
        let answer = world.chat(&request("gpt-test")).await;
        answer.is_error(503, "api_error", "no_available_route");
    }
    assert_eq!(world.upstream.received().len(), 3, "failure is fast and asks nobody");
    check_gauges(&mut world, [0, 1, 0, 0]).await;

    world.pass(Duration::from_secs(2));
    world.upstream.says(500, "", "");
    let (status, delay) = call(&world).await;
    assert!(status == 502 && (3_000..=4_000).contains(&delay.unwrap()), "{status} {delay:?}");
    assert_eq!(world.upstream.received().len(), 4, "a probe is not retried");
    assert_eq!(call(&world).await.0, 503);

    world.pass(Duration::from_secs(4));
    world.upstream.then(vec![Step::Hang]);
    let probe = world.caller.request(
        "POST",
        "/v1/chat/completions",
        "content-type: application/json\r\n",
        &request("gpt-test"),
    );
    let probe = world.caller.open(probe.as_bytes()).await;
    eventually("the probe", || async { world.upstream.received().len() == 5 }).await;
    assert_eq!(call(&world).await, (503, Some(1_000)), "one probe at a time");
    drop(probe);
    world.upstream.answers(ANSWER).answers(ANSWER);
    eventually("the next probe", || async { call(&world).await.0 == 200 }).await;
    assert_eq!(call(&world).await.0, 200);
    check_gauges(&mut world, [1, 0, 0, 0]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_refused_key_is_out_of_service_until_a_person_enables_it() {
    let mut world = World::start().await;
    world.upstream.says(401, "", "");
    assert_eq!(call(&world).await.0, 502);
    world.pass(Duration::from_secs(100_000));
    for _ in 0..3 {
        world.chat(&request("gpt-test")).await.is_error(503, "api_error", "no_available_route");
    }
    assert_eq!(world.upstream.received().len(), 1);
    check_gauges(&mut world, [0, 0, 1, 0]).await;
    let main = world.store().provider_keys().get("main").await.unwrap().id;
    world.store().provider_keys().set_state(main, Switch::Active, &world.act()).await.unwrap();
    for _ in 0..200 {
        world.upstream.answers(ANSWER);
    }
    eventually("the connection to be back", || async { call(&world).await.0 == 200 }).await;
    check_gauges(&mut world, [1, 0, 0, 0]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_does_not_open_is_out_of_service_and_never_sent() {
    let mut world = World::start().await;
    let sealed = |new: &mut store::provider_keys::NewProviderKey| {
        new.sealed.as_mut().unwrap().reverse();
        new.serves = domain::route::Serves::Listed(vec!["locked".to_owned()]);
    };
    world.add_connection_with("locked", sealed).await;
    known(&mut world, 2).await;
    for _ in 0..2 {
        world.chat(&request("locked")).await.is_error(503, "api_error", "no_available_route");
    }
    assert_eq!(world.upstream.connections(), 0);
    check_gauges(&mut world, [1, 0, 1, 0]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_provider_that_is_out_is_skipped_and_its_keys_are_not_punished() {
    let mut world = without_retries().await;
    world.add_connection_with("second", |_| {}).await;
    world.add_connection_with("third", |_| {}).await;
    known(&mut world, 3).await;
    for _ in 0..3 {
        world.upstream.says(500, "", "");
    }
    assert_eq!(call(&world).await.0, 502);
    check_gauges(&mut world, [0, 3, 0, 1]).await;
    assert_eq!(call(&world).await.0, 503);
    assert_eq!(world.upstream.received().len(), 3);
    world.pass(Duration::from_secs(2));
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    check_gauges(&mut world, [3, 0, 0, 0]).await;
    world.usage(3).await;
    world.finish().await;
}

#[tokio::test]
async fn a_tenants_calls_never_fall_back_to_the_installations_keys() {
    let mut world = without_retries().await;
    let org = world.org;
    world
        .add_connection_with("own", |new| {
            new.owner = domain::route::Owner::Org(org);
            new.sealed = None;
            new.priority = 900;
        })
        .await;
    known(&mut world, 2).await;
    world.upstream.says(500, "", "").answers(ANSWER);
    assert_eq!(call(&world).await.0, 502);
    let received = world.upstream.only_received();
    assert!(!received.head.to_ascii_lowercase().contains("authorization"), "{}", received.head);
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn equals_share_the_calls_by_what_they_carry() {
    let mut world = World::start().await;
    let second = world.add_connection_with("second", |_| {}).await;
    known(&mut world, 2).await;
    let text = world.caller.request(
        "POST",
        "/v1/chat/completions",
        "content-type: application/json\r\n",
        &request("gpt-test"),
    );
    let mut held = vec![];
    for count in 1..=8 {
        world.upstream.then(vec![Step::Hang]);
        held.push(world.caller.open(text.as_bytes()).await);
        eventually("the call upstream", || async { world.upstream.received().len() == count }).await;
    }
    drop(held);
    let rows = world.usage(8).await;
    let on_second = rows.iter().filter(|row| row.provider_key == Some(second)).count();
    assert_eq!(on_second, 4);
    assert!(rows.iter().all(|row| row.outcome == Outcome::Cancelled));
    world.finish().await;
}

#[tokio::test]
async fn a_caller_who_leaves_says_nothing_about_the_connection() {
    let mut world = World::start().await;
    for count in 1..=4 {
        world.upstream.then(vec![Step::Hang]);
        let text = world.caller.request(
            "POST",
            "/v1/chat/completions",
            "content-type: application/json\r\n",
            &request("gpt-test"),
        );
        let held = world.caller.open(text.as_bytes()).await;
        eventually("the call upstream", || async { world.upstream.received().len() == count }).await;
        drop(held);
    }
    world.usage(4).await;
    check_gauges(&mut world, [1, 0, 0, 0]).await;
    world.finish().await;
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_byte() {
    let world = World::start().await;
    let half =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{ANSWER}");
    world.upstream.then(vec![Step::Send(half.into_bytes()), Step::Close]).answers(ANSWER);
    assert_eq!(call(&world).await.0, 502);
    assert_eq!(world.upstream.received().len(), 1);
    world.usage(1).await;
    world.finish().await;
}

#[tokio::test]
async fn the_account_behind_a_key_is_not_the_callers_purse() {
    let world = World::start().await;
    let body = r#"{"error":{"message":"Insufficient credits of org-AbCdEf1234567890"}}"#;
    world.upstream.says(402, "content-type: application/json\r\n", body);
    let answer = world.chat(&request("gpt-test")).await;
    answer.is_error(502, "api_error", "provider_error");
    assert_eq!(answer.header("retry-after"), Some("300"));
    assert_eq!(call(&world).await.0, 429);
    assert_eq!(world.upstream.received().len(), 1);
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn one_forbidden_request_leaves_a_working_key_in_service() {
    let world = World::start().await;
    world.upstream.answers(ANSWER).says(403, "", "").answers(ANSWER);
    let statuses = [call(&world).await.0, call(&world).await.0, call(&world).await.0];
    assert_eq!(statuses, [200, 502, 200]);
    world.usage(3).await;
    world.finish().await;
}
