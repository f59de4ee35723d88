//! Operators who act as somebody else: what they see is what the person sees, what they may do is nothing, and both are
//! named wherever it is written down.

use std::time::Duration;

use domain::role::OrgRole;
use serde_json::{Value, json};
use store::switch::Switch;

use super::tenancy::operations;
use crate::vectors::row;
use crate::world::World;
use crate::world::people::{Api, PASSWORD, Person};

const MINUTE: Duration = Duration::from_secs(60);

fn path(person: &Person) -> String {
    format!("/api/v1/users/{}/impersonation", person.user)
}

fn made_id(made: &Value) -> String {
    made["login_id"].as_str().unwrap().to_owned()
}

/// An operator begins to act as this person.
async fn act_as(world: &World, operator: &Api, person: &Person) -> (Api, Value) {
    let asked = json!({ "reason": "ticket 17: the list is empty", "session": "bearer" }).to_string();
    let made = operator.post(&path(person), &asked).await.is(201);
    (world.api(made["access_token"].as_str().unwrap()), made)
}

#[tokio::test]
async fn what_is_seen_is_what_the_person_sees_and_nothing_is_done() {
    let mut world = World::start().await;
    let expect = &row("lockout_session", "lockout-impersonation")["expect"];
    let all = [&expect["banner"], &expect["audit_both_ids"], &expect["no_secret_read"]];
    assert_eq!(all, [&json!(true); 3]);
    let (operator, owner) = (world.operator().await, world.person(OrgRole::Owner).await);
    let (acting, made) = act_as(&world, &operator.api, &owner).await;
    assert_eq!(
        (&made["user_id"], &made["org_id"]),
        (&json!(owner.user.to_string()), &json!(world.org.to_string()))
    );
    assert!(made.get("refresh_token").is_none(), "{made}");

    let me = acting.get("/api/v1/me").await.is(200);
    assert_eq!((&me["user"]["id"], &me["login"]["role"]), (&json!(owner.user.to_string()), &json!("owner")));
    assert_eq!(me["impersonated_by"], operator.user.to_string(), "for the banner");
    assert!(owner.api.get("/api/v1/me").await.is(200)["impersonated_by"].is_null());
    let own = owner.api.get("/api/v1/me/logins").await.is(200);
    for (login, by) in
        [(owner.login.to_string(), Value::Null), (made_id(&made), operator.user.to_string().into())]
    {
        let listed = own["data"].as_array().unwrap().iter().find(|one| one["id"] == login).unwrap();
        assert_eq!(listed["impersonated_by"], by);
    }

    let (mut read, mut refused) = (0, 0);
    for operation in operations(&world).await {
        let open = matches!(operation.rule.as_str(), "public" | "token");
        let ends = operation.path == "/api/v1/me/impersonation";
        if operation.method == "GET" {
            let (theirs, ours) = (owner.api.get(&operation.path).await, acting.get(&operation.path).await);
            assert_eq!(theirs.status, ours.status, "{}", operation.path);
            read += usize::from(ours.status == 200);
        } else if !open && !ends {
            // Whatever is in the body or stands for an identifier: it is not looked at.
            let answer = acting.send(&operation.method, &operation.path, "{}").await;
            answer.is_problem(403, "impersonated");
            refused += 1;
        }
    }
    assert!(read > 10 && refused > 40, "{read} {refused}");

    acting.delete("/api/v1/me/impersonation").await.is(204);
    acting.get("/api/v1/me").await.is_problem(401, "unauthorized");
    assert_eq!(owner.api.get("/api/v1/me").await.status, 200, "the person's own goes on");
    owner.api.delete("/api/v1/me/impersonation").await.is_problem(403, "forbidden");

    let rows = world.audit_rows().await;
    let by_operator: Vec<_> = rows.iter().filter(|row| row.actor.id == operator.user.to_string()).collect();
    let actions: Vec<_> = by_operator.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["impersonation.start", "audit.export", "impersonation.end"]);
    for row in &by_operator {
        let names_both =
            row.resource == owner.user.to_string() || row.detail.contains(&owner.user.to_string());
        assert!(names_both, "{row:?}");
    }
    assert!(by_operator[0].detail.contains("ticket 17: the list is empty"), "{:?}", by_operator[0]);
    // The organization reads it in its own part of the trail.
    let theirs = owner.api.get("/api/v1/audit?limit=200").await.is(200).to_string();
    assert!(theirs.contains("impersonation.start") && theirs.contains("impersonation.end"), "{theirs}");
    world.finish().await;
}

