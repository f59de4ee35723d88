//! Provider keys.

use domain::route::Serves;
use store::provider_keys::{NewProviderKey, ProviderKeyRefused};
use store::switch::Switch;

use crate::world::{World, act, at, org, provider_key};

fn new(number: u128, priority: u16) -> NewProviderKey {
    NewProviderKey {
        id: provider_key(number),
        owner: None,
        name: format!("openai {number}"),
        provider: "openai".to_owned(),
        base_url: "https://api.example.com/v1//".to_owned(),
        sealed: Some(b"SEALEDBYTES".to_vec()),
        masked: "sk-a…wxyz".to_owned(),
        serves: Serves::Listed(vec!["gpt-x".to_owned()]),
        priority,
        created_at: at(1),
    }
}

#[tokio::test]
async fn they_are_kept_listed_in_order_and_found() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let keys = world.store.provider_keys();
    let second = keys.insert(&new(1, 20), &act(1)).await.unwrap();
    let local = NewProviderKey { owner: Some(org(1)), sealed: None, serves: Serves::Any, ..new(2, 10) };
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
    assert!(matches!(insert(new(2, 0)).await, Some(ProviderKeyRefused::BadPriority)));
    assert!(matches!(insert(new(2, 1_001)).await, Some(ProviderKeyRefused::BadPriority)));
    let orphan = NewProviderKey { owner: Some(org(9)), ..new(2, 1) };
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
