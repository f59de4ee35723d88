//! Keys at the command line: restrictions, successors, keys made elsewhere, and what a start without good secrets
//! says.

use domain::audit::{Act, Actor};
use domain::time::Timestamp;
use serde_json::Value;

use super::{Place, says};
use crate::vectors::row;

const FILE: &str = "apikey_auth";

#[test]
fn a_key_may_be_kept_to_endpoints_and_addresses() {
    let place = Place::installed();
    let made = place.json(&[
        "key",
        "create",
        "--scopes",
        "chat,models",
        "--allow-ip",
        "192.0.2.7,2001:db8::/32",
        "--tpm",
        "50000",
    ]);
    place.forget_what_was_said();
    let shown = place.json(&["key", "show", made["id"].as_str().unwrap()]);
    assert_eq!(shown["scopes"], serde_json::json!(["chat", "models"]));
    assert_eq!(shown["allowed_ips"], serde_json::json!(["192.0.2.7/32", "2001:db8::/32"]));
    assert_eq!(shown["limits"]["tokens_per_minute"], 50_000);
    assert_eq!(shown["rotation_due"], false);
    says(&place.ok(&["key", "list"]), &["chat,models", "192.0.2.7/32,2001:db8::/32", "50000 tokens/min"]);
    for wrong in [["--scopes", "everything"], ["--allow-ip", "10.0.0.1/8"], ["--tpm", "0"]] {
        let ran = place.run(&[["key", "create"].as_slice(), &wrong].concat());
        assert!(ran.code != 0 && ran.out.is_empty(), "{wrong:?}");
    }
}

#[test]
fn where_keys_and_organizations_may_be_used_is_changed_and_shown() {
    let place = Place::installed();
    let key = place.json(&["key", "create", "--allow-ip", "nowhere"]);
    place.forget_what_was_said();
    let id = key["id"].as_str().unwrap();
    assert_eq!(key["allowed_ips"], serde_json::json!([]));
    let of = |arguments: &[&str]| place.json(arguments)["allowed_ips"].clone();
    let two = serde_json::json!(["192.0.2.7/32", "2001:db8::/32"]);
    assert_eq!(of(&["key", "allow-ip", id, "192.0.2.7,2001:db8::/32"]), two);
    assert_eq!(of(&["key", "allow-ip", id, "192.0.2.7", "2001:db8::/32"]), two);
    assert_eq!(of(&["key", "show", id]), two);
    assert_eq!(of(&["key", "allow-ip", id, "anywhere"]), Value::Null);
    assert_eq!(of(&["org", "show", "default"]), Value::Null);
    assert_eq!(of(&["org", "allow-ip", "default", "192.0.2.7,2001:db8::/32"]), two);
    says(&place.ok(&["org", "list"]), &["192.0.2.7/32,2001:db8::/32"]);
    assert_eq!(of(&["org", "allow-ip", "default", "nowhere"]), serde_json::json!([]));
    says(&place.ok(&["org", "show", "default"]), &["nowhere"]);
    assert_eq!(of(&["org", "allow-ip", "default", "anywhere"]), Value::Null);
    says(&place.fails(&["org", "allow-ip", "default", "nowhere,192.0.2.7"]), &["stand alone"]);
    says(&place.fails(&["key", "create", "--allow-ip", "anywhere,nowhere"]), &["--allow-ip"]);
    for wrong in [["org", "allow-ip", "default", "10.0.0.1/8"], ["key", "allow-ip", id, ""]] {
        assert_eq!(place.run(&wrong).code, 2, "{wrong:?}");
    }
    let rows = place.json(&["audit", "list", "--action", "org.allow_ip"]);
    let newest = rows.as_object().unwrap().values().next().unwrap()[0].to_string();
    says(&newest, &["anywhere", "operator_cli"]);
}

