//! Books of one organization: what is another's is not there, and looks in every way like what was never made.

use std::fmt::Debug;

use domain::audit::action::Action;
use domain::audit::detail::Detail;
use domain::id::InvitationId;
use domain::limit::{OrgLimits, ProjectLimits};
use domain::origin::Origins;
use domain::role::OrgRole;
use domain::route::{Owner, Serves};
use domain::scope::KeyState;
use store::audit::AuditFilter;
use store::edit::Edit;
use store::invitations::{Grants, NewInvitation};
use store::keys::{KeyChange, KeyFilter, NewKey};
use store::members::By;
use store::orgs::{NewOrg, OrgChange, OrgState};
use store::page::Page;
use store::projects::{NewProject, ProjectChange};
use store::provider_keys::{NewProviderKey, ProviderKeyChange, Tried};
use store::switch::Switch;
use store::usage::{GroupBy, UsageFilter};
use uuid::Uuid;

use crate::world::{World, act, at, call, digest, key, new_key, org, prefix, project, provider_key, user};

/// Mine is 1, theirs is 2, nobody's is 9.
async fn two_tenants() -> World {
    let world = World::new().await;
    for number in [1, 2] {
        world.key(number).await;
        world.member(number, number, OrgRole::Owner).await;
        world.member(number + 10, number, OrgRole::Member).await;
        world.store.provider_keys().insert(&connection(number), &act(4)).await.unwrap();
        let grants = Grants::Membership { org: org(number), role: OrgRole::Member };
        world.store.invitations().create(&invitation(number, grants), By::Operator, &act(4)).await.unwrap();
        let mut spent = call(number);
        (spent.opened.org, spent.opened.key, spent.opened.project) =
            (org(number), key(number), project(number));
        world.store.usage().post(&[spent], &[]).await.unwrap();
    }
    world
}

fn connection(number: u128) -> NewProviderKey {
    NewProviderKey {
        id: provider_key(number),
        owner: Owner::Org(org(number)),
        name: "main".to_owned(),
        provider: "openai".to_owned(),
        base_url: "https://api.example.com/v1".to_owned(),
        sealed: Some(b"SEALED".to_vec()),
        masked: "****".to_owned(),
        serves: Serves::Any,
        priority: 1,
        fallback_to_platform: false,
        created_at: at(4),
    }
}

fn invitation_id(number: u128) -> InvitationId {
    InvitationId::new(Uuid::from_u128(number))
}

fn invitation(number: u128, grants: Grants) -> NewInvitation {
    let (id, prefix) = (invitation_id(number), prefix(number));
    NewInvitation { id, grants, email: None, prefix, digest: digest(number), expires_at: at(900) }
}

/// All that a database says, but for the audit trail's own numbers.
async fn everything(world: &World) -> String {
    let store = &world.store;
    format!(
        "{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
        store.orgs().list().await.unwrap(),
        store.projects().list(None).await.unwrap(),
        store.keys().list(&KeyFilter::default()).await.unwrap(),
        store.provider_keys().list().await.unwrap(),
        store.members(org(2)).page(&Page::first(9)).await.unwrap(),
        store.invitations().page(&Page::first(9)).await.unwrap(),
        world.actions().await,
    )
}

