//! Changes of connections that are told of: a quota that is used up, and what the audit trail holds of all of them.

use std::time::Duration;

use serde_json::Value;
use store::audit::AuditFilter;
use store::switch::Switch;

use super::{call, check_all_gauges, known, without_retries};
use crate::chat::{ANSWER, request};
use crate::world::{World, eventually};

/// OpenAI's answer to a key whose account has no credit left.
const NO_QUOTA: &str = r#"{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","param":null,
"code":"insufficient_quota"}}"#;

/// The rows about connections that the audit trail holds, oldest first, once there are `count`.
async fn incidents(world: &World, count: usize) -> Vec<(String, Value)> {
    let about = |action: &str| {
        ["cooldown", "exhausted", "broken", "back"]
            .iter()
            .any(|what| action == format!("provider_key.{what}"))
            || action.starts_with("provider.")
    };
    let rows = async || {
        let links = world.store().audit().fitting(&AuditFilter::default(), 0).await.unwrap();
        let rows = links.into_iter().map(|link| link.entry).filter(|entry| about(&entry.action));
        rows.collect::<Vec<_>>()
    };
    eventually(&format!("{count} rows about connections"), async || rows().await.len() >= count).await;
    let rows = rows().await;
    assert_eq!(rows.len(), count, "{rows:#?}");
    rows.into_iter()
        .map(|entry| {
            assert_eq!((entry.actor.kind.as_str(), entry.actor.id.as_str()), ("system", "key pool"));
            assert!(!entry.request_id.is_empty());
            (entry.action, serde_json::from_str(&entry.detail).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_key_without_quota_is_exhausted_until_time_or_a_person_clears_it() {
    let mut world = World::start().await;
    world.upstream.says(429, "retry-after: 20\r\ncontent-type: application/json\r\n", NO_QUOTA);
    for _ in 0..3 {
        let answer = world.chat(&request("gpt-test")).await;
        answer.is_error(503, "api_error", "no_available_route");
        let delay: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((2_700..=3_600).contains(&delay), "{delay}");
        assert!(!answer.text().contains("quota"), "whose account is empty is not the caller's business");
    }
    assert_eq!(world.upstream.received().len(), 1, "a quota is not filled by asking again");
    check_all_gauges(&mut world, [0, 1, 0, 0, 0]).await;
    // Time: one call finds out.
    world.pass(Duration::from_secs(3_600));
    world.upstream.says(429, "content-type: application/json\r\n", NO_QUOTA);
    assert_eq!([call(&world).await.0, call(&world).await.0], [503, 503]);
    assert_eq!(world.upstream.received().len(), 2);
    // A person.
    let main = world.store().provider_keys().get("main").await.unwrap().id;
    world.store().provider_keys().set_state(main, Switch::Active, &world.act()).await.unwrap();
    eventually("the connection to be back", || async {
        world.upstream.answers(ANSWER);
        call(&world).await.0 == 200
    })
    .await;
    check_all_gauges(&mut world, [1, 0, 0, 0, 0]).await;
    let rows = incidents(&world, 1).await;
    assert_eq!(
        (rows[0].0.as_str(), &rows[0].1["reason"]),
        ("provider_key.exhausted", &"quota_used_up".into())
    );
    world.finish().await;
}

#[tokio::test]
async fn the_next_key_takes_over_from_one_without_quota_also_in_a_stream() {
    let mut world = World::start().await;
    world.add_connection_with("second", |new| new.priority = 200).await;
    known(&mut world, 2).await;
    let event = format!("data: {}\n\n", NO_QUOTA.replace('\n', ""));
    world.upstream.streams(&[&event]).answers(ANSWER);
    let body = request("gpt-test").replacen('{', r#"{"stream":true,"#, 1);
    let first = world.chat(&body).await;
    assert_eq!(world.upstream.received().len(), 2, "{}", first.text());
    check_all_gauges(&mut world, [1, 1, 0, 0, 0]).await;
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    assert_eq!(world.upstream.received().len(), 3);
    world.usage(2).await;
    world.finish().await;
}

#[tokio::test]
async fn what_befalls_a_connection_is_in_the_audit_trail_once() {
    let world = without_retries().await;
    let told = |rows: &[(String, Value)]| -> Vec<(String, String, u64)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rows.iter()
            .map(|(action, detail)| {
                assert_eq!((&detail["name"], &detail["provider"]), (&"main".into(), &"openai".into()));
                (action.clone(), text(&detail["reason"]), detail["count"].as_u64().unwrap())
            })
            .collect()
    };
    let row = |action: &str, reason: &str, count| (action.to_owned(), reason.to_owned(), count);
    // A provider that asks for a rest with each answer.
    for _ in 0..5 {
        world.upstream.says(429, "retry-after-ms: 1000\r\n", "");
        assert_eq!(call(&world).await.0, 429);
        world.pass(Duration::from_secs(1));
    }
    let mut expect = vec![row("provider_key.cooldown", "asks_for_rest", 1)];
    assert_eq!(told(&incidents(&world, 1).await), expect);
    world.pass(Duration::from_secs(60));
    expect.push(row("provider_key.cooldown", "asks_for_rest", 4));
    assert_eq!(told(&incidents(&world, 2).await), expect);
    // Three failures, a probe that fails, one that does not.
    for _ in 0..3 {
        world.upstream.says(500, "", "");
        assert_eq!(call(&world).await.0, 502);
    }
    expect.push(row("provider_key.cooldown", "failed", 1));
    world.pass(Duration::from_secs(2));
    world.upstream.says(500, "", "");
    assert_eq!(call(&world).await.0, 502);
    world.pass(Duration::from_secs(4));
    world.upstream.answers(ANSWER);
    assert_eq!(call(&world).await.0, 200);
    expect.push(row("provider_key.back", "works", 1));
    world.pass(Duration::from_millis(1));
    world.upstream.says(401, "", "");
    for expected in [502, 503, 503] {
        assert_eq!(call(&world).await.0, expected);
    }
    expect.push(row("provider_key.broken", "unauthorized", 1));
    assert_eq!(told(&incidents(&world, 5).await), expect);
    world.finish().await;
}
