//! Tokens of operators.

use store::operator_tokens::{NewOperatorToken, OperatorTokenRefused};
use uuid::Uuid;

use crate::world::{World, act, at, digest, prefix};

fn new(number: u128) -> NewOperatorToken {
    NewOperatorToken {
        id: Uuid::from_u128(number),
        name: "ops".to_owned(),
        prefix: prefix(number),
        digest: digest(number),
        created_at: at(1),
    }
}

#[tokio::test]
async fn they_are_registered_held_and_removed() {
    let world = World::new().await;
    let tokens = world.store.operator_tokens();
    let one = tokens.insert(&new(1), &act(1)).await.unwrap();
    assert_eq!(tokens.list().await.unwrap(), [one]);
    assert!(tokens.find(&digest(1)).await.unwrap().is_some());
    assert!(tokens.find(&digest(2)).await.unwrap().is_none());
    tokens.remove(Uuid::from_u128(1), &act(2)).await.unwrap();
    assert!(tokens.find(&digest(1)).await.unwrap().is_none());
    let again = tokens.remove(Uuid::from_u128(1), &act(2)).await;
    assert!(matches!(again, Err(OperatorTokenRefused::NotFound(_))));
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    let tokens = world.store.operator_tokens();
    tokens.insert(&new(1), &act(1)).await.unwrap();
    let same = NewOperatorToken { id: Uuid::from_u128(2), ..new(1) };
    assert!(matches!(tokens.insert(&same, &act(1)).await, Err(OperatorTokenRefused::Duplicate)));
    let unnamed = NewOperatorToken { name: " ".to_owned(), ..new(2) };
    assert!(matches!(tokens.insert(&unnamed, &act(1)).await, Err(OperatorTokenRefused::BadName(_))));
}