#[tokio::test]
async fn only_an_operator_in_person_acts_as_people_and_never_as_an_operator() {
    let mut world = World::start().await;
    let (operator, member) = (world.operator().await, world.person(OrgRole::Member).await);
    let (admin, second) = (world.person(OrgRole::Admin).await, world.operator().await);
    let token = world.operator_token().await;
    let asked = json!({ "reason": "to help", "session": "bearer" }).to_string();
    for api in [&admin.api, &member.api, &world.api(&token)] {
        api.post(&path(&member), &asked).await.is_problem(403, "forbidden");
    }
    operator.api.post(&path(&second), &asked).await.is_problem(409, "conflict");
    operator.api.post(&path(&operator), &asked).await.is_problem(409, "conflict");
    let disabled = world.person(OrgRole::Member).await;
    world.store().users().set_state(disabled.user, Switch::Disabled, &world.act()).await.unwrap();
    operator.api.post(&path(&disabled), &asked).await.is_problem(409, "conflict");

    let elsewhere = world.another_org("elsewhere").await;
    for (change, field) in [
        (json!({ "reason": "" }), "reason"),
        (json!({ "reason": "  " }), "reason"),
        (json!({ "reason": "one\ntwo" }), "reason"),
        (json!({ "reason": "x".repeat(257) }), "reason"),
        (json!({ "reason": null }), "reason"),
        (json!({ "minutes": 0 }), "minutes"),
        (json!({ "minutes": 61 }), "minutes"),
        (json!({ "minutes": null }), "minutes"),
        (json!({ "org_id": elsewhere.to_string() }), "org_id"),
        (json!({ "session": "forever" }), "session"),
        (json!({ "impersonated_by": member.user.to_string() }), "impersonated_by"),
    ] {
        let mut body = json!({ "reason": "to help", "session": "bearer" });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = operator.api.post(&path(&member), &body.to_string()).await;
        assert_eq!(answer.is_problem(422, "validation_failed").json()["field"], field, "{change}");
    }
    operator.api.post(&path(&member), "{\"session\":\"bearer\"}").await.is_problem(422, "validation_failed");

    // What was shown once is not kept for whoever asks again.
    let once = operator.api.with("idempotency-key: one\r\n");
    let made = once.post(&path(&member), &asked).await.is(201);
    let again = once.post(&path(&member), &asked).await.is(201);
    assert_eq!(again["login_id"], made["login_id"]);
    assert!(again["access_token"].is_null(), "{again}");

    world.pass(10 * MINUTE + Duration::from_secs(1));
    operator.api.post(&path(&member), &asked).await.is_problem(403, "proof_required");
    world.finish().await;
}

