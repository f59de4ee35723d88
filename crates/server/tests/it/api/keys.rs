//! API keys of the organization, from their making to their end.

use std::time::Duration;

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::world::people::Api;
use crate::world::{World, eventually};

async fn make(api: &Api, world: &World, more: Value) -> Value {
    let mut body = json!({"name": "web", "project_id": world.project.to_string()});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    api.post("/api/v1/keys", &body.to_string()).await.is(201)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"))
}

/// What the gate answers to a call with this key.
async fn call(world: &mut World, key: &str) -> u16 {
    world.plant(&key[20..]);
    key.clone_into(&mut world.caller.key);
    world.caller.get("/v1/models").await.status
}

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Member).await;
    let made = make(&person.api, &world, json!({})).await;
    let (id, secret) = (text(&made, "id").to_owned(), text(&made, "secret").to_owned());
    assert_eq!(call(&mut world, &secret).await, 200);
    assert_eq!(made["made_by"], person.user.to_string());
    assert!(secret.starts_with(&format!("pc_live_{}", text(&made, "prefix"))));
    let shown = person.api.get(&format!("/api/v1/keys/{id}")).await;
    let list = person.api.get("/api/v1/keys").await;
    for answer in [&shown, &list] {
        answer.is(200);
        assert!(!answer.text().contains(&secret[20..]), "{}", answer.text());
    }
    assert_eq!(shown.json()["rotation_due"], false);
    world.finish().await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_key_and_shows_it_once() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Owner).await.api.with("idempotency-key: one\r\n");
    let body = json!({"name": "a", "project_id": world.project.to_string()}).to_string();
    let first = api.post("/api/v1/keys", &body).await.is(201);
    world.plant(&text(&first, "secret")[20..]);
    let again = api.post("/api/v1/keys", &body).await;
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{}", again.head);
    let again = again.is(201);
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &Value::Null));
    world.finish().await;
}

#[tokio::test]
async fn a_key_made_elsewhere_is_registered_by_its_digest() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    let token = vault::entropy::token(domain::token::Kind::Live).unwrap();
    let sha256: String = vault::digest::sha256_of(&token).iter().map(|byte| format!("{byte:02x}")).collect();
    let registered = json!({"registered": {"prefix": token.prefix().as_str(), "sha256": sha256}});
    let made = make(&api, &world, registered.clone()).await;
    assert_eq!(made["secret"], Value::Null);
    assert_eq!(call(&mut world, token.reveal()).await, 200);
    let mut body = json!({"name": "again", "project_id": world.project.to_string()});
    body.as_object_mut().unwrap().extend(registered.as_object().unwrap().clone());
    api.post("/api/v1/keys", &body.to_string()).await.is_problem(409, "conflict");
    body["registered"]["sha256"] = "0".into();
    api.post("/api/v1/keys", &body.to_string()).await.is_problem(422, "validation_failed");
    world.finish().await;
}

