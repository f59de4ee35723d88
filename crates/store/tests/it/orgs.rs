//! Organizations.

use store::orgs::{NewOrg, OrgRefused, OrgState};

use crate::world::{World, act, at, org};

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
async fn a_name_is_taken_once_and_is_a_name() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let create = async |name: &str| {
        let new = NewOrg { id: org(2), name: name.to_owned(), created_at: at(1) };
        world.store.orgs().create(&new, &act(1)).await
    };
    assert!(matches!(create("acme").await, Err(OrgRefused::NameTaken(name)) if name == "acme"));
    assert!(matches!(create("").await, Err(OrgRefused::BadName(_))));
    assert!(matches!(create(&org(1).to_string()).await, Err(OrgRefused::BadName(_))));
    assert!(create("'; DROP TABLE orgs; --").await.is_ok(), "text is text");
    assert_eq!(world.store.orgs().list().await.unwrap().len(), 2);
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
