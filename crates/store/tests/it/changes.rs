//! The change feed.

use domain::price::Pricing;
use domain::route::{Owner, Serves};
use domain::scope::KeyState;
use store::models::NewModel;
use store::orgs::OrgState;
use store::provider_keys::NewProviderKey;
use store::switch::Switch;

use crate::world::{World, act, at, key, new_key, org, project, provider_key};

#[tokio::test]
async fn every_write_that_the_gate_must_learn_of_is_there_in_order() {
    let world = World::new().await;
    let store = &world.store;
    assert_eq!(store.changes().latest().await.unwrap(), 0);
    world.key(1).await;
    store.orgs().set_state(org(1), OrgState::Suspended, &act(10)).await.unwrap();
    store.projects().set_state(project(1), Switch::Disabled, &act(11)).await.unwrap();
    store.keys().set_state(key(1), KeyState::Revoked, &act(12)).await.unwrap();
    let upstream = NewProviderKey {
        id: provider_key(1),
        owner: Owner::Platform,
        name: "local".to_owned(),
        provider: "ollama".to_owned(),
        base_url: "http://127.0.0.1:11434/v1".to_owned(),
        sealed: None,
        masked: String::new(),
        serves: Serves::Any,
        priority: 1,
        fallback_to_platform: false,
        created_at: at(13),
    };
    store.provider_keys().insert(&upstream, &act(1)).await.unwrap();
    store.provider_keys().set_state(provider_key(1), Switch::Disabled, &act(14)).await.unwrap();
    store.provider_keys().delete(provider_key(1), &act(15)).await.unwrap();
    let model = NewModel {
        provider: "ollama".to_owned(),
        model: "llama".to_owned(),
        pricing: Pricing::Free,
        context_tokens: None,
        max_output_tokens: None,
        state: Switch::Active,
    };
    store.models().upsert(&model, &act(16)).await.unwrap();
    store.models().set_state("ollama", "llama", Switch::Disabled, &act(17)).await.unwrap();
    store.models().remove("ollama", "llama", &act(18)).await.unwrap();

    let (upstream, key) = (provider_key(1).to_string(), key(1).to_string());
    let expect = [
        ("key", key.clone(), 3),
        ("org", org(1).to_string(), 10),
        ("project", project(1).to_string(), 11),
        ("key", key, 12),
        ("route", upstream.clone(), 13),
        ("route", upstream.clone(), 14),
        ("route", upstream, 15),
        ("route", "ollama/llama".to_owned(), 16),
        ("route", "ollama/llama".to_owned(), 17),
        ("route", "ollama/llama".to_owned(), 18),
    ];
    let changes = store.changes().since(0).await.unwrap();
    let found: Vec<_> = changes.iter().map(|one| (one.kind.as_str(), one.subject.clone(), one.at)).collect();
    assert_eq!(found, expect.map(|(kind, subject, seconds)| (kind, subject, at(seconds))));
    assert!(changes.is_sorted_by_key(|change| change.seq));
    let last = changes.last().unwrap().seq;
    assert_eq!(store.changes().latest().await.unwrap(), last);
    assert_eq!(store.changes().since(last - 1).await.unwrap().len(), 1);
    assert!(store.changes().since(last).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_refused_leaves_no_change() {
    let world = World::new().await;
    world.key(1).await;
    let before = world.store.changes().latest().await.unwrap();
    assert!(world.store.keys().insert(&new_key(1), &act(1)).await.is_err());
    assert!(world.store.orgs().set_state(org(9), OrgState::Suspended, &act(5)).await.is_err());
    assert!(world.store.provider_keys().delete(provider_key(9), &act(5)).await.is_err());
    assert_eq!(world.store.changes().latest().await.unwrap(), before);
}

#[tokio::test]
async fn the_newest_changes_are_kept_and_older_ones_go() {
    let world = World::new().await;
    world.key(1).await;
    let orgs = world.store.orgs();
    let kept = store::changes::KEPT;
    // The numbers go on as if so many changes had been written.
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", world.file().display())).await.unwrap();
    sqlx::query("UPDATE sqlite_sequence SET seq = $1 WHERE name = 'changes'")
        .bind(kept)
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    orgs.set_state(org(1), OrgState::Suspended, &act(10)).await.unwrap();
    let numbers = async || -> Vec<i64> {
        world.store.changes().since(0).await.unwrap().iter().map(|change| change.seq).collect()
    };
    assert_eq!(numbers().await, [kept + 1], "the first is {kept} behind");
    orgs.set_state(org(1), OrgState::Active, &act(11)).await.unwrap();
    assert_eq!(numbers().await, [kept + 1, kept + 2]);
    assert_eq!(world.store.changes().latest().await.unwrap(), kept + 2);
}
