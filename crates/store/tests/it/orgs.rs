//! Organizations.

use domain::limit::OrgLimits;
use domain::scope::InlineKeys;
use store::audit::AuditFilter;
use store::edit::Edit;
use store::orgs::{NewOrg, OrgChange, OrgRefused, OrgState};

use crate::world::{World, act, at, digest, org};

#[tokio::test]
async fn they_are_made_listed_and_found_by_either_name() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    let bolt = world.org(2, "bolt & co").await;
    let orgs = world.store.orgs();
    assert_eq!(orgs.list().await.unwrap(), [acme.clone(), bolt.clone()]);
    assert_eq!(orgs.get("bolt & co").await.unwrap(), bolt);
    assert_eq!(orgs.get(&acme.id.to_string()).await.unwrap(), acme);
    assert!(matches!(orgs.get("ACME").await, Err(OrgRefused::NotFound(name)) if name == "ACME"));
    assert!(matches!(orgs.get(&org(9).to_string()).await, Err(OrgRefused::NotFound(_))));
}

#[tokio::test]
async fn a_name_is_a_name_and_nobodys_own() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let create = async |name: &str| {
        let new = NewOrg { id: org(2), name: name.to_owned(), created_at: at(1) };
        world.store.orgs().create(&new, &act(1)).await
    };
    assert!(matches!(create("").await, Err(OrgRefused::BadName(_))));
    assert!(matches!(create(&org(1).to_string()).await, Err(OrgRefused::BadName(_))));
    assert!(create("'; DROP TABLE orgs; --").await.is_ok(), "text is text");
    let orgs = world.store.orgs();
    assert_eq!(orgs.list().await.unwrap().len(), 2);
    // Nobody learns from a name which others there are.
    let same = OrgChange { name: Edit::Set("acme".to_owned()), ..OrgChange::default() };
    assert_eq!(orgs.update(org(2), &same, &act(2)).await.unwrap().name, "acme");
    assert!(matches!(orgs.get("acme").await, Err(OrgRefused::Ambiguous(name)) if name == "acme"));
    assert_eq!(orgs.get(&org(2).to_string()).await.unwrap().id, org(2));
    assert_eq!(world.books(2).org().get("acme").await.unwrap().id, org(2), "in its own books there is one");
}

#[tokio::test]
async fn a_state_is_set_and_stays() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    let orgs = world.store.orgs();
    assert_eq!(
        orgs.set_state(acme.id, OrgState::Suspended, &act(5)).await.unwrap().state,
        OrgState::Suspended
    );
    assert_eq!(orgs.get("acme").await.unwrap().state, OrgState::Suspended);
    assert_eq!(orgs.set_state(acme.id, OrgState::Active, &act(6)).await.unwrap(), acme);
    assert!(matches!(orgs.set_state(org(9), OrgState::Active, &act(7)).await, Err(OrgRefused::NotFound(_))));
}

#[tokio::test]
async fn a_list_of_addresses_is_set_comes_with_the_keys_and_goes() {
    let world = World::new().await;
    world.key(1).await;
    let orgs = world.store.orgs();
    let list = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    for allowed in [Some(list.clone()), Some(vec![]), None, Some(list)] {
        let set = orgs.set_allowed_ips(org(1), allowed.as_deref(), &act(5)).await.unwrap();
        assert_eq!((&set.allowed_ips, &orgs.get("org 1").await.unwrap()), (&allowed, &set));
        let found = world.store.keys().find_by_digest(&digest(1)).await.unwrap().unwrap();
        assert_eq!(found.org_allowed_ips, allowed);
    }
    // What else is changed leaves it as it is.
    let suspended = orgs.set_state(org(1), OrgState::Suspended, &act(6)).await.unwrap();
    let limited = orgs.set_limits(org(1), OrgLimits::default(), &act(7)).await.unwrap();
    assert_eq!((suspended.allowed_ips.unwrap().len(), limited.allowed_ips.unwrap().len()), (2, 2));
    assert!(matches!(orgs.set_allowed_ips(org(9), None, &act(8)).await, Err(OrgRefused::NotFound(_))));
}

