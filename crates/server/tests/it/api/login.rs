//! Logins through the edge: the first account, tokens for programs and cookies for browsers, their continuation, and all
//! that ends them.

use std::time::Duration;

use domain::id::InvitationId;
use domain::role::OrgRole;
use domain::tenant::Tenant;
use domain::token::Kind;
use serde_json::json;
use store::invitations::{Grants, NewInvitation};
use store::members::By;
use store::switch::Switch;
use vault::password::{Cost, Scheme};

use crate::vectors::{row, rows};
use crate::world::people::{Before, PASSWORD};
use crate::world::{World, fresh};

const ADA: &str = "ada@example.com";
const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn the_first_account_is_for_whoever_reads_what_the_gate_said() {
    let world = World::start().await;
    let token = vault::entropy::token(Kind::Invitation).unwrap();
    let new = NewInvitation {
        id: InvitationId::new(fresh()),
        grants: Grants::Setup,
        email: None,
        prefix: token.prefix(),
        digest: world.digest(&token),
        expires_at: world.now().plus_seconds(86_400),
    };
    world.store().invitations().set_up(&new, &world.act()).await.unwrap().expect("nobody has an account");
    let set_up = async |token: &str, password: &str| {
        let body = json!({ "token": token, "email": " Ada@Example.com", "password": password }).to_string();
        world.api("").post("/api/v1/setup", &body).await
    };
    set_up(&format!("pc_inv_{}", "0".repeat(52)), PASSWORD).await.is_problem(401, "unauthorized");
    let weak = set_up(token.reveal(), "password1234").await;
    weak.is_problem(422, "validation_failed");
    assert_eq!(weak.json()["field"], "password");
    let made = set_up(token.reveal(), PASSWORD).await.is(201);
    assert_eq!((&made["email"], &made["operator"]), (&json!(ADA), &json!(true)));
    set_up(token.reveal(), PASSWORD).await.is_problem(401, "unauthorized");
    let (api, _) = world.tokens(ADA).await;
    assert_eq!(api.get("/api/v1/orgs").await.status, 200, "an operator");
    world.finish().await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_in_two_hands_it_ends_the_login() {
    let mut world = World::start().await;
    let user = world.account(ADA).await;
    let (api, first) = world.tokens(&format!(" {} ", ADA.to_uppercase())).await;
    assert_eq!(api.get("/api/v1/me").await.is(200)["user"]["email"], ADA);
    world.pass(DAY);
    let next = world.refresh(&first).await.is(200);
    assert_eq!(next["user_id"], user.to_string());
    let second = next["refresh_token"].as_str().unwrap();

    let haste = world.refresh(&first).await;
    haste.is_problem(409, "conflict");
    let third = world.refresh(second).await.is(200);
    let api = world.api(third["access_token"].as_str().unwrap());
    assert_eq!(api.get("/api/v1/me").await.status, 200, "haste ends nothing");

    assert_eq!(row("jwt", "jwt-state-refresh-reuse")["expect"]["family_revoked"], true);
    world.pass(Duration::from_secs(10));
    world.refresh(&first).await.is_problem(401, "unauthorized");
    api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.refresh(third["refresh_token"].as_str().unwrap()).await.is_problem(401, "unauthorized");
    let rows = world.reasons("login.reuse", 1).await;
    assert_eq!(rows[0].0, user.to_string(), "{rows:?}");
    world.finish().await;
}

#[tokio::test]
async fn of_two_windows_with_one_token_one_goes_on() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let (_, token) = world.tokens(ADA).await;
    assert_eq!(row("jwt", "jwt-state-refresh-race")["expect"]["verdict"], "one_accept");
    let (one, other) = tokio::join!(world.refresh(&token), world.refresh(&token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    world.finish().await;
}

#[tokio::test]
async fn no_login_outlives_its_absolute_end() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let (_, mut token) = world.tokens(ADA).await;
    assert_eq!(row("jwt", "jwt-state-absolute-lifetime")["expect"]["verdict"], "reject");
    assert_eq!(row("lockout_session", "lockout-absolute")["expect"]["dead"], true);
    for _ in 0..4 {
        world.pass(20 * DAY);
        token = world.refresh(&token).await.is(200)["refresh_token"].as_str().unwrap().to_owned();
    }
    world.pass(9 * DAY);
    let last = world.refresh(&token).await.is(200);
    assert!(last["refresh_expires_in"].as_i64().unwrap() < 86_400, "{last}");
    world.pass(DAY);
    let (last_access, last_refresh) = (&last["access_token"], &last["refresh_token"]);
    world.refresh(last_refresh.as_str().unwrap()).await.is_problem(401, "unauthorized");
    let api = world.api(last_access.as_str().unwrap());
    api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.finish().await;
}

#[tokio::test]
async fn a_browser_gets_cookies_and_shows_that_its_page_is_ours() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let page = world.api("").with(&format!("origin: http://{}\r\n", world.admin()));
    let body = json!({ "email": ADA, "password": PASSWORD, "session": "cookie" }).to_string();
    world
        .api("")
        .with("origin: https://evil.example\r\n")
        .post("/api/v1/login", &body)
        .await
        .is_problem(403, "origin_not_allowed");
    let answer = page.post("/api/v1/login", &body).await;
    let session = answer.is(200);
    assert!(session["access_token"].is_null() && session["refresh_token"].is_null(), "{session}");
    let csrf = session["csrf_token"].as_str().unwrap();
    let cookie = |name: &str| {
        let mut lines = answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        lines.find(|line| line.starts_with(name)).expect(name).to_owned()
    };
    let (access, refresh) = (cookie("pc_access="), cookie("pc_refresh="));
    assert!(access.contains("; HttpOnly") && access.contains("SameSite=Strict"), "{access}");
    assert!(refresh.contains("Path=/api/v1/refresh;") && refresh.contains("; HttpOnly"), "{refresh}");
    assert!(!cookie("pc_csrf=").contains("HttpOnly"), "a page of ours reads it");
    let value = |line: &str| line.split(';').next().unwrap().to_owned();
    let cookies = format!("cookie: {}; pc_csrf={csrf}\r\n", value(&refresh));
    let repeated = format!("x-csrf-token: {csrf}\r\n");
    let ours = page.with(&cookies);
    ours.post("/api/v1/refresh", "{}").await.is_problem(403, "forbidden");
    let no_page = world.api("").with(&format!("{cookies}{repeated}"));
    no_page.post("/api/v1/refresh", "{}").await.is_problem(403, "origin_not_allowed");
    let both = json!({ "refresh_token": format!("pc_ref_{}", "0".repeat(52)) }).to_string();
    ours.with(&repeated).post("/api/v1/refresh", &both).await.is_problem(401, "unauthorized");
    let next = ours.with(&repeated).post("/api/v1/refresh", "{}").await;
    assert_eq!(next.is(200)["csrf_token"], csrf, "it belongs to the login");

    let cookies = format!("cookie: {}; pc_csrf={csrf}\r\n{repeated}", value(&access));
    let gone = page.with(&cookies).post("/api/v1/logout", "").await;
    gone.is(204);
    for name in ["pc_access=;", "pc_refresh=;", "pc_csrf=;"] {
        assert!(gone.head.contains(name), "{}", gone.head);
    }
    page.with(&cookies).get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.finish().await;
}

