//! Sums over records.

use domain::money::Money;
use domain::price::Units;
use domain::usage::{CallSettled, Outcome};
use proptest::prelude::*;
use store::usage::{GroupBy, UsageFilter};

use crate::world::{World, at, call, key, project};

const DAY: i64 = 86_400;

#[tokio::test]
async fn records_are_grouped_counted_and_summed() {
    let world = World::new().await;
    let usage = world.store.usage();
    let mut refused = call(3);
    (refused.provider, refused.model, refused.cost) = (String::new(), String::new(), Money::ZERO);
    (refused.outcome, refused.opened.started_at) = (Outcome::Failed, at(3 * DAY));
    let mut other = call(4);
    (other.opened.key, other.opened.project, other.cost) = (key(2), project(2), Money::from_nanos(9_000));
    (other.model, other.opened.started_at) = ("big".to_owned(), at(4 * DAY - 1));
    let mut untraced = CallSettled { opened: call(5).opened, ..refused.clone() };
    (untraced.opened.trace, untraced.opened.started_at) = (None, at(3 * DAY));
    usage.post(&[call(1), call(2), refused, other, untraced], &[]).await.unwrap();

    let check = async |by, expect: &[(&str, u64, i128)]| {
        let groups = usage.summary(by, &UsageFilter::default()).await.unwrap();
        let found: Vec<_> =
            groups.iter().map(|one| (one.label.as_str(), one.calls, one.cost_nanos)).collect();
        assert_eq!(found, expect);
    };
    check(GroupBy::Day, &[("1970-01-01", 2, 3_000), ("1970-01-04", 3, 9_000)]).await;
    check(
        GroupBy::Model,
        &[("openai/big", 1, 9_000), ("openai/gpt-x", 2, 3_000), ("gpt-x", 1, 0), ("none", 1, 0)],
    )
    .await;
    check(GroupBy::Key, &[(&key(2).to_string(), 1, 9_000), (&key(1).to_string(), 4, 3_000)]).await;
    check(GroupBy::Project, &[(&project(2).to_string(), 1, 9_000), (&project(1).to_string(), 4, 3_000)])
        .await;
    check(GroupBy::Outcome, &[("complete", 3, 12_000), ("failed", 2, 0)]).await;

    let filter = UsageFilter { until: Some(at(3)), ..UsageFilter::default() };
    let [group] = &usage.summary(GroupBy::Key, &filter).await.unwrap()[..] else { panic!("one key") };
    assert_eq!((group.calls, group.tokens.total()), (2, 102));
    assert_eq!((group.tokens.input, group.tokens.cache_read, group.tokens.cache_write), (20, 4, 6));
    assert_eq!((group.tokens.output, group.tokens.reasoning, group.tokens.audio), (40, 8, 2));
    assert_eq!((group.tokens.cache_write_1h, group.tokens.image), (10, 12));
    let units = Units { pictures: 14, sound_ms: 16, characters: 18, searches: 20 };
    assert_eq!(group.units, units);
    assert_eq!(group.cost_usd(), "0.000003");
    let nothing = UsageFilter { since: Some(at(99 * DAY)), ..UsageFilter::default() };
    assert!(usage.summary(GroupBy::Day, &nothing).await.unwrap().is_empty());
}

#[tokio::test]
async fn sums_beyond_64_bits_are_exact() {
    let world = World::new().await;
    let calls: Vec<_> = (1..=3).map(|number| CallSettled { cost: Money::MAX, ..call(number) }).collect();
    world.store.usage().post(&calls, &[]).await.unwrap();
    let groups = world.store.usage().summary(GroupBy::Outcome, &UsageFilter::default()).await.unwrap();
    assert_eq!(groups[0].cost_nanos, 3 * i128::from(i64::MAX));
    assert_eq!(groups[0].cost_usd(), "27670116110.564327421");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_sum_is_the_sum(rows in proptest::collection::vec((0..=i64::MAX, 0..=i64::MAX.unsigned_abs()), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let groups = runtime.block_on(async {
            let world = World::new().await;
            let calls: Vec<_> = (1u128..)
                .zip(&rows)
                .map(|(number, (cost, output))| {
                    let mut call = CallSettled { cost: Money::from_nanos(*cost), ..call(number) };
                    call.tokens.output = *output;
                    call
                })
                .collect();
            world.store.usage().post(&calls, &[]).await.unwrap();
            world.store.usage().summary(GroupBy::Outcome, &UsageFilter::default()).await.unwrap()
        });
        let cost: i128 = rows.iter().map(|(cost, _)| i128::from(*cost)).sum();
        let output = rows.iter().fold(0u64, |sum, (_, output)| sum.saturating_add(*output));
        prop_assert_eq!((groups[0].cost_nanos, groups[0].tokens.output), (cost, output));
    }
}
