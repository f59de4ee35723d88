//! Provider keys in the admin API: who may do what to whose, and that no answer ever holds a secret.

mod states;

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::people::Api;

pub const KEYS: &str = "/api/v1/provider-keys";
pub const OWN: &str = "/api/v1/me/provider-keys";

/// The body of a new key for this World's upstream.
pub fn new_key(name: &str, secret: &str) -> String {
    json!({"name": name, "provider": "openai", "secret": secret, "models": ["gpt-test"]}).to_string()
}

/// Makes a key and gives its path.
pub async fn made(api: &Api, at: &str, body: &str) -> String {
    let made = api.post(at, body).await.is(201);
    format!("{at}/{}", made["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_kept_shown_masked_changed_and_removed() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDorgsecret0123456789");
    let api = world.person(OrgRole::Admin).await.api;
    let made = api.post(KEYS, &new_key("ours", &secret)).await.is(201);
    let base_url = format!("http://{}/v1", world.upstream.address);
    let expect = json!({
        "id": made["id"], "name": "ours", "provider": "openai", "base_url": base_url, "masked": "sk-P…6789",
        "models": ["gpt-test"], "priority": 100, "scope": "org", "org_id": world.org.to_string(),
        "user_id": null, "fallback_to_platform": false,
        "quotas": {
            "requests_per_minute": null, "requests_per_day": null, "tokens_per_minute": null, "tokens_per_day": null,
            "spend_per_day_nanos": null,
        },
        "state": {"word": "active", "since": made["created_at"], "reason": null, "until": null},
        "counts": {"in_flight": 0, "answered": 0, "failed": 0}, "created_at": made["created_at"],
    });
    assert_eq!(made, expect);
    let path = format!("{KEYS}/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.is(200)["name"], "ours");
    assert_eq!(api.get(KEYS).await.is(200)["data"].as_array().unwrap().len(), 1, "not the platform's");

    let change =
        r#"{"name":"theirs","models":null,"priority":7,"fallback_to_platform":true,"state":"disabled"}"#;
    let changed = api.patch(&path, change).await.is(200);
    let field = |name: &str| changed[name].clone();
    assert_eq!([field("name"), field("models"), field("priority")], [json!("theirs"), Value::Null, json!(7)]);
    assert_eq!(field("fallback_to_platform"), true);
    assert_eq!(
        (&changed["state"]["word"], &changed["state"]["reason"]),
        (&json!("disabled"), &json!("switched_off"))
    );
    assert!(changed["state"]["since"].is_string(), "{changed}");
    api.delete(&path).await.is(204);
    api.get(&path).await.is_problem(404, "not_found");

    let actions = ["create", "update", "disable", "remove"].map(|verb| format!("provider_key.{verb}"));
    let id = made["id"].as_str().unwrap();
    let rows = world.audit_rows().await;
    let rows: Vec<_> = rows.iter().filter(|row| row.resource == id).collect();
    assert_eq!(rows.iter().map(|row| row.action.clone()).collect::<Vec<_>>(), actions);
    assert!(rows.iter().all(|row| row.org == world.org.to_string()));
    world.finish().await;
}

#[tokio::test]
async fn each_scope_has_its_people() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDscopesecret0123456789");
    let (admin, member) = (world.person(OrgRole::Admin).await.api, world.person(OrgRole::Member).await.api);
    let (auditor, operator) = (world.person(OrgRole::Auditor).await.api, world.operator().await.api);
    let scoped = |name: &str, scope: &str| {
        let mut body: Value = serde_json::from_str(&new_key(name, &secret)).unwrap();
        body["scope"] = scope.into();
        body.to_string()
    };
    assert_eq!(operator.post(KEYS, &scoped("one", "platform")).await.is(201)["scope"], "platform");
    assert_eq!(operator.post(KEYS, &new_key("two", &secret)).await.is(201)["scope"], "platform");
    operator.post(KEYS, &scoped("three", "org")).await.is_problem(403, "forbidden");
    admin.post(KEYS, &scoped("one", "platform")).await.is_problem(403, "forbidden");
    assert_eq!(admin.post(KEYS, &scoped("one", "org")).await.is(201)["scope"], "org");
    admin.post(KEYS, &scoped("one", "user")).await.is_problem(422, "validation_failed");
    for api in [&member, &auditor] {
        api.post(KEYS, &scoped("four", "org")).await.is_problem(403, "forbidden");
        assert_eq!(api.get(KEYS).await.is(200)["data"].as_array().unwrap().len(), 1);
    }
    let own = member.post(OWN, &new_key("one", &secret)).await.is(201);
    assert_eq!((&own["scope"], &own["org_id"]), (&json!("user"), &json!(world.org.to_string())));
    auditor.post(OWN, &new_key("one", &secret)).await.is_problem(403, "forbidden");
    operator.post(OWN, &new_key("one", &secret)).await.is_problem(403, "forbidden");

    // One's own is nobody else's: not even the organization's owner's.
    let own_path = format!("{OWN}/{}", own["id"].as_str().unwrap());
    let owner = world.person(OrgRole::Owner).await.api;
    for api in [&admin, &owner] {
        api.get(&own_path).await.is_problem(404, "not_found");
        api.get(&own_path.replace(OWN, KEYS)).await.is_problem(404, "not_found");
        assert_eq!(api.get(OWN).await.is(200)["data"], json!([]));
    }
    let names: Vec<_> = operator.get(KEYS).await.is(200)["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["name"].clone(), key["scope"].clone()))
        .collect();
    let expect =
        [("main", "platform"), ("one", "platform"), ("two", "platform"), ("one", "org"), ("one", "user")];
    assert_eq!(
        names,
        expect.map(|(name, scope)| (json!(name), json!(scope))),
        "a name is its owner's affair"
    );
    admin.post(KEYS, &new_key("one", &secret)).await.is_problem(409, "conflict");

    let both = world.operator_who_is(OrgRole::Owner).await.api;
    assert_eq!(both.post(KEYS, &scoped("five", "org")).await.is(201)["scope"], "org");
    world.finish().await;
}

#[tokio::test]
async fn an_operator_keeps_order_among_tenants_keys_and_does_not_use_them() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDguardsecret0123456789");
    let (owner, operator) = (world.person(OrgRole::Owner).await.api, world.operator().await.api);
    let path = made(&owner, KEYS, &new_key("ours", &secret)).await;
    for body in [r#"{"name":"x"}"#, r#"{"models":null}"#, r#"{"base_url":"https://example.com/v1"}"#] {
        operator.patch(&path, body).await.is_problem(403, "forbidden");
    }
    operator.patch(&path, &format!(r#"{{"secret":"{secret}"}}"#)).await.is_problem(403, "forbidden");
    operator
        .post(&format!("{path}/rotate"), &format!(r#"{{"secret":"{secret}"}}"#))
        .await
        .is_problem(403, "forbidden");
    operator.post(&format!("{path}/test"), "").await.is_problem(403, "forbidden");
    assert_eq!(world.upstream.connections(), 0);
    assert_eq!(operator.patch(&path, r#"{"priority":900}"#).await.is(200)["priority"], 900);
    let off = operator.patch(&path, r#"{"state":"disabled"}"#).await.is(200);
    assert_eq!(off["state"]["word"], "disabled");
    operator.delete(&path).await.is(204);
    world.finish().await;
}

#[tokio::test]
async fn what_is_another_tenants_is_not_there() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDforeignsecret0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    let there = world.another_org("the others").await;
    let stranger = world.person_of(there, OrgRole::Admin).await.api;
    let ours = made(&owner, KEYS, &new_key("ours", &secret)).await;
    let own = made(&owner, OWN, &new_key("ours", &secret)).await;
    let platform = world.store().provider_keys().get("main").await.unwrap().id.to_string();
    let unknown = format!("pk_{}", "f".repeat(32));
    let rotation = format!(r#"{{"secret":"{secret}"}}"#);
    let elsewhere = format!(r#"{{"base_url":"https://example.com/v1","secret":"{secret}"}}"#);
    for path in
        [&ours, &format!("{KEYS}/{platform}"), &own, &own.replace(OWN, KEYS), &ours.replace(KEYS, OWN)]
    {
        let nobodys = format!("{}/{unknown}", path.rsplit_once('/').unwrap().0);
        for (method, tail, body) in [
            ("GET", "", ""),
            ("PATCH", "", r#"{"name":"x"}"#),
            ("PATCH", "", elsewhere.as_str()),
            ("DELETE", "", ""),
            ("POST", "/rotate", rotation.as_str()),
            ("POST", "/test", ""),
        ] {
            let send = async |path: &str| {
                let api = stranger.with("x-request-id: same\r\n");
                let answer = api.send(method, &format!("{path}{tail}"), body).await;
                answer.is_problem(404, "not_found");
                answer.text()
            };
            assert_eq!(send(path).await, send(&nobodys).await, "{method} {path}{tail}");
        }
    }
    assert_eq!(stranger.get(KEYS).await.is(200)["data"], json!([]));
    stranger.get(&format!("{KEYS}?org_id={}", world.org)).await.is_problem(400, "invalid_request");
    assert_eq!(owner.get(&ours).await.is(200)["name"], "ours", "nothing was changed");
    assert_eq!(world.upstream.connections(), 0);
    stranger.post(KEYS, &new_key("ours", &secret)).await.is(201);
    world.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_field() {
    let mut world = World::start().await;
    let (owner, operator) = (world.person(OrgRole::Owner).await.api, world.operator().await.api);
    let refused = async |api: &Api, field: &str, change: Value| {
        let mut body = json!({"name": "a", "provider": "openai", "secret": "sk-zqzqzqzqzqzq0123"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = api.post(KEYS, &body.to_string()).await;
        answer.is_problem(422, "validation_failed");
        assert_eq!(answer.json()["field"], field, "{}", answer.text());
        assert!(!answer.text().contains("zqzq"), "{}", answer.text());
    };
    refused(&owner, "secret", json!({"secret": "pk-zqzqzqzq"})).await;
    refused(&owner, "secret", json!({"secret": "sk-zq"})).await;
    refused(&owner, "secret", json!({"secret": "sk-zqzqzqzq zqzq"})).await;
    refused(&owner, "secret", json!({"secret": "sk-ant-zqzqzqzq"})).await;
    refused(&owner, "secret", json!({"secret": ["sk-zqzqzqzqzq"]})).await;
    refused(&owner, "provider", json!({"provider": "nobody"})).await;
    refused(&owner, "base_url", json!({"provider": "openai_compatible", "secret": "zqzqzqzq"})).await;
    for url in [
        "http://example.com/v1",
        "https://127.0.0.1/v1",
        "http://169.254.169.254/v1",
        "https://user@example.com/v1",
        "https://example.com/v1?x=1",
        "https://localhost/v1",
        "nonsense",
    ] {
        refused(&owner, "base_url", json!({"base_url": url})).await;
        refused(&operator, "base_url", json!({"base_url": url})).await;
    }
    refused(&owner, "models", json!({"models": []})).await;
    refused(&owner, "models[1]", json!({"models": ["a", ""]})).await;
    refused(&owner, "priority", json!({"priority": 0})).await;
    refused(&owner, "priority", json!({"priority": 1001})).await;
    refused(&owner, "owner", json!({"owner": "x"})).await;
    refused(&operator, "fallback_to_platform", json!({"fallback_to_platform": true})).await;
    let without = json!({"name": "a", "provider": "openai"}).to_string();
    owner.post(KEYS, &without).await.is_problem(422, "validation_failed");
    assert_eq!(world.upstream.connections(), 0);
    world.finish().await;
}

#[tokio::test]
async fn tenants_reach_no_private_place_that_was_opened_for_the_operator() {
    let mut world = World::with(&[("egress.tenant_allow", "127.0.0.1:9")]).await;
    let url = format!("http://{}/v1", world.upstream.address);
    let body = json!({"name": "a", "provider": "vllm", "base_url": url}).to_string();
    let (owner, operator) = (world.person(OrgRole::Owner).await.api, world.operator().await.api);
    owner.post(KEYS, &body).await.is_problem(422, "validation_failed");
    owner.post(OWN, &body).await.is_problem(422, "validation_failed");
    let discovery = json!({"provider": "vllm", "base_url": url}).to_string();
    owner.post(&format!("{KEYS}/discover"), &discovery).await.is_problem(422, "validation_failed");
    assert_eq!(world.upstream.connections(), 0);
    operator.post(KEYS, &body).await.is(201);
    world.finish().await;
}

#[tokio::test]
async fn every_kind_of_provider_is_asked_for_its_models_in_its_own_way() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let secret = world.plant("PLANTEDdiscovery0123456789");
    let url = format!("http://{}/v1", world.upstream.address);
    let cases = [
        (
            "openai_compatible",
            r#"{"object":"list","data":[{"id":"m"}]}"#,
            "get /v1/models ",
            "authorization: bearer ",
        ),
        (
            "anthropic_compatible",
            r#"{"data":[{"type":"model","id":"m"}]}"#,
            "get /v1/models?limit=1000 ",
            "x-api-key: ",
        ),
        (
            "gemini_compatible",
            r#"{"models":[{"name":"models/m"}]}"#,
            "get /v1/models?pagesize=1000 ",
            "x-goog-api-key: ",
        ),
    ];
    for (provider, list, line, header) in cases {
        world.upstream.answers(list);
        let body = json!({"provider": provider, "base_url": url, "secret": secret}).to_string();
        let found = operator.post(&format!("{KEYS}/discover"), &body).await.is(200);
        assert_eq!(found["models"], json!(["m"]), "{provider}: {found}");
        let head = world.upstream.received().pop().unwrap().head.to_ascii_lowercase();
        assert!(head.starts_with(line), "{provider}: {head}");
        assert!(head.contains(&format!("{header}{}", secret.to_ascii_lowercase())), "{provider}: {head}");
    }
    world.finish().await;
}

#[tokio::test]
async fn another_host_asks_for_the_secret_again() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDhostsecret0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    let path = made(&owner, KEYS, &new_key("ours", &secret)).await;
    let elsewhere = r#"{"base_url":"https://eu.example.com/v1"}"#;
    let refused = owner.patch(&path, elsewhere).await;
    refused.is_problem(422, "validation_failed");
    assert_eq!(refused.json()["field"], "secret");
    let same_host = json!({"base_url": format!("http://{}/v2/", world.upstream.address)}).to_string();
    let moved = owner.patch(&path, &same_host).await.is(200);
    assert_eq!(moved["base_url"], format!("http://{}/v2", world.upstream.address));
    let with_secret = json!({"base_url": "https://eu.example.com/v1", "secret": secret}).to_string();
    assert_eq!(owner.patch(&path, &with_secret).await.is(200)["base_url"], "https://eu.example.com/v1");
    world.finish().await;
}

#[tokio::test]
async fn what_concerns_a_secret_asks_for_a_fresh_proof() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDproofsecret0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    let (ours, own) =
        (made(&owner, KEYS, &new_key("a", &secret)).await, made(&owner, OWN, &new_key("a", &secret)).await);
    world.pass(std::time::Duration::from_secs(601));
    let rotation = format!(r#"{{"secret":"{secret}"}}"#);
    for (at, path) in [(KEYS, &ours), (OWN, &own)] {
        owner.post(at, &new_key("b", &secret)).await.is_problem(403, "proof_required");
        owner.post(&format!("{path}/rotate"), &rotation).await.is_problem(403, "proof_required");
        owner.patch(path, &rotation).await.is_problem(403, "proof_required");
        owner.patch(path, r#"{"base_url":"https://example.com/v1"}"#).await.is_problem(403, "proof_required");
        owner.patch(path, r#"{"fallback_to_platform":true}"#).await.is_problem(403, "proof_required");
        owner.patch(path, r#"{"priority":3,"fallback_to_platform":false}"#).await.is(200);
        owner.delete(path).await.is(204);
    }
    world.finish().await;
}

#[tokio::test]
async fn the_catalogue_says_what_can_be_connected() {
    let mut world = World::start().await;
    let auditor = world.person(OrgRole::Auditor).await.api;
    let page = auditor.get("/api/v1/providers").await.is(200);
    assert_eq!(page["next_cursor"], Value::Null);
    let rows = page["data"].as_array().unwrap();
    assert_eq!(rows.len(), wire::catalog::providers().len());
    let openai = rows.iter().find(|row| row["slug"] == "openai").unwrap();
    assert_eq!(openai["base_url"], format!("http://{}/v1", world.upstream.address), "the configured address");
    assert_eq!((&openai["needs_key"], &openai["surfaces"][0]), (&json!(true), &json!("chat")));
    world.finish().await;
}
