//! `portcullis retention`: what is kept for how long, as people set and see it.

use serde_json::Value;

use super::{Place, says};

fn class<'a>(report: &'a Value, word: &str) -> &'a Value {
    report["classes"].as_array().unwrap().iter().find(|class| class["class"] == word).unwrap()
}

#[test]
fn times_are_shown_set_and_taken_back() {
    let place = Place::installed();
    let show = || place.json(&["retention", "show"]);
    let first = show();
    assert_eq!(
        (&class(&first, "traces")["kept"], &class(&first, "traces")["unit"]),
        (&0.into(), &"hours".into())
    );
    assert_eq!(class(&first, "books")["kept"], Value::Null);
    assert_eq!(first["runs"].as_array().unwrap().len(), 0);
    place.json(&["retention", "set", "traces", "--keep", "24"]);
    place.json(&["retention", "set", "traces", "--keep", "0", "--org", "default"]);
    let set = show();
    assert_eq!(class(&set, "traces")["kept"], 24);
    assert_eq!(class(&set, "traces")["overrides"][0]["keep"], 0);
    place.json(&["retention", "set", "traces", "--org", "default"]);
    assert_eq!(class(&show(), "traces")["overrides"], Value::Array(vec![]));
    says(&place.ok(&["retention", "show"]), &["24 hours", "for ever", "0-2160"]);

    says(&place.fails(&["retention", "set", "traces", "--keep", "2161"]), &["2160"]);
    says(&place.fails(&["retention", "set", "books", "--keep", "1"]), &["fixed"]);
    let unknown = place.run(&["retention", "set", "prompts", "--keep", "1"]);
    assert_eq!(unknown.code, 2);
    says(&unknown.err, &["traces", "audit"]);
    says(&place.fails(&["retention", "set", "audit", "--keep", "5", "--org", "default"]), &["org"]);
}

#[test]
fn a_run_goes_over_every_class_and_is_told_of() {
    let place = Place::installed();
    let ran = place.json(&["retention", "run"]);
    let runs = ran["runs"].as_array().unwrap();
    assert!(runs.len() >= 9 && runs.iter().all(|run| run["state"] == "done"), "{ran}");
    let one = place.json(&["retention", "run", "traces"]);
    assert_eq!(one["runs"].as_array().unwrap().len(), 1);
    let shown = place.json(&["retention", "show"]);
    assert_eq!(shown["runs"][0]["cause"], "asked");
    let proof: Value = serde_json::from_str(&place.run(&["audit", "verify", "--json"]).out).unwrap();
    assert_eq!(
        (&proof["proved"], &proof["archived_rows"], &proof["absent_archives"]),
        (&true.into(), &0.into(), &0.into())
    );
}
