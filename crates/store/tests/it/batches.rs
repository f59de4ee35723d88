//! Batches: found by their own project, named in whichever order the records come, and settled with their call.

use domain::batch::Batch;
use domain::id::CallId;
use domain::money::Money;
use domain::price::{Price, Pricing, Stepped};
use domain::retention::Class;
use domain::usage::{CallSettled, RouteMode, Surface};
use proptest::prelude::*;
use store::page::{Named, Order};
use store::retention::Whose;
use store::usage::{Posting, UsageFilter};
use uuid::Uuid;

use crate::files::requests;
use crate::world::{World, act, call, key, org, project, provider_key};

/// The batch that is the call of this number, of project 1 of organization 1; asked for at the second of the same number.
pub fn batch(number: u128, name: Option<&str>) -> Batch {
    let mut opened = call(number).opened;
    (opened.surface, opened.trace) = (Surface::Batches, None);
    Batch {
        opened,
        connection: provider_key(5),
        route_mode: RouteMode::Platform,
        provider: "openai".to_owned(),
        input_file: format!("file-{number}"),
        requests: requests(),
        pricing: Pricing::Priced(price(10)),
        price_version: "2026-11-22/openai/embed-x".to_owned(),
        name: name.map(str::to_owned),
    }
}

/// The record of its call.
pub fn ended(number: u128) -> CallSettled {
    CallSettled { opened: batch(number, None).opened, ..call(number) }
}

fn price(nanos: i64) -> Price {
    Price::new(Money::from_nanos(nanos), Money::from_nanos(3 * nanos)).unwrap()
}

fn id(number: u128) -> CallId {
    CallId::new(Uuid::from_u128(number))
}

pub async fn post(world: &World, batched: &[Batch], calls: &[CallSettled]) -> u64 {
    let posting = Posting { batched, calls, ..Posting::default() };
    world.store.usage().post_batch(&posting).await.unwrap()
}

async fn unsettled(world: &World) -> Vec<Batch> {
    world.store.batches().unsettled(None, 99).await.unwrap()
}

#[tokio::test]
async fn a_batch_reads_back_as_it_was_posted_to_its_own_project_alone() {
    let world = World::new().await;
    let units = Price { picture: Some(Money::from_nanos(5)), search: Some(Money::ZERO), ..price(20) };
    let stepped = Stepped { below: units, from_prompt_tokens: 200_000, beyond: price(30) };
    let forms = [Pricing::Priced(units), Pricing::Stepped(stepped), Pricing::Free, Pricing::Unpriced];
    let mut batches: Vec<Batch> = (1u128..)
        .zip(forms)
        .map(|(number, pricing)| Batch { pricing, ..batch(number, Some(&format!("batch_{number}"))) })
        .collect();
    batches[1].route_mode = RouteMode::Byok;
    // The same name at another provider, of another project.
    let mut theirs = batch(9, Some("batch_1"));
    (theirs.opened.org, theirs.opened.project, theirs.opened.key) = (org(2), project(2), key(2));
    for _ in 0..2 {
        post(&world, &[&batches[..], std::slice::from_ref(&theirs)].concat(), &[]).await;
    }
    let found = async |owner, of, name: &str| world.store.batches().find(owner, of, name).await.unwrap();
    for batch in &batches {
        assert_eq!(found(org(1), project(1), batch.name.as_ref().unwrap()).await.as_ref(), Some(batch));
    }
    assert_eq!(found(org(2), project(2), "batch_1").await.as_ref(), Some(&theirs));
    assert_eq!(
        found(org(1), project(2), "batch_1").await,
        None,
        "of the organization and not of the project"
    );
    assert_eq!(found(org(2), project(2), "batch_2").await, None);
    batches.push(theirs);
    assert_eq!(unsettled(&world).await, batches, "the watcher sees everybody's");
}

#[tokio::test]
async fn a_price_below_zero_is_no_price() {
    let world = World::new().await;
    let below = Price { input: Money::from_nanos(-1), ..price(10) };
    post(&world, &[Batch { pricing: Pricing::Priced(below), ..batch(1, None) }], &[]).await;
    assert_eq!(unsettled(&world).await[0].pricing, Pricing::Unpriced);
}

/// What comes out of the outbox for one batch, in an order of its own.
#[derive(Debug, Clone)]
enum Step {
    Nameless,
    Named,
    Ended,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn in_any_order_and_however_often_the_end_is_the_same(
        steps in Just([Step::Nameless, Step::Named, Step::Ended]).prop_shuffle(),
        again in proptest::collection::vec(0usize..3, 0..4), is_one in any::<bool>()
    ) {
        let steps: Vec<Step> = steps.iter().cloned().chain(again.iter().map(|index| steps[*index].clone())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new().await;
            let parts = |steps: &[Step]| {
                let (mut batched, mut calls) = (vec![], vec![]);
                for step in steps {
                    match step {
                        Step::Nameless => batched.push(batch(1, None)),
                        Step::Named => batched.push(batch(1, Some("batch_1"))),
                        Step::Ended => calls.push(ended(1)),
                    }
                }
                (batched, calls)
            };
            let chunks: Vec<&[Step]> = if is_one { vec![&steps[..]] } else { steps.chunks(1).collect() };
            let mut posted = 0;
            for chunk in chunks {
                let (batched, calls) = parts(chunk);
                posted += post(&world, &batched, &calls).await;
            }
            assert_eq!(posted, 1, "one row in the books");
            let found = world.store.batches().find(org(1), project(1), "batch_1").await.unwrap();
            assert_eq!(found, Some(batch(1, Some("batch_1"))));
            assert_eq!(unsettled(&world).await, []);
            assert!(world.store.batches().is_settled(id(1)).await.unwrap());
        });
    }
}

