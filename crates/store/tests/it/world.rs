//! A database in a folder of its own, and rows to put into it. Identifiers are small numbers and times are seconds.

use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;

use domain::audit::{Act, Actor};
use domain::id::{CallId, KeyId, OrgId, ProjectId, ProviderKeyId};
use domain::limit::Limits;
use domain::money::Money;
use domain::price::Tokens;
use domain::scope::{Access, KeyState};
use domain::time::Timestamp;
use domain::token::Prefix;
use domain::usage::{CallOpened, CallSettled, Outcome, Surface, UsageSource};
use store::Store;
use store::keys::{Key, NewKey};
use store::orgs::{NewOrg, Org};
use store::projects::{NewProject, Project};
use tempfile::TempDir;
use uuid::Uuid;

/// The database and the folder that goes with it.
pub struct World {
    pub store: Store,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        Self { store, folder }
    }

    pub fn file(&self) -> PathBuf {
        file(&self.folder)
    }

    pub async fn org(&self, number: u128, name: &str) -> Org {
        let new = NewOrg { id: org(number), name: name.to_owned(), created_at: at(1) };
        self.store.orgs().create(&new, &act(1)).await.unwrap()
    }

    pub async fn project(&self, number: u128, org_number: u128, name: &str) -> Project {
        let (id, org, name) = (project(number), org(org_number), name.to_owned());
        self.store.projects().create(&NewProject { id, org, name, created_at: at(2) }, &act(2)).await.unwrap()
    }

    /// An organization, its project and its key, all of one number.
    pub async fn key(&self, number: u128) -> Key {
        self.org(number, &format!("org {number}")).await;
        self.project(number, number, "main").await;
        let key = self.store.keys().insert(&new_key(number), &act(1)).await.unwrap();
        assert_eq!(key.state, KeyState::Active);
        key
    }
}

pub fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("portcullis.db")
}

pub async fn open(folder: &TempDir) -> Store {
    Store::open(&file(folder), hash).await.unwrap_or_else(|failed| panic!("{failed}"))
}

/// A hash good enough for a test: the real one is given by the binary.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut out = [0; 32];
    for (start, chunk) in (0u8..).zip(out.chunks_exact_mut(8)) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(start);
        parts.iter().for_each(|part| hasher.write(part));
        chunk.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    out
}

/// Something that a person does at this second.
pub fn act(seconds: i64) -> Act {
    Act::new(Actor::operator_cli("tester"), at(seconds))
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(0).plus_seconds(seconds)
}

pub fn org(number: u128) -> OrgId {
    OrgId::new(Uuid::from_u128(number))
}

pub fn project(number: u128) -> ProjectId {
    ProjectId::new(Uuid::from_u128(number))
}

pub fn key(number: u128) -> KeyId {
    KeyId::new(Uuid::from_u128(number))
}

pub fn provider_key(number: u128) -> ProviderKeyId {
    ProviderKeyId::new(Uuid::from_u128(number))
}

pub fn prefix(number: u128) -> Prefix {
    Prefix::parse(&format!("{number:08}")).unwrap()
}

pub fn digest(number: u128) -> [u8; 32] {
    let mut digest = [0xab; 32];
    digest[..16].copy_from_slice(&number.to_be_bytes());
    digest
}

pub fn new_key(number: u128) -> NewKey {
    NewKey {
        id: key(number),
        org: org(number),
        project: project(number),
        name: "laptop".to_owned(),
        prefix: prefix(number),
        digest: digest(number),
        models: vec!["openai/gpt-x".to_owned()],
        scopes: vec![Access::Chat],
        allowed_ips: Some(vec!["192.0.2.0/24".parse().unwrap()]),
        limits: Limits { requests_per_minute: 7, ..Limits::default() },
        expires_at: Some(at(900)),
        created_at: at(3),
    }
}

/// A call of key, project and organization 1 that begins at second `number`.
pub fn call(number: u128) -> CallSettled {
    CallSettled {
        opened: CallOpened {
            call: CallId::new(Uuid::from_u128(number)),
            request_id: format!("req-{number}"),
            org: org(1),
            project: project(1),
            key: key(1),
            surface: Surface::Chat,
            streamed: true,
            model_asked: "gpt-x".to_owned(),
            started_at: at(i64::try_from(number).unwrap()),
        },
        provider_key: Some(provider_key(5)),
        provider: "openai".to_owned(),
        model: "gpt-x".to_owned(),
        outcome: Outcome::Complete,
        tokens: Tokens { input: 10, cache_read: 2, cache_write: 3, output: 20, reasoning: 4, audio: 1 },
        source: UsageSource::Provider,
        cost: Money::from_nanos(1_500),
        pricing: "priced".to_owned(),
        price_version: "2026-11-22/openai/gpt-x".to_owned(),
        attempts: 2,
        first_byte_ms: 120,
        total_ms: 900,
    }
}
