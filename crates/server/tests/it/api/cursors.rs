//! Pages: all rows come once, in order, whatever is added meanwhile; the mark of a page is good for its own list and
//! its own eyes, and for nothing else.

use domain::role::OrgRole;

use crate::world::World;
use crate::world::people::Api;

/// All names of a list, page by page.
async fn names(api: &Api, path: &str, limit: usize) -> Vec<String> {
    let (mut names, mut next) = (vec![], String::new());
    loop {
        let page = api.get(&format!("{path}?limit={limit}{next}")).await.is(200);
        let rows = page["data"].as_array().unwrap();
        assert!(rows.len() <= limit);
        names.extend(rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return names,
        }
    }
}

#[tokio::test]
async fn every_row_comes_once_whatever_the_size_of_a_page() {
    let mut world = World::start().await;
    let api = world.person(OrgRole::Member).await.api;
    let mut all = vec!["web".to_owned()];
    for number in 0..7 {
        let name = format!("p{number}");
        api.post("/api/v1/projects", &format!("{{\"name\":\"{name}\"}}")).await.is(201);
        all.push(name);
    }
    for limit in [1, 2, 7, 8, 9, 200] {
        assert_eq!(names(&api, "/api/v1/projects", limit).await, all, "in pages of {limit}");
    }
    let page = api.get("/api/v1/projects?limit=3").await.is(200);
    api.post("/api/v1/projects", "{\"name\":\"late\"}").await.is(201);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = api.get(&format!("/api/v1/projects?cursor={cursor}")).await.is(200);
    let rest: Vec<_> =
        rest["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(rest, ["p2", "p3", "p4", "p5", "p6", "late"]);
    world.finish().await;
}

#[tokio::test]
async fn a_cursor_is_of_its_list_and_its_eyes() {
    let mut world = World::start().await;
    let (one, colleague) = (world.person(OrgRole::Member).await.api, world.person(OrgRole::Member).await.api);
    let (there, operator) = (world.another_org("other").await, world.operator().await.api);
    let foreigner = world.person_of(there, OrgRole::Owner).await.api;
    for api in [&one, &foreigner] {
        for name in ["a", "b"] {
            api.post("/api/v1/projects", &format!("{{\"name\":\"{name}\"}}")).await.is(201);
        }
    }
    let cursor =
        one.get("/api/v1/projects?limit=1").await.is(200)["next_cursor"].as_str().unwrap().to_owned();
    let orgs = operator.get("/api/v1/orgs?limit=1").await.is(200)["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(colleague.get(&format!("/api/v1/projects?cursor={cursor}")).await.status, 200);
    foreigner.get(&format!("/api/v1/projects?cursor={cursor}")).await.is_problem(400, "invalid_request");
    operator.get(&format!("/api/v1/orgs?cursor={cursor}")).await.is_problem(400, "invalid_request");
    one.get(&format!("/api/v1/projects?cursor={orgs}")).await.is_problem(400, "invalid_request");
    let changed: String =
        cursor.chars().enumerate().map(|(at, c)| if at == 9 { flipped(c) } else { c }).collect();
    for bad in [changed.as_str(), &cursor[1..], "", "x", "1%27%20OR%201=1", &format!("{cursor}A")] {
        one.get(&format!("/api/v1/projects?cursor={bad}")).await.is_problem(400, "invalid_request");
    }
    world.finish().await;
}

fn flipped(letter: char) -> char {
    if letter == 'A' { 'B' } else { 'A' }
}
