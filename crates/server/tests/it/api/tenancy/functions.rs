//! Who may do what: the operations that are described, called by those who may not.

use std::sync::Arc;

use domain::role::OrgRole;
use tokio::task::JoinSet;

use super::{FILE, operations};
use crate::chat::{ANSWER, request};
use crate::vectors::row;
use crate::world::caller::Caller;
use crate::world::people::PASSWORD;
use crate::world::{PROMPT, World};

fn refuses(id: &str) {
    let expect = row(FILE, id)["expect"].clone();
    assert_eq!(
        (&expect["verdict"], &expect["status"]),
        (&"reject".into(), &serde_json::json!([401, 403, 404]))
    );
}

#[tokio::test]
async fn who_only_reads_posts_nothing() {
    let mut world = World::start().await;
    refuses("tenancy-func-06");
    let auditor = world.person(OrgRole::Auditor).await.api;
    let mut tried = 0;
    for operation in operations(&world).await {
        let own = matches!(operation.rule.as_str(), "public" | "person" | "token");
        if operation.method != "POST" || own {
            continue;
        }
        assert!(!operation.roles.contains(&"auditor".to_owned()), "{}", operation.path);
        let answer = auditor.send("POST", &operation.path, "{}").await;
        answer.is_problem(403, "forbidden");
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
    world.finish().await;
}

#[tokio::test]
async fn without_a_credential_only_what_is_public_answers() {
    let mut world = World::start().await;
    refuses("tenancy-func-16");
    refuses("tenancy-func-19");
    let key = world.key_with(|_| ()).await.0;
    let strangers = [world.api(""), world.api(&key)].map(Arc::new);
    // Each refusal takes its time; together they take it once.
    let mut asked = JoinSet::new();
    for operation in operations(&world).await {
        let open = matches!(operation.rule.as_str(), "public" | "token");
        for api in strangers.iter().filter(|_| !open).map(Arc::clone) {
            let (method, path) = (operation.method.clone(), operation.path.clone());
            asked.spawn(async move { (api.send(&method, &path, "{}").await.status, method, path) });
        }
    }
    for (status, method, path) in asked.join_all().await {
        assert_eq!(status, 401, "{method} {path}");
    }
    for path in ["/metrics", "/dashboard", "/api/v1", "/api/v1/nothing"] {
        for api in &strangers {
            let status = api.get(path).await.status;
            assert!([401, 404].contains(&status), "{path}: {status}");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_login_calls_no_model() {
    let mut world = World::start().await;
    refuses("tenancy-func-20");
    let owner = world.person(OrgRole::Owner).await;
    let caller = Caller::new(world.caller.address, owner.token.clone());
    let cookie = format!("cookie: pc_access={}\r\ncontent-type: application/json\r\n", owner.token);
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"] {
        assert_eq!(caller.post(path, &request("gpt-test")).await.status, 401, "{path}");
        let by_cookie = Caller::new(world.caller.address, String::new());
        assert_eq!(by_cookie.post_with(path, &cookie, &request("gpt-test")).await.status, 401, "{path}");
    }
    assert_eq!(caller.get("/v1/models").await.status, 401);
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn nobody_in_an_organization_acts_as_somebody_else() {
    let mut world = World::start().await;
    refuses("tenancy-func-11");
    let member = world.person(OrgRole::Member).await;
    let admin = world.person(OrgRole::Admin).await;
    let operator = world.operator().await;
    let path = format!("/api/v1/users/{}/impersonation", member.user);
    let asked = r#"{"reason":"to help","session":"bearer"}"#;
    admin.api.post(&path, asked).await.is_problem(403, "forbidden");
    for role in [OrgRole::Owner, OrgRole::Auditor, OrgRole::Member] {
        world.person(role).await.api.post(&path, asked).await.is_problem(403, "forbidden");
    }
    // Headers that ask for it are not read, whoever sends them.
    let headers = format!("x-user-id: {0}\r\nx-impersonate: {0}\r\n", member.user);
    for person in [&admin, &operator] {
        let me = person.api.with(&headers).get("/api/v1/me").await.is(200);
        assert_eq!(me["user"]["id"], person.user.to_string());
        assert!(me["impersonated_by"].is_null(), "{me}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_operator_reads_no_prompt() {
    let mut world = World::start().await;
    refuses("tenancy-func-13");
    let operator = world.operator().await.api;
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    world.only_usage().await;
    for operation in operations(&world).await {
        if operation.method == "GET" {
            let answer = operator.get(&operation.path).await;
            assert!(
                !answer.text().contains(PROMPT) && !answer.text().contains("Hello"),
                "{}",
                operation.path
            );
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn who_only_reads_gets_no_key() {
    let mut world = World::start().await;
    assert_eq!(row("apikey_auth", "apikey-viewer-key")["expect"]["verdict"], "key_has_viewer_scope");
    world.account("ada@example.com").await;
    let session = world.attempt("ada@example.com", PASSWORD).await;
    session.is(200);
    assert!(!session.text().contains("pc_live_"), "a login makes no key");
    let auditor = world.person(OrgRole::Auditor).await.api;
    let wish = format!(r#"{{"name":"mine","project_id":"{}"}}"#, world.project);
    auditor.post("/api/v1/keys", &wish).await.is_problem(403, "forbidden");
    let keys = auditor.get("/api/v1/keys").await.is(200);
    for key in keys["data"].as_array().unwrap() {
        let rotate = format!("/api/v1/keys/{}/rotate", key["id"].as_str().unwrap());
        auditor.post(&rotate, "{}").await.is_problem(403, "forbidden");
        assert_eq!(key.get("secret"), None, "{key}");
    }
    world.finish().await;
}
