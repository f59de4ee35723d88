//! Provider keys.

use domain::pool::quota::Quotas;
use domain::route::{Owner, Serves};
use store::audit::AuditFilter;
use store::edit::Edit;
use store::provider_keys::{NewProviderKey, NewSecret, ProviderKeyChange, ProviderKeyRefused, Tried};
use store::switch::Switch;

use crate::world::{World, act, at, call, org, provider_key};

fn new(number: u128, priority: u16) -> NewProviderKey {
    NewProviderKey {
        id: provider_key(number),
        owner: Owner::Platform,
        name: format!("openai {number}"),
        provider: "openai".to_owned(),
        base_url: "https://api.example.com/v1//".to_owned(),
        sealed: Some(b"SEALEDBYTES".to_vec()),
        masked: "sk-a…wxyz".to_owned(),
        serves: Serves::Listed(vec!["gpt-x".to_owned()]),
        priority,
        fallback_to_platform: false,
        created_at: at(1),
    }
}

#[tokio::test]
async fn they_are_kept_listed_in_order_and_found() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let keys = world.store.provider_keys();
    let second = keys.insert(&new(1, 20), &act(1)).await.unwrap();
    let local = NewProviderKey { owner: Owner::Org(org(1)), sealed: None, serves: Serves::Any, ..new(2, 10) };
    let first = keys.insert(&local, &act(1)).await.unwrap();
    assert_eq!(keys.list().await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(keys.get("openai 1").await.unwrap(), second);
    assert_eq!(keys.get(&first.id.to_string()).await.unwrap(), first);
    assert_eq!(second.base_url, "https://api.example.com/v1");
    assert!(matches!(keys.get("other").await, Err(ProviderKeyRefused::NotFound(_))));
    assert!(
        !format!("{second:?}").contains(&format!("{:?}", b"SEALEDBYTES")),
        "sealed bytes stay out of logs"
    );
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    keys.insert(&new(1, 1), &act(1)).await.unwrap();
    let insert = async |new: NewProviderKey| keys.insert(&new, &act(1)).await.err();
    let taken = NewProviderKey { id: provider_key(2), ..new(1, 1) };
    assert!(matches!(insert(taken).await, Some(ProviderKeyRefused::NameTaken(_))));
    let unnamed = NewProviderKey { name: String::new(), ..new(2, 1) };
    assert!(matches!(insert(unnamed).await, Some(ProviderKeyRefused::BadName(_))));
    let nul = Serves::Listed(vec!["gpt-x".to_owned(), "gpt\0x".to_owned()]);
    for bad in [
        NewProviderKey { serves: nul, ..new(2, 1) },
        NewProviderKey { base_url: "https://example.com/\0".to_owned(), ..new(2, 1) },
        NewProviderKey { masked: "sk-\0…wxyz".to_owned(), ..new(2, 1) },
    ] {
        assert!(matches!(insert(bad).await, Some(ProviderKeyRefused::BadText(_))));
    }
    assert!(matches!(insert(new(2, 0)).await, Some(ProviderKeyRefused::BadPriority)));
    assert!(matches!(insert(new(2, 1_001)).await, Some(ProviderKeyRefused::BadPriority)));
    let orphan = NewProviderKey { owner: Owner::Org(org(9)), ..new(2, 1) };
    assert!(matches!(insert(orphan).await, Some(ProviderKeyRefused::NoSuchOrg(id)) if id == org(9)));
    assert_eq!(keys.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn connections_are_those_in_use() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    keys.insert(&new(1, 20), &act(1)).await.unwrap();
    keys.insert(&NewProviderKey { sealed: None, serves: Serves::Any, ..new(2, 10) }, &act(1)).await.unwrap();
    let check = async |expect: &[u128]| {
        let found = keys.connections().await.unwrap();
        assert_eq!(found.iter().map(|one| one.id.uuid().as_u128()).collect::<Vec<_>>(), expect);
    };
    check(&[2, 1]).await;
    let connection = &keys.connections().await.unwrap()[1];
    assert_eq!(connection.sealed.as_deref(), Some(b"SEALEDBYTES".as_slice()));
    assert_eq!(connection.serves, Serves::Listed(vec!["gpt-x".to_owned()]));
    assert_eq!((&*connection.base_url, connection.priority), ("https://api.example.com/v1", 20));

    keys.set_state(provider_key(2), Switch::Disabled, &act(5)).await.unwrap();
    check(&[1]).await;
    keys.set_state(provider_key(2), Switch::Active, &act(6)).await.unwrap();
    check(&[2, 1]).await;
    keys.delete(provider_key(1), &act(7)).await.unwrap();
    check(&[2]).await;
    let gone = keys.delete(provider_key(1), &act(8)).await;
    assert!(matches!(gone, Err(ProviderKeyRefused::NotFound(_))));
    let gone = keys.set_state(provider_key(1), Switch::Active, &act(8)).await;
    assert!(matches!(gone, Err(ProviderKeyRefused::NotFound(_))));
}

#[tokio::test]
async fn a_secret_goes_to_the_host_it_was_given_for() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    keys.insert(&new(1, 20), &act(1)).await.unwrap();
    let update = async |change: ProviderKeyChange| keys.update(provider_key(1), &change, &act(5)).await;
    let to = |url: &str| ProviderKeyChange { base_url: Edit::Set(url.to_owned()), ..Default::default() };
    for elsewhere in [
        "https://evil.example/v1",
        "http://api.example.com/v1",
        "https://api.example.com:8443/v1",
        "https://api.example.com@evil.example/v1",
    ] {
        let refused = update(to(elsewhere)).await;
        assert!(matches!(refused, Err(ProviderKeyRefused::SecretNeeded)), "{elsewhere}");
    }
    assert_eq!(
        update(to("https://api.example.com/v2/")).await.unwrap().base_url,
        "https://api.example.com/v2"
    );
    let secret = NewSecret { sealed: Some(b"OTHER".to_vec()), masked: "****".to_owned() };
    let moved = ProviderKeyChange { secret: Edit::Set(secret.clone()), ..to("https://evil.example/v1") };
    let moved = update(moved).await.unwrap();
    assert_eq!(moved.sealed.as_deref(), Some(b"OTHER".as_slice()));
    assert_eq!(keys.get("openai 1").await.unwrap(), moved);
    let told = world.actions().await;
    assert_eq!(told[told.len() - 3..], ["provider_key.update", "provider_key.update", "provider_key.rotate"]);
    let open = NewProviderKey { sealed: None, masked: "none".to_owned(), ..new(2, 1) };
    keys.insert(&open, &act(6)).await.unwrap();
    keys.update(provider_key(2), &to("http://127.0.0.1:1"), &act(7)).await.unwrap();
}

