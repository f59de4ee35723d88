//! How long data is kept, in the API: each level sets what is its own, within the bounds of the class, and runs are
//! asked for and told of.

use domain::role::OrgRole;
use serde_json::{Value, json};

use crate::world::{TRACE_HOURS, World, eventually};

fn traces(retention: &Value) -> &Value {
    retention["classes"].as_array().unwrap().iter().find(|class| class["class"] == "traces").unwrap()
}

#[tokio::test]
async fn each_level_sets_what_is_its_own() {
    let mut world = World::with(&[(TRACE_HOURS, "24")]).await;
    let operator = world.operator().await.api;
    let (owner, member) = (world.person(OrgRole::Owner).await.api, world.person(OrgRole::Member).await.api);
    let here = operator.get("/api/v1/retention").await.is(200);
    let shown = traces(&here);
    assert_eq!((&shown["kept"], &shown["default"], &shown["unit"]), (&json!(24), &json!(0), &json!("hours")));
    assert_eq!(shown["range"], json!({"least": 0, "most": 2160, "levels": ["installation", "org", "user"]}));
    let books = &here["classes"][0];
    assert_eq!(
        (&books["class"], &books["kept"], &books["range"]),
        (&json!("books"), &Value::Null, &Value::Null)
    );

    let set = operator.send("PUT", "/api/v1/retention/traces", "{\"keep\":48}").await.is(200);
    assert_eq!(traces(&set)["kept"], 48);
    assert_eq!(traces(&owner.get("/api/v1/org/retention").await.is(200))["kept"], 48);
    let set = owner.send("PUT", "/api/v1/org/retention/traces", "{\"keep\":72}").await.is(200);
    assert_eq!(traces(&set)["kept"], 72, "an organization may keep longer");
    let own = member.send("PUT", "/api/v1/me/retention/traces", "{\"keep\":1}").await.is(200);
    assert_eq!(traces(&own)["kept"], 1, "a person may shorten it");
    assert_eq!(traces(&own)["settings"].as_array().unwrap().len(), 3);
    assert_eq!(traces(&owner.get("/api/v1/org/retention").await.is(200))["kept"], 72, "for nobody else");
    assert_eq!(traces(&operator.get("/api/v1/retention").await.is(200))["kept"], 48);
    let back = owner.send("PUT", "/api/v1/org/retention/traces", "{\"keep\":null}").await.is(200);
    assert_eq!(traces(&back)["kept"], 48);
    let rows = world.audit_rows().await;
    let told = rows.iter().rev().find(|row| row.action == "retention.set").unwrap();
    assert_eq!((told.org.as_str(), told.resource.as_str()), (world.org.to_string().as_str(), "traces"));
    assert!(told.detail.contains("\"hours\":\"default\""), "{}", told.detail);
    world.finish().await;
}

#[tokio::test]
async fn what_a_class_does_not_take_is_refused_with_its_field() {
    let mut world = World::start().await;
    let (operator, owner) = (world.operator().await.api, world.person(OrgRole::Owner).await.api);
    let refused = operator.send("PUT", "/api/v1/retention/traces", "{\"keep\":2161}").await;
    assert_eq!(refused.is_problem(422, "validation_failed").json()["field"], "keep");
    for (path, body) in [
        ("/api/v1/retention/books", "{\"keep\":1}"),
        ("/api/v1/retention/logins", "{\"keep\":1}"),
        ("/api/v1/retention/audit", "{\"keep\":2}"),
        ("/api/v1/retention/traces", "{\"keep\":-1}"),
        ("/api/v1/retention/traces", "{}"),
        ("/api/v1/retention/traces", "{\"keep\":1,\"org\":\"x\"}"),
    ] {
        operator.send("PUT", path, body).await.is_problem(422, "validation_failed");
    }
    operator.send("PUT", "/api/v1/retention/prompts", "{\"keep\":1}").await.is_problem(404, "not_found");
    owner
        .send("PUT", "/api/v1/org/retention/audit", "{\"keep\":13}")
        .await
        .is_problem(422, "validation_failed");
    owner.send("PUT", "/api/v1/retention/traces", "{\"keep\":1}").await.is_problem(403, "forbidden");
    world.finish().await;
}

#[tokio::test]
async fn a_run_that_was_asked_for_is_done_and_told_of() {
    let mut world = World::start().await;
    let operator = world.operator().await.api;
    let begun = operator.post("/api/v1/retention-runs", "{\"classes\":[\"traces\",\"runs\"]}").await.is(202);
    let runs = begun["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!((&run["cause"], &run["state"]), (&json!("asked"), &json!("running")));
        let path = format!("/api/v1/retention-runs/{}", run["id"].as_str().unwrap());
        let done = || async { operator.get(&path).await.is(200)["state"] == "done" };
        eventually("the end of the run", done).await;
    }
    let listed = operator.get("/api/v1/retention-runs?limit=200").await.is(200);
    assert!(listed["data"].as_array().unwrap().len() >= 2);
    for bad in ["{\"classes\":[\"books\"]}", "{\"classes\":[\"x\"]}", "{\"classes\":null}"] {
        operator.post("/api/v1/retention-runs", bad).await.is_problem(422, "validation_failed");
    }
    world.finish().await;
}

#[test]
fn the_page_lists_every_class_as_it_is() {
    use domain::retention::{Class, Term};
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operators.md");
    let page = std::fs::read_to_string(page).unwrap();
    for class in Class::ALL {
        let kept = class
            .default()
            .map_or_else(|| "ever".to_owned(), |kept| format!("{kept} {}", class.unit().word()));
        let line = page.lines().find(|line| line.starts_with(&format!("| `{}` |", class.word())));
        let line = line.unwrap_or_else(|| panic!("docs/operators.md lacks {}", class.word()));
        assert!(line.contains(&format!("| {kept} |")), "{line}");
        if let Term::Set(range) = class.term() {
            let most = if range.most == 2_160 { "2,160".to_owned() } else { range.most.to_string() };
            assert!(line.contains(&format!("{} to {most} {}", range.least, class.unit().word())), "{line}");
        }
    }
}