#[tokio::test]
async fn what_ends_logins_ends_them_at_once() {
    let mut world = World::start().await;
    let user = world.account(ADA).await;
    let dead = async |logins: &[(crate::world::people::Api, String)]| {
        for (api, refresh) in logins {
            api.get("/api/v1/me").await.is_problem(401, "unauthorized");
            world.refresh(refresh).await.is_problem(401, "unauthorized");
        }
    };
    let both = async || vec![world.tokens(ADA).await, world.tokens(ADA).await];

    let logins = both().await;
    logins[0].0.post("/api/v1/logout", "").await.is(204);
    dead(&logins[..1]).await;
    assert_eq!(logins[1].0.get("/api/v1/me").await.status, 200, "the other goes on");

    assert_eq!(row("lockout_session", "lockout-logout-all")["expect"]["all_dead"], true);
    logins[1].0.post("/api/v1/logout-everywhere", "").await.is(204);
    dead(&logins).await;

    let logins = both().await;
    let wrong = json!({ "password": "not the one", "new_password": "another 19 Barn" }).to_string();
    logins[0].0.post("/api/v1/me/password", &wrong).await.is_problem(403, "proof_required");
    let weak = json!({ "password": PASSWORD, "new_password": "short" }).to_string();
    let refused = logins[0].0.post("/api/v1/me/password", &weak).await;
    assert_eq!(refused.is_problem(422, "validation_failed").json()["field"], "new_password");
    let change = json!({ "password": PASSWORD, "new_password": "another 19 Barn" }).to_string();
    logins[0].0.post("/api/v1/me/password", &change).await.is(204);
    dead(&logins).await;
    world.attempt(ADA, PASSWORD).await.is_problem(401, "unauthorized");
    let back = world.attempt(ADA, "another 19 Barn").await.is(200);
    let api = world.api(back["access_token"].as_str().unwrap());

    world.store().users().set_state(user, Switch::Disabled, &world.act()).await.unwrap();
    api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.refresh(back["refresh_token"].as_str().unwrap()).await.is_problem(401, "unauthorized");
    world.attempt(ADA, "another 19 Barn").await.is_problem(401, "unauthorized");
    world.store().users().set_state(user, Switch::Active, &world.act()).await.unwrap();
    api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    world.attempt(ADA, "another 19 Barn").await.is(200);
    world.finish().await;
}

