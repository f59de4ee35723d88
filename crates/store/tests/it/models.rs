//! The installation's own model rows.

use domain::catalog::ModelFacts;
use domain::money::Money;
use domain::price::{Price, Pricing, Stepped};
use domain::route::Facts;
use store::models::{ModelRefused, NewModel};
use store::switch::Switch;

use crate::world::{World, act, at};

fn price(input: &str, output: &str) -> Price {
    Price::new(input.parse().unwrap(), output.parse().unwrap()).unwrap()
}

fn new(model: &str, pricing: Pricing) -> NewModel {
    NewModel {
        provider: "openai".to_owned(),
        model: model.to_owned(),
        pricing,
        context_tokens: Some(128_000),
        max_output_tokens: None,
        state: Switch::Active,
    }
}

#[tokio::test]
async fn every_pricing_reads_back_and_each_write_is_a_new_price() {
    let world = World::new().await;
    let models = world.store.models();
    let stepped = Stepped { below: price("1", "2"), from_prompt_tokens: 200_000, beyond: price("2", "3") };
    let mut versions = std::collections::HashSet::new();
    for pricing in
        [Pricing::Priced(price("0.15", "0.6")), Pricing::Free, Pricing::Unpriced, Pricing::Stepped(stepped)]
    {
        let row = models.upsert(&new("gpt-x", pricing), &act(5)).await.unwrap();
        assert_eq!((row.pricing, row.context_tokens, row.max_output_tokens), (pricing, Some(128_000), None));
        assert!(versions.insert(row.price_version()));
    }
    models.remove("openai", "gpt-x", &act(6)).await.unwrap();
    let row = models.upsert(&new("gpt-x", Pricing::Free), &act(7)).await.unwrap();
    assert!(versions.insert(row.price_version()), "not even a removed row lends its version");
    assert_eq!((row.created_at, row.updated_at), (at(7), at(7)));
    let row = models.upsert(&new("gpt-x", Pricing::Free), &act(8)).await.unwrap();
    assert_eq!((row.created_at, row.updated_at), (at(7), at(8)));
    assert_eq!(models.list().await.unwrap(), [row]);
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    let models = world.store.models();
    let credit = Price { request: Money::from_nanos(-1), ..price("1", "1") };
    let stepped = Stepped { below: price("1", "1"), from_prompt_tokens: 1, beyond: credit };
    for pricing in [Pricing::Priced(credit), Pricing::Stepped(stepped)] {
        let refused = models.upsert(&new("gpt-x", pricing), &act(5)).await;
        assert!(matches!(refused, Err(ModelRefused::NegativePrice(_))));
    }
    for (provider, model) in [("", "m"), ("a/b", "m"), ("openai", ""), ("openai", "a\nb")] {
        let (provider, model) = (provider.to_owned(), model.to_owned());
        let bad = NewModel { provider, model, ..new("", Pricing::Free) };
        assert!(matches!(models.upsert(&bad, &act(5)).await, Err(ModelRefused::BadName(_))), "{bad:?}");
    }
    assert!(models.list().await.unwrap().is_empty());
    for refused in [
        models.get("openai", "none").await.err(),
        models.remove("openai", "none", &act(5)).await.err(),
        models.set_state("openai", "none", Switch::Active, &act(5)).await.err(),
    ] {
        assert!(matches!(refused, Some(ModelRefused::NotFound(name)) if name == "openai/none"));
    }
}

#[tokio::test]
async fn rows_lie_over_the_catalogue() {
    let world = World::new().await;
    let models = world.store.models();
    let own = models.upsert(&new("cheap", Pricing::Priced(price("1", "2"))), &act(5)).await.unwrap();
    models.upsert(&new("gone", Pricing::Free), &act(5)).await.unwrap();
    models.set_state("openai", "gone", Switch::Disabled, &act(6)).await.unwrap();

    let mut facts = Facts::default();
    for model in ["cheap", "gone", "kept"] {
        facts.insert("openai", model, ModelFacts { pricing: Pricing::Free, ..ModelFacts::unknown() });
    }
    models.lay_over(&mut facts).await.unwrap();
    let cheap = facts.get("openai", "cheap").unwrap();
    assert_eq!((cheap.pricing, &*cheap.price_version), (own.pricing, &*own.price_version()));
    assert_eq!(facts.get("openai", "gone"), None);
    assert_eq!(facts.get("openai", "kept").unwrap().pricing, Pricing::Free);

    models.set_state("openai", "gone", Switch::Active, &act(7)).await.unwrap();
    models.lay_over(&mut facts).await.unwrap();
    assert_eq!(facts.get("openai", "gone").unwrap().pricing, Pricing::Free);
}

#[tokio::test]
async fn a_price_of_ones_own_keeps_the_share_of_it_that_a_batch_costs() {
    let world = World::new().await;
    let models = world.store.models();
    for model in ["listed", "deployed"] {
        models.upsert(&new(model, Pricing::Priced(price("1", "2"))), &act(5)).await.unwrap();
    }
    let mut facts = Facts::default();
    facts.insert_default("openai", ModelFacts { batch_percent: Some(50), ..ModelFacts::unknown() });
    facts.insert("openai", "listed", ModelFacts { batch_percent: Some(60), ..ModelFacts::unknown() });
    models.lay_over(&mut facts).await.unwrap();
    let percent = |model| facts.get("openai", model).unwrap().batch_percent;
    assert_eq!((percent("listed"), percent("deployed")), (Some(60), Some(50)));
}
