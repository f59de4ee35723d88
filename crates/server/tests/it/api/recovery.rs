//! Recovery codes: shown once, each good for one login in the place of the second factor.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use domain::secret::Secret;
use serde_json::{Value, json};

use super::me::code_of;
use crate::world::World;
use crate::world::caller::Answer;
use crate::world::people::{Api, PASSWORD};

const ADA: &str = "ada@example.com";

/// Somebody with a second factor, and the codes that stand in for it.
async fn with_codes(world: &mut World) -> (Api, Vec<String>) {
    world.account(ADA).await;
    let (api, _) = world.tokens(ADA).await;
    api.post("/api/v1/me/totp/recovery-codes", "").await.is_problem(409, "conflict");
    let uri = api.post("/api/v1/me/totp", "").await.is(201)["uri"].as_str().unwrap().to_owned();
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let seed = Secret::new(BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    api.post("/api/v1/me/totp/recovery-codes", "").await.is_problem(409, "conflict");
    let body = json!({ "code": code_of(world, &seed) }).to_string();
    let codes = codes(world, &api.post("/api/v1/me/totp/confirm", &body).await.is(201));
    (api, codes)
}

fn codes(world: &mut World, made: &Value) -> Vec<String> {
    let codes: Vec<_> =
        made["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    codes.into_iter().map(|code| world.plant(code)).collect()
}

async fn with(world: &World, code: &str) -> Answer {
    let body = json!({ "email": ADA, "password": PASSWORD, "recovery_code": code, "session": "bearer" });
    world.api("").post("/api/v1/login", &body.to_string()).await
}

async fn left(api: &Api) -> Value {
    api.get("/api/v1/me").await.is(200)["recovery_codes_left"].clone()
}

#[tokio::test]
async fn each_code_stands_in_for_the_second_factor_once() {
    let mut world = World::start().await;
    let (api, codes) = with_codes(&mut world).await;
    assert_eq!((codes.len(), left(&api).await), (10, json!(10)));
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    // As somebody types it.
    with(&world, &codes[0].to_uppercase().replace('-', " ")).await.is(200);
    with(&world, &codes[0]).await.is_problem(401, "unauthorized");
    with(&world, "0000-0000-0000-0000").await.is_problem(401, "unauthorized");
    assert_eq!(left(&api).await, 9);
    let used = world.reasons("user.recovery", 2).await;
    assert!(used[1].1.contains("one used") && used[1].1.contains("\"left\":9"), "{used:?}");
    let failed = format!("{:?}", world.reasons("login.fail", 2).await);
    assert!(failed.contains("wrong_recovery_code"), "{failed}");

    let malformed = with(&world, "PLANTED-no-code").await;
    let problem = malformed.is_problem(422, "validation_failed").json();
    assert_eq!(problem["field"], "recovery_code");
    assert!(!problem.to_string().contains("PLANTED"), "{problem}");
    let both = json!({ "email": ADA, "password": PASSWORD, "totp": "000000", "recovery_code": codes[1], "session": "bearer" });
    let answer = world.api("").post("/api/v1/login", &both.to_string()).await;
    assert_eq!(answer.is_problem(422, "validation_failed").json()["field"], "recovery_code");
    // Without the password a code is nothing.
    let wrong =
        json!({ "email": ADA, "password": "not the one", "recovery_code": codes[1], "session": "bearer" });
    world.api("").post("/api/v1/login", &wrong.to_string()).await.is_problem(401, "unauthorized");
    assert_eq!(left(&api).await, 9, "and is not used up");
    with(&world, &codes[1]).await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn guesses_at_codes_are_counted_as_failed_logins() {
    let mut world = World::start().await;
    let (_, codes) = with_codes(&mut world).await;
    for number in 0..5 {
        with(&world, &format!("0000-0000-0000-000{number}")).await.is_problem(401, "unauthorized");
    }
    with(&world, &codes[0]).await.is_problem(401, "unauthorized");
    world.pass(Duration::from_secs(31));
    with(&world, &codes[0]).await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn other_codes_take_the_place_of_those_of_before_and_go_with_the_second_factor() {
    let mut world = World::start().await;
    let (api, before) = with_codes(&mut world).await;
    let renew = "/api/v1/me/totp/recovery-codes";
    let once = api.with("idempotency-key: one\r\n");
    let made = once.post(renew, "").await.is(201);
    let after = codes(&mut world, &made);
    assert!(once.post(renew, "").await.is(201)["recovery_codes"].is_null(), "they are shown once");
    with(&world, &before[0]).await.is_problem(401, "unauthorized");
    with(&world, &after[0]).await.is(200);
    assert_eq!(left(&api).await, 9);

    world.pass(Duration::from_secs(601));
    api.post(renew, "").await.is_problem(403, "proof_required");
    // Whoever lost the device comes in by a code and switches the second factor off.
    let back = with(&world, &after[1]).await.is(200);
    let back = world.api(back["access_token"].as_str().unwrap());
    back.delete("/api/v1/me/totp").await.is(204);
    assert_eq!(left(&back).await, 0);
    back.post(renew, "").await.is_problem(409, "conflict");
    world.tokens(ADA).await;
    world.finish().await;
}
