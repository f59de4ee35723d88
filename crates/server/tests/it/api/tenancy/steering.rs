//! Whose a call is comes from its credential: nothing else that a caller says turns it to another organization.

use crate::chat::{ANSWER, request};
use crate::vectors::row;
use crate::world::caller::Caller;

use super::{FILE, Two};

const JSON: &str = "content-type: application/json\r\n";

fn ignored(id: &str) {
    let expect = row(FILE, id)["expect"].clone();
    assert_eq!(
        (&expect["verdict"], &expect["effective_org"]),
        (&"ignored_or_rejected".into(), &"org_B".into())
    );
}

#[tokio::test]
async fn neither_a_header_nor_a_query_turns_a_call_to_another_organization() {
    let two = Two::start().await;
    let theirs = two.their_org;
    let chat = "/v1/chat/completions";
    let mut calls = 0;
    for (id, path, headers) in [
        ("tenancy-steer-01", chat.to_owned(), format!("x-org-id: {theirs}\r\n")),
        ("tenancy-steer-02", chat.to_owned(), format!("x-tenant-id: {theirs}\r\n")),
        ("tenancy-steer-03", format!("{chat}?org_id={theirs}"), String::new()),
    ] {
        ignored(id);
        two.world.upstream.answers(ANSWER);
        let headers = format!("{JSON}{headers}");
        let answer = two.world.caller.post_with(&path, &headers, &request("gpt-test")).await;
        assert_eq!(answer.status, 200, "{id}: {}", answer.text());
        calls += 1;
        let rows = two.world.usage(calls).await;
        assert!(rows.iter().all(|row| row.opened.org == two.world.org), "{id}: {rows:#?}");
    }
    // The same on the admin API: a header is not read, a query is refused.
    let steered = two.ours.api.with(&format!("x-org-id: {theirs}\r\nx-tenant-id: {theirs}\r\n"));
    assert_eq!(steered.get("/api/v1/org").await.is(200)["id"], two.world.org.to_string());
    let turn = async |org: &str| {
        let answer = two.ours.api.post("/api/v1/me/org", &format!(r#"{{"org_id":"{org}"}}"#)).await;
        answer.is_problem(422, "validation_failed").json()["detail"].clone()
    };
    assert_eq!(turn(&theirs.to_string()).await, turn(&format!("org_{}", "f".repeat(32))).await);
    two.ours.api.get(&format!("/api/v1/projects?org_id={theirs}")).await.is_problem(400, "invalid_request");
    two.world.finish().await;
}

#[tokio::test]
async fn there_is_no_request_within_a_request() {
    let two = Two::start().await;
    ignored("tenancy-steer-12");
    let inner = format!(r#"[{{"path":"/api/v1/org","org_id":"{}"}}]"#, two.their_org);
    for path in ["/graphql", "/batch", "/api/graphql", "/api/v1/batch", "/v1/graphql"] {
        assert_eq!(two.ours.api.post(path, &inner).await.status, 404, "{path}");
        let caller = Caller::new(two.world.caller.address, two.world.caller.key.clone());
        assert_eq!(caller.post(path, &inner).await.status, 404, "{path}");
    }
    two.world.finish().await;
}