#[tokio::test]
async fn settings_are_changed_as_one_or_not_at_all() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    let before = keys.insert(&new(1, 20), &act(1)).await.unwrap();
    keys.insert(&new(2, 20), &act(1)).await.unwrap();
    let update = async |change: ProviderKeyChange| keys.update(provider_key(1), &change, &act(5)).await;
    let taken = ProviderKeyChange {
        name: Edit::Set("openai 2".to_owned()),
        priority: Edit::Set(1),
        ..Default::default()
    };
    assert!(matches!(update(taken).await, Err(ProviderKeyRefused::NameTaken(_))));
    let bad = ProviderKeyChange { priority: Edit::Set(0), ..Default::default() };
    assert!(matches!(update(bad).await, Err(ProviderKeyRefused::BadPriority)));
    assert_eq!(keys.get("openai 1").await.unwrap(), before);
    let change = ProviderKeyChange {
        name: Edit::Set("first".to_owned()),
        serves: Edit::Set(Serves::Any),
        priority: Edit::Set(1),
        fallback_to_platform: Edit::Set(true),
        ..Default::default()
    };
    let changed = update(change).await.unwrap();
    assert_eq!(keys.get("first").await.unwrap(), changed);
    assert_eq!(changed.sealed, before.sealed, "the secret stays");
    assert_eq!(keys.connections().await.unwrap()[0].id, provider_key(1), "the routes learn of it");
}

