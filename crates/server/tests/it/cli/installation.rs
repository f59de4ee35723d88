//! `init` and `config`: what is made, never over what is there; what is in force, and every fault at once.

use std::os::unix::fs::PermissionsExt;

use super::{Place, says};

#[test]
fn init_makes_a_private_installation_once() {
    let place = Place::empty();
    let made = place.json(&["init", "--org", "acme", "--project", "web"]);
    for file in ["config", "pepper", "database"] {
        let path = made[file].as_str().unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path}");
    }
    assert_eq!(std::fs::metadata(place.data()).unwrap().permissions().mode() & 0o777, 0o700);
    let projects = place.json(&["project", "list"]);
    assert_eq!(projects["projects"][0]["name"], "web");
    assert_eq!(projects["projects"][0]["id"], made["project_id"]);
    assert_eq!(place.json(&["org", "show", "acme"])["id"], made["org_id"]);

    let pepper = std::fs::read_to_string(place.data().join("pepper.key")).unwrap();
    says(&place.fails(&["init"]), &["is there already", "--data-dir"]);
    assert_eq!(std::fs::read_to_string(place.data().join("pepper.key")).unwrap(), pepper);
    place.keeps(pepper.trim(), &["pepper.key"]);
}

#[test]
fn init_tells_people_what_comes_next() {
    let said = Place::empty().ok(&["init"]);
    says(
        &said,
        &["portcullis.toml", "pepper.key", "vault.key", "mode 0600", "key create", "provider add", " serve"],
    );
}

#[test]
fn a_failed_init_leaves_a_clean_place() {
    let place = Place::empty();
    says(&place.fails(&["init", "--set", "limits.concurrent=0"]), &["limits.concurrent"]);
    says(&place.fails(&["init", "--org", " "]), &["name"]);
    place.ok(&["init"]);
}

#[test]
fn without_an_installation_the_way_to_one_is_told() {
    let place = Place::empty();
    for command in [["org", "list"], ["usage", "list"], ["provider", "list"]] {
        says(&place.fails(&command), &["there is no installation", "portcullis init", "--data-dir"]);
    }
    assert!(!place.data().exists(), "asking makes nothing");
}

#[test]
fn config_check_says_where_each_value_comes_from() {
    let place = Place::installed().with("PORTCULLIS_LIMITS_CONCURRENT", "5");
    let checked = place.json(&["config", "check", "--set", "limits.burst_per_second=7"]);
    let of = |name: &str| checked["settings"][name].clone();
    assert_eq!(of("limits.concurrent")["value"], 5);
    assert_eq!(of("limits.concurrent")["source"], "variable PORTCULLIS_LIMITS_CONCURRENT");
    assert_eq!(of("limits.burst_per_second")["source"], "flag");
    assert!(of("log.level")["source"].as_str().unwrap().ends_with("portcullis.toml"));
    assert_eq!(of("log.level")["variable"], "PORTCULLIS_LOG_LEVEL");
    says(&place.ok(&["config", "check"]), &["secrets.pepper", "\"file:pepper.key\"", "limits.concurrent"]);
    let pepper = std::fs::read_to_string(place.data().join("pepper.key")).unwrap();
    place.keeps(pepper.trim(), &["pepper.key"]);
}

#[test]
fn every_fault_is_listed_at_once_with_its_fix_and_no_secret() {
    let place = Place::installed()
        .with("PORTCULLIS_LISTEN_PUBLC", "127.0.0.1:1")
        .with("PORTCULLIS_RETRIES_PER_TARGET", "many")
        .with("PORTCULLIS_SECRETS_PEPPER", "hunter2-hunter2-hunter2-hunter2-hunter2");
    std::fs::remove_file(place.data().join("vault.key")).unwrap();
    let said = place.fails(&["config", "check", "--set", "log.format=xml"]);
    says(
        &said,
        &[
            "4 faults",
            "Did you mean `PORTCULLIS_LISTEN_PUBLIC`?",
            "retries.per_target",
            "secrets.pepper: it is not a reference",
            "Write \"text\" or \"json\".",
        ],
    );
    place.keeps("hunter2", &[]);
    let said = Place::empty().fails(&["serve"]);
    says(
        &said,
        &["5 faults", "pepper.key", "vault.key", "audit.key", "jwt.key", "cursor.key", "portcullis init"],
    );
}

#[test]
fn production_refuses_weak_and_readable_secrets() {
    let place = Place::installed().with("PORTCULLIS_ENVIRONMENT", "production");
    place.ok(&["config", "check"]);
    let pepper = place.data().join("pepper.key");
    std::fs::write(&pepper, "change-me-change-me-change-me-change-me\n").unwrap();
    std::fs::set_permissions(&pepper, std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = place.fails(&["config", "check", "--set", "listen.admin=0.0.0.0:8081"]);
    says(&said, &["3 faults", "mode 644", "chmod 600", "samples use", "listen.admin"]);
}

#[test]
fn the_default_file_and_the_schema_come_as_they_are() {
    let place = Place::empty();
    assert_eq!(place.ok(&["config", "default"]), server::config::DEFAULT_FILE);
    let schema: serde_json::Value = serde_json::from_str(&place.ok(&["config", "schema"])).unwrap();
    assert_eq!(schema["properties"]["limits"]["properties"]["concurrent"]["minimum"], 1);
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    let place = Place::empty();
    for arguments in
        [&["frobnicate"][..], &["key", "create", "--rpm", "0"], &["serve", "--listen", "nowhere"]]
    {
        assert_eq!(place.run(arguments).code, 2, "{arguments:?}");
    }
    assert_eq!(place.run(&["--version"]).out.trim(), concat!("portcullis ", env!("CARGO_PKG_VERSION")));
    assert_eq!(place.run(&["help", "key"]).code, 0);
}
