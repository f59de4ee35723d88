//! Requests that cannot be served: each is told what is wrong with it, in one form, and nothing about our inside.

use domain::role::OrgRole;

use crate::world::World;

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_with_its_field() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    let check = async |body: &str, status: u16, code: &str, field: &str| {
        let answer = api.post("/api/v1/projects", body).await;
        answer.is_problem(status, code);
        assert_eq!(answer.json()["field"].as_str().unwrap_or_default(), field, "{body}: {}", answer.text());
    };
    check("{", 400, "invalid_request", "").await;
    check("", 400, "invalid_request", "").await;
    check("{\"name\":\"a\"}{}", 400, "invalid_request", "").await;
    check("[]", 422, "validation_failed", "").await;
    check("[\"a\"]", 422, "validation_failed", "").await;
    check("{}", 422, "validation_failed", "name").await;
    check("{\"name\":7}", 422, "validation_failed", "name").await;
    check("{\"name\":\" a\"}", 422, "validation_failed", "name").await;
    check("{\"name\":\"a\\u0000b\"}", 422, "validation_failed", "name").await;
    check("{\"name\":\"a\",\"name\":\"b\"}", 422, "validation_failed", "name").await;
    check("{\"name\":\"a\",\"org_id\":\"org_1\"}", 422, "validation_failed", "org_id").await;
    assert_eq!(
        api.get("/api/v1/projects").await.json()["data"].as_array().unwrap().len(),
        1,
        "nothing was made"
    );
    world.finish().await;
}

#[tokio::test]
async fn bodies_are_plain_json_of_a_bounded_size() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    let post = async |headers: &str, body: &str| api.raw("POST", "/api/v1/projects", headers, body).await;
    let named = "{\"name\":\"a\"}";
    post("", named).await.is_problem(415, "unsupported_media_type");
    post("content-type: text/plain\r\n", named).await.is_problem(415, "unsupported_media_type");
    post("content-type: application/x-www-form-urlencoded\r\n", "name=a")
        .await
        .is_problem(415, "unsupported_media_type");
    post("content-type: application/json\r\ncontent-encoding: gzip\r\n", named)
        .await
        .is_problem(415, "unsupported_media_type");
    let huge = format!("{{\"name\":\"{}\"}}", "a".repeat(1 << 20));
    post("content-type: application/json\r\n", &huge).await.is_problem(413, "body_too_large");
    api.raw("GET", "/api/v1/projects", "content-type: application/json\r\n", "{}")
        .await
        .is_problem(400, "invalid_request");
    assert_eq!(post("content-type: application/json; charset=UTF-8\r\n", named).await.status, 201);
    world.finish().await;
}

#[tokio::test]
async fn unknown_paths_methods_and_parameters_are_problems_too() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    api.get("/api/v1/nothing").await.is_problem(404, "not_found");
    api.get("/").await.is_problem(404, "not_found");
    let answer = api.delete("/api/v1/projects").await;
    answer.is_problem(405, "method_not_allowed");
    assert!(answer.header("allow").is_some_and(|methods| methods.contains("POST")), "{}", answer.head);
    for query in
        ["x=1", "org_id=org_1&filter=all", "limit=1&limit=2", "limit=0", "limit=201", "limit=x", "limit"]
    {
        api.get(&format!("/api/v1/projects?{query}")).await.is_problem(400, "invalid_request");
    }
    api.get("/api/v1/org?x=1").await.is_problem(400, "invalid_request");
    world.finish().await;
}

#[tokio::test]
async fn every_answer_says_who_it_is_and_that_nobody_may_keep_or_embed_it() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Auditor).await.api;
    for path in ["/api/v1/projects", "/api/v1/nothing", "/healthz", "/api/openapi.json", "/metrics"] {
        let answer = api.with("x-request-id: mine-1\r\n").get(path).await;
        let expect = [
            ("x-request-id", "mine-1"),
            ("request-id", "mine-1"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ];
        for (name, value) in expect {
            assert_eq!(answer.header(name), Some(value), "{path}: {}", answer.head);
        }
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"), "{path}");
        assert_eq!(answer.header("server"), None, "{path}");
    }
    let answer = api.with("x-request-id: not sane\r\n").get("/api/v1/org").await;
    assert!(answer.header("x-request-id").unwrap().starts_with("call_"), "{}", answer.head);
    world.finish().await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_unavailable_and_nobody_is_refused_for_it() {
    let mut world = World::start().await;
    let (member, token) = (world.person(OrgRole::Admin).await.api, world.operator_token().await);
    world.close_the_books().await;
    let operator = world.api(&token);
    for api in [&member, &operator] {
        let answer = api.with("x-request-id: broken-1\r\n").get("/api/v1/orgs").await;
        answer.is_problem(503, "unavailable");
        let text = answer.text().to_ascii_lowercase();
        for inside in ["sql", "pool", "database", "store"] {
            assert!(!text.contains(inside), "{text}");
        }
    }
    operator.get("/metrics").await.is_problem(503, "unavailable");
    assert!(world.logged().contains("broken-1"), "the cause is in the log under its request id");
    world.abandon();
}
