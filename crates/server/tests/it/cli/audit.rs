//! `audit`: what every command leaves in the trail, and the trail proved, listed and exported.

use serde_json::Value;

use super::{Place, says};

fn rows(place: &Place, arguments: &[&str]) -> Vec<Value> {
    place.json(&[&["audit", "list"], arguments].concat())["audit"].as_array().unwrap().clone()
}

#[test]
fn what_a_person_does_is_in_the_trail() {
    let place = Place::installed();
    let key = place.json(&["key", "create", "--name", "laptop"]);
    place.forget_what_was_said();
    place.ok(&["key", "revoke", key["id"].as_str().unwrap()]);
    place.fails(&["key", "enable", key["id"].as_str().unwrap()]);
    place.ok(&["model", "create", "--provider", "ollama", "--model", "llama", "--free"]);
    let found = rows(&place, &[]);
    let actions: Vec<&str> = found.iter().rev().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["org.create", "project.create", "key.create", "key.revoke", "model.set"]);
    let revoked = &found[1];
    assert_eq!(revoked["resource"], key["id"]);
    assert_eq!(revoked["actor"], "operator_cli");
    assert!(revoked["actor_id"].as_str().unwrap().starts_with("uid:"), "{revoked}");
    assert_eq!(revoked["detail"]["prefix"], key["prefix"]);
    assert_eq!(rows(&place, &["--action", "key.revoke"]).len(), 1);
    assert_eq!(rows(&place, &["--resource", key["id"].as_str().unwrap()]).len(), 2);
    assert_eq!(rows(&place, &["--limit", "1"])[0], found[0]);
    says(&place.run(&["audit", "list", "--action", "key.stolen"]).err, &["audit actions"]);
    says(&place.ok(&["audit", "actions"]), &["key.refused", "true reason"]);
    let secret = key["key"].as_str().unwrap();
    place.keeps(&secret[16..], &[]);
}

#[test]
fn the_trail_is_proved() {
    let place = Place::installed();
    let proved = place.run(&["audit", "verify", "--json"]);
    assert_eq!(proved.code, 0, "{}", proved.err);
    let report: Value = serde_json::from_str(&proved.out).unwrap();
    assert_eq!((&report["proved"], &report["rows"]), (&Value::Bool(true), &Value::from(2)));
    assert_eq!(report["unsigned_rows"], 2, "no gate has run yet");
    says(&place.run(&["audit", "verify"]).out, &["is whole", "2 rows"]);
}

#[test]
fn an_export_is_signed_and_recorded() {
    let place = Place::installed();
    let exported = place.run(&["audit", "export", "--since", "1h"]);
    assert_eq!(exported.code, 0, "{}", exported.err);
    says(&exported.err, &["3 rows exported"]);
    let lines: Vec<Value> = exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2]["action"], "audit.export");
    assert_eq!(lines[2]["detail"], "{\"since\":\"1h\"}");
    assert_eq!((&lines[1]["prev"], &lines[3]["signature"]["rows"]), (&lines[0]["this"], &Value::from(3)));
    says(&place.fails(&["audit", "export", "--since", "1h", "--until", "2h"]), &["--until"]);
}

#[test]
fn an_older_installation_gets_its_signing_key() {
    let place = Place::installed();
    let key = place.data().join("audit.key");
    std::fs::remove_file(&key).unwrap();
    let proved = place.run(&["audit", "verify"]);
    assert_eq!(proved.code, 0, "{}", proved.err);
    says(&proved.err, &["audit.key", "was made"]);
    let made = std::fs::read_to_string(&key).unwrap();
    assert!(!place.run(&["audit", "verify"]).err.contains("was made"));
    place.keeps(made.trim(), &["audit.key"]);
}