#[tokio::test]
async fn what_a_token_said_once_is_not_what_the_books_say_now() {
    let mut world = World::start().await;
    let user = world.account(ADA).await;
    world.person(OrgRole::Owner).await;
    let members = || world.store().of(Tenant::of_verified_member(world.org)).members();
    members().add(user, OrgRole::Admin, By::Operator, &world.act()).await.unwrap();
    let (api, _) = world.tokens(ADA).await;
    api.patch("/api/v1/org", "{\"name\":\"one\"}").await.is(200);
    assert_eq!(row("jwt", "jwt-state-after-role-downgrade")["expect"]["status"], 403);
    members().set_role(user, OrgRole::Auditor, By::Operator, &world.act()).await.unwrap();
    api.patch("/api/v1/org", "{\"name\":\"two\"}").await.is_problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn a_hash_that_is_weaker_than_one_would_be_now_is_made_anew() {
    let mut world = World::start().await;
    let user = world.account_at(ADA, Scheme::Argon2id(Cost { memory_kib: 32, passes: 1 })).await;
    let stored = async || world.store().users().account(user).await.unwrap().password.unwrap();
    assert!(stored().await.contains("m=32,"));
    let (api, _) = world.tokens(ADA).await;
    assert!(stored().await.contains("m=64,"), "{}", stored().await);
    assert_eq!(api.get("/api/v1/me").await.status, 200, "it is the same password: no login ends");
    world.tokens(ADA).await;
    world.finish().await;
}

#[tokio::test]
async fn a_hash_of_the_other_kind_goes_on_and_is_made_anew() {
    for (setting, before, after) in [
        ("bcrypt", Scheme::Argon2id(Cost { memory_kib: 64, passes: 1 }), "$bcrypt-sha256$v=2,t=2b,r=5$"),
        ("argon2id", Scheme::Bcrypt { cost: 4 }, "$argon2id$v=19$m=64,"),
    ] {
        let settings = [("accounts.password_hash", setting), ("accounts.password_bcrypt_cost", "5")];
        let mut world = World::with(&settings).await;
        let user = world.account_at(ADA, before).await;
        world.attempt(ADA, "not the one").await.is_problem(401, "unauthorized");
        let stored = async || world.store().users().account(user).await.unwrap().password.unwrap();
        assert!(!stored().await.starts_with(after), "{}", stored().await);
        world.tokens(ADA).await;
        assert!(stored().await.starts_with(after), "{}", stored().await);
        let kept = stored().await;
        let (api, _) = world.tokens(ADA).await;
        assert_eq!(stored().await, kept, "it is as it is to be");

        // Every byte of a long one counts, whichever kind it is.
        let long = "x Wagon 41 tulip".repeat(60);
        let change = json!({ "password": PASSWORD, "new_password": long }).to_string();
        api.post("/api/v1/me/password", &change).await.is(204);
        world.attempt(ADA, &long[..72]).await.is_problem(401, "unauthorized");
        world
            .attempt(ADA, &long.replace("Wagon 41 tulipx", "Wagon 41 Tulipx"))
            .await
            .is_problem(401, "unauthorized");
        world.attempt(ADA, &format!("{}y", &long[..long.len() - 1])).await.is_problem(401, "unauthorized");
        world.attempt(ADA, &long).await.is(200);
        world.finish().await;
    }
}

#[tokio::test]
async fn keys_of_access_tokens_are_exchanged_and_are_nobody_elses() {
    let mut world = World::start().await;
    world.account(ADA).await;
    let token = world.attempt(ADA, PASSWORD).await.is(200)["access_token"].as_str().unwrap().to_owned();
    assert_eq!(row("jwt", "jwt-state-key-rotated-after")["expect"]["status"], 401);
    for (before, status) in [(Before::Kept, 200), (Before::Gone, 401)] {
        world.renew_access_keys(before);
        world.restart().await;
        assert_eq!(world.api(&token).get("/api/v1/me").await.status, status);
    }
    assert_eq!(row("jwt", "jwt-state-boot-same-secret")["expect"]["verdict"], "refuse_to_start");
    for file in ["pepper.key", "vault.key", "audit.key", "cursor.key"] {
        let refusal = world.refusal_with_access_key_of(file);
        assert!(refusal.contains("it is the same secret as"), "{file}: {refusal}");
    }
    assert_eq!(row("jwt", "jwt-in-query")["expect"]["status"], 401);
    let fresh = world.attempt(ADA, PASSWORD).await.is(200)["access_token"].as_str().unwrap().to_owned();
    let by_query = world.api("").get(&format!("/api/v1/me?access_token={fresh}")).await;
    by_query.is_problem(401, "unauthorized");
    world.finish().await;
}

#[test]
fn every_row_about_tokens_in_use_is_run_here() {
    // Those that are a token and nothing else are run by the vault.
    let all = rows("jwt");
    let in_use =
        all.iter().filter(|row| !row["input"]["token"].is_string() || row["expect"]["via"].is_string());
    for row in in_use {
        let id = row["id"].as_str().unwrap();
        assert!(include_str!("login.rs").contains(&format!("\"{id}\"")), "{id}");
    }
}
