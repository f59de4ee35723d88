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
    api.patch(&path, "{\"limits\":{\"x\":1}}").await.is_problem(422, "validation_failed");
    api.patch(&path, "{\"limits\":{\"requests_per_minute\":-1}}").await.is_problem(422, "validation_failed");
    let listed = api.get("/api/v1/orgs").await.is(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn all_that_is_changed_at_once_is_done_and_told_of_as_one() {
    let mut world = World::start().await;
    let api = world.operator().await.api;
    let path = format!("/api/v1/orgs/{}", world.org);
    let told = world.audit_rows().await.len();
    let all = r#"{"name":"newer","state":"suspended","limits":{"requests_per_minute":7}}"#;
    let changed = api.patch(&path, all).await.is(200);
    assert_eq!((&changed["name"], &changed["state"]), (&"newer".into(), &"suspended".into()));
    let rows = world.audit_rows().await.split_off(told);
    assert_eq!(rows.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["org.suspend"]);
    for part in ["newer", "suspended", "\"requests_per_minute\":\"7\""] {
        assert!(rows[0].detail.contains(part), "{part}: {}", rows[0].detail);
    }
    let half = r#"{"name":" bad","state":"active","limits":{"requests_per_minute":9}}"#;
    api.patch(&path, half).await.is_problem(422, "validation_failed");
    assert_eq!(api.get(&path).await.is(200), changed, "all or nothing");
    assert_eq!(api.patch(&path, all).await.is(200), changed);
    assert_eq!(world.audit_rows().await.len(), told + 1, "what makes no difference is not told of");
    world.finish().await;
}

#[tokio::test]
async fn no_name_tells_of_another_organization() {
    let mut world = World::start().await;
    let there = world.another_org("a customer of yours").await;
    let owner = world.person(OrgRole::Owner).await.api;
    let renamed = owner.patch("/api/v1/org", r#"{"name":"a customer of yours"}"#).await.is(200);
    assert_eq!(renamed["id"], world.org.to_string());
    let operator = world.operator().await.api;
    let made = operator.post("/api/v1/orgs", r#"{"name":"a customer of yours"}"#).await.is(201);
    assert!(made["id"] != there.to_string() && made["id"] != renamed["id"]);
    world.finish().await;
}

#[tokio::test]
async fn pages_that_the_gate_would_not_let_in_are_not_listed() {
    const CHEAP: (&str, &str) = ("safety.allow", "cheap_passwords");
    for environment in ["production", "development"] {
        let mut world = World::with(&[("environment", environment), CHEAP]).await;
        let api = world.person(OrgRole::Owner).await.api;
        let list = async |pages: &str| {
            api.patch("/api/v1/org", &format!("{{\"name\":\"newer\",\"allowed_origins\":[{pages}]}}")).await
        };
        let plain = list(r#""https://app.example.com","http://intranet.example""#).await;
        if environment == "production" {
            let said = plain.is_problem(422, "validation_failed").json();
            assert_eq!(said["field"], "allowed_origins");
            assert!(said["detail"].as_str().unwrap().contains("http://intranet.example"), "{said}");
            assert_eq!(api.get("/api/v1/org").await.is(200)["name"], "acme", "all or nothing");
        } else {
            plain.is(200);
        }
        list(r#""https://app.example.com","http://localhost:3000""#).await.is(200);
        world.finish().await;
    }
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