/// The refusals that every method of my books gives for the things of one number.
async fn refusals(world: &World, n: u128) -> Vec<String> {
    let books = world.books(1);
    let mut told = vec![];
    let mut note = |what: &str, error: Option<String>| {
        let error = error.unwrap_or_else(|| panic!("{what} of {n} was not refused"));
        told.push(format!("{what}: {}", unnamed(&error)));
    };
    fn err<T, E: Debug>(result: Result<T, E>) -> Option<String> {
        result.err().map(|error| format!("{error:?}"))
    }
    let (id, act) = (project(n).to_string(), act(50));
    let projects = books.projects();
    note("project get", err(projects.get(None, &id).await));
    note("project get", err(projects.get(Some(org(n)), &id).await));
    note("project state", err(projects.set_state(project(n), Switch::Disabled, &act).await));
    let change = ProjectChange { name: Edit::Set("mine".to_owned()), ..ProjectChange::default() };
    note("project change", err(projects.update(project(n), &change, &act).await));
    note("project limits", err(projects.set_limits(project(n), ProjectLimits::default(), &act).await));
    let new = NewProject { id: project(70), org: org(n), name: "new".to_owned(), created_at: at(50) };
    note("project create", err(projects.create(&new, &act).await));

    let keys = books.keys();
    note("key get", err(keys.get(&key(n).to_string()).await));
    note("key get", err(keys.get(prefix(n).as_str()).await));
    note("key state", err(keys.set_state(key(n), KeyState::Revoked, &act).await));
    note("key addresses", err(keys.set_allowed_ips(key(n), None, &act).await));
    let change = KeyChange { name: Edit::Set("mine".to_owned()), ..KeyChange::default() };
    note("key change", err(keys.update(key(n), &change, &act).await));
    let mine = NewKey { id: key(70), digest: digest(70), ..new_key(1) };
    note("key rotate", err(keys.rotate(key(n), &mine, at(60), &act).await));
    note("key insert", err(keys.insert(&NewKey { project: project(n), ..mine.clone() }, &act).await));
    let theirs = NewKey { org: org(n), project: project(n), ..mine };
    note("key insert", err(keys.insert(&theirs, &act).await));

    let connections = books.provider_keys();
    note("connection get", err(connections.get(&provider_key(n).to_string()).await));
    note("connection state", err(connections.set_state(provider_key(n), Switch::Disabled, &act).await));
    let change = ProviderKeyChange { priority: Edit::Set(7), ..ProviderKeyChange::default() };
    note("connection change", err(connections.update(provider_key(n), &change, &act).await));
    note("connection delete", err(connections.delete(provider_key(n), &act).await));
    note("connection rest", err(connections.rest(provider_key(n), None, &act).await));
    note("connection tried", err(connections.tried(provider_key(n), Tried::Works, &act).await));
    let new = NewProviderKey { id: provider_key(70), owner: Owner::Org(org(n)), ..connection(1) };
    note("connection insert", err(connections.insert(&new, &act).await));
    let own = books.own_provider_keys(user(1));
    note("own connection get", err(own.get(&provider_key(n).to_string()).await));

    let members = books.members();
    note("member get", err(members.get(user(n)).await));
    note("member role", err(members.set_role(user(n), OrgRole::Auditor, By::Operator, &act).await));
    note("member remove", err(members.remove(user(n), By::Operator, &act).await));

    let invitations = books.invitations();
    note("invitation get", err(invitations.get(invitation_id(n)).await));
    note("invitation revoke", err(invitations.revoke(invitation_id(n), &act).await));
    let grants = Grants::Membership { org: org(n), role: OrgRole::Member };
    note("invitation create", err(invitations.create(&invitation(70, grants), By::Operator, &act).await));

    let orgs = books.org();
    note("org get", err(orgs.get(&org(n).to_string()).await));
    note("org get", err(orgs.get(&format!("org {n}")).await));
    note("org state", err(orgs.set_state(org(n), OrgState::Suspended, &act).await));
    note("org limits", err(orgs.set_limits(org(n), OrgLimits::default(), &act).await));
    note("org addresses", err(orgs.set_allowed_ips(org(n), None, &act).await));
    note("org origins", err(orgs.set_allowed_origins(org(n), &Origins::default(), &act).await));
    let change = OrgChange { name: Edit::Set("mine".to_owned()), ..OrgChange::default() };
    note("org change", err(orgs.update(org(n), &change, &act).await));
    let new = NewOrg { id: org(n), name: "new".to_owned(), created_at: at(50) };
    note("org create", err(orgs.create(&new, &act).await));
    told
}

/// A refusal without the identifiers and names that were asked for.
fn unnamed(error: &str) -> String {
    let names = |error: &str, n: u128| {
        [
            format!("org {n}"),
            Uuid::from_u128(n).simple().to_string(),
            Uuid::from_u128(n).to_string(),
            prefix(n).to_string(),
        ]
        .iter()
        .fold(error.to_owned(), |error, name| error.replace(name, "_"))
    };
    names(&names(error, 2), 9)
}

#[tokio::test]
async fn what_is_anothers_is_as_if_it_were_not() {
    let world = two_tenants().await;
    let before = everything(&world).await;
    let (foreign, unknown) = (refusals(&world, 2).await, refusals(&world, 9).await);
    assert!(foreign.len() > 30);
    for (foreign, unknown) in foreign.iter().zip(&unknown) {
        assert_eq!(foreign, unknown);
    }
    assert_eq!(foreign.len(), unknown.len());
    assert_eq!(everything(&world).await, before, "nothing was changed or recorded");
}

