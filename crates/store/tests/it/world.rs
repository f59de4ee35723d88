//! A database in a folder of its own, and rows to put into it. Identifiers are small numbers and times are seconds.

use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;

use domain::audit::{Act, Actor};
use domain::id::{CallId, KeyId, LoginId, OrgId, ProjectId, ProviderKeyId, UserId};
use domain::limit::Limits;
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::role::OrgRole;
use domain::scope::{Access, KeyState};
use domain::tenant::Tenant;
use domain::time::Timestamp;
use domain::token::Prefix;
use domain::usage::{CallOpened, CallSettled, Outcome, Pace, Surface, Trace, UsageSource};
use store::Store;
use store::audit::AuditFilter;
use store::keys::{Key, NewKey};
use store::logins::{NewLogin, SignedIn};
use store::members::By;
use store::orgs::{NewOrg, Org};
use store::projects::{NewProject, Project};
use store::tenant::Books;
use store::users::{NewUser, User};
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

    /// A person without any organization.
    pub async fn person(&self, number: u128) -> User {
        self.store.users().create(&new_user(number), &act(2)).await.unwrap()
    }

    /// A person with a role in the organization of this number.
    pub async fn member(&self, number: u128, org_number: u128, role: OrgRole) -> User {
        let made = self.person(number).await;
        let members = self.store.members(org(org_number));
        members.add(made.id, role, By::Operator, &act(3)).await.unwrap();
        made
    }

    /// A login of a person, whose first refresh token has the digest of the same number.
    pub async fn login(&self, number: u128, person: &User, seconds: i64) -> SignedIn {
        self.store.logins().open(&new_login(number, person, seconds), &act(seconds)).await.unwrap()
    }

    /// What a member of this organization may touch.
    pub fn books(&self, number: u128) -> Books<'_> {
        self.store.of(Tenant::of_verified_member(org(number)))
    }

    /// The actions that are recorded, oldest first.
    pub async fn actions(&self) -> Vec<String> {
        let links = self.store.audit().fitting(&AuditFilter::default(), 0).await.unwrap();
        links.into_iter().map(|link| link.entry.action).collect()
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

pub fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

pub fn login(number: u128) -> LoginId {
    LoginId::new(Uuid::from_u128(number))
}

pub fn new_user(number: u128) -> NewUser {
    NewUser {
        id: user(number),
        email: format!("person{number}@example.com"),
        username: None,
        password: Some("a hash".to_owned()),
        operator: false,
        email_verified_at: None,
        created_at: at(2),
    }
}

/// A login that goes on for 100 seconds unless it is refreshed, and for 1,000 at the most.
pub fn new_login(number: u128, person: &User, seconds: i64) -> NewLogin {
    NewLogin {
        id: login(number),
        user: person.id,
        not_before: person.not_before,
        org: None,
        refresh: digest(number),
        expires_at: at(seconds + 100),
        ends_at: at(seconds + 1_000),
    }
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
        user: None,
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
            org: org(1),
            project: project(1),
            key: key(1),
            surface: Surface::Chat,
            started_at: at(i64::try_from(number).unwrap()),
            trace: Some(Trace {
                request_id: format!("req-{number}"),
                model_asked: "gpt-x".to_owned(),
                streamed: true,
                pace: Pace { attempts: 2, first_byte_ms: 120, total_ms: 900 },
            }),
        },
        provider_key: Some(provider_key(5)),
        route_mode: Some(domain::usage::RouteMode::Platform),
        provider: "openai".to_owned(),
        model: "gpt-x".to_owned(),
        outcome: Outcome::Complete,
        tokens: Tokens {
            input: 10,
            cache_read: 2,
            cache_write: 3,
            output: 20,
            reasoning: 4,
            audio: 1,
            cache_write_1h: 5,
            image: 6,
        },
        units: Units { pictures: 7, sound_ms: 8, characters: 9, searches: 10 },
        source: UsageSource::Provider,
        cost: Money::from_nanos(1_500),
        pricing: "priced".to_owned(),
        price_version: "2026-11-22/openai/gpt-x".to_owned(),
    }
}
