//! Projects.

use store::projects::{NewProject, ProjectRefused};
use store::switch::Switch;

use crate::world::{World, act, at, org, project};

#[tokio::test]
async fn they_are_made_listed_and_found_within_their_organization() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.org(2, "bolt").await;
    let (web, other_web, app) = (
        world.project(1, 1, "web").await,
        world.project(2, 2, "web").await,
        world.project(3, 1, "app").await,
    );
    let projects = world.store.projects();
    assert_eq!(projects.list(None).await.unwrap(), [web.clone(), other_web.clone(), app.clone()]);
    assert_eq!(projects.list(Some(org(1))).await.unwrap(), [web.clone(), app.clone()]);
    assert_eq!(projects.get(Some(org(2)), "web").await.unwrap(), other_web);
    assert_eq!(projects.get(None, "app").await.unwrap(), app);
    assert_eq!(projects.get(None, &web.id.to_string()).await.unwrap(), web);
    assert!(matches!(projects.get(None, "web").await, Err(ProjectRefused::Ambiguous(_))));
    assert!(matches!(projects.get(Some(org(2)), "app").await, Err(ProjectRefused::NotFound(_))));
    let elsewhere = projects.get(Some(org(2)), &web.id.to_string()).await;
    assert!(matches!(elsewhere, Err(ProjectRefused::NotFound(_))), "an identifier does not cross tenants");
}

#[tokio::test]
async fn bad_ones_are_refused() {
    let world = World::new().await;
    world.org(1, "acme").await;
    world.project(1, 1, "web").await;
    let create = async |number, name: &str| {
        let new = NewProject { id: project(7), org: org(number), name: name.to_owned(), created_at: at(1) };
        world.store.projects().create(&new, &act(1)).await
    };
    assert!(matches!(create(1, "web").await, Err(ProjectRefused::NameTaken(_))));
    assert!(matches!(create(1, "\t").await, Err(ProjectRefused::BadName(_))));
    assert!(matches!(create(9, "web").await, Err(ProjectRefused::NoSuchOrg(id)) if id == org(9)));
}

#[tokio::test]
async fn a_state_is_set_and_stays() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let web = world.project(1, 1, "web").await;
    let projects = world.store.projects();
    projects.set_state(web.id, Switch::Disabled, &act(5)).await.unwrap();
    assert_eq!(projects.get(None, "web").await.unwrap().state, Switch::Disabled);
    assert_eq!(projects.set_state(web.id, Switch::Active, &act(6)).await.unwrap(), web);
    let absent = projects.set_state(project(9), Switch::Active, &act(7)).await;
    assert!(matches!(absent, Err(ProjectRefused::NotFound(_))));
}

#[tokio::test]
async fn another_name_is_given_within_the_rules() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let web = world.project(1, 1, "web").await;
    world.project(2, 1, "app").await;
    let projects = world.store.projects();
    let rename = async |name: &str| projects.rename(web.id, name, &act(5)).await;
    assert!(matches!(rename("app").await, Err(ProjectRefused::NameTaken(_))));
    assert!(matches!(rename(" web").await, Err(ProjectRefused::BadName(_))));
    assert_eq!(rename("site").await.unwrap().name, "site");
    assert_eq!(projects.get(None, "site").await.unwrap().id, web.id);
    assert!(matches!(projects.rename(project(9), "x", &act(6)).await, Err(ProjectRefused::NotFound(_))));
}
