//! `portcullis egress check`: the address policy on trial, with the rows of the vectors through the built program.

use serde_json::Value;

use crate::cli::{Place, says};

const URLS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ssrf_url.jsonl"));
const ADDRESSES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ssrf_ip.jsonl"));

/// Every input that the policy alone decides, with its verdict.
fn rows() -> Vec<(String, String)> {
    let clean = format!("{URLS}{ADDRESSES}").replace("\\u27c2", "").replace('\u{27c2}', "");
    let rows = clean.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = rows.filter(|row| row["input"].as_object().is_some_and(|input| input.len() == 1));
    own.map(|row| {
        let input = row["input"].get("url").or(row["input"].get("ip")).unwrap();
        (input.as_str().unwrap().to_owned(), row["expect"]["verdict"].as_str().unwrap().to_owned())
    })
    .collect()
}

fn verdicts(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_row_has_its_verdict() {
    let place = Place::empty();
    let (one_line, several): (Vec<_>, Vec<_>) =
        rows().into_iter().partition(|(input, _)| !input.contains('\n'));
    assert!(one_line.len() > 150);
    let lines: String = one_line.iter().map(|(input, _)| format!("{input}\n")).collect();
    let ran = place.run_with_input(&["egress", "check", "--json"], &lines);
    assert_eq!((ran.code, &*ran.err), (0, ""), "rejecting is an answer");
    let judged = verdicts(&ran.out);
    assert_eq!(judged.len(), one_line.len());
    for ((input, expect), judged) in one_line.iter().zip(&judged) {
        assert_eq!((&judged["input"], &judged["verdict"]), (&input.as_str().into(), &expect.as_str().into()));
        assert_eq!(judged["reason"].is_string(), expect == "reject", "{judged}");
    }
    for (input, expect) in several {
        let judged = place.json(&["egress", "check", &input]);
        assert_eq!(judged["verdict"], *expect, "{input:?}");
    }
}

#[test]
fn the_configured_list_counts() {
    let place = Place::empty();
    let check = |list: &str| {
        let setting = format!("egress.allow={list}");
        place.json(&["egress", "check", "http://10.1.2.3:8000/v1", "--set", &setting])["verdict"].clone()
    };
    assert_eq!(check(""), "reject");
    assert_eq!(check("10.1.0.0/16:*"), "allow");
    assert_eq!(check("10.1.2.3:8001"), "reject");
}

#[test]
fn people_get_the_reason_in_words() {
    let place = Place::empty();
    let out = place.ok(&["egress", "check", "https://api.openai.com/v1", "http://169.254.169.254/"]);
    says(&out, &["allow   https://api.openai.com/v1", "reject  http://169.254.169.254/  scheme: "]);
    says(&place.ok(&["egress", "check", "127.0.0.1"]), &["reject  127.0.0.1  address: "]);
    assert_eq!(place.run(&["egress", "check", "--nothing"]).code, 2);
    assert_eq!(place.run(&["egress"]).code, 2);
    assert_eq!(place.ok(&["egress", "check", "https://h/\u{1b}[2J"]).matches('\u{1b}').count(), 0);
}

#[test]
fn names_are_looked_up_on_request_only() {
    let place = Place::empty();
    let listed = ["--set", "egress.allow=localhost:9"];
    let check = |more: &[&str]| {
        place.json(&[&["egress", "check", "http://localhost:9/"], &listed[..], more].concat())
    };
    assert!(check(&[]).get("addresses").is_none());
    let found = check(&["--resolve"]);
    assert_eq!(found["verdict"], "allow");
    assert!(!found["addresses"].as_array().unwrap().is_empty(), "{found}");
    // This name is kept free for ever (RFC 6761).
    let lost = place.json(&["egress", "check", "--resolve", "https://nowhere.invalid.example/"]);
    assert_eq!((&lost["verdict"], &lost["reason"]), (&"reject".into(), &"unresolved".into()));
}
