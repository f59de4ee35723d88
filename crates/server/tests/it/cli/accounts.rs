//! Organizations, projects, keys and their calls.

use domain::id::{CallId, KeyId, OrgId, ProjectId};
use domain::money::Money;
use domain::price::{Tokens, Units};
use domain::time::Timestamp;
use domain::usage::{CallOpened, CallSettled, Outcome, Pace, Surface, Trace, UsageSource};
use uuid::Uuid;

use super::{Place, says};

#[test]
fn organizations_are_made_suspended_and_activated() {
    let place = Place::installed();
    let made = place.json(&["org", "create", "acme"]);
    assert_eq!(made["state"], "active");
    assert_eq!(place.json(&["org", "suspend", "acme"])["state"], "suspended");
    assert_eq!(place.json(&["org", "activate", made["id"].as_str().unwrap()])["state"], "active");
    assert_eq!(place.json(&["org", "list"])["orgs"].as_array().unwrap().len(), 2);
    says(&place.ok(&["org", "list"]), &["NAME", "acme", "default"]);
    says(&place.fails(&["org", "create", "acme"]), &["already"]);
    says(&place.fails(&["org", "show", "nobody"]), &["no organization `nobody`", "org list"]);
}

#[test]
fn calls_may_bring_provider_keys_where_an_organization_says_so() {
    let place = Place::installed();
    assert_eq!(place.json(&["org", "show", "default"])["inline_keys"], "refused");
    assert_eq!(place.json(&["org", "inline-keys", "default", "allowed"])["inline_keys"], "allowed");
    says(&place.ok(&["org", "list"]), &["INLINE KEYS", "allowed"]);
    assert_eq!(place.run(&["org", "inline-keys", "default", "yes"]).code, 2);
    assert_eq!(place.json(&["org", "inline-keys", "default", "refused"])["inline_keys"], "refused");
    let rows = place.json(&["audit", "list", "--action", "org.update"])["audit"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 2, "{rows}");
}

#[test]
fn an_invitation_is_shown_once_and_says_what_it_gives() {
    let place = Place::installed();
    let made = place.json(&["org", "invite", "default", "Ada@Example.com"]);
    assert!(made["token"].as_str().unwrap().starts_with("pc_inv_"), "{made}");
    assert_eq!((&made["role"], &made["email"]), (&"owner".into(), &"ada@example.com".into()));
    let made = place.json(&["org", "invite", "default", "bob@example.com", "--role", "auditor"]);
    assert_eq!(made["role"], "auditor");
    says(&place.fails(&["org", "invite", "nobody", "ada@example.com"]), &["no organization `nobody`"]);
    says(&place.fails(&["org", "invite", "default", "ada"]), &["e-mail address"]);
}

#[test]
fn what_is_the_only_choice_need_not_be_named() {
    let place = Place::installed();
    place.ok(&["key", "create"]);
    place.ok(&["project", "create", "second"]);
    says(&place.fails(&["key", "create"]), &["several projects", "--project", "default, second"]);
    place.ok(&["key", "create", "--project", "second"]);
    place.ok(&["org", "create", "acme"]);
    says(&place.fails(&["project", "create", "third"]), &["several organizations", "--org", "default, acme"]);
    place.ok(&["project", "create", "second", "--org", "acme"]);
    says(&place.fails(&["key", "create", "--project", "second"]), &["several organizations", "second"]);
    place.ok(&["key", "create", "--project", "second", "--org", "acme"]);
    assert_eq!(place.json(&["key", "list", "--org", "acme"])["keys"].as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["key", "list"])["keys"].as_array().unwrap().len(), 3);
    assert_eq!(place.json(&["project", "disable", "second", "--org", "acme"])["state"], "disabled");
    assert_eq!(place.json(&["project", "enable", "second", "--org", "acme"])["state"], "active");
}

