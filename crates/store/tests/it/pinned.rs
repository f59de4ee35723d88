//! Answers that providers keep.

use domain::id::ProviderKeyId;
use domain::pinned::Pinned;
use store::usage::Posting;
use uuid::Uuid;

use crate::world::{World, at, call, org};

fn connection(number: u128) -> ProviderKeyId {
    ProviderKeyId::new(Uuid::from_u128(number))
}

#[tokio::test]
async fn an_answer_is_found_by_its_own_organization() {
    let world = World::new().await;
    let ours = Pinned { org: org(1), digest: [7; 32], connection: connection(1), at: at(1) };
    let again = Pinned { connection: connection(2), at: at(2), ..ours.clone() };
    // The same name at another provider, of another organization.
    let theirs = Pinned { org: org(2), connection: connection(3), ..ours.clone() };
    let (calls, pinned) = ([call(1)], [ours, again, theirs]);
    let posting = Posting { calls: &calls, pinned: &pinned, positions: &[(0, 1, 8)], ..Posting::default() };
    for posted in [1, 0] {
        assert_eq!(world.store.usage().post_batch(&posting).await.unwrap(), posted);
    }
    let found = async |owner, digest| world.store.pinned().connection(owner, &[digest; 32]).await.unwrap();
    assert_eq!(found(org(1), 7).await, Some(connection(1)), "the first stands");
    assert_eq!(found(org(2), 7).await, Some(connection(3)));
    assert_eq!(found(org(3), 7).await, None);
    assert_eq!(found(org(1), 8).await, None);
}
