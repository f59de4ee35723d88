//! `doctor`: a sound installation passes, and each thing that breaks is found with its fix.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;

use super::{Place, says};
use crate::world::meddling::meddle;

const FREE: [&str; 4] = ["--set", "listen.public=127.0.0.1:0", "--set", "listen.admin=127.0.0.1:0"];

/// The findings, and whether the doctor was content.
fn examine(place: &Place, more: &[&str]) -> (bool, Vec<Value>) {
    let ran = place.run(&[&["doctor", "--json"], more].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let healthy = report["healthy"].as_bool().unwrap();
    assert_eq!(ran.code, i32::from(!healthy), "{}", ran.err);
    (healthy, report["checks"].as_array().unwrap().clone())
}

/// Asserts that the doctor finds exactly these checks wanting, each saying its part.
fn finds(place: &Place, more: &[&str], expect: &[(&str, &str)]) {
    let (healthy, checks) = examine(place, more);
    assert!(!healthy);
    let failed: Vec<&Value> = checks.iter().filter(|check| check["finding"] == "fail").collect();
    assert_eq!(failed.len(), expect.len(), "{failed:#?}");
    for (check, (name, part)) in failed.iter().zip(expect) {
        assert_eq!(check["name"], *name);
        says(&format!("{} {}", check["detail"], check["fix"]), &[part]);
    }
}

#[test]
fn a_fresh_installation_is_sound() {
    let place = Place::installed();
    let (healthy, checks) = examine(&place, &FREE);
    assert!(healthy, "{checks:#?}");
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    for name in [
        "configuration",
        "environment",
        "data_dir",
        "catalogue",
        "listen.public",
        "listen.admin",
        "database",
        "encryption keys",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    says(&place.ok(&[&["doctor"][..], &FREE].concat()), &["FINDING", "ok", "warn", "catalogue"]);
}

#[test]
fn a_place_without_an_installation_is_told_so() {
    finds(
        &Place::empty(),
        &FREE,
        &[
            ("secrets.pepper", "portcullis init"),
            ("secrets.encryption_keys", "portcullis init"),
            ("secrets.audit", "portcullis serve"),
            ("secrets.jwt", "portcullis serve"),
            ("secrets.cursor", "portcullis serve"),
            ("data_dir", "is not there"),
            ("database", "portcullis init"),
        ],
    );
}

#[test]
fn a_changed_encryption_key_is_found() {
    let place = Place::installed().with("MY_KEY", "sk-proj-Zq7XbW3nTpLk9sVd");
    place.ok(&["provider", "add", "--provider", "openai", "--secret-env", "MY_KEY"]);
    assert!(examine(&place, &FREE).0);
    let other = Place::installed();
    std::fs::copy(other.data().join("vault.key"), place.data().join("vault.key")).unwrap();
    finds(
        &place,
        &FREE,
        &[("encryption keys", "not those of this database"), ("provider openai", "encryption key")],
    );
    place.keeps("sk-proj-Zq7XbW3nTpLk9sVd", &[]);
}

#[test]
fn a_changed_encryption_key_is_found_before_there_is_anything_to_open() {
    let (place, other) = (Place::installed(), Place::installed());
    std::fs::copy(other.data().join("vault.key"), place.data().join("vault.key")).unwrap();
    finds(&place, &FREE, &[("encryption keys", "not those of this database")]);
}

#[test]
fn a_connection_that_lost_its_permission_is_found() {
    let place = Place::installed();
    place.ok(&["provider", "add", "--provider", "ollama"]);
    finds(&place, &[&FREE[..], &["--set", "egress.allow="]].concat(), &[("provider ollama", "egress.allow")]);
}

#[test]
fn what_is_for_trials_is_found_in_production() {
    let place = Place::installed();
    place.ok(&["provider", "add", "--provider", "demo", "--base-url", "http://127.0.0.1:11434/v1"]);
    assert!(examine(&place, &FREE).0);
    let production = [&FREE[..], &["--set", "environment=production"]].concat();
    finds(&place, &production, &[("provider demo", "refused in production")]);
}

#[test]
fn a_database_that_is_none_is_found() {
    let place = Place::installed();
    std::fs::write(
        place.data().join("portcullis.db"),
        "this is no database, and long enough to be read as one",
    )
    .unwrap();
    finds(&place, &FREE, &[("database", "backup")]);
}

/// Answers one request on a loopback port with `body`, and says which port that is.
fn neighbour(body: &'static str) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let setting = format!("listen.public={}", listener.local_addr().unwrap());
    let answer = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 1_024]).unwrap();
        assert!(read > 0);
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    };
    (setting, std::thread::Builder::new().spawn(answer).unwrap())
}

#[test]
fn a_taken_address_is_sound_only_when_a_gate_answers_there() {
    let place = Place::installed();
    let admin = ["--set", "listen.admin=127.0.0.1:0", "--set"];
    let (gate, answered) = neighbour("ok");
    assert!(examine(&place, &[&admin[..], &[&gate]].concat()).0);
    answered.join().unwrap();
    let (stranger, answered) = neighbour("<html>");
    finds(&place, &[&admin[..], &[&stranger]].concat(), &[("listen.public", "no gate")]);
    answered.join().unwrap();
}

#[tokio::test]
async fn data_that_does_not_leave_is_found() {
    let place = Place::installed();
    let told = |finding: &str| -> Vec<String> {
        let (_, checks) = examine(&place, &FREE);
        let of = checks.iter().filter(|check| check["name"] == "retention" && check["finding"] == finding);
        of.map(|check| format!("{} {}", check["detail"], check["fix"])).collect()
    };
    says(&told("ok").concat(), &["no canary yet"]);
    let hours_ago = |hours: u32| format!("(SELECT (unixepoch() - {hours} * 3600) * 1000000)");
    let plant = |hours| format!("INSERT INTO retention_canaries VALUES ({});", hours_ago(hours));
    meddle(&place.data().join("portcullis.db"), &plant(1)).await;
    says(&told("ok").concat(), &["was planted in time"]);
    // One that outlived the night after although the next one was planted.
    meddle(&place.data().join("portcullis.db"), &plant(100)).await;
    says(&told("fail").concat(), &["is still there"]);
    meddle(&place.data().join("portcullis.db"), &format!("DELETE FROM retention_canaries; {}", plant(100)))
        .await;
    says(&told("warn").concat(), &["it has not run since"]);
    assert!(examine(&place, &FREE).0, "a gate that was stopped for days starts");

    let run = |number: u32, state: &str, hours| {
        format!(
            "INSERT INTO retention_runs VALUES ('job_{number:032x}', 'traces', 'nightly', '{state}', 0, 0, {0}, {0}, {0}, \
             'a disk that is full');",
            hours_ago(hours)
        )
    };
    meddle(&place.data().join("portcullis.db"), &(run(1, "failed", 30) + &run(2, "failed", 6))).await;
    says(&told("fail").concat(), &["over traces", "a disk that is full", "retention run traces"]);
    assert_eq!(told("fail").len(), 1, "of each class the last run counts");
    meddle(&place.data().join("portcullis.db"), &run(3, "done", 1)).await;
    assert!(told("fail").is_empty());
}
