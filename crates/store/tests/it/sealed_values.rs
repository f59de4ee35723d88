//! Sealed values of all tables.

use domain::route::{Owner, Serves};
use store::provider_keys::NewProviderKey;
use store::sealed_values::{PROVIDER_KEY, Replacement, SealedValue, TOTP};

use crate::world::{World, act, at, provider_key, user};

async fn all(world: &World) -> Vec<SealedValue> {
    let (mut all, mut after) = (vec![], None);
    loop {
        let page = world.store.sealed_values().page(after.as_ref()).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.clone());
        all.extend(page);
    }
}

#[tokio::test]
async fn keys_and_seeds_are_walked_and_exchanged() {
    let world = World::new().await;
    for number in 1..=150 {
        let new = NewProviderKey {
            id: provider_key(number),
            owner: Owner::Platform,
            name: format!("key {number}"),
            provider: "openai".to_owned(),
            base_url: "https://api.example.com".to_owned(),
            sealed: (number > 1).then(|| b"a key".to_vec()),
            masked: "****".to_owned(),
            serves: Serves::Any,
            priority: 1,
            fallback_to_platform: false,
            created_at: at(1),
        };
        world.store.provider_keys().insert(&new, &act(1)).await.unwrap();
    }
    for number in 1..=3 {
        world.person(number).await;
        world.store.users().begin_totp(user(number), b"a seed", &act(3)).await.unwrap();
    }
    let values = all(&world).await;
    assert_eq!(values.len(), 152);
    assert_eq!(world.store.sealed_values().count().await.unwrap(), 152);
    let (keys, seeds) = values.split_at(149);
    assert!(keys.iter().all(|value| value.purpose == PROVIDER_KEY && value.sealed == b"a key"));
    assert!(seeds.iter().all(|value| value.purpose == TOTP && value.owner.is_none()));
    assert_eq!(seeds[2].record, user(3).uuid());

    let replacements: Vec<_> =
        seeds.iter().map(|old| Replacement { old: old.clone(), sealed: b"again".to_vec() }).collect();
    world.store.users().remove_totp(user(2), &act(4)).await.unwrap();
    assert_eq!(world.store.sealed_values().replace(&replacements, &act(5)).await.unwrap(), 2);
    let seed = world.store.users().account(user(3)).await.unwrap().totp.unwrap();
    assert_eq!(seed.sealed, b"again");
}
