//! Kept answers: remembered at once, recorded for later, looked up where they are not remembered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::id::{OrgId, ProviderKeyId};
use domain::pinned::Pinned;
use domain::time::Timestamp;
use live::outbox::{Outbox, Settings};
use live::pinned::{Answers, Looked, Lookup};
use live::snapshot::LookupFailed;
use uuid::Uuid;

use crate::calls::{settle, small};

/// A store that holds one answer, or does not answer.
struct Store {
    holds: Option<Pinned>,
    asked: AtomicUsize,
}

impl Lookup for Store {
    fn connection<'a>(&'a self, org: OrgId, digest: &'a [u8; 32]) -> Looked<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let Some(held) = &self.holds else { return Err(LookupFailed("gone".into())) };
            Ok((held.org == org && held.digest == *digest).then_some(held.connection))
        })
    }
}

fn pinned(number: u8) -> Pinned {
    Pinned {
        org: org(1),
        digest: [number; 32],
        connection: ProviderKeyId::new(Uuid::from_u128(number.into())),
        at: Timestamp(i64::from(number)),
    }
}

fn org(number: u128) -> OrgId {
    OrgId::new(Uuid::from_u128(number))
}

#[tokio::test]
async fn what_is_new_is_known_at_once_and_recorded_beside_the_calls() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, mut reader) = Outbox::open(dir.path(), small()).unwrap();
    let store = Arc::new(Store { holds: None, asked: AtomicUsize::new(0) });
    let answers = Answers::new(Arc::clone(&store) as Arc<dyn Lookup>, outbox.clone());
    settle(&outbox, 1);
    let _ = answers.keep(pinned(7)).unwrap();
    assert_eq!(answers.find(org(1), &[7; 32]).await.unwrap(), Some(pinned(7).connection));
    assert_eq!(store.asked.load(Ordering::Relaxed), 0);
    let batch = reader.try_next(10).unwrap().unwrap();
    assert_eq!((batch.pinned.as_slice(), batch.settled.len(), batch.len()), (&[pinned(7)][..], 1, 2));
    assert_eq!(outbox.backlog(), 2);
    reader.confirm(&batch.positions).unwrap();
    assert_eq!(outbox.backlog(), 0);
}

#[tokio::test]
async fn what_was_recorded_survives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, reader) = Outbox::open(dir.path(), small()).unwrap();
    let answers = Answers::new(Arc::new(Store { holds: None, asked: AtomicUsize::new(0) }), outbox.clone());
    let _ = answers.keep(pinned(9)).unwrap();
    drop((answers, outbox, reader));
    let (outbox, mut reader) = Outbox::open(dir.path(), Settings::default()).unwrap();
    assert_eq!(outbox.backlog(), 1);
    assert_eq!(reader.try_next(10).unwrap().unwrap().pinned, [pinned(9)]);
}

#[tokio::test]
async fn what_is_not_remembered_is_looked_up_for_its_own_organization() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, _reader) = Outbox::open(dir.path(), small()).unwrap();
    let store = Arc::new(Store { holds: Some(pinned(3)), asked: AtomicUsize::new(0) });
    let answers = Answers::new(Arc::clone(&store) as Arc<dyn Lookup>, outbox);
    assert_eq!(answers.find(org(2), &[3; 32]).await.unwrap(), None, "another organization's");
    assert_eq!(answers.find(org(1), &[4; 32]).await.unwrap(), None, "nobody's");
    for _ in 0..3 {
        assert_eq!(answers.find(org(1), &[3; 32]).await.unwrap(), Some(pinned(3).connection));
    }
    assert_eq!(store.asked.load(Ordering::Relaxed), 3, "what was found is remembered");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_the_same_as_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (outbox, _reader) = Outbox::open(dir.path(), small()).unwrap();
    let answers = Answers::new(Arc::new(Store { holds: None, asked: AtomicUsize::new(0) }), outbox);
    assert!(answers.find(org(1), &[3; 32]).await.is_err());
}
