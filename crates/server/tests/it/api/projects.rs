//! Projects of the organization.

use domain::role::OrgRole;

use crate::world::World;

#[tokio::test]
async fn a_project_is_made_shown_renamed_and_switched_off() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    let made = api.post("/api/v1/projects", "{\"name\":\"Ärzte & Söhne\"}").await.is(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["state"], "active");
    let path = format!("/api/v1/projects/{id}");
    assert_eq!(api.get(&path).await.is(200), made);
    let changed = api.patch(&path, "{\"name\":\"B\",\"state\":\"disabled\"}").await.is(200);
    assert_eq!((&changed["name"], &changed["state"]), (&"B".into(), &"disabled".into()));
    assert_eq!(changed["created_at"], made["created_at"]);
    assert_eq!(api.patch(&path, "{}").await.is(200), changed, "no wish, no change");
    api.post("/api/v1/projects", "{\"name\":\"B\"}").await.is_problem(409, "conflict");
    api.patch(&path, "{\"name\":\"web\"}").await.is_problem(409, "conflict");
    api.patch(&path, "{\"name\":null}").await.is_problem(422, "validation_failed");
    world.finish().await;
}

#[tokio::test]
async fn a_disabled_project_stops_its_keys() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    let path = format!("/api/v1/projects/{}", world.project);
    api.patch(&path, "{\"state\":\"disabled\"}").await.is(200);
    crate::world::eventually("the refusal", || async { world.caller.get("/v1/models").await.status == 401 })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn every_change_is_in_the_trail_with_its_person_and_request() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Member).await;
    let api = person.api.with("x-request-id: made-1\r\nuser-agent: tests\r\n");
    let id =
        api.post("/api/v1/projects", "{\"name\":\"a\"}").await.is(201)["id"].as_str().unwrap().to_owned();
    let rows = world.audit_rows().await;
    let row = rows.iter().find(|entry| entry.resource == id).expect("a row of the project");
    assert_eq!((row.action.as_str(), row.outcome.as_str()), ("project.create", "done"));
    assert_eq!((row.actor.kind.as_str(), row.actor.id.clone()), ("user", person.user.to_string()));
    assert_eq!((row.org.clone(), row.request_id.as_str()), (world.org.to_string(), "made-1"));
    assert_eq!((row.ip.as_str(), row.user_agent.as_str()), ("127.0.0.1", "tests"));
    world.finish().await;
}
