//! Who may call: one answer for every credential that does not hold, no sooner than the floor; what holds is judged
//! by what the books say now, not by what was true when it was given.

use std::time::Duration;

use domain::role::OrgRole;
use store::orgs::OrgState;
use store::switch::Switch;

use crate::world::World;

const FLOOR: Duration = Duration::from_millis(80);

#[tokio::test]
async fn every_bad_credential_gets_the_same_answer_no_sooner_than_the_floor() {
    let mut world = World::start().await;
    let good = world.person(OrgRole::Owner).await;
    let (ended, disabled) = (world.person(OrgRole::Member).await, world.person(OrgRole::Member).await);
    world.store().logins().end(ended.user, ended.login, &world.act()).await.unwrap();
    world.store().users().set_state(disabled.user, Switch::Disabled, &world.act()).await.unwrap();
    let (now, operator) = (world.now(), world.operator_token().await);
    let token =
        |user, login, ago: i64, seconds| world.access_token(user, login, now.plus_seconds(-ago), seconds);
    let expired = token(good.user, good.login, 7_200, 3_600);
    let crossed = token(ended.user, good.login, 0, 3_600);
    let unknown = token(good.user, domain::id::LoginId::new(crate::world::fresh()), 0, 3_600);
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let tampered = format!("{}x", &good.token[..good.token.len() - 1]);
    let cases = [
        ("missing", String::new()),
        ("malformed", bearer("a.b.c")),
        ("basic", format!("authorization: Basic {}\r\n", good.token)),
        ("tampered", bearer(&tampered)),
        ("expired", bearer(&expired)),
        ("another's login", bearer(&crossed)),
        ("unknown login", bearer(&unknown)),
        ("ended", bearer(&ended.token)),
        ("disabled", bearer(&disabled.token)),
        ("API key", bearer(&world.caller.key)),
        ("unknown operator token", bearer(&format!("pc_op_{}", "z".repeat(52)))),
        ("wrong place", format!("x-api-key: {operator}\r\n")),
        ("two", format!("{}cookie: pc_access={}\r\n", bearer(&good.token), good.token)),
        ("two lines", format!("{0}{0}", bearer(&good.token))),
    ];
    let stranger = world.api("");
    let mut bodies = vec![];
    for (what, headers) in &cases {
        let answer =
            stranger.raw("GET", "/api/v1/org", &format!("{headers}x-request-id: same\r\n"), "").await;
        answer.is_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        assert!(answer.took >= FLOOR, "{what} was refused after {:?}", answer.took);
        bodies.push(answer.text());
    }
    for query in
        [format!("access_token={}", good.token), format!("cursor={}", good.token), "token=1".to_owned()]
    {
        let answer = good.api.with("x-request-id: same\r\n").get(&format!("/api/v1/projects?{query}")).await;
        answer.is_problem(401, "unauthorized");
        bodies.push(answer.text());
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let logged = world.logged();
    for reason in
        ["missing", "malformed", "misplaced", "unknown", "wrong_kind", "disabled", "revoked", "expired"]
    {
        assert!(logged.contains(&format!("reason=\"{reason}\"")), "the log does not say {reason}");
    }
    assert_eq!(good.api.get("/api/v1/org").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn roles_are_read_anew_for_every_request() {
    use domain::tenant::Tenant;
    use store::members::By;
    let mut world = World::start().await;
    world.person(OrgRole::Owner).await;
    let person = world.person(OrgRole::Admin).await;
    assert_eq!(person.api.patch("/api/v1/org", "{\"name\":\"acme two\"}").await.status, 200);
    let members = || world.store().of(Tenant::of_verified_member(world.org)).members();
    members().set_role(person.user, OrgRole::Auditor, By::Operator, &world.act()).await.unwrap();
    person.api.patch("/api/v1/org", "{\"name\":\"acme three\"}").await.is_problem(403, "forbidden");
    assert_eq!(person.api.get("/api/v1/org").await.json()["name"], "acme two");
    members().remove(person.user, By::Operator, &world.act()).await.unwrap();
    person.api.get("/api/v1/org").await.is_problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn a_suspended_organization_stands_still_for_its_members() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Owner).await;
    world.store().orgs().set_state(world.org, OrgState::Suspended, &world.act()).await.unwrap();
    person.api.get("/api/v1/projects").await.is_problem(403, "forbidden");
    world.store().orgs().set_state(world.org, OrgState::Active, &world.act()).await.unwrap();
    assert_eq!(person.api.get("/api/v1/projects").await.status, 200);
    world.finish().await;
}

#[tokio::test]
async fn operators_are_people_or_tokens_and_neither_is_a_member() {
    let mut world = World::start().await;
    let token = world.operator_token().await;
    let (person, program) = (world.operator().await, world.api(&token));
    for operator in [&person.api, &program] {
        assert_eq!(operator.get("/api/v1/orgs").await.status, 200);
        assert_eq!(operator.get("/metrics").await.status, 200);
        operator.get("/api/v1/projects").await.is_problem(403, "forbidden");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_caller_has_a_limit_of_its_own() {
    let mut world = World::with(&[("limits.admin_requests_per_minute", "3")]).await;
    let (one, other) = (world.person(OrgRole::Member).await, world.person(OrgRole::Member).await);
    for remaining in ["2", "1", "0"] {
        let answer = one.api.get("/api/v1/org").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("3"));
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some(remaining));
    }
    let answer = one.api.get("/api/v1/org").await;
    answer.is_problem(429, "rate_limited");
    assert_eq!(other.api.get("/api/v1/org").await.status, 200, "another caller is not concerned");
    let wait: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    world.pass(Duration::from_millis(wait));
    assert_eq!(one.api.get("/api/v1/org").await.status, 200, "waiting as told is enough");
    world.finish().await;
}

#[tokio::test]
async fn an_address_that_fails_too_often_is_held_off_with_the_same_floor() {
    let mut world = World::with(&[("limits.ip_requests_per_minute", "2")]).await;
    let good = world.person(OrgRole::Member).await;
    let stranger = world.api("a.b.c");
    for _ in 0..2 {
        stranger.get("/api/v1/org").await.is_problem(401, "unauthorized");
    }
    for api in [&stranger, &good.api] {
        let answer = api.get("/api/v1/org").await;
        answer.is_problem(429, "rate_limited");
        assert!(answer.took >= FLOOR);
    }
    world.pass(Duration::from_secs(61));
    assert_eq!(good.api.get("/api/v1/org").await.status, 200);
    world.finish().await;
}