#[test]
fn a_key_is_shown_once_and_kept_nowhere() {
    let place = Place::installed();
    let made = place.json(&[
        "key",
        "create",
        "--name",
        "app",
        "--test",
        "--expires-in",
        "30d",
        "--models",
        "demo-fast,openai/gpt-4o",
        "--rpm",
        "600",
        "--burst",
        "20",
        "--concurrent",
        "8",
        "--body-bytes",
        "2097152",
    ]);
    let key = made["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("pc_test_") && key.len() == 60, "{}", key.len());
    assert_eq!(made["prefix"].as_str().unwrap(), &key[8..16]);
    assert_eq!(made["limits"]["requests_per_minute"], 600);
    assert_eq!(made["models"][1], "openai/gpt-4o");
    place.forget_what_was_said();

    let id = made["id"].as_str().unwrap();
    assert_eq!(place.json(&["key", "show", id])["name"], "app");
    assert_eq!(place.json(&["key", "show", &key[8..16]])["id"], made["id"]);
    place.ok(&["key", "list"]);
    assert_eq!(place.json(&["key", "disable", id])["state"], "disabled");
    assert_eq!(place.json(&["key", "enable", id])["state"], "active");
    assert_eq!(place.json(&["key", "revoke", id])["state"], "revoked");
    says(&place.fails(&["key", "enable", id]), &["revoked for good", "make a new one"]);
    // A person may paste the whole key; it is looked up by its prefix and not repeated.
    assert_eq!(place.json(&["key", "show", &key])["id"], made["id"]);
    let stranger = key.replace(&key[8..16], "00000000");
    says(&place.fails(&["key", "show", &stranger]), &["no key `00000000`", "key list"]);
    place.keeps(&key[16..], &[]);
}

#[test]
fn a_key_for_people_stands_alone_on_the_last_line() {
    let place = Place::installed();
    let said = place.ok(&["key", "create"]);
    assert!(said.lines().last().unwrap().starts_with("pc_live_"), "{said}");
}

#[test]
fn keys_that_could_never_work_are_refused() {
    let place = Place::installed();
    for (option, value, why) in [
        ("--expires-in", "0s", "future"),
        ("--expires-in", "soon", "30d"),
        ("--expires-at", "2001-01-01", "future"),
        ("--expires-at", "tomorrow", "no instant"),
    ] {
        says(&place.fails(&["key", "create", option, value]), &[why]);
    }
    assert_eq!(place.json(&["key", "list"])["keys"].as_array().unwrap().len(), 0);
}

fn call(number: u128, started_at: i64, model: &str, nanos: i64) -> CallSettled {
    CallSettled {
        opened: CallOpened {
            call: CallId::new(Uuid::from_u128(number)),
            org: OrgId::new(Uuid::from_u128(1)),
            project: ProjectId::new(Uuid::from_u128(2)),
            key: KeyId::new(Uuid::from_u128(3)),
            surface: Surface::Chat,
            started_at: Timestamp(started_at),
            trace: Some(Trace {
                request_id: format!("req-{number}"),
                model_asked: model.to_owned(),
                streamed: true,
                pace: Pace { attempts: 1, first_byte_ms: 12, total_ms: 34 },
            }),
        },
        provider_key: None,
        route_mode: None,
        provider: "demo".to_owned(),
        model: model.to_owned(),
        outcome: Outcome::Complete,
        tokens: Tokens { input: 10, output: 5, ..Tokens::default() },
        units: Units::default(),
        source: UsageSource::Provider,
        cost: Money::from_nanos(nanos),
        pricing: "priced".to_owned(),
        price_version: "v/demo".to_owned(),
    }
}

#[tokio::test]
async fn calls_are_listed_filtered_and_summed() {
    let place = Place::installed();
    assert_eq!(place.json(&["usage"])["usage"].as_array().unwrap().len(), 0);
    let store = store::Store::open(&place.data().join("portcullis.db"), vault::digest::sha256_of_parts)
        .await
        .unwrap();
    let day = 86_400_000_000;
    let mut calls: Vec<CallSettled> = (0..1_500).map(|number| call(number, day, "demo-fast", 150)).collect();
    calls.push(call(5_000, 2 * day, "demo-smart", 2_500_000_000));
    store.usage().post(&calls, &[]).await.unwrap();
    store.close().await;

    let newest = place.json(&["usage", "--limit", "1"])["usage"][0].clone();
    assert_eq!(newest["call_id"], CallId::new(Uuid::from_u128(5_000)).to_string());
    assert_eq!(newest["cost_usd"], "2.5");
    assert_eq!(newest["tokens"]["input"], 10);
    assert_eq!(newest["outcome"], "complete");
    assert_eq!(newest["source"], "provider");
    assert_eq!(newest["started_at"], "1970-01-03T00:00:00Z");
    let count = |arguments: &[&str]| {
        let listed = place.json(&[&["usage", "--limit", "9999"], arguments].concat());
        listed["usage"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]), 1_501, "more than one page");
    assert_eq!(count(&["--model", "demo-smart"]), 1);
    assert_eq!(count(&["--request-id", "req-7"]), 1);
    assert_eq!(count(&["--since", "1970-01-03"]), 1);
    assert_eq!(count(&["--until", "1970-01-03T00:00:00Z"]), 1_500);
    assert_eq!(count(&["--since", "1h"]), 0);
    says(&place.fails(&["usage", "--since", "1970-01-03", "--until", "1970-01-02"]), &["--until"]);
    says(&place.fails(&["usage", "--key", "key_1"]), &["no key"]);

    let days = place.json(&["usage", "summary"]);
    assert_eq!(days["summary"][0]["group"], "1970-01-02");
    assert_eq!(days["summary"][0]["calls"], 1_500);
    assert_eq!(days["summary"][0]["cost_usd"], "0.000225");
    let models = place.json(&["usage", "summary", "--by", "model", "--since", "1970-01-03"]);
    assert_eq!(models["summary"].as_array().unwrap().len(), 1);
    assert_eq!(models["summary"][0]["group"], "demo/demo-smart");
    says(&place.ok(&["usage"]), &["demo/demo-smart", "2.5", "req-5000"]);
    assert_eq!(place.json(&["usage", "list", "--limit", "2"])["usage"].as_array().unwrap().len(), 2);
    assert_eq!(place.json(&["usage", "--limit", "2", "list"])["usage"].as_array().unwrap().len(), 2);
    assert_eq!(place.run(&["usage", "summary", "--limit", "2"]).code, 2, "a summary is not cut off");
    says(&place.fails(&["usage", "--limit", "2", "summary"]), &["--limit"]);
    assert!(!place.ok(&["usage", "summary", "--help"]).contains("--limit"));
}

#[test]
fn operator_tokens_are_shown_once_listed_and_removed() {
    let place = Place::installed();
    let made = place.json(&["operator", "create", "--name", "prometheus"]);
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("pc_op_"), "{made}");
    let listed = place.ok(&["operator", "list", "--json"]);
    says(&listed, &["prometheus", made["prefix"].as_str().unwrap()]);
    assert!(!listed.contains(&token[20..]));
    place.ok(&["operator", "remove", made["id"].as_str().unwrap()]);
    assert_eq!(place.json(&["operator", "list"])["operator_tokens"], serde_json::json!([]));
    says(
        &place.fails(&["operator", "remove", made["id"].as_str().unwrap()]),
        &["there is no operator token"],
    );
}
