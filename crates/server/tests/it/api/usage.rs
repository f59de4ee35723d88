//! Calls in the API: those of one's organization, with their trace while it is kept.

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::chat::ANSWER;
use crate::world::{TRACE_HOURS, World};

const CALL: &str = r#"{"model":"gpt-test","messages":[{"role":"user","content":"Hello"}]}"#;
const NAMED: &str = "content-type: application/json\r\nx-request-id: mine-7\r\n";

#[tokio::test]
async fn members_see_the_calls_of_their_organization() {
    let mut world = World::start().await;
    let there = world.another_org("the others").await;
    let foreigner = world.person_of(there, OrgRole::Owner).await.api;
    let (auditor, operator) = (world.person(OrgRole::Auditor).await.api, world.operator().await.api);
    world.upstream.answers(ANSWER);
    assert_eq!(world.caller.post_with("/v1/chat/completions", NAMED, CALL).await.status, 200);
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(CALL).await.status, 200);
    world.usage(2).await;
    for api in [&auditor, &operator] {
        let listed = api.get("/api/v1/usage?request_id=mine-7").await.is(200);
        let [row] = &listed["data"].as_array().unwrap()[..] else { panic!("one call: {listed}") };
        assert_eq!((&row["org_id"], &row["model"]), (&json!(world.org.to_string()), &json!("gpt-test")));
        assert_eq!((&row["trace"]["request_id"], &row["route_mode"]), (&json!("mine-7"), &json!("platform")));
        let newest = api.get("/api/v1/usage?order=newest&limit=1").await.is(200);
        assert_ne!(newest["data"][0]["id"], row["id"]);
        let next = newest["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("/api/v1/usage?order=newest&limit=1&cursor={next}")).await.is(200);
        assert_eq!((&rest["data"][0]["id"], &rest["next_cursor"]), (&row["id"], &Value::Null));
        let sums = api.get("/api/v1/usage/summary?by=model").await.is(200);
        assert_eq!(
            (&sums["groups"][0]["label"], &sums["groups"][0]["calls"]),
            (&json!("openai/gpt-test"), &json!(2))
        );
        let none = api.get("/api/v1/usage/summary?until=2020-01-01T00:00:00Z").await.is(200);
        assert_eq!(none["groups"], json!([]));
        api.get("/api/v1/usage?key_id=x").await.is_problem(400, "invalid_request");
        api.get("/api/v1/usage/summary?by=weather").await.is_problem(400, "invalid_request");
    }
    assert_eq!(foreigner.get("/api/v1/usage").await.is(200)["data"], json!([]));
    assert_eq!(foreigner.get("/api/v1/usage/summary").await.is(200)["groups"], json!([]));
    world.finish().await;
}

#[tokio::test]
async fn a_call_without_a_trace_says_so() {
    let mut world = World::with(&[(TRACE_HOURS, "0")]).await;
    let auditor = world.person(OrgRole::Auditor).await.api;
    world.upstream.answers(ANSWER);
    assert_eq!(world.caller.post_with("/v1/chat/completions", NAMED, CALL).await.status, 200);
    world.usage(1).await;
    let listed = auditor.get("/api/v1/usage").await.is(200);
    assert_eq!(
        (&listed["data"][0]["trace"], &listed["data"][0]["outcome"]),
        (&Value::Null, &json!("complete"))
    );
    assert_eq!(auditor.get("/api/v1/usage?request_id=mine-7").await.is(200)["data"], json!([]));
    world.finish().await;
}