#[tokio::test]
async fn quotas_are_kept_told_of_and_given_to_the_routes() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    let made = keys.insert(&new(1, 20), &act(1)).await.unwrap();
    assert_eq!(made.quotas, Quotas::default());
    let quotas = Quotas { requests_per_day: Some(7), spend_steps_per_day: Some(12_500), ..Quotas::default() };
    let change = ProviderKeyChange { quotas: Edit::Set(quotas), ..ProviderKeyChange::default() };
    assert_eq!(keys.update(made.id, &change, &act(5)).await.unwrap().quotas, quotas);
    assert_eq!(keys.connections().await.unwrap()[0].quotas, quotas);
    let rows = world.store.audit().newest(&AuditFilter::default(), 1).await.unwrap();
    for part in ["\"requests_per_day\":\"7\"", "\"spend_per_day\":\"12500\"", "\"tokens_per_day\":\"off\""] {
        assert!(rows[0].entry.detail.contains(part), "{part}: {}", rows[0].entry.detail);
    }
}

#[tokio::test]
async fn what_went_over_keys_with_quotas_is_summed_from_the_oldest_on() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    keys.insert(&new(5, 20), &act(1)).await.unwrap();
    let mut calls: Vec<_> = [1, 700, 701, 702, 2_000].map(call).to_vec();
    calls[3].provider_key = Some(provider_key(6));
    world.store.usage().post(&calls, &[]).await.unwrap();
    let spent = async |since| world.store.usage().spent_since(at(since)).await.unwrap();
    assert_eq!(spent(0).await, [], "nobody asks for what has no quota");
    let quotas = Quotas { tokens_per_day: Some(7), ..Quotas::default() };
    let change = ProviderKeyChange { quotas: Edit::Set(quotas), ..ProviderKeyChange::default() };
    keys.update(provider_key(5), &change, &act(5)).await.unwrap();
    let told: Vec<_> =
        spent(1).await.iter().map(|one| (one.at, one.calls, one.tokens, one.cost.nanos())).collect();
    let tokens = calls[0].tokens.total();
    assert_eq!(told, [(at(700), 2, 2 * tokens, 3_000), (at(2_000), 1, tokens, 1_500)]);
}

#[tokio::test]
async fn a_rest_is_kept_and_ended_and_told_like_a_test_that_succeeds() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    let id = keys.insert(&new(1, 1), &act(1)).await.unwrap().id;
    let told = async || world.store.changes().latest().await.unwrap();
    let before = told().await;
    assert_eq!(keys.rest(id, Some(at(90)), &act(30)).await.unwrap().rests_until, Some(at(90)));
    assert_eq!(keys.connections().await.unwrap()[0].rests_until, Some(at(90)));
    assert_eq!(keys.rest(id, None, &act(40)).await.unwrap().rests_until, None);
    assert_eq!(told().await, before + 2);
    keys.tried(id, Tried::Fails("refused"), &act(50)).await.unwrap();
    assert_eq!(told().await, before + 2, "a test that fails changes nothing");
    keys.tried(id, Tried::Works, &act(51)).await.unwrap();
    assert_eq!(told().await, before + 3);
    let unknown = provider_key(9);
    assert!(matches!(keys.rest(unknown, None, &act(1)).await, Err(ProviderKeyRefused::NotFound(_))));
    assert!(matches!(keys.tried(unknown, Tried::Works, &act(1)).await, Err(ProviderKeyRefused::NotFound(_))));
}

#[tokio::test]
async fn switching_is_dated_and_goes_with_other_changes_as_one() {
    let world = World::new().await;
    let keys = world.store.provider_keys();
    let id = keys.insert(&new(1, 1), &act(1)).await.unwrap().id;
    let change = ProviderKeyChange {
        priority: Edit::Set(0),
        state: Edit::Set(Switch::Disabled),
        ..ProviderKeyChange::default()
    };
    assert!(matches!(keys.update(id, &change, &act(5)).await, Err(ProviderKeyRefused::BadPriority)));
    let kept = keys.get(&id.to_string()).await.unwrap();
    assert_eq!((kept.state, kept.switched_at), (Switch::Active, None));
    let off =
        keys.update(id, &ProviderKeyChange { priority: Edit::Set(9), ..change }, &act(6)).await.unwrap();
    assert_eq!((off.state, off.switched_at, off.priority), (Switch::Disabled, Some(at(6)), 9));
    assert_eq!(keys.get(&id.to_string()).await.unwrap(), off);
    keys.set_state(id, Switch::Active, &act(7)).await.unwrap();
    assert_eq!(keys.get(&id.to_string()).await.unwrap().switched_at, Some(at(7)));
}
