//! Members, invitations and people: who comes, what they may do, how they go.

use std::time::Duration;

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::chat::{ANSWER, request};
use crate::world::{TRACE_HOURS, World};

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}")).to_owned()
}

#[tokio::test]
async fn roles_are_given_and_taken_by_those_who_may() {
    let mut world = World::start().await;
    let owner = world.person(OrgRole::Owner).await;
    let admin = world.person(OrgRole::Admin).await;
    let member = world.person(OrgRole::Member).await;
    let path = |user| format!("/api/v1/members/{user}");
    let role = |word: &str| json!({ "role": word }).to_string();
    assert_eq!(admin.api.patch(&path(member.user), &role("auditor")).await.is(200)["role"], "auditor");
    // Rights are read anew with each request.
    member.api.post("/api/v1/projects", r#"{"name":"x"}"#).await.is_problem(403, "forbidden");
    admin.api.patch(&path(member.user), &role("admin")).await.is_problem(403, "forbidden");
    admin.api.patch(&path(owner.user), &role("member")).await.is_problem(403, "forbidden");
    admin.api.delete(&path(owner.user)).await.is_problem(403, "forbidden");
    owner.api.patch(&path(owner.user), &role("admin")).await.is_problem(409, "conflict");
    owner.api.patch(&path(member.user), r#"{"role":"operator"}"#).await.is_problem(422, "validation_failed");
    owner.api.delete(&path(admin.user)).await.is(204);
    admin.api.get("/api/v1/members").await.is_problem(403, "forbidden");
    let here = format!("/api/v1/me/orgs/{}", world.org);
    owner.api.delete(&here).await.is_problem(409, "conflict");
    member.api.delete(&here).await.is(204);
    member.api.delete(&here).await.is_problem(404, "not_found");
    world.pass(Duration::from_secs(601));
    owner.api.delete(&path(owner.user)).await.is_problem(403, "proof_required");
    world.finish().await;
}

#[tokio::test]
async fn an_invitation_makes_an_account_once() {
    let mut world = World::with(&[("limits.login_requests_per_minute", "1000")]).await;
    let admin = world.person(OrgRole::Admin).await;
    admin
        .api
        .post("/api/v1/invitations", r#"{"email":"new@example.com","role":"owner"}"#)
        .await
        .is_problem(403, "forbidden");
    let made = admin.api.post("/api/v1/invitations", r#"{"email":"New@Example.com","role":"member"}"#).await;
    let made = made.is(201);
    assert_eq!((&made["email"], &made["state"]), (&"new@example.com".into(), &"pending".into()));
    let token = text(&made, "secret");
    world.plant(&token[20..]);
    let visitor = world.api("");
    let accept = |email: &str| {
        json!({"token": token, "email": email, "password": "correct horse battery"}).to_string()
    };
    let other = visitor.post("/api/v1/invitations/accept", &accept("other@example.com")).await;
    other.is_problem(422, "validation_failed");
    // Nobody learns by it who has an account.
    let taken = admin.api.get("/api/v1/me").await.is(200)["user"]["email"].clone();
    let taken = visitor.post("/api/v1/invitations/accept", &accept(taken.as_str().unwrap())).await;
    assert_eq!(taken.is_problem(422, "validation_failed").json()["detail"], other.json()["detail"]);
    let account = visitor.post("/api/v1/invitations/accept", &accept(" new@example.COM ")).await.is(201);
    assert_eq!(account["operator"], false);
    visitor
        .post("/api/v1/invitations/accept", &accept("new@example.com"))
        .await
        .is_problem(401, "unauthorized");
    let member = admin.api.get(&format!("/api/v1/members/{}", text(&account, "id"))).await.is(200);
    assert_eq!(member["role"], "member");
    let login = json!({"email": "new@example.com", "password": "correct horse battery", "session": "bearer"});
    let login = visitor.post("/api/v1/login", &login.to_string()).await.is(200);
    for field in ["access_token", "refresh_token"] {
        world.plant(&text(&login, field)[20..]);
    }
    world.api(&text(&login, "access_token")).get("/api/v1/projects").await.is(200);
    let path = format!("/api/v1/invitations/{}", text(&made, "id"));
    assert_eq!(admin.api.get(&path).await.is(200)["state"], "accepted");
    admin.api.delete(&path).await.is_problem(409, "conflict");
    world.finish().await;
}

#[tokio::test]
async fn an_invitation_ends_with_its_time_or_its_withdrawal() {
    let mut world = World::with(&[("limits.login_requests_per_minute", "1000")]).await;
    let owner = world.person(OrgRole::Owner).await;
    let mut tokens = vec![];
    for email in ["a@example.com", "b@example.com"] {
        let body = json!({"email": email, "role": "admin"}).to_string();
        let made = owner.api.post("/api/v1/invitations", &body).await.is(201);
        world.plant(&text(&made, "secret")[20..]);
        tokens.push((text(&made, "id"), text(&made, "secret"), email));
    }
    owner.api.delete(&format!("/api/v1/invitations/{}", tokens[0].0)).await.is(204);
    world.pass(Duration::from_secs(86_401));
    let visitor = world.api("");
    for (_, token, email) in &tokens {
        let body = json!({"token": token, "email": email, "password": "correct horse battery"}).to_string();
        visitor.post("/api/v1/invitations/accept", &body).await.is_problem(401, "unauthorized");
    }
    world.finish().await;
}

#[tokio::test]
async fn an_operator_invites_the_first_owner_of_an_organization() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    let org = text(&operator.api.post("/api/v1/orgs", r#"{"name":"new"}"#).await.is(201), "id");
    let path = format!("/api/v1/orgs/{org}/invitations");
    let body = r#"{"email":"first@example.com","role":"owner"}"#;
    let unknown = format!("/api/v1/orgs/org_{}/invitations", "f".repeat(32));
    operator.api.post(&unknown, body).await.is_problem(404, "not_found");
    let owner = world.person(OrgRole::Owner).await;
    owner.api.post(&path, body).await.is_problem(403, "forbidden");
    let made = operator.api.post(&path, body).await.is(201);
    assert_eq!(made["invited_by"], operator.user.to_string());
    let token = text(&made, "secret");
    world.plant(&token[20..]);
    let visitor = world.api("");
    let body = json!({"token": token, "email": "first@example.com", "password": "correct horse battery"});
    visitor.post("/api/v1/invitations/accept", &body.to_string()).await.is(201);
    let login =
        json!({"email": "first@example.com", "password": "correct horse battery", "session": "bearer"});
    let login = visitor.post("/api/v1/login", &login.to_string()).await.is(200);
    for field in ["access_token", "refresh_token"] {
        world.plant(&text(&login, field)[20..]);
    }
    let first = world.api(&text(&login, "access_token"));
    let here = first.get("/api/v1/me").await.is(200);
    assert_eq!((text(&here["login"], "org_id"), text(&here["login"], "role")), (org, "owner".to_owned()));
    first.post("/api/v1/projects", r#"{"name":"web"}"#).await.is(201);
    world.finish().await;
}

#[tokio::test]
async fn operators_lock_people_out_and_let_them_in() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    let person = world.person(OrgRole::Member).await;
    let path = format!("/api/v1/users/{}", person.user);
    assert_eq!(operator.api.patch(&path, r#"{"state":"disabled"}"#).await.is(200)["state"], "disabled");
    person.api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    operator.api.patch(&path, r#"{"state":"active"}"#).await.is(200);
    person.api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    let again = world.log_in(person.user).await;
    again.api.get("/api/v1/users").await.is_problem(403, "forbidden");
    operator.api.patch(&path, r#"{"operator":true}"#).await.is(200);
    again.api.get("/api/v1/users").await.is(200);
    let own = format!("/api/v1/users/{}", operator.user);
    operator.api.patch(&own, r#"{"operator":false}"#).await.is_problem(409, "conflict");
    operator.api.patch(&own, r#"{"state":"disabled"}"#).await.is_problem(409, "conflict");
    operator.api.patch(&path, r#"{"state":"erased"}"#).await.is_problem(422, "validation_failed");
    world.finish().await;
}

#[tokio::test]
async fn a_person_has_what_is_kept_and_is_erased() {
    let mut world = World::with(&[(TRACE_HOURS, "24")]).await;
    let person = world.person(OrgRole::Member).await;
    world.person(OrgRole::Owner).await;
    world.upstream.answers(ANSWER);
    world.chat(&request("gpt-test")).await;
    let (key, id) = world.key_with(|new| new.user = Some(person.user)).await;
    world.caller.key = key;
    world.upstream.answers(ANSWER);
    world.chat(&request("gpt-test")).await;
    world.usage(2).await;
    let kept = person.api.post("/api/v1/me/export", "").await.is(200);
    assert_eq!(kept["user"]["id"], person.user.to_string());
    assert_eq!(kept["memberships"][0]["role"], "member");
    let traces = kept["traces"].as_array().unwrap();
    assert_eq!((traces.len(), &kept["traces_has_more"]), (1, &false.into()), "{kept}");
    assert_eq!((&traces[0]["key_id"], &traces[0]["model"]), (&id.to_string().into(), &"gpt-test".into()));
    assert!(!kept["audit"].as_array().unwrap().is_empty(), "{kept}");
    let email = text(&kept["user"], "email");
    person
        .api
        .post("/api/v1/me/erase", r#"{"email":"other@example.com"}"#)
        .await
        .is_problem(422, "validation_failed");
    person.api.post("/api/v1/me/erase", &json!({ "email": email }).to_string()).await.is(204);
    person.api.get("/api/v1/me").await.is_problem(401, "unauthorized");
    let operator = world.operator().await;
    let path = format!("/api/v1/users/{}", person.user);
    let left = operator.api.get(&path).await.is(200);
    assert_eq!((&left["state"], &left["username"]), (&"erased".into(), &Value::Null));
    assert!(!left.to_string().contains(&email), "{left}");
    world.finish().await;
}
