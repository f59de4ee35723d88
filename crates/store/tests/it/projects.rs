//! Projects.

use domain::limit::{OrgLimits, ProjectLimits};
use store::audit::AuditFilter;
use store::edit::Edit;
use store::projects::{NewProject, ProjectChange, ProjectRefused};
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

const LIMITS: ProjectLimits = ProjectLimits { requests_per_minute: Some(7), tokens_per_minute: Some(9_000) };

#[tokio::test]
async fn another_name_is_given_within_the_rules() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let web = world.project(1, 1, "web").await;
    world.project(2, 1, "app").await;
    let projects = world.store.projects();
    let rename = async |id, name: &str| {
        let change = ProjectChange { name: Edit::Set(name.to_owned()), ..ProjectChange::default() };
        projects.update(id, &change, &act(5)).await
    };
    assert!(matches!(rename(web.id, "app").await, Err(ProjectRefused::NameTaken(_))));
    assert!(matches!(rename(web.id, " web").await, Err(ProjectRefused::BadName(_))));
    assert_eq!(rename(web.id, "site").await.unwrap().name, "site");
    assert_eq!(projects.get(None, "site").await.unwrap().id, web.id);
    assert!(matches!(rename(project(9), "x").await, Err(ProjectRefused::NotFound(_))));
}

#[tokio::test]
async fn settings_are_changed_as_one_or_not_at_all() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let web = world.project(1, 1, "web").await;
    world.project(2, 1, "app").await;
    let projects = world.store.projects();
    let change = ProjectChange {
        name: Edit::Set("site".to_owned()),
        state: Edit::Set(Switch::Disabled),
        limits: Edit::Set(LIMITS),
    };
    let before = (world.actions().await.len(), world.store.changes().latest().await.unwrap());
    let changed = projects.update(web.id, &change, &act(5)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.state, changed.limits), ("site", Switch::Disabled, LIMITS));
    assert_eq!(projects.get(None, "site").await.unwrap(), changed);
    let rows = world.store.audit().newest(&AuditFilter::default(), 1).await.unwrap();
    assert_eq!(
        (rows[0].entry.action.as_str(), rows[0].entry.org.clone()),
        ("project.disable", org(1).to_string())
    );
    for part in ["\"from\":\"web\"", "site", "disabled", "\"requests_per_minute\":\"7\"", "9000"] {
        assert!(rows[0].entry.detail.contains(part), "{part}: {}", rows[0].entry.detail);
    }
    let now = (world.actions().await.len(), world.store.changes().latest().await.unwrap());
    assert_eq!(now, (before.0 + 1, before.1 + 1), "one row, one change");

    assert_eq!(projects.update(web.id, &change, &act(6)).await.unwrap(), changed);
    let taken =
        ProjectChange { name: Edit::Set("app".to_owned()), state: Edit::Set(Switch::Active), ..change };
    assert!(matches!(projects.update(web.id, &taken, &act(7)).await, Err(ProjectRefused::NameTaken(_))));
    assert_eq!(projects.get(None, "site").await.unwrap(), changed);
    let then = (world.actions().await.len(), world.store.changes().latest().await.unwrap());
    assert_eq!(then, now, "what makes no difference is not told of");

    for (change, action) in [
        (ProjectChange { state: Edit::Set(Switch::Active), ..ProjectChange::default() }, "project.enable"),
        (
            ProjectChange { limits: Edit::Set(ProjectLimits::default()), ..ProjectChange::default() },
            "project.limit",
        ),
        (ProjectChange { name: Edit::Set("web".to_owned()), ..ProjectChange::default() }, "project.update"),
    ] {
        projects.update(web.id, &change, &act(8)).await.unwrap();
        assert_eq!(world.actions().await.last().unwrap(), action);
    }
    assert_eq!(projects.get(None, "web").await.unwrap(), web, "all is as it was");
}

#[tokio::test]
async fn limits_stay_under_those_of_the_organization() {
    let world = World::new().await;
    world.org(1, "acme").await;
    let web = world.project(1, 1, "web").await;
    let (orgs, projects) = (world.store.orgs(), world.store.projects());
    let requests = |most| ProjectLimits { requests_per_minute: most, ..ProjectLimits::default() };
    let tokens = |most| ProjectLimits { tokens_per_minute: most, ..ProjectLimits::default() };
    // An organization without limits of its own has none to give.
    assert_eq!(
        projects.set_limits(web.id, requests(Some(u32::MAX)), &act(3)).await.unwrap().limits,
        requests(Some(u32::MAX))
    );
    let own =
        OrgLimits { requests_per_minute: Some(7), tokens_per_minute: Some(9_000), ..OrgLimits::default() };
    orgs.set_limits(org(1), own, &act(4)).await.unwrap();
    let told = world.actions().await.len();
    for (limits, field, most) in
        [(requests(Some(8)), "requests_per_minute", 7), (tokens(Some(9_001)), "tokens_per_minute", 9_000)]
    {
        let change = ProjectChange { limits: Edit::Set(limits), ..ProjectChange::default() };
        let (set, updated) = (
            projects.set_limits(web.id, limits, &act(5)).await,
            projects.update(web.id, &change, &act(5)).await,
        );
        for refused in [set, updated] {
            let Err(ProjectRefused::Above(above)) = refused else { panic!("{refused:?}") };
            assert_eq!((above.limit, above.most), (field, most));
        }
    }
    // Limits that are there already are in nobody's way.
    let renamed = ProjectChange { name: Edit::Set("site".to_owned()), ..ProjectChange::default() };
    assert_eq!(projects.update(web.id, &renamed, &act(6)).await.unwrap().limits, requests(Some(u32::MAX)));
    assert_eq!(world.actions().await.len(), told + 1);
    for limits in [LIMITS, requests(None), tokens(None)] {
        let set = projects.set_limits(web.id, limits, &act(7)).await.unwrap();
        assert_eq!((set.limits, &projects.get(None, "site").await.unwrap()), (limits, &set));
    }
    assert_eq!(world.actions().await.last().unwrap(), "project.limit");
    let absent = projects.set_limits(project(9), LIMITS, &act(8)).await;
    assert!(matches!(absent, Err(ProjectRefused::NotFound(_))));
}
