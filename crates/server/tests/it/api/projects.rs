//! Projects of the organization.

use domain::role::OrgRole;
use serde_json::{Value, json};

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
async fn owners_and_admins_say_what_the_limits_of_a_project_are() {
    let mut world = World::start().await;
    let [owner, admin, member] = [OrgRole::Owner, OrgRole::Admin, OrgRole::Member];
    let (owner, admin) = (world.person(owner).await.api, world.person(admin).await.api);
    let member = world.person(member).await.api;
    let path = format!("/api/v1/projects/{}", world.project);
    let limits = |requests: Value, tokens: Value| json!({"limits": {"requests_per_minute": requests, "tokens_per_minute": tokens}});
    let none = limits(Value::Null, Value::Null);
    assert_eq!(member.get(&path).await.is(200)["limits"], none["limits"]);
    for wish in [&limits(7.into(), 9_000.into()), &none] {
        member.patch(&path, &wish.to_string()).await.is_problem(403, "forbidden");
        for api in [&owner, &admin] {
            assert_eq!(api.patch(&path, &wish.to_string()).await.is(200)["limits"], wish["limits"]);
            assert_eq!(member.get(&path).await.is(200)["limits"], wish["limits"]);
        }
    }
    let some = r#"{"limits":{"tokens_per_minute":5}}"#;
    assert_eq!(owner.patch(&path, some).await.is(200)["limits"], limits(Value::Null, 5.into())["limits"]);
    let renamed = member.patch(&path, r#"{"name":"site"}"#).await.is(200);
    assert_eq!(renamed["limits"]["tokens_per_minute"], 5, "what is absent stays");
    for (bad, field) in [
        (r#"{"limits":{"requests_per_minute":0}}"#, "limits.requests_per_minute"),
        (r#"{"limits":{"tokens_per_minute":0}}"#, "limits.tokens_per_minute"),
        (r#"{"limits":{"requests_per_minute":-1}}"#, "limits.requests_per_minute"),
        (r#"{"limits":{"user_requests_per_minute":1}}"#, "limits.user_requests_per_minute"),
        (r#"{"limits":null}"#, "limits"),
    ] {
        let answer = owner.patch(&path, bad).await;
        answer.is_problem(422, "validation_failed");
        assert_eq!(answer.json()["field"], field, "{}", answer.text());
    }
    world.finish().await;
}

#[tokio::test]
async fn no_project_gets_more_than_its_organization_has() {
    let mut world = World::start().await;
    let (api, operator) = (world.person(OrgRole::Owner).await.api, world.operator().await.api);
    let (path, org) = (format!("/api/v1/projects/{}", world.project), format!("/api/v1/orgs/{}", world.org));
    let own = r#"{"limits":{"requests_per_minute":100,"tokens_per_minute":9000}}"#;
    operator.patch(&org, own).await.is(200);
    for (bad, field) in [
        (r#"{"limits":{"requests_per_minute":101}}"#, "limits.requests_per_minute"),
        (r#"{"limits":{"tokens_per_minute":9001}}"#, "limits.tokens_per_minute"),
        (r#"{"limits":{"tokens_per_minute":9001},"name":"site"}"#, "limits.tokens_per_minute"),
    ] {
        let answer = api.patch(&path, bad).await;
        answer.is_problem(422, "validation_failed");
        assert_eq!(answer.json()["field"], field, "{}", answer.text());
        assert!(answer.text().contains("the organization has "), "{}", answer.text());
    }
    assert_eq!(api.get(&path).await.is(200)["name"], "web", "nothing was half done");
    assert_eq!(api.patch(&path, own).await.is(200)["limits"]["requests_per_minute"], 100);
    world.finish().await;
}

#[tokio::test]
async fn several_changes_are_one_row_of_the_trail() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Owner).await.api;
    let path = format!("/api/v1/projects/{}", world.project);
    let before = world.audit_rows().await.len();
    let wish = r#"{"name":"site","state":"disabled","limits":{"requests_per_minute":7}}"#;
    let changed = api.patch(&path, wish).await.is(200);
    assert_eq!((&changed["name"], &changed["state"]), (&"site".into(), &"disabled".into()));
    let rows = world.audit_rows().await;
    let mine: Vec<_> = rows.iter().filter(|entry| entry.resource == world.project.to_string()).collect();
    assert_eq!((rows.len(), mine.last().unwrap().action.as_str()), (before + 1, "project.disable"));
    for part in ["web", "site", "disabled", "\"requests_per_minute\":\"7\"", "\"tokens_per_minute\":\"off\""]
    {
        assert!(mine.last().unwrap().detail.contains(part), "{part}: {}", mine.last().unwrap().detail);
    }
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
