//! The description of the API: fresh, whole, and the same wherever it is read.

use std::path::Path;

use serde_json::Value;

use crate::world::World;

#[tokio::test]
async fn the_kept_description_is_the_served_one() {
    let world = World::start().await;
    let served = world.api("").get("/api/openapi.json").await;
    assert_eq!((served.status, served.header("content-type")), (200, Some("application/json")));
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let kept = std::fs::read_to_string(kept).unwrap();
    assert_eq!(served.text(), kept, "stale: run `portcullis openapi > docs/openapi.json`");
    world.finish().await;
}

#[test]
fn operations_have_names_of_their_own_and_every_problem_they_can_answer() {
    let document: Value = serde_json::from_str(&control::api::openapi::text().unwrap()).unwrap();
    let mut names = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(!names.contains(&name), "{name} stands twice");
            names.push(name);
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} never succeeds");
            for status in ["400", "429", "503"] {
                assert!(responses.contains_key(status), "{method} {path} leaves {status} out");
            }
            let public = ["public", "token"].contains(&operation["x-access"]["rule"].as_str().unwrap());
            // A public one may have a credential in its body.
            assert!(public || responses.contains_key("401"), "{method} {path}");
            assert_eq!(public, operation["security"] == serde_json::json!([]), "{method} {path}");
        }
    }
    assert!(names.len() > 5);
}

#[test]
fn the_page_lists_every_problem_as_it_is() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/admin-api.md"))
        .unwrap();
    let rows = control::api::problem::ROWS;
    for row in &rows {
        let line = format!("| {} | `{}` | {} |", row.status, row.word, row.title);
        assert!(page.contains(&line), "docs/admin-api.md lacks {line}");
    }
    let is_row =
        |line: &&str| line.strip_prefix("| ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok()).is_some();
    assert_eq!(page.lines().filter(is_row).count(), rows.len(), "a row too many");
}
