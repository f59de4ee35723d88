//! What the follower does with the feed, step by step.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::audit::{Act, Actor};
use domain::id::{KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::limit::{Limits, OrgLimits, ProjectLimits};
use domain::origin::Origins;
use domain::pool::{Chance, Told};
use domain::route::{Owner, Serves};
use domain::scope::{ApiKey, InlineKeys, KeyState, Scope};
use domain::time::{Clock, Timestamp};
use live::snapshot::{Looked, Lookup};
use store::orgs::NewOrg;
use store::provider_keys::NewProviderKey;
use uuid::Uuid;

use super::*;

const MODEL: &str = "m";

/// Answers with the same key and counts how often it is asked.
#[derive(Default)]
struct Counting(AtomicU32);

fn api_key() -> ApiKey {
    ApiKey {
        id: KeyId::new(Uuid::from_u128(1)),
        org: OrgId::new(Uuid::from_u128(1)),
        project: ProjectId::new(Uuid::from_u128(1)),
        user: None,
        state: KeyState::Active,
        expires_at: None,
        models: vec![],
        scopes: vec![],
        allowed_ips: None,
        limits: Limits::default(),
        project_limits: ProjectLimits::default(),
        org_limits: OrgLimits::default(),
        org_allowed_ips: None,
        org_origins: Origins::default(),
        org_inline_keys: InlineKeys::Refused,
        trace_hours: 0,
    }
}

impl Lookup for Counting {
    fn key_by_digest<'a>(&'a self, _digest: &'a [u8; 32]) -> Looked<'a> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(Some(api_key())) })
    }
}

#[tokio::test]
async fn a_gap_in_the_numbers_makes_everything_be_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("p.db"), vault::digest::sha256_of_parts).await.unwrap();
    let act = Act::new(Actor::operator_cli("test"), Timestamp(1));
    let connection = NewProviderKey {
        id: ProviderKeyId::new(Uuid::from_u128(7)),
        owner: Owner::Platform,
        name: "main".to_owned(),
        provider: "ollama".to_owned(),
        base_url: "http://127.0.0.1:11434/v1".to_owned(),
        sealed: None,
        masked: "none".to_owned(),
        serves: Serves::Listed(vec![MODEL.to_owned()]),
        priority: 100,
        fallback_to_platform: false,
        created_at: Timestamp(1),
    };
    store.provider_keys().insert(&connection, &act).await.unwrap();
    let org =
        NewOrg { id: OrgId::new(Uuid::from_u128(1)), name: "acme".to_owned(), created_at: Timestamp(1) };
    store.orgs().create(&org, &act).await.unwrap();

    let (lookup, clock) = (Arc::new(Counting::default()), Clock::new(|| Timestamp(1)));
    let (snapshot, pool) = (Snapshot::new(lookup.clone(), clock.clone()), Pool::new(clock));
    let facts = Facts::default();
    pool.adopt(&routes(&store, &facts).await.unwrap());
    snapshot.set_routes(routes(&store, &facts).await.unwrap());
    let scope = Scope::of_verified_key(&api_key(), IpAddr::from([127, 0, 0, 1]), Timestamp(1)).unwrap();
    let offers = snapshot.routes().plan(MODEL, &scope).unwrap();
    let (_, mut turn) = pool.take(&offers, |_| true, 0).unwrap();
    pool.told(&mut turn, Told::Unauthorized, Chance(0));
    let asked = async || {
        snapshot.key(&[0; 32]).await.unwrap();
        lookup.0.load(Ordering::Relaxed)
    };
    assert_eq!((asked().await, asked().await, pool.census().broken), (1, 1, 1));

    // Nothing is new: nothing is forgotten.
    let latest = store.changes().latest().await.unwrap();
    assert_eq!(apply(&store, &snapshot, &pool, &facts, latest).await.unwrap(), latest);
    assert_eq!((asked().await, pool.census().broken), (1, 1));
    // The first change that is still there is not the next one: what came between may have been about anything.
    store.provider_keys().delete(connection.id, &act).await.unwrap();
    let other = NewProviderKey { id: ProviderKeyId::new(Uuid::from_u128(8)), ..connection };
    store.provider_keys().insert(&other, &act).await.unwrap();
    let now = store.changes().latest().await.unwrap();
    assert_eq!(apply(&store, &snapshot, &pool, &facts, -2).await.unwrap(), now);
    assert_eq!((asked().await, pool.census().broken, pool.census().active), (2, 0, 1));
    store.close().await;
}
