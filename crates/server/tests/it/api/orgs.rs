//! Organizations: all of them for operators, the own one for its members.

use domain::role::OrgRole;

use crate::world::{World, eventually};

#[tokio::test]
async fn an_operator_makes_names_limits_and_suspends_organizations() {
    let mut world = World::start().await;
    let api = world.operator().await.api;
    let made = api.post("/api/v1/orgs", "{\"name\":\"new\"}").await.is(201);
    assert_eq!(
        (&made["state"], &made["limits"]["requests_per_minute"]),
        (&"active".into(), &serde_json::Value::Null)
    );
    let path = format!("/api/v1/orgs/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.is(200), made);
    let limits = "{\"limits\":{\"requests_per_minute\":7,\"tokens_per_minute\":null}}";
    assert_eq!(api.patch(&path, limits).await.is(200)["limits"]["requests_per_minute"], 7);
    let changed = api.patch(&path, "{\"name\":\"newer\",\"state\":\"suspended\"}").await.is(200);
    assert_eq!((&changed["name"], &changed["state"]), (&"newer".into(), &"suspended".into()));
    assert_eq!(changed["limits"]["requests_per_minute"], 7, "what is absent stays");
    api.post("/api/v1/orgs", "{\"name\":\"acme\"}").await.is_problem(409, "conflict");
    api.patch(&path, "{\"limits\":{\"x\":1}}").await.is_problem(422, "validation_failed");
    api.patch(&path, "{\"limits\":{\"requests_per_minute\":-1}}").await.is_problem(422, "validation_failed");
    let listed = api.get("/api/v1/orgs").await.is(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn an_organization_says_where_it_may_be_called_from() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Owner).await.api;
    assert_eq!(api.get("/api/v1/org").await.is(200)["allowed_ips"], serde_json::Value::Null);
    let body = "{\"allowed_ips\":[\"10.0.0.0/8\"],\"allowed_origins\":[\"https://app.example.com\"]}";
    let changed = api.patch("/api/v1/org", body).await.is(200);
    assert_eq!(changed["allowed_ips"], serde_json::json!(["10.0.0.0/8"]));
    assert_eq!(changed["allowed_origins"], serde_json::json!(["https://app.example.com"]));
    eventually("the refusal", || async { world.caller.get("/v1/models").await.status == 401 }).await;
    let kept = api.patch("/api/v1/org", "{\"name\":\"acme two\"}").await.is(200);
    assert_eq!(kept["allowed_ips"], serde_json::json!(["10.0.0.0/8"]), "what is absent stays");
    let cleared = api.patch("/api/v1/org", "{\"allowed_ips\":null,\"allowed_origins\":[]}").await.is(200);
    assert_eq!(
        (&cleared["allowed_ips"], &cleared["allowed_origins"]),
        (&serde_json::Value::Null, &serde_json::json!([]))
    );
    eventually("the return", || async { world.caller.get("/v1/models").await.status == 200 }).await;
    for bad in [
        "{\"allowed_ips\":[\"10.0.0.1/8\"]}",
        "{\"allowed_origins\":[\"*\"]}",
        "{\"allowed_origins\":[\"null\"]}",
        "{\"allowed_origins\":null}",
        "{\"state\":\"active\"}",
        "{\"limits\":{\"requests_per_minute\":1}}",
    ] {
        api.patch("/api/v1/org", bad).await.is_problem(422, "validation_failed");
    }
    world.finish().await;
}

#[tokio::test]
async fn members_and_auditors_look_and_do_not_touch() {
    let mut world = World::start().await;
    for role in [OrgRole::Member, OrgRole::Auditor] {
        let api = world.person(role).await.api;
        assert_eq!(api.get("/api/v1/org").await.is(200)["name"], "acme");
        api.patch("/api/v1/org", "{\"name\":\"mine\"}").await.is_problem(403, "forbidden");
    }
    world.finish().await;
}
