//! Records of calls: posting and listing.

use domain::price::Tokens;
use domain::usage::{CallSettled, Outcome, Surface, UsageSource};
use store::usage::{Cursor, UsageFilter};

use crate::world::{World, at, call, key, org, project};

/// The numbers of the calls, in their order.
fn numbers(calls: &[CallSettled]) -> Vec<u128> {
    calls.iter().map(|call| call.opened.call.uuid().as_u128()).collect()
}

#[tokio::test]
async fn a_record_reads_back_as_it_was_posted() {
    let world = World::new().await;
    let mut expect = vec![call(1)];
    for (number, outcome) in (2..).zip(Outcome::ALL) {
        expect.push(CallSettled { outcome, provider_key: None, route_mode: None, ..call(number) });
    }
    for (number, surface) in (20..).zip(Surface::ALL) {
        let mut call = call(number);
        (call.opened.surface, call.opened.trace, call.source) = (surface, None, UsageSource::Estimated);
        expect.push(call);
    }
    expect.push(CallSettled { source: UsageSource::None, provider: String::new(), ..call(90) });
    let posted = u64::try_from(expect.len()).unwrap();
    assert_eq!(world.store.usage().post(&expect, &[]).await.unwrap(), posted);
    expect.reverse();
    assert_eq!(world.store.usage().list(&UsageFilter::default(), 100, None).await.unwrap(), expect);
}

#[tokio::test]
async fn posting_again_changes_nothing() {
    let world = World::new().await;
    let usage = world.store.usage();
    let batch: Vec<_> = (1..=40).map(call).collect();
    assert_eq!(usage.post(&batch, &[(0, 1, 100)]).await.unwrap(), 40);
    assert_eq!(usage.post(&batch, &[(0, 1, 100)]).await.unwrap(), 0);
    let late = CallSettled { outcome: Outcome::Interrupted, tokens: Tokens::default(), ..call(40) };
    assert_eq!(usage.post(&[late, call(41), call(41)], &[]).await.unwrap(), 1, "the first record stands");
    let newest = usage.list(&UsageFilter::default(), 2, None).await.unwrap();
    assert_eq!(newest, [call(41), call(40)]);
}

#[tokio::test]
async fn positions_are_posted_with_the_calls() {
    let world = World::new().await;
    let usage = world.store.usage();
    assert!(usage.positions().await.unwrap().is_empty());
    assert_eq!(usage.post(&[], &[]).await.unwrap(), 0);
    usage.post(&[call(1)], &[(1, 7, 4_096), (0, 3, 12)]).await.unwrap();
    assert_eq!(usage.positions().await.unwrap(), [(0, 3, 12), (1, 7, 4_096)]);
    usage.post(&[], &[(1, 8, 0)]).await.unwrap();
    assert_eq!(usage.positions().await.unwrap(), [(0, 3, 12), (1, 8, 0)]);

    // A position that cannot be kept takes the calls of its batch with it.
    assert!(usage.post(&[call(2)], &[(0, 4, 0), (2, u64::MAX, 0)]).await.is_err());
    assert_eq!(usage.positions().await.unwrap(), [(0, 3, 12), (1, 8, 0)]);
    assert_eq!(numbers(&usage.list(&UsageFilter::default(), 9, None).await.unwrap()), [1]);
}

#[tokio::test]
async fn posting_says_when_a_key_was_last_used() {
    let world = World::new().await;
    world.key(1).await;
    world.store.usage().post(&[call(50), call(70), call(60)], &[]).await.unwrap();
    let found = world.store.keys().get(&key(1).to_string()).await.unwrap();
    assert_eq!(found.last_used_at, Some(at(70)));
}

#[tokio::test]
async fn a_provider_that_claims_too_much_does_not_stop_the_books() {
    let world = World::new().await;
    let mut absurd = call(1);
    absurd.tokens.output = u64::MAX;
    assert_eq!(world.store.usage().post(&[absurd, call(2)], &[]).await.unwrap(), 2);
    let kept = world.store.usage().list(&UsageFilter::default(), 9, None).await.unwrap();
    assert_eq!(kept[1].tokens.output, i64::MAX.unsigned_abs());
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let world = World::new().await;
    let mut other = call(3);
    (other.opened.org, other.opened.project, other.opened.key) = (org(2), project(2), key(2));
    (other.provider, other.model) = ("groq".into(), "llama".into());
    other.opened.trace.as_mut().unwrap().model_asked = "fast".into();
    world.store.usage().post(&[call(1), call(2), other, call(4)], &[]).await.unwrap();
    let check = async |filter: UsageFilter, expect: &[u128]| {
        let found = world.store.usage().list(&filter, 100, None).await.unwrap();
        assert_eq!(numbers(&found), expect, "{filter:?}");
    };
    let any = UsageFilter::default;
    check(any(), &[4, 3, 2, 1]).await;
    check(UsageFilter { org: Some(org(2)), ..any() }, &[3]).await;
    check(UsageFilter { project: Some(project(1)), ..any() }, &[4, 2, 1]).await;
    check(UsageFilter { key: Some(key(2)), ..any() }, &[3]).await;
    check(UsageFilter { since: Some(at(2)), until: Some(at(4)), ..any() }, &[3, 2]).await;
    check(UsageFilter { request_id: Some("req-2".to_owned()), ..any() }, &[2]).await;
    for model in ["fast", "llama", "groq/llama"] {
        check(UsageFilter { model: Some(model.to_owned()), ..any() }, &[3]).await;
    }
    check(UsageFilter { org: Some(org(1)), key: Some(key(2)), ..any() }, &[]).await;
}

#[tokio::test]
async fn pages_join_without_a_gap_or_a_repeat() {
    let world = World::new().await;
    let usage = world.store.usage();
    // Every five calls begin at the same instant, so that pages end among equals.
    let calls: Vec<_> = (1..=23)
        .map(|number| {
            let mut call = call(number);
            call.opened.started_at = at(i64::try_from(number / 5).unwrap());
            call
        })
        .collect();
    usage.post(&calls, &[]).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = usage.list(&UsageFilter::default(), 4, after).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 4);
        after = Some(Cursor::after(last));
        seen.extend(numbers(&page));
    }
    assert_eq!(seen, (1..=23).rev().collect::<Vec<_>>());
}
