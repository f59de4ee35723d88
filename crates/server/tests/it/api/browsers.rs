//! Browsers: their cookies come by themselves, so a write has to show that our own page made it.

use control::api::csrf;
use domain::role::OrgRole;

use crate::world::World;

const BODY: &str = "{\"name\":\"from a page\"}";

#[tokio::test]
async fn a_write_by_cookie_shows_that_our_page_made_it() {
    let mut world = World::start().await;
    let (person, other) = (world.person(OrgRole::Admin).await, world.person(OrgRole::Admin).await);
    let token = csrf::token(&world.roots().cursor, person.login);
    let others = csrf::token(&world.roots().cursor, other.login);
    let ours = format!("origin: http://{}\r\n", world.admin());
    let cookies = |csrf: &str| format!("cookie: pc_access={}; pc_csrf={csrf}\r\n", person.token);
    let header = |csrf: &str| format!("x-csrf-token: {csrf}\r\n");
    let stranger = world.api("");
    let post = async |headers: String| stranger.with(&headers).post("/api/v1/projects", BODY).await;
    let refused = [
        ("no token", "forbidden", format!("{}{ours}", cookies(&token))),
        ("no cookie", "forbidden", format!("cookie: pc_access={}\r\n{ours}{}", person.token, header(&token))),
        (
            "two that agree and are nobody's",
            "forbidden",
            format!("{}{ours}{}", cookies("abc"), header("abc")),
        ),
        ("another login's", "forbidden", format!("{}{ours}{}", cookies(&others), header(&others))),
        ("two that differ", "forbidden", format!("{}{ours}{}", cookies(&token), header(&others))),
        ("two headers", "forbidden", format!("{}{ours}{1}{1}", cookies(&token), header(&token))),
        ("no origin", "origin_not_allowed", format!("{}{}", cookies(&token), header(&token))),
        (
            "a foreign origin",
            "origin_not_allowed",
            format!("{}origin: https://evil.example\r\n{}", cookies(&token), header(&token)),
        ),
        ("null", "origin_not_allowed", format!("{}origin: null\r\n{}", cookies(&token), header(&token))),
    ];
    for (what, code, headers) in refused {
        let answer = post(headers).await;
        assert_eq!(answer.status, 403, "{what}");
        answer.is_problem(403, code);
    }
    world.browser(&person).post("/api/v1/projects", BODY).await.is(201);
    let names = person.api.get("/api/v1/projects").await.json();
    assert_eq!(names["data"].as_array().unwrap().len(), 2, "made once, by our page: {names}");
    world.finish().await;
}

#[tokio::test]
async fn reading_by_cookie_needs_no_token_and_a_bearer_never_does() {
    let mut world = World::start().await;
    let person = world.person(OrgRole::Admin).await;
    let cookie = format!("cookie: pc_access={}\r\n", person.token);
    assert_eq!(world.api("").with(&cookie).get("/api/v1/org").await.status, 200);
    assert_eq!(person.api.post("/api/v1/projects", BODY).await.status, 201);
    let foreign = person.api.with("origin: https://evil.example\r\n").get("/api/v1/org").await;
    foreign.is_problem(403, "origin_not_allowed");
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    let preflight = "origin: https://evil.example\r\naccess-control-request-method: POST\r\n";
    world
        .api("")
        .with(preflight)
        .send("OPTIONS", "/api/v1/projects", "")
        .await
        .is_problem(405, "method_not_allowed");
    world.finish().await;
}
