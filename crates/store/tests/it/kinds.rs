//! The books as a star: kinds that calls share, and pages that are found by them.

use domain::id::{CallId, KeyId, OrgId, ProjectId};
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::usage::{CallOpened, CallSettled, Outcome, RouteMode, Surface, UsageSource};
use proptest::prelude::*;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::usage::{Cursor, UsageFilter};
use uuid::Uuid;

use crate::world::{World, at, call, key, open, org, project, provider_key};

/// How many kinds there are, and how many calls.
async fn counts(world: &World) -> (i64, i64) {
    let options = SqliteConnectOptions::new().filename(world.file());
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let sql = "SELECT (SELECT COUNT(*) FROM usage_kinds), (SELECT COUNT(*) FROM usage_calls)";
    let counts = sqlx::query_as(sql).fetch_one(&pool).await.unwrap();
    pool.close().await;
    counts
}

async fn all(world: &World) -> Vec<CallSettled> {
    world.store.usage().list(&UsageFilter::default(), 1_000, None).await.unwrap()
}

/// A call that reached no provider.
fn unrouted(number: u128) -> CallSettled {
    CallSettled { provider_key: None, route_mode: None, ..call(number) }
}

#[tokio::test]
async fn calls_of_one_kind_share_a_row_whoever_posts_them() {
    let world = World::new().await;
    let other = open(&world.folder).await;
    let mut expect = Vec::new();
    for (number, store) in (0..).zip([&world.store, &other, &world.store, &other]) {
        // What is not there is the same as what is not there.
        let mut plain = call(4 * number + 1);
        (plain.tokens, plain.units, plain.opened.trace) = (Tokens::default(), Units::default(), None);
        let calls = [plain, unrouted(4 * number + 2), call(4 * number + 3), unrouted(4 * number + 4)];
        assert_eq!(store.usage().post(&calls, &[]).await.unwrap(), 4);
        expect.extend(calls);
        assert_eq!(counts(&world).await, (2, 4 * i64::try_from(number + 1).unwrap()));
    }
    expect.reverse();
    assert_eq!(all(&world).await, expect);
}

#[tokio::test]
async fn a_kind_of_a_posting_that_failed_is_not_remembered() {
    let world = World::new().await;
    let other = open(&world.folder).await;
    assert!(world.store.usage().post(&[unrouted(1)], &[(0, u64::MAX, 0)]).await.is_err());
    assert_eq!(counts(&world).await, (0, 0));
    // Another takes the number that the kind would have had.
    other.usage().post(&[call(2)], &[]).await.unwrap();
    world.store.usage().post(&[unrouted(1)], &[]).await.unwrap();
    assert_eq!(all(&world).await, [call(2), unrouted(1)]);
    assert_eq!(counts(&world).await, (2, 2));
}

#[tokio::test]
async fn of_a_call_that_comes_twice_at_once_the_first_record_stands() {
    // The second has none of the counts that are rare, and is therefore written by another statement.
    let mut second = CallSettled { outcome: Outcome::Interrupted, ..call(1) };
    (second.tokens, second.units, second.opened.trace) = (Tokens::default(), Units::default(), None);
    for calls in [[call(1), second.clone()], [second.clone(), call(1)]] {
        let world = World::new().await;
        assert_eq!(world.store.usage().post(&calls, &[]).await.unwrap(), 1);
        assert_eq!(world.store.usage().post(&calls, &[]).await.unwrap(), 0);
        assert_eq!(all(&world).await, calls[..1]);
    }
}