#[tokio::test]
async fn a_batch_is_settled_by_its_own_call_alone() {
    let world = World::new().await;
    post(&world, &[batch(1, None), batch(2, Some("batch_2")), batch(3, None)], &[call(1), ended(4)]).await;
    let open = async |after: Option<u128>, limit| {
        let found = world.store.batches().unsettled(after.map(id), limit).await.unwrap();
        found.iter().map(|batch| batch.opened.call.uuid().as_u128()).collect::<Vec<_>>()
    };
    // The call of number 1 is in the books as another kind of call, which no batch of ours can be.
    assert_eq!(open(None, 9).await, [2, 3]);
    assert_eq!(open(None, 1).await, [2]);
    assert_eq!(open(Some(2), 9).await, [3]);
    assert!(!world.store.batches().is_settled(id(2)).await.unwrap());
    assert_eq!(post(&world, &[], &[ended(2)]).await, 1);
    assert_eq!(post(&world, &[], &[ended(2)]).await, 0, "posting again is one row");
    assert!(world.store.batches().is_settled(id(2)).await.unwrap());
    assert_eq!(open(None, 9).await, [3]);
    assert_eq!(
        world.store.batches().find(org(1), project(1), "batch_2").await.unwrap(),
        Some(batch(2, Some("batch_2"))),
        "it is found as before"
    );
}

#[tokio::test]
async fn a_name_that_is_given_twice_is_taken_once() {
    let world = World::new().await;
    post(&world, &[batch(1, Some("batch_1")), batch(2, None), batch(3, Some("batch_1"))], &[]).await;
    post(&world, &[batch(2, Some("batch_1"))], &[]).await;
    assert_eq!(unsettled(&world).await, [batch(1, Some("batch_1")), batch(2, None), batch(3, None)]);
    post(&world, &[batch(2, Some("batch_2")), batch(2, Some("batch_7"))], &[]).await;
    let names: Vec<_> = unsettled(&world).await.into_iter().map(|batch| batch.name).collect();
    assert_eq!(names, [Some("batch_1".to_owned()), Some("batch_2".to_owned()), None], "a name stands");
}

#[tokio::test]
async fn pages_join_without_a_gap_or_a_repeat() {
    let world = World::new().await;
    let name = |number: u128| format!("batch_{}", 100 - number);
    // Every three are asked for at the same instant, so that pages end among equals.
    let mut batches: Vec<Batch> = (1..=11u128)
        .map(|number| {
            let mut batch = batch(number, Some(&name(number)));
            batch.opened.started_at = call(number / 3 + 1).opened.started_at;
            batch
        })
        .collect();
    batches.push(batch(12, None));
    let mut theirs = batch(13, Some("batch_13"));
    theirs.opened.project = project(2);
    batches.push(theirs);
    post(&world, &batches, &[ended(3)]).await;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let (mut seen, mut after) = (vec![], None::<String>);
        loop {
            let page = Named { after: after.as_deref(), limit: 2, order };
            let page = world.store.batches().list(org(1), project(1), page).await.unwrap();
            assert!(page.len() <= 2);
            let Some(last) = page.last() else { break };
            after.clone_from(&last.name);
            seen.extend(page.into_iter().flat_map(|batch| batch.name));
        }
        if order == Order::NewestFirst {
            seen.reverse();
        }
        assert_eq!(seen, (1..=11).map(name).collect::<Vec<_>>(), "{order:?}");
    }
    let behind = Named { after: Some("batch_13"), limit: 9, order: Order::NewestFirst };
    assert_eq!(
        world.store.batches().list(org(1), project(1), behind).await.unwrap(),
        [],
        "another project's"
    );
}

#[tokio::test]
async fn what_is_kept_of_a_batch_for_a_while_is_kept_no_longer_than_of_a_call() {
    let world = World::new().await;
    world.key(1).await;
    let settings = world.store.retention().settings();
    settings.set(Class::TRACES, Whose::Installation, Some(1), &act(1)).await.unwrap();
    let mut traced = batch(1, None);
    traced.opened.trace = call(1).opened.trace;
    post(&world, std::slice::from_ref(&traced), &[]).await;
    assert_eq!(unsettled(&world).await[0].opened.trace, None, "it is not with the batch");
    let by_request = async || {
        let filter = UsageFilter { request_id: Some("req-1".to_owned()), ..UsageFilter::default() };
        world.store.usage().list(&filter, 9, None).await.unwrap().len()
    };
    assert_eq!(by_request().await, 0);
    post(&world, &[], &[ended(1)]).await;
    assert_eq!(by_request().await, 1, "the books find it while it is kept");
    crate::retention::go_over(&world, Class::TRACES, 1, 3_601).await;
    assert_eq!(by_request().await, 0);
    traced.name = Some("batch_1".to_owned());
    post(&world, &[traced], &[]).await;
    assert_eq!(by_request().await, 0, "posting again brings nothing back");
}

#[tokio::test]
async fn a_batch_leaves_when_it_is_settled_and_the_books_stay() {
    let world = World::new().await;
    post(&world, &[batch(1, Some("batch_1")), batch(2, Some("batch_2"))], &[ended(1)]).await;
    let late = 2 + 90 * 86_400;
    assert_eq!(crate::retention::go_over(&world, Class::BATCHES, 1, late).await.removed, 1);
    assert_eq!(world.store.batches().find(org(1), project(1), "batch_1").await.unwrap(), None);
    assert_eq!(unsettled(&world).await, [batch(2, Some("batch_2"))], "whatever its age");
    assert!(world.store.batches().is_settled(id(1)).await.unwrap());
    assert_eq!(world.store.usage().list(&UsageFilter::default(), 9, None).await.unwrap(), [ended(1)]);
}