#[tokio::test]
async fn it_ends_with_its_time_with_the_operators_login_and_with_a_word_of_the_person() {
    let mut world = World::start().await;
    let (operator, member) = (world.operator().await, world.person(OrgRole::Member).await);
    let over = async |acting: &Api| {
        acting.get("/api/v1/me").await.is_problem(401, "unauthorized");
    };

    let (first, _) = act_as(&world, &operator.api, &member).await;
    let (second, made) = act_as(&world, &operator.api, &member).await;
    over(&first).await;
    assert_eq!(second.get("/api/v1/me").await.status, 200, "one at a time");
    let own = format!("/api/v1/me/logins/{}", made_id(&made));
    member.api.delete(&own).await.is(204);
    over(&second).await;

    let (third, _) = act_as(&world, &operator.api, &member).await;
    let other = world.log_in(operator.user).await;
    other.api.post("/api/v1/logout", "").await.is(204);
    assert_eq!(third.get("/api/v1/me").await.status, 200, "it was begun from another login");
    operator.api.post("/api/v1/logout", "").await.is(204);
    over(&third).await;

    let operator = world.log_in(operator.user).await;
    let (fourth, _) = act_as(&world, &operator.api, &member).await;
    world.store().users().unmake_operator(operator.user, &world.act()).await.unwrap();
    over(&fourth).await;
    world.store().users().make_operator(operator.user, &world.act()).await.unwrap();

    let (fifth, _) = act_as(&world, &operator.api, &member).await;
    world.store().users().make_operator(member.user, &world.act()).await.unwrap();
    over(&fifth).await;
    world.store().users().unmake_operator(member.user, &world.act()).await.unwrap();

    let (sixth, _) = act_as(&world, &operator.api, &member).await;
    member.api.post("/api/v1/logout-everywhere", "").await.is(204);
    over(&sixth).await;

    let (seventh, _) = act_as(&world, &operator.api, &member).await;
    world.pass(30 * MINUTE - Duration::from_secs(1));
    assert_eq!(seventh.get("/api/v1/me").await.status, 200);
    world.pass(Duration::from_secs(1));
    over(&seventh).await;

    // Each end is in the trail, also the one that nobody brought about.
    let ended = world.reasons("impersonation.end", 7).await;
    assert_eq!(ended.len(), 7, "{ended:?}");
    assert_eq!(world.reasons("impersonation.start", 7).await.len(), 7);
    let rows = world.audit_rows().await;
    let last = rows.iter().rfind(|row| row.action == "impersonation.end").unwrap();
    assert_eq!((last.actor.kind.as_str(), last.org.as_str()), ("system", world.org.to_string().as_str()));
    world.finish().await;
}

#[tokio::test]
async fn a_browser_acts_as_somebody_and_comes_back_by_its_refresh_token() {
    let mut world = World::start().await;
    let ada = world.account("ada@example.com").await;
    world.store().users().make_operator(ada, &world.act()).await.unwrap();
    let member = world.person(OrgRole::Member).await;
    let page = world.api("").with(&format!("origin: http://{}\r\n", world.admin()));
    let login = json!({ "email": "ada@example.com", "password": PASSWORD, "session": "cookie" });
    let begun = page.post("/api/v1/login", &login.to_string()).await;
    begun.is(200);
    let cookie = |head: &str, name: &str| {
        let mut lines = head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        lines.find_map(|line| Some(line.strip_prefix(name)?.split(';').next()?.to_owned()))
    };
    let browser = |head: &str, refresh: &str| {
        let (access, csrf) = (cookie(head, "pc_access=").unwrap(), cookie(head, "pc_csrf=").unwrap());
        let cookies = format!("cookie: pc_access={access}; pc_csrf={csrf}; pc_refresh={refresh}\r\n");
        page.with(&format!("{cookies}x-csrf-token: {csrf}\r\n"))
    };
    let refresh = cookie(&begun.head, "pc_refresh=").unwrap();
    let asked = json!({ "reason": "to help", "session": "cookie", "minutes": 5 }).to_string();
    let acting = browser(&begun.head, &refresh).post(&path(&member), &asked).await;
    assert!(acting.is(201)["access_token"].is_null());
    assert!(acting.head.contains("Max-Age=300"), "{}", acting.head);
    assert_eq!(cookie(&acting.head, "pc_refresh="), None, "the operator's own stays");
    let shown = browser(&acting.head, &refresh);
    let me = shown.get("/api/v1/me").await.is(200);
    assert_eq!(
        (&me["user"]["id"], &me["impersonated_by"]),
        (&json!(member.user.to_string()), &json!(ada.to_string()))
    );
    let ended = shown.delete("/api/v1/me/impersonation").await;
    ended.is(204);
    assert!(ended.head.contains("pc_access=;") && !ended.head.contains("pc_refresh="), "{}", ended.head);
    let back = shown.post("/api/v1/refresh", "{}").await;
    assert_eq!(back.is(200)["user_id"], ada.to_string());
    world.finish().await;
}