/// A call of small numbers, so that many are alike in some ways and not in others.
fn any_call() -> impl Strategy<Value = CallSettled> {
    let whose = (0..3_u128, 0..2_u128, 0..5_i64, prop::sample::select(Surface::ALL.to_vec()));
    let how = (
        prop::option::of(1..3_u128),
        prop::option::of(prop::sample::select(RouteMode::ALL.to_vec())),
        prop::sample::select(Outcome::ALL.to_vec()),
        prop::sample::select(vec![UsageSource::Provider, UsageSource::Estimated, UsageSource::None]),
        prop::sample::select(vec!["", "big", "small"]),
        prop::option::of(prop::sample::select(vec!["big", "asked"])),
    );
    let amount = || prop_oneof![Just(0), Just(0), 0..=i64::MAX.unsigned_abs()];
    (whose, how, prop::array::uniform12(amount()), any::<i64>()).prop_map(|(whose, how, amounts, nanos)| {
        let (owner, key_number, second, surface) = whose;
        let (connection, route_mode, outcome, source, model, asked) = how;
        let [input, cache_read, cache_write, output, reasoning, audio, cache_write_1h, image, rest @ ..] =
            amounts;
        let [pictures, sound_ms, characters, searches] = rest;
        let mut trace = call(1).opened.trace;
        trace = asked.and_then(|asked| {
            trace.map(|trace| domain::usage::Trace { model_asked: asked.to_owned(), ..trace })
        });
        CallSettled {
            opened: CallOpened {
                call: call(1).opened.call,
                org: org(owner / 2),
                project: project(owner),
                key: key(10 * owner + key_number),
                surface,
                started_at: at(second),
                trace,
            },
            provider_key: connection.map(provider_key),
            route_mode,
            provider: if model.is_empty() { String::new() } else { "openai".to_owned() },
            model: model.to_owned(),
            outcome,
            tokens: Tokens {
                input,
                cache_read,
                cache_write,
                output,
                reasoning,
                audio,
                cache_write_1h,
                image,
            },
            units: Units { pictures, sound_ms, characters, searches },
            source,
            cost: Money::from_nanos(nanos),
            pricing: "priced".to_owned(),
            price_version: format!("v{}", second % 2),
        }
    })
}

fn any_filter() -> impl Strategy<Value = UsageFilter> {
    let one = || prop::option::of(0..3_u128);
    let model = prop::option::of(prop::sample::select(vec!["big", "openai/small", "asked"]));
    (one(), one(), one(), model, prop::option::of(0..5_i64), prop::option::of(0..5_i64)).prop_map(
        |(of_org, of_project, of_key, model, since, until)| UsageFilter {
            org: of_org.map(org),
            project: of_project.map(project),
            key: of_key.map(|number| key(10 * number)),
            model: model.map(str::to_owned),
            request_id: None,
            since: since.map(at),
            until: until.map(at),
        },
    )
}

/// Whether a call fits, as the filter says it.
fn fits(filter: &UsageFilter, call: &CallSettled) -> bool {
    let UsageFilter { org, project, key, model, request_id: _, since, until } = filter;
    let opened = &call.opened;
    let is = |model: &String| {
        let asked = opened.trace.as_ref().map(|trace| &trace.model_asked);
        *model == call.model || Some(model) == asked || *model == format!("{}/{}", call.provider, call.model)
    };
    org.is_none_or(|org: OrgId| org == opened.org)
        && project.is_none_or(|project: ProjectId| project == opened.project)
        && key.is_none_or(|key: KeyId| key == opened.key)
        && model.as_ref().is_none_or(is)
        && since.is_none_or(|since| opened.started_at >= since)
        && until.is_none_or(|until| opened.started_at < until)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn pages_of_any_filter_are_what_was_posted(
        mut calls in prop::collection::vec(any_call(), 1..60),
        filters in prop::collection::vec(any_filter(), 6),
        size in 1_u32..9,
        lot in 1_usize..60,
    ) {
        for (number, call) in (1..).zip(&mut calls) {
            call.opened.call = CallId::new(Uuid::from_u128(number));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            for calls in calls.chunks(lot) {
                world.store.usage().post(calls, &[]).await.unwrap();
            }
            calls.sort_by_key(|call| (call.opened.started_at, call.opened.call));
            for filter in filters {
                let expect: Vec<_> = calls.iter().filter(|call| fits(&filter, call)).cloned().collect();
                let records = world.store.usage().records();
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let page = records.list_oldest(&filter, size, after).await.unwrap();
                    prop_assert!(page.len() <= usize::try_from(size).unwrap());
                    let Some(last) = page.last() else { break };
                    after = Some(Cursor::after(last));
                    seen.extend(page);
                }
                prop_assert_eq!(&seen, &expect, "{:?}", filter);
                let (mut seen, mut after) = (Vec::new(), None);
                loop {
                    let page = records.list(&filter, size, after).await.unwrap();
                    let Some(last) = page.last() else { break };
                    after = Some(Cursor::after(last));
                    seen.extend(page);
                }
                seen.reverse();
                prop_assert_eq!(&seen, &expect, "{:?}", filter);
            }
            Ok(())
        })?;
    }
}