#[tokio::test]
async fn settings_are_changed_as_one_or_not_at_all() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    world.org(2, "bolt").await;
    let orgs = world.store.orgs();
    let change = OrgChange {
        name: Edit::Set("acme two".to_owned()),
        state: Edit::Keep,
        limits: Edit::Set(OrgLimits { requests_per_minute: Some(7), ..OrgLimits::default() }),
        allowed_ips: Edit::Set(Some(vec![])),
        allowed_origins: Edit::Set("https://app.example.com".parse().into_iter().collect()),
        inline_keys: Edit::Set(InlineKeys::Allowed),
    };
    let changed = orgs.update(acme.id, &change, &act(5)).await.unwrap();
    assert_eq!(orgs.get("acme two").await.unwrap(), changed);
    assert_eq!((changed.allowed_ips.as_deref(), changed.inline_keys), (Some(&[][..]), InlineKeys::Allowed));
    assert_eq!(
        changed.allowed_origins.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        ["https://app.example.com"]
    );
    let rows = world.store.audit().newest(&AuditFilter::default(), 1).await.unwrap();
    assert_eq!(rows[0].entry.action, "org.update");
    for part in ["acme two", "\"requests_per_minute\":\"7\"", "nowhere", "https://app.example.com", "allowed"]
    {
        assert!(rows[0].entry.detail.contains(part), "{part}: {}", rows[0].entry.detail);
    }

    let (told, changes) = (world.actions().await.len(), world.store.changes().latest().await.unwrap());
    assert_eq!(orgs.update(acme.id, &change, &act(6)).await.unwrap(), changed);
    let bad = OrgChange {
        name: Edit::Set(String::new()),
        state: Edit::Set(OrgState::Suspended),
        ..OrgChange::default()
    };
    assert!(matches!(orgs.update(acme.id, &bad, &act(7)).await, Err(OrgRefused::BadName(_))));
    assert_eq!(orgs.get("acme two").await.unwrap(), changed);
    let now = (world.actions().await.len(), world.store.changes().latest().await.unwrap());
    assert_eq!(now, (told, changes), "what makes no difference is not told of");
    let open = OrgChange { allowed_ips: Edit::Set(None), ..OrgChange::default() };
    assert_eq!(orgs.update(acme.id, &open, &act(8)).await.unwrap().allowed_ips, None);
}

#[tokio::test]
async fn a_state_that_is_changed_with_other_settings_is_told_of_in_one_row() {
    let world = World::new().await;
    let acme = world.org(1, "acme").await;
    for (state, action) in [(OrgState::Suspended, "org.suspend"), (OrgState::Active, "org.activate")] {
        let told = world.actions().await.len();
        let change = OrgChange {
            name: Edit::Set(format!("acme {}", state.word())),
            state: Edit::Set(state),
            limits: Edit::Set(OrgLimits { tokens_per_minute: Some(9), ..OrgLimits::default() }),
            ..OrgChange::default()
        };
        let changed = world.store.orgs().update(acme.id, &change, &act(5)).await.unwrap();
        assert_eq!((changed.state, changed.limits.tokens_per_minute), (state, Some(9)));
        let rows = world.store.audit().newest(&AuditFilter::default(), 1).await.unwrap();
        assert_eq!((world.actions().await.len(), rows[0].entry.action.as_str()), (told + 1, action));
        assert!(rows[0].entry.detail.contains(&format!("acme {}", state.word())), "{}", rows[0].entry.detail);
    }
}

#[tokio::test]
async fn the_pages_of_all_organizations_in_use_are_known_as_one_list() {
    let world = World::new().await;
    let orgs = world.store.orgs();
    for (number, name, pages) in [
        (1, "acme", vec!["https://a.example", "https://both.example"]),
        (2, "bolt", vec!["https://both.example", "https://b.example"]),
        (3, "none", vec![]),
    ] {
        let id = world.org(number, name).await.id;
        let pages = pages.into_iter().map(|page| page.parse().unwrap()).collect();
        orgs.set_allowed_origins(id, &pages, &act(1)).await.unwrap();
    }
    let known = async || -> Vec<String> {
        Vec::from(orgs.all_origins().await.unwrap()).iter().map(ToString::to_string).collect()
    };
    assert_eq!(known().await, ["https://a.example", "https://b.example", "https://both.example"]);
    orgs.set_state(org(2), OrgState::Suspended, &act(2)).await.unwrap();
    assert_eq!(known().await, ["https://a.example", "https://both.example"]);
}