#[tokio::test]
async fn no_key_gets_more_than_its_organization_has() {
    let mut world = World::with(&[("limits.org_requests_per_minute", "500")]).await;
    let api = world.person(OrgRole::Member).await.api;
    let body = |limits: Value| {
        json!({"name": "a", "project_id": world.project.to_string(), "limits": limits}).to_string()
    };
    for (limits, field) in [
        (json!({"requests_per_minute": 501}), "limits.requests_per_minute"),
        (json!({"requests_per_minute": 0}), "limits.requests_per_minute"),
        (json!({"body_bytes": 33_554_433}), "limits.body_bytes"),
        (json!({"budget": 1}), "limits.budget"),
    ] {
        let answer = api.post("/api/v1/keys", &body(limits)).await;
        answer.is_problem(422, "validation_failed");
        assert_eq!(answer.json()["field"], field, "{}", answer.text());
    }
    let made = api.post("/api/v1/keys", &body(json!({"requests_per_minute": 500}))).await.is(201);
    world.plant(&text(&made, "secret")[20..]);
    assert_eq!(made["limits"]["requests_per_minute"], 500);
    let path = format!("/api/v1/keys/{}", text(&made, "id"));
    api.patch(&path, r#"{"limits":{"requests_per_minute":501}}"#).await.is_problem(422, "validation_failed");
    let changed =
        api.patch(&path, r#"{"limits":{"tokens_per_minute":7},"models":["gpt-test"]}"#).await.is(200);
    assert_eq!(changed["limits"]["requests_per_minute"], 500, "what is not named stays");
    assert_eq!(
        (&changed["limits"]["tokens_per_minute"], &changed["models"][0]),
        (&7.into(), &"gpt-test".into())
    );
    world.finish().await;
}

#[tokio::test]
async fn no_key_gets_more_than_its_project_has() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Admin).await.api;
    let wide =
        make(&api, &world, json!({"limits": {"requests_per_minute": 900, "tokens_per_minute": 80}})).await;
    world.plant(&text(&wide, "secret")[20..]);
    let project = format!("/api/v1/projects/{}", world.project);
    api.patch(&project, r#"{"limits":{"requests_per_minute":30,"tokens_per_minute":50}}"#).await.is(200);
    let body = |limits: Value| {
        json!({"name": "a", "project_id": world.project.to_string(), "limits": limits}).to_string()
    };
    let made = api.post("/api/v1/keys", &body(json!({"requests_per_minute": 30}))).await.is(201);
    let path = format!("/api/v1/keys/{}", text(&made, "id"));
    for (limits, field) in [
        (json!({"requests_per_minute": 31}), "limits.requests_per_minute"),
        (json!({"tokens_per_minute": 51}), "limits.tokens_per_minute"),
    ] {
        let refused = [
            api.post("/api/v1/keys", &body(limits.clone())).await,
            api.patch(&path, &json!({ "limits": limits }).to_string()).await,
        ];
        for answer in refused {
            answer.is_problem(422, "validation_failed");
            assert_eq!(answer.json()["field"], field, "{}", answer.text());
            assert!(answer.text().contains("the project has "), "{}", answer.text());
        }
    }
    // What the installation gives to keys is 60 a minute, which nobody asked for here.
    let plain = make(&api, &world, json!({})).await;
    assert_eq!(plain["limits"]["requests_per_minute"], 30);
    for key in [&made, &plain] {
        world.plant(&text(key, "secret")[20..]);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_successor_has_no_more_than_there_is_by_now() {
    let mut world = World::start().await;
    let (api, operator) = (world.person(OrgRole::Owner).await.api, world.operator().await.api);
    let limits = json!({"limits": {"requests_per_minute": 900, "concurrent": 5, "tokens_per_minute": 80}});
    let first = make(&api, &world, limits).await;
    world.plant(&text(&first, "secret")[20..]);
    let org = format!("/api/v1/orgs/{}", world.org);
    let project = format!("/api/v1/projects/{}", world.project);
    let mut id = text(&first, "id").to_owned();
    for (above, body, expect) in [
        (&project, json!({}), (900, 80)),
        (&org, json!({"limits": {"requests_per_minute": 500}}), (500, 80)),
        (&project, json!({"limits": {"requests_per_minute": 30, "tokens_per_minute": 50}}), (30, 50)),
        (&org, json!({"limits": {"requests_per_minute": 500, "tokens_per_minute": 40}}), (30, 40)),
        // What there is again is given back to nobody unasked.
        (&project, json!({"limits": {}}), (30, 40)),
    ] {
        let runs = if above == &org { &operator } else { &api };
        runs.patch(above, &body.to_string()).await.is(200);
        let next = api.post(&format!("/api/v1/keys/{id}/rotate"), "{}").await.is(201);
        world.plant(&text(&next, "secret")[20..]);
        let got = (&next["limits"]["requests_per_minute"], &next["limits"]["tokens_per_minute"]);
        assert_eq!(got, (&expect.0.into(), &expect.1.into()), "{body}");
        assert_eq!(next["limits"]["concurrent"], 5);
        text(&next, "id").clone_into(&mut id);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_switched_rotated_and_revoked() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Owner).await.api;
    // The clock stands still while it is asked again and again.
    let limits = json!({"limits": {"requests_per_minute": 100_000, "burst_per_second": 100_000}});
    let made = make(&api, &world, limits).await;
    let (path, first) = (format!("/api/v1/keys/{}", text(&made, "id")), text(&made, "secret").to_owned());
    assert_eq!(call(&mut world, &first).await, 200);
    for (state, status) in [("disabled", 401), ("active", 200)] {
        let changed = api.patch(&path, &json!({ "state": state }).to_string()).await.is(200);
        assert_eq!(changed["state"], state);
        eventually(state, || async { world.caller.get("/v1/models").await.status == status }).await;
    }
    let too_long = api.post(&format!("{path}/rotate"), r#"{"grace_seconds":31536001}"#).await;
    too_long.is_problem(422, "validation_failed");
    let successor = api.post(&format!("{path}/rotate"), r#"{"grace_seconds":60}"#).await.is(201);
    let second = text(&successor, "secret").to_owned();
    let trial = api.post(&format!("{path}/rotate"), r#"{"grace_seconds":60,"kind":"test"}"#).await.is(201);
    let trial = text(&trial, "secret").to_owned();
    assert!(trial.starts_with("pc_test_") && second.starts_with("pc_live_"));
    assert_eq!(call(&mut world, &trial).await, 200);
    assert_eq!(call(&mut world, &second).await, 200);
    assert_eq!(call(&mut world, &first).await, 200, "the old one goes on for its grace");
    world.pass(Duration::from_secs(61));
    assert_eq!(call(&mut world, &first).await, 401);
    let path = format!("/api/v1/keys/{}", text(&successor, "id"));
    assert_eq!(api.post(&format!("{path}/revoke"), "").await.is(200)["state"], "revoked");
    assert_eq!(world.caller.get("/v1/models").await.status, 401);
    second.clone_into(&mut world.caller.key);
    eventually("the revocation", || async { world.caller.get("/v1/models").await.status == 401 }).await;
    api.patch(&path, r#"{"state":"active"}"#).await.is_problem(409, "conflict");
    api.patch(&path, r#"{"state":"revoked"}"#).await.is_problem(422, "validation_failed");
    api.post(&format!("{path}/rotate"), "{}").await.is_problem(409, "conflict");
    world.finish().await;
}

#[tokio::test]
async fn members_change_their_own_keys_and_nobody_makes_one_without_proof() {
    let mut world = World::start().await;
    let (owner, member) = (world.person(OrgRole::Owner).await.api, world.person(OrgRole::Member).await.api);
    let made = make(&owner, &world, json!({})).await;
    world.plant(&text(&made, "secret")[20..]);
    let path = format!("/api/v1/keys/{}", text(&made, "id"));
    member.get(&path).await.is(200);
    member.patch(&path, r#"{"name":"mine"}"#).await.is_problem(403, "forbidden");
    member.post(&format!("{path}/rotate"), "{}").await.is_problem(403, "forbidden");
    member.post(&format!("{path}/revoke"), "").await.is_problem(403, "forbidden");
    world.pass(Duration::from_secs(601));
    let body = json!({"name": "late", "project_id": world.project.to_string()}).to_string();
    owner.post("/api/v1/keys", &body).await.is_problem(403, "proof_required");
    owner.patch(&path, r#"{"models":[]}"#).await.is_problem(403, "proof_required");
    owner.patch(&path, r#"{"name":"renamed"}"#).await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn a_list_is_of_one_project_or_state_and_an_old_key_is_due() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Owner).await.api;
    let other = api.post("/api/v1/projects", r#"{"name":"other"}"#).await.is(201);
    let body = json!({"name": "there", "project_id": other["id"]}).to_string();
    let made = api.post("/api/v1/keys", &body).await.is(201);
    world.plant(&text(&made, "secret")[20..]);
    let count = |list: Value| list["data"].as_array().unwrap().len();
    let there = format!("/api/v1/keys?project={}", text(&other, "id"));
    assert_eq!(count(api.get(&there).await.is(200)), 1);
    assert_eq!(count(api.get("/api/v1/keys").await.is(200)), 2, "and the World's own");
    assert_eq!(count(api.get("/api/v1/keys?state=revoked").await.is(200)), 0);
    api.get("/api/v1/keys?project=x").await.is_problem(400, "invalid_request");
    api.get("/api/v1/keys?org=x").await.is_problem(400, "invalid_request");
    world.pass(Duration::from_secs(90 * 86_400 - 60));
    let person = world.person(OrgRole::Auditor).await.api;
    assert_eq!(person.get(&there).await.is(200)["data"][0]["rotation_due"], false);
    world.pass(Duration::from_secs(61));
    assert_eq!(person.get(&there).await.is(200)["data"][0]["rotation_due"], true);
    world.finish().await;
}
