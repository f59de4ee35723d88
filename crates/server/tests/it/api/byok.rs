//! Whose provider key a call uses: the person's own, the organization's, the platform's, or the one it brings; and that
//! no other stands in unseen.

mod inline;

use domain::role::OrgRole;
use domain::usage::RouteMode;
use serde_json::json;

use super::provider_keys::{KEYS, OWN, made, new_key};
use crate::chat::{ANSWER, request};
use crate::world::caller::{Answer, Caller};
use crate::world::{PROVIDER_KEY, World, eventually};

/// A call with this API key.
async fn call(world: &World, key: &str) -> Answer {
    Caller::new(world.caller.address, key.to_owned()).post("/v1/chat/completions", &request("gpt-test")).await
}

/// Calls with this API key until the upstream was asked with this secret; gives the last answer's route mode.
async fn uses(world: &World, key: &str, secret: &str) -> String {
    let mode = std::sync::Mutex::new(String::new());
    eventually(&format!("a call with {secret}"), || async {
        world.upstream.forget().answers(ANSWER);
        let answer = call(world, key).await;
        *mode.lock().unwrap() = answer.header("x-portcullis-route-mode").unwrap_or_default().to_owned();
        let bearer = format!("authorization: Bearer {secret}");
        world.upstream.received().last().is_some_and(|last| last.head.contains(&bearer))
    })
    .await;
    mode.into_inner().unwrap()
}

/// An API key that this person made.
async fn key_of(world: &mut World, user: domain::id::UserId) -> String {
    world.key_with(|new| new.user = Some(user)).await.0
}

#[tokio::test]
async fn a_call_uses_the_nearest_key() {
    let mut world = World::start().await;
    let (ours, own) = (world.plant("sk-PLANTEDourskey0123456789"), world.plant("sk-PLANTEDownkey0123456789"));
    let (admin, member) = (world.person(OrgRole::Admin).await, world.person(OrgRole::Member).await);
    let (admins, members) = (key_of(&mut world, admin.user).await, key_of(&mut world, member.user).await);
    let nobodys = world.caller.key.clone();
    assert_eq!(uses(&world, &members, PROVIDER_KEY).await, "platform");

    let org_path = made(&admin.api, KEYS, &new_key("ours", &ours)).await;
    for key in [&admins, &members, &nobodys] {
        assert_eq!(uses(&world, key, &ours).await, "org_key");
    }
    let own_path = made(&member.api, OWN, &new_key("own", &own)).await;
    assert_eq!(uses(&world, &members, &own).await, "byok");
    for key in [&admins, &nobodys] {
        assert_eq!(uses(&world, key, &ours).await, "org_key", "one's own key is for one's own calls");
    }
    admin.api.delete(&org_path).await.is(204);
    assert_eq!(uses(&world, &admins, PROVIDER_KEY).await, "platform");
    assert_eq!(uses(&world, &members, &own).await, "byok");
    member.api.delete(&own_path).await.is(204);
    assert_eq!(uses(&world, &members, PROVIDER_KEY).await, "platform");

    let calls = world.upstream.received().len();
    let modes: Vec<_> = world.usage(calls).await.into_iter().map(|row| row.route_mode).collect();
    for mode in RouteMode::ALL {
        assert!(modes.contains(&Some(mode)), "{mode:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn another_tenants_calls_never_use_it() {
    let mut world = World::start().await;
    let secret = world.plant("sk-PLANTEDtenantkey0123456789");
    let there = world.another_org("the others").await;
    let stranger = world.person_of(there, OrgRole::Owner).await;
    made(&stranger.api, KEYS, &new_key("theirs", &secret)).await;
    let own = json!({"name": "own", "provider": "openai", "secret": secret, "models": ["their-own"]});
    made(&stranger.api, OWN, &own.to_string()).await;
    // What the stranger made in the other organization is not for keys that the same person has here.
    let key = key_of(&mut world, stranger.user).await;
    let operator = world.operator().await.api;
    eventually("the keys in the pool", || async {
        let rows = operator.get(KEYS).await.is(200);
        rows["data"].as_array().unwrap().len() == 3
    })
    .await;
    for _ in 0..5 {
        world.upstream.answers(ANSWER);
        assert_eq!(call(&world, &key).await.header("x-portcullis-route-mode"), Some("platform"));
    }
    let caller = Caller::new(world.caller.address, key);
    let listed = caller.get("/v1/models").await.text();
    assert!(!listed.contains("their-own"), "{listed}");
    let answer = caller.post("/v1/chat/completions", &request("their-own")).await;
    answer.is_error(404, "invalid_request_error", "model_not_found");
    assert!(world.upstream.received().iter().all(|call| call.head.contains(PROVIDER_KEY)));
    world.usage(5).await;
    world.finish().await;
}

#[tokio::test]
async fn the_platform_stands_in_by_leave_alone() {
    let mut world = World::with(&[("retries.per_target", "0")]).await;
    let secret = world.plant("sk-PLANTEDleavekey0123456789");
    let owner = world.person(OrgRole::Owner).await.api;
    let path = made(&owner, KEYS, &new_key("ours", &secret)).await;
    let key = world.caller.key.clone();
    uses(&world, &key, &secret).await;
    world.upstream.forget().says(500, "", "").answers(ANSWER);
    assert_eq!(call(&world, &key).await.status, 502, "no other key stands in");

    owner.patch(&path, r#"{"fallback_to_platform":true}"#).await.is(200);
    eventually("the platform's key", || async {
        world.upstream.forget().says(500, "", "").answers(ANSWER);
        call(&world, &key).await.header("x-portcullis-route-mode") == Some("platform")
    })
    .await;
    world.upstream.forget();
    owner.patch(&path, r#"{"fallback_to_platform":false,"state":"disabled"}"#).await.is(200);
    eventually("the key out of service", || async {
        let answer = call(&world, &key).await;
        answer.status == 503 && answer.text().contains("switched off")
    })
    .await;
    let calls = world.upstream.received().len();
    call(&world, &key).await.is_error(503, "api_error", "no_available_route");
    assert_eq!(world.upstream.received().len(), calls, "what is switched off is not replaced");
    world.finish().await;
}
