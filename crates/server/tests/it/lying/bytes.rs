//! Rows that say byte for byte what the upstream sends as a stream.

use std::time::Duration;

use domain::usage::{CallSettled, Outcome, UsageSource};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use super::Row;
use crate::streams::{DONE, REQUEST, USAGE};
use crate::world::World;
use crate::world::caller::Answer;
use crate::world::upstream::Step;

/// The steps of an upstream that sends these bytes.
fn steps_of(bytes: &str) -> Vec<Step> {
    let (head, body) = bytes.split_once("\r\n\r\n").unwrap();
    let head = Step::Send(format!("{head}\r\n\r\n").into_bytes());
    let emoji = [
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\u{1f3f0}\"}}]}\n\n",
        USAGE,
        DONE,
    ]
    .concat();
    let middle = emoji.find('\u{1f3f0}').unwrap() + 2;
    if let Some(generated) = body.strip_prefix("__GEN_").and_then(|rest| rest.strip_suffix("__")) {
        let (unit, count) = generated.rsplit_once('x').unwrap();
        // A bar in a unit stands for the blank line that ends an event.
        let (unit, count) = (unit.replace('|', "\n\n"), count.parse::<usize>().unwrap());
        return vec![head, Step::Flood(unit.repeat(1_000).into_bytes(), count / 1_000), Step::Close];
    }
    match body.split_once(':') {
        Some(("SPLIT", _)) => {
            let (start, rest) = emoji.as_bytes().split_at(middle);
            vec![head, Step::Send(start.to_vec()), Step::Drip(rest.to_vec()), Step::Close]
        }
        Some(("DRIP", _)) => vec![head, Step::Drip(emoji.into_bytes()), Step::Close],
        _ => vec![head, Step::Send(body.as_bytes().to_vec()), Step::Close],
    }
}

pub async fn check(row: &Row, bytes: &str) {
    let id = row.id.as_str();
    let world = World::with(&[("retries.per_target", "0")]).await;
    world.upstream.then(steps_of(bytes));
    if id == "upstream-many-tiny" {
        return many_tiny(world, row).await;
    }
    let answer = world.chat(REQUEST).await;
    let text = answer.text();
    let settled = world.only_usage().await;
    match row.expect["client_status"].as_u64() {
        Some(status) => assert_eq!(u64::from(answer.status), status, "{id}: {text:.300}"),
        None => assert_well_formed(id, &answer),
    }
    match id {
        "upstream-no-done" | "upstream-bad-json" | "upstream-error-after-tokens" => {
            assert!(ends_with_error(&text), "{id}: {text}");
            assert_eq!(settled.outcome, Outcome::Cut, "{id}");
            assert!(settled.tokens.output >= 1, "{id}: {settled:?}");
        }
        // Nothing of these reached the caller, so that they could be told by a status, and nothing is billed.
        "upstream-trunc-json" | "upstream-html" | "upstream-json-error" | "upstream-no-newline" => {
            assert_eq!(answer.status, 502, "{id}");
            assert_free(id, &settled);
            assert!(!text.contains("PROVIDERKEY"), "{id}: {text}");
        }
        "upstream-usage-string" => assert_eq!(settled.outcome, Outcome::Complete, "{id}"),
        _ => {
            assert!(ends_with_done(&text), "{id}: {text}");
            assert_eq!((settled.outcome, settled.source), (Outcome::Complete, UsageSource::Provider), "{id}");
            assert_eq!((settled.tokens.input, settled.tokens.output), (5, 1), "{id}");
        }
    }
    if row.expect["flag"] == "no_done" {
        assert_eq!(settled.source, UsageSource::Provider, "{id}: usage had come");
    }
    if let Some(most) = row.expect["max_rss_growth_mb"].as_u64() {
        // What was taken off the upstream's hands is the most that can have been kept.
        let taken = world.upstream.flooded() as u64;
        assert!(taken < most << 20, "{id}: {taken} bytes were read");
    }
    world.finish().await;
}

/// A million events pass one by one. (Measured once: half a second of processor time in a debug build, and no
/// growth of memory; the row allows five seconds, which no test asserts on a machine that does other things.)
async fn many_tiny(world: World, row: &Row) {
    let text =
        world.caller.request("POST", "/v1/chat/completions", "content-type: application/json\r\n", REQUEST);
    let mut stream = world.caller.open(text.as_bytes()).await;
    let (mut colons, mut last, mut piece) = (0usize, Vec::new(), vec![0; 64 << 10]);
    loop {
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut piece)).await;
        let count = read.expect("the stream to go on").unwrap();
        if count == 0 {
            break;
        }
        colons += piece[..count].iter().filter(|byte| **byte == b'}').count();
        last.extend_from_slice(&piece[..count]);
        last.drain(..last.len().saturating_sub(1_000));
    }
    assert!(colons > 1_000_000, "{}: {colons} events", row.id);
    assert!(ends_with_error(&String::from_utf8_lossy(&last)), "{}", row.id);
    world.usage(1).await;
    world.finish().await;
}

fn events(text: &str) -> Vec<&str> {
    text.split_inclusive("\n\n").filter(|event| !event.starts_with(':')).collect()
}

pub fn ends_with_done(text: &str) -> bool {
    events(text).last().is_some_and(|event| event.trim_end().ends_with("[DONE]"))
}

pub fn ends_with_error(text: &str) -> bool {
    events(text).iter().rev().any(|event| event.contains("\"provider_error\"")) && !text.contains("[DONE]")
}

/// A client of the protocol can read every event.
fn assert_well_formed(id: &str, answer: &Answer) {
    if answer.status != 200 {
        return;
    }
    let text = answer.text();
    assert!(text.ends_with("\n\n"), "{id}: {text:?}");
    for event in events(&text) {
        for line in event.lines().filter_map(|line| line.strip_prefix("data:")) {
            let json = line.trim() == "[DONE]" || serde_json::from_str::<Value>(line).is_ok();
            assert!(json, "{id}: {line}");
        }
    }
}

pub fn assert_free(id: &str, settled: &CallSettled) {
    assert_eq!(
        (settled.outcome, settled.source, settled.tokens.total(), settled.cost.nanos()),
        (Outcome::Failed, UsageSource::None, 0, 0),
        "{id}: {settled:?}"
    );
}
