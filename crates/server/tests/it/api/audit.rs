//! The audit trail in the API: who reads which rows, and what is proved and exported.

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::world::{World, eventually};

async fn actions(api: &crate::world::people::Api, query: &str) -> Vec<String> {
    let listed = api.get(&format!("/api/v1/audit{query}")).await.is(200);
    let rows = listed["data"].as_array().unwrap().iter();
    rows.map(|row| row["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn members_read_the_rows_of_their_organization_and_operators_all() {
    let mut world = World::start().await;
    let there = world.another_org("the others").await;
    let theirs = world.person_of(there, OrgRole::Owner).await.api;
    theirs.post("/api/v1/projects", "{\"name\":\"secret plan\"}").await.is(201);
    let owner = world.person(OrgRole::Owner).await;
    let made = owner
        .api
        .with("x-request-id: made-1\r\n")
        .post("/api/v1/projects", "{\"name\":\"ours\"}")
        .await
        .is(201);
    let auditor = world.person(OrgRole::Auditor).await.api;
    let operator = world.operator().await.api;

    let filtered = "?action=project.create&limit=200";
    let seen = auditor.get(&format!("/api/v1/audit{filtered}")).await.is(200);
    let row = &seen["data"].as_array().unwrap().last().unwrap();
    assert_eq!((&row["resource"], &row["org"]), (&made["id"], &json!(world.org.to_string())));
    assert_eq!(
        (&row["actor"]["id"], &row["actor"]["kind"]),
        (&json!(owner.user.to_string()), &json!("user"))
    );
    assert_eq!((&row["request_id"], &row["detail"]["name"]), (&json!("made-1"), &json!("ours")));
    assert!(!seen.to_string().contains("secret plan"));
    let all = operator.get("/api/v1/audit?limit=200").await.is(200).to_string();
    assert!(all.contains("secret plan") && all.contains("ours"));

    let check =
        async |query: &str, expect: &[&str]| assert_eq!(actions(&auditor, query).await, expect, "{query}");
    check(&format!("?resource={}", made["id"].as_str().unwrap()), &["project.create"]).await;
    check(&format!("?actor={}&action=project.create", owner.user), &["project.create"]).await;
    check("?outcome=refused", &[]).await;
    check("?since=2030-01-01T00:00:00Z", &[]).await;
    check("?until=2020-01-01T00:00:00Z", &[]).await;
    assert_eq!(actions(&auditor, "?order=newest&limit=1&action=project.create").await, ["project.create"]);
    auditor.get("/api/v1/audit?since=yesterday").await.is_problem(400, "invalid_request");
    auditor.get("/api/v1/audit?who=me").await.is_problem(400, "invalid_request");
    world.person(OrgRole::Member).await.api.get("/api/v1/audit").await.is_problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn pages_of_rows_join_in_both_directions() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    for number in 0..5 {
        operator.post("/api/v1/orgs", &format!("{{\"name\":\"org {number}\"}}")).await.is(201);
    }
    for order in ["oldest", "newest"] {
        let mut seen: Vec<i64> = vec![];
        let mut cursor = String::new();
        loop {
            let path = format!("/api/v1/audit?order={order}&action=org.create&limit=2{cursor}");
            let page = operator.get(&path).await.is(200);
            seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["seq"].as_i64().unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen.len(), 6);
        let ordered = if order == "oldest" { seen.is_sorted() } else { seen.iter().rev().is_sorted() };
        assert!(ordered, "{order}: {seen:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_export_is_signed_recorded_and_holds_what_its_reader_may_see() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let auditor = world.person(OrgRole::Auditor).await.api;
    for (api, whole) in [(&operator, true), (&auditor, false)] {
        let answer = api.get("/api/v1/audit/export").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
        let text = answer.text();
        let (rows, last) = text.trim_end().rsplit_once('\n').unwrap();
        let last: Value = serde_json::from_str(last).unwrap();
        let sum = vault::digest::sha256(format!("{rows}\n").as_bytes());
        assert_eq!(last["signature"]["rows"], rows.lines().count());
        let value =
            data_encoding::BASE64.decode(last["signature"]["value"].as_str().unwrap().as_bytes()).unwrap();
        let key = last["signature"]["key_id"].as_str().unwrap();
        assert_eq!(
            world.roots().audit.verify(key, &control::audit::export::signed_bytes(&sum), &value),
            Ok(())
        );
        let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
        let chained = rows.windows(2).all(|pair| pair[0]["this"] == pair[1]["prev"]);
        let own = rows.iter().all(|row| row["org"] == world.org.to_string());
        assert_eq!((chained, own), (whole, !whole));
        assert_eq!(rows.last().unwrap()["action"], "audit.export", "its own row is in it");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_proof_runs_beside_and_says_what_it_found() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let begun = operator.post("/api/v1/audit/verifications", "").await.is(202);
    let path = format!("/api/v1/audit/verifications/{}", begun["id"].as_str().unwrap());
    let ended = || async { operator.get(&path).await.is(200)["state"] != "running" };
    eventually("the end of the proof", ended).await;
    let proof = operator.get(&path).await.is(200);
    assert_eq!((&proof["state"], &proof["fault"]), (&json!("whole"), &Value::Null), "{proof}");
    assert!(proof["rows"].as_i64().unwrap() > 5 && proof["heads"].as_i64().unwrap() > 0, "{proof}");
    world.finish().await;
}