#[tokio::test]
async fn lists_and_sums_are_ones_own() {
    let world = two_tenants().await;
    let books = world.books(1);
    let page = Page::first(50);
    assert_eq!(books.id(), org(1));
    assert!(books.org().list().await.unwrap().iter().all(|one| one.id == org(1)));
    for asked in [None, Some(org(1)), Some(org(2))] {
        let listed = books.projects().list(asked).await.unwrap();
        assert!(listed.iter().all(|one| one.org == org(1)), "{asked:?}");
        let filter = KeyFilter { org: asked, ..KeyFilter::default() };
        assert!(books.keys().list(&filter).await.unwrap().iter().all(|one| one.org == org(1)));
        let filter = UsageFilter { org: asked, ..UsageFilter::default() };
        let calls = books.usage().list(&filter, 50, None).await.unwrap();
        assert!(calls.iter().all(|one| one.opened.org == org(1)));
        assert_eq!(calls.len(), usize::from(asked != Some(org(2))));
        let sums = books.usage().summary(GroupBy::Key, &filter).await.unwrap();
        assert!(sums.iter().all(|one| one.label == key(1).to_string()), "{sums:?}");
        let filter = AuditFilter { org: asked, ..AuditFilter::default() };
        let rows = books.audit().fitting(&filter, 0, 50).await.unwrap();
        assert!(rows.iter().all(|row| row.entry.org == org(1).to_string()));
    }
    assert_eq!(books.keys().find_by_digest(&digest(2)).await.unwrap(), None);
    let both = books.keys().find_by_digests(&[digest(2), digest(1)]).await.unwrap();
    assert_eq!(both.iter().map(|found| found.as_ref().unwrap().is_some()).collect::<Vec<_>>(), [false, true]);
    let connections = books.provider_keys().page(&page).await.unwrap().rows;
    assert_eq!(connections.iter().map(|one| one.id).collect::<Vec<_>>(), [provider_key(1)]);
    assert_eq!(books.provider_keys().connections().await.unwrap().len(), 1);
    assert_eq!(books.provider_keys().get("main").await.unwrap().id, provider_key(1), "names are one's own");
    assert!(world.store.provider_keys().get("main").await.is_err(), "two have this name");
    assert_eq!(books.members().page(&page).await.unwrap().rows.len(), 2);
    assert_eq!(books.invitations().page(&page).await.unwrap().rows.len(), 1);
    assert_eq!(books.own_provider_keys(user(1)).list().await.unwrap(), []);
}

#[tokio::test]
async fn every_row_that_concerns_an_organization_is_its_auditors() {
    let world = two_tenants().await;
    let books = world.books(2);
    let mut told: Vec<String> = books
        .audit()
        .fitting(&AuditFilter::default(), 0, 50)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.entry.action)
        .collect();
    told.dedup();
    let expect = [
        Action::ORG_CREATE,
        Action::PROJECT_CREATE,
        Action::KEY_CREATE,
        Action::MEMBER_ADD,
        Action::PROVIDER_KEY_CREATE,
        Action::INVITATION_CREATE,
    ];
    assert_eq!(told, expect.map(|action| action.word().to_owned()));
    let entry = act(60).done(Action::AUDIT_EXPORT, "audit", Detail::none());
    books.audit().record(&entry).await.unwrap();
    let newest = books.audit().newest(&AuditFilter::default(), None, 1).await.unwrap();
    assert_eq!(newest[0].entry, entry.of(org(2)));
    assert!(
        world.books(1).audit().newest(&AuditFilter::default(), None, 1).await.unwrap()[0].seq < newest[0].seq
    );
}

#[tokio::test]
async fn a_members_own_connections_are_the_members() {
    let world = two_tenants().await;
    let books = world.books(1);
    let own = NewProviderKey { id: provider_key(5), owner: Owner::User(org(1), user(1)), ..connection(1) };
    let mine = books.own_provider_keys(user(1));
    mine.insert(&own, &act(5)).await.unwrap();
    assert_eq!(mine.get("main").await.unwrap().owner, own.owner);
    assert!(books.own_provider_keys(user(11)).get("main").await.is_err());
    assert!(books.own_provider_keys(user(11)).delete(provider_key(5), &act(6)).await.is_err());
    assert!(books.provider_keys().get(&provider_key(5).to_string()).await.is_err());
    assert!(books.own_provider_keys(user(11)).insert(&own, &act(6)).await.is_err());
    // Whoever leaves takes them along.
    books.members().add(user(2), OrgRole::Owner, By::Operator, &act(7)).await.unwrap();
    books.members().remove(user(1), By::Themselves, &act(8)).await.unwrap();
    assert!(world.store.provider_keys().get(&provider_key(5).to_string()).await.is_err());
}