#[test]
fn a_successor_has_the_settings_and_the_old_key_an_end() {
    let place = Place::installed();
    let old = place.json(&["key", "create", "--name", "app", "--rpm", "7", "--scopes", "chat"]);
    let id = old["id"].as_str().unwrap();
    let new = place.json(&["key", "rotate", id, "--grace", "2h"]);
    let key = new["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("pc_live_") && new["id"] != old["id"] && key != old["key"]);
    place.forget_what_was_said();
    for name in ["name", "limits", "scopes", "project_id", "models"] {
        assert_eq!(new[name], old[name], "{name}");
    }
    assert_eq!(new["expires_at"], Value::Null);
    assert!(place.json(&["key", "show", id])["expires_at"].is_string());
    let again = place.json(&["key", "rotate", id, "--grace", "0"]);
    place.forget_what_was_said();
    assert_eq!(place.json(&["key", "show", id])["state"], "revoked");
    says(&place.fails(&["key", "rotate", id]), &["not in use"]);
    place.ok(&["key", "disable", again["id"].as_str().unwrap()]);
    says(&place.fails(&["key", "rotate", again["id"].as_str().unwrap()]), &["not in use"]);
    says(&place.fails(&["key", "rotate", new["id"].as_str().unwrap(), "--grace", "soon"]), &["--grace"]);
    place.keeps(&key[16..], &[]);
}

#[test]
fn a_key_made_elsewhere_is_registered_without_being_told() {
    let (elsewhere, place) = (Place::empty(), Place::installed());
    let made = elsewhere.json(&["key", "make"]);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (key, prefix, sha256) = (text("key"), text("prefix"), text("sha256"));
    assert!(!elsewhere.data().exists(), "making a key needs no installation");
    let register = ["key", "register", "--prefix", &prefix, "--sha256", &sha256, "--name", "theirs"];
    let registered = place.json(&register);
    assert_eq!((&registered["prefix"], &registered["state"]), (&made["prefix"], &"active".into()));
    says(&place.fails(&register), &["registered already"]);
    // The whole key is found by its prefix, and neither it nor its plain digest was kept.
    assert_eq!(place.json(&["key", "show", &key])["id"], registered["id"]);
    place.keeps(&key[16..], &[]);
    place.keeps(&sha256, &[]);
    for wrong in [["short", &sha256], [&prefix, "abc"], [&prefix, &sha256[1..]]] {
        let ran = place.run(&["key", "register", "--prefix", wrong[0], "--sha256", wrong[1]]);
        assert!(ran.code != 0 && ran.out.is_empty(), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_old_key_is_due_for_rotation() {
    let place = Place::installed();
    let young = place.json(&["key", "create"]);
    let store = store::Store::open(&place.data().join("portcullis.db"), vault::digest::sha256_of_parts)
        .await
        .unwrap();
    let found = store.keys().get(young["id"].as_str().unwrap()).await.unwrap();
    let days_ago = |days: i64| Timestamp(found.created_at.0 - days * 86_400_000_000);
    for (number, days) in [(1u128, 91), (2, 89)] {
        let new = store::keys::NewKey {
            id: domain::id::KeyId::new(uuid::Uuid::from_u128(number)),
            org: found.org,
            project: found.project,
            user: None,
            name: format!("{days} days"),
            prefix: found.prefix,
            digest: [u8::try_from(number).unwrap(); 32],
            models: vec![],
            scopes: vec![],
            allowed_ips: None,
            limits: found.limits,
            expires_at: None,
            created_at: days_ago(days),
        };
        store.keys().insert(&new, &Act::new(Actor::operator_cli("test"), days_ago(days))).await.unwrap();
    }
    store.close().await;
    let listed = place.json(&["key", "list"]);
    let due: Vec<&str> = listed["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["rotation_due"] == true)
        .map(|key| key["name"].as_str().unwrap())
        .collect();
    assert_eq!(due, ["91 days"]);
    says(&place.ok(&["key", "list"]), &["active, rotation due"]);
}

#[test]
fn lists_show_no_secret() {
    let place = Place::installed();
    let key = place.json(&["key", "create"])["key"].as_str().unwrap().to_owned();
    place.forget_what_was_said();
    row(FILE, "apikey-key-shown-once");
    let shown = place.json(&["key", "show", &key[8..16]]);
    assert!(!shown.to_string().contains(&key[16..]) && shown.get("key").is_none());
    let row = row(FILE, "apikey-key-list-fields");
    let secret: Vec<&str> =
        row["expect"]["grep"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    for list in
        [["key", "list"], ["org", "list"], ["project", "list"], ["operator", "list"], ["provider", "list"]]
    {
        let listed = place.json(&list);
        for name in names(listed.as_object().unwrap().values().next().unwrap()) {
            // `tokens_per_minute` is a limit; a word of a name must be the secret's own.
            assert!(
                !name.split('_').any(|word| secret.contains(&word) || word == "digest"),
                "{list:?}: {name}"
            );
        }
    }
    place.keeps(&key[16..], &[]);
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(names).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], names(value)].concat()).collect()
        }
        _ => vec![],
    }
}

#[test]
fn production_does_not_start_without_good_secrets() {
    let place = Place::installed().with("PORTCULLIS_ENVIRONMENT", "production");
    row(FILE, "apikey-pepper-missing");
    let pepper = place.data().join("pepper.key");
    let good = std::fs::read(&pepper).unwrap();
    std::fs::remove_file(&pepper).unwrap();
    says(&place.fails(&["serve"]), &["secrets.pepper"]);
    row(FILE, "apikey-sk-1234");
    for example in
        ["sk-1234", "changeme-changeme-changeme-changeme", "file:pepper.key env:NAME file:pepper.key"]
    {
        std::fs::write(&pepper, example).unwrap();
        says(&place.fails(&["serve"]), &["secrets.pepper"]);
    }
    std::fs::write(&pepper, good).unwrap();
    place.ok(&["key", "list"]);
}

#[test]
fn an_organization_is_given_limits_of_its_own() {
    let place = Place::installed();
    place.ok(&["org", "create", "acme"]);
    let limited = |requests: Value, of_user: Value| {
        let limits = [("requests_per_minute", requests), ("tokens_per_minute", 9000.into())];
        Value::from_iter(limits.into_iter().chain([("user_requests_per_minute", of_user)]))
    };
    let set =
        |arguments: &[&str]| place.json(&[&["org", "limit", "acme"], arguments].concat())["limits"].clone();
    assert_eq!(set(&["--rpm", "50", "--tpm", "9000"]), limited(50.into(), Value::Null));
    assert_eq!(set(&["--rpm", "default"]), limited(Value::Null, Value::Null));
    assert_eq!(set(&["--user-rpm", "20"]), limited(Value::Null, 20.into()));
    says(&place.ok(&["org", "list"]), &["TOKENS/MIN", "default", "9000", "20"]);
    assert_ne!(place.run(&["org", "limit", "acme", "--rpm", "0"]).code, 0);
}

#[test]
fn a_project_is_given_limits_under_those_of_its_organization() {
    let place = Place::installed();
    let set = |arguments: &[&str]| {
        place.json(&[&["project", "limit", "default", "--org", "default"], arguments].concat())["limits"]
            .clone()
    };
    let limited = |requests: Value, tokens: Value| {
        Value::from_iter([("requests_per_minute", requests), ("tokens_per_minute", tokens)])
    };
    assert_eq!(set(&["--rpm", "50", "--tpm", "9000"]), limited(50.into(), 9000.into()));
    says(&place.ok(&["project", "list"]), &["REQUESTS/MIN", "TOKENS/MIN", "50", "9000"]);
    assert_eq!(set(&["--rpm", "off"]), limited(Value::Null, 9000.into()));
    says(&place.ok(&["project", "show", "default"]), &["off", "9000"]);
    assert_ne!(place.run(&["project", "limit", "default", "--tpm", "0"]).code, 0);
    place.ok(&["org", "limit", "default", "--rpm", "40", "--tpm", "9000"]);
    let refused = place.fails(&["project", "limit", "default", "--rpm", "41"]);
    says(&refused, &["cannot have more than its organization", "40 requests a minute"]);
    assert_eq!(set(&["--rpm", "40"]), limited(40.into(), 9000.into()));
}

#[test]
fn the_keys_of_another_gateway_are_taken_over_from_its_table() {
    let place = Place::installed();
    let digits = |text: &str| data_encoding::HEXLOWER.encode(&vault::digest::sha256(text.as_bytes()));
    let (good, blocked) = ("sk-Zq7XbW3nTpLk9sVdEfGhw", "sk-Aq7XbW3nTpLk9sVdEfGhw");
    let rows = serde_json::json!({"keys": [
        {"token": digits(good), "key_alias": "ci", "models": ["gpt-4o"], "rpm_limit": 600, "tpm_limit": 90_000,
         "max_parallel_requests": 7, "expires": "2099-01-31T00:00:00Z", "max_budget": 12.5},
        {"token": digits(blocked), "key_alias": "old", "blocked": true},
        {"token": digits("sk-expired"), "key_alias": "expired", "expires": "2020-01-31T00:00:00Z"},
        {"token": digits("sk-team"), "key_alias": "team", "models": ["all-team-models"]},
        {"token": "sk-Bq7XbW3nTpLk9sVdEfGhw", "key_alias": "plain"},
    ]});
    let file = place.data().parent().unwrap().join("keys.json");
    std::fs::write(&file, rows.to_string()).unwrap();
    let import = ["key", "import", file.to_str().unwrap(), "--format", "litellm", "--burst", "50"];
    let ran = place.run(&[&["--json"], import.as_slice()].concat());
    assert_eq!(ran.code, 1, "{}", ran.err);
    says(&ran.err, &["3 of 5 keys were left out"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    let told = |name: &str| {
        let rows = told["keys"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {told}")).clone()
    };
    assert_eq!(
        (&told("ci")["outcome"], &told("ci")["note"]),
        (&"imported".into(), &"without its max_budget".into())
    );
    assert_eq!(told("old")["outcome"], "imported, disabled");
    for (name, why) in [("expired", "expired"), ("team", "--models"), ("plain", "no SHA-256")] {
        assert_eq!(told(name)["outcome"], "left out");
        assert!(told(name)["note"].as_str().unwrap().contains(why), "{}", told(name));
    }
    let shown = place.json(&["key", "show", good]);
    assert_eq!(shown["prefix"], digits(good)[..8]);
    assert_eq!(
        shown["limits"],
        serde_json::json!({"requests_per_minute": 600, "burst_per_second": 50, "concurrent": 7,
            "body_bytes": 1_048_576, "tokens_per_minute": 90_000})
    );
    assert_eq!((&shown["models"], &shown["state"]), (&serde_json::json!(["gpt-4o"]), &"active".into()));
    assert_eq!(shown["expires_at"], "2099-01-31T00:00:00Z");
    assert_eq!(place.json(&["key", "show", blocked])["state"], "disabled");

    // Once more with the models of the team, as a table: what is here stays as it is.
    let table = format!(
        "token,key_alias,models,team_id\n{},ci,{{gpt-4o}},\n{},team,{{}},t1\n",
        digits(good),
        digits("sk-team")
    );
    std::fs::write(&file, table).unwrap();
    let again = [import.as_slice(), &["--models", "gpt-4o-mini"]].concat();
    says(&place.ok(&again), &["was here", "imported", "team"]);
    assert_eq!(place.json(&["key", "list"])["keys"].as_array().unwrap().len(), 3);
    says(&place.ok(&["audit", "list"]), &["key.import"]);
    std::fs::write(&file, "name\nci\n").unwrap();
    says(&place.fails(&import), &["no column `token`"]);
    // A successor is of our own grammar.
    let made = place.json(&["key", "rotate", good, "--grace", "1h"]);
    place.forget_what_was_said();
    assert!(made["key"].as_str().unwrap().starts_with("pc_live_"));
}
