//! A person's own: who they are, where they are logged in, where they belong, and the proofs of it.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use domain::role::OrgRole;
use domain::secret::Secret;
use domain::tenant::Tenant;
use serde_json::json;
use store::members::By;

use crate::vectors::row;
use crate::world::World;
use crate::world::people::{Api, PASSWORD};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

async fn proof(api: &Api, password: &str) -> crate::world::caller::Answer {
    api.post("/api/v1/me/proof", &json!({ "password": password }).to_string()).await
}

#[tokio::test]
async fn a_user_name_is_ones_own_and_logs_in() {
    let mut world = World::start().await;
    world.account(ADA).await;
    world.account(BOB).await;
    let ((ada, _), (bob, _)) = (world.tokens(ADA).await, world.tokens(BOB).await);
    let rename =
        async |api: &Api, name: &str| api.patch("/api/v1/me", &format!("{{\"username\":{name}}}")).await;
    assert_eq!(rename(&ada, "\"Ada.L\"").await.is(200)["username"], "ada.l");
    rename(&bob, "\"ada.l\"").await.is_problem(409, "conflict");
    rename(&bob, "\"1bob\"").await.is_problem(422, "validation_failed");
    bob.patch("/api/v1/me", "{\"operator\":true}").await.is_problem(422, "validation_failed");
    world.tokens(" ADA.l ").await;
    assert_eq!(ada.patch("/api/v1/me", "{}").await.is(200)["username"], "ada.l", "what is absent stays");
    assert!(rename(&ada, "null").await.is(200)["username"].is_null());
    world.attempt("ada.l", PASSWORD).await.is_problem(401, "unauthorized");
    world.finish().await;
}

#[tokio::test]
async fn logins_are_listed_and_ended_by_their_person_alone() {
    let mut world = World::start().await;
    world.account(ADA).await;
    world.account(BOB).await;
    let ((here, _), (there, _), (bob, _)) =
        (world.tokens(ADA).await, world.tokens(ADA).await, world.tokens(BOB).await);
    let listed = here.get("/api/v1/me/logins").await.is(200)["data"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(listed[0]["ip"], "127.0.0.1");
    let me = there.get("/api/v1/me").await.is(200);
    let id = me["login"]["id"].as_str().unwrap();
    bob.delete(&format!("/api/v1/me/logins/{id}")).await.is_problem(404, "not_found");
    here.delete(&format!("/api/v1/me/logins/{id}")).await.is(204);
    there.get("/api/v1/me").await.is_problem(401, "unauthorized");
    here.delete(&format!("/api/v1/me/logins/{id}")).await.is_problem(404, "not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_login_turns_to_organizations_of_its_person_alone() {
    let mut world = World::start().await;
    let user = world.account(ADA).await;
    let (mine, second, foreign) =
        (world.org, world.another_org("second").await, world.another_org("foreign").await);
    for org in [mine, second] {
        let books = world.store().of(Tenant::of_verified_member(org));
        books.members().add(user, OrgRole::Auditor, By::Operator, &world.act()).await.unwrap();
        world.pass(Duration::from_secs(1));
    }
    let (api, _) = world.tokens(ADA).await;
    let listed = api.get("/api/v1/me/orgs").await.is(200)["data"].clone();
    assert_eq!((&listed[0]["org_id"], &listed[1]["name"]), (&json!(mine.to_string()), &json!("second")));
    assert_eq!(api.get("/api/v1/org").await.is(200)["id"], mine.to_string());
    let turn = async |org: String| api.post("/api/v1/me/org", &json!({ "org_id": org }).to_string()).await;
    assert_eq!(turn(second.to_string()).await.is(200)["org_id"], second.to_string());
    assert_eq!(api.get("/api/v1/org").await.is(200)["name"], "second");
    let mut bodies = vec![];
    for org in [foreign.to_string(), format!("org_{}", "f".repeat(32))] {
        let answer = turn(org).await;
        bodies.push(answer.is_problem(422, "validation_failed").json()["detail"].clone());
    }
    assert_eq!(bodies[0], bodies[1], "another's is as unknown as nobody's");
    assert_eq!(api.get("/api/v1/org").await.is(200)["name"], "second");
    world.finish().await;
}

#[tokio::test]
async fn a_proof_is_a_password_and_guesses_at_it_are_counted() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let (api, _) = world.tokens(ADA).await;
    world.pass(Duration::from_secs(601));
    api.post("/api/v1/me/totp", "").await.is_problem(403, "proof_required");
    proof(&api, PASSWORD).await.is(200);
    api.post("/api/v1/me/totp", "").await.is(201);
    api.post("/api/v1/me/proof", "{}").await.is_problem(422, "validation_failed");
    world.pass(Duration::from_secs(601));
    for _ in 0..5 {
        proof(&api, "wrong").await.is_problem(403, "proof_required");
    }
    proof(&api, PASSWORD).await.is_problem(403, "proof_required");
    assert_eq!(api.get("/api/v1/me").await.status, 200, "the login goes on");
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    world.pass(Duration::from_secs(31));
    proof(&api, PASSWORD).await.is(200);
    assert!(!world.reasons("login.prove", 2).await.is_empty());
    world.finish().await;
}

/// The code of now, found as a guesser would: there is one in a million.
pub fn code_of(world: &World, seed: &Secret) -> String {
    let now = world.now();
    let mut codes = (0..1_000_000).map(|number| format!("{number:06}"));
    codes.find(|code| vault::totp::accept(seed, code, now, 0).is_some()).expect("a code")
}

#[tokio::test]
async fn a_second_factor_counts_from_its_first_code_and_no_code_counts_twice() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let (api, _) = world.tokens(ADA).await;
    let uri = api.post("/api/v1/me/totp", "").await.is(201)["uri"].as_str().unwrap().to_owned();
    let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let seed = Secret::new(BASE32_NOPAD.decode(secret.as_bytes()).unwrap());
    world.tokens(ADA).await;
    let code = code_of(&world, &seed);
    let confirm =
        async |code: &str| api.post("/api/v1/me/totp/confirm", &json!({ "code": code }).to_string()).await;
    confirm("12345").await.is_problem(422, "validation_failed");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    confirm(wrong).await.is_problem(422, "validation_failed");
    confirm(&code).await.is(201);
    api.post("/api/v1/me/totp", "").await.is_problem(409, "conflict");

    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    let with_code = async |code: &str| {
        let body = json!({ "email": ADA, "password": PASSWORD, "totp": code, "session": "bearer" });
        world.api("").post("/api/v1/login", &body.to_string()).await
    };
    with_code(&code).await.is_problem(401, "unauthorized");
    world.pass(Duration::from_secs(90));
    let code = code_of(&world, &seed);
    with_code(&code).await.is(200);
    with_code(&code).await.is_problem(401, "unauthorized");
    let rows = world.reasons("login.fail", 2).await;
    assert!(
        format!("{rows:?}").contains("code_missing") && format!("{rows:?}").contains("wrong_code"),
        "{rows:?}"
    );

    api.delete("/api/v1/me/totp").await.is(204);
    world.tokens(ADA).await;
    api.delete("/api/v1/me/totp").await.is_problem(409, "conflict");
    world.finish().await;
}

#[tokio::test]
async fn an_address_is_changed_by_whoever_proves_both_the_account_and_the_address() {
    let mail = [("mail.sink_dir", "letters"), ("mail.from", "Gate <gate@example.org>")];
    let mut world = World::with(&mail).await;
    world.account(ADA).await;
    world.account(BOB).await;
    let ((ada, _), (bob, _)) = (world.tokens(ADA).await, world.tokens(BOB).await);
    let wish = async |email: &str| ada.post("/api/v1/me/email", &json!({ "email": email }).to_string()).await;
    let expect = &row("lockout_session", "lockout-email-change")["expect"];
    assert_eq!(
        (&expect["reauth"], &expect["notify_old"], &expect["audit_ip"]),
        (&json!(true), &json!(true), &json!(true))
    );
    world.pass(Duration::from_secs(601));
    wish("ada@example.net").await.is_problem(403, "proof_required");
    proof(&ada, PASSWORD).await.is(200);
    wish("no address").await.is_problem(422, "validation_failed");
    wish("Ada@example.net").await.is(202);
    let letter = world.letter("ada@example.net").await;
    let notice = world.letter(ADA).await;
    assert!(notice.contains("ada@example.net") && !notice.contains("pc_ver_"), "{notice}");
    let rows = world.audit_rows().await;
    let row_of = rows.iter().find(|row| row.action == "user.email").expect("a row");
    assert_eq!(row_of.ip, "127.0.0.1");
    assert!(row_of.detail.contains(ADA) && row_of.detail.contains("ada@example.net"), "{}", row_of.detail);

    let token = World::token_in(&letter, "pc_ver_");
    let verify =
        async |api: &Api| api.post("/api/v1/email/verify", &json!({ "token": token }).to_string()).await;
    assert_eq!(row("lockout_session", "lockout-verify-token-other")["expect"]["reject"], true);
    verify(&bob).await.is_problem(401, "unauthorized");
    assert_eq!(ada.get("/api/v1/me").await.is(200)["user"]["email"], ADA, "nothing changed yet");
    assert_eq!(verify(&world.api("")).await.is(200)["email"], "ada@example.net");
    verify(&world.api("")).await.is_problem(401, "unauthorized");
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    world.tokens("ada@example.net").await;

    wish(BOB).await.is(202);
    let told = world.letter(BOB).await;
    assert!(!told.contains("pc_ver_") && told.contains("has an account"), "{told}");
    world.finish().await;
}
