//! Connections to providers and what is known of their models.

use super::{Place, says};

const SECRET: &str = "sk-proj-Zq7XbW3nTpLk9sVd";
const MASKED: &str = "sk-p…9sVd";

#[test]
fn a_secret_comes_from_three_places_and_is_shown_masked() {
    let place = Place::installed().with("MY_KEY", SECRET);
    let made = place.json(&["provider", "add", "--provider", "openai", "--secret-env", "MY_KEY"]);
    assert_eq!(made["secret_masked"], MASKED);
    assert_eq!(made["base_url"], "https://api.openai.com/v1");
    assert_eq!(made["models"], serde_json::Value::Null);
    let file = place.data().join("provider.txt");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    place.ok(&[
        "provider",
        "create",
        "--provider",
        "openai",
        "--name",
        "second",
        "--secret-file",
        file.to_str().unwrap(),
        "--models",
        "gpt-4o,gpt-4o-mini",
        "--priority",
        "5",
        "--org",
        "default",
    ]);
    let third = ["provider", "add", "--provider", "openai", "--name", "third", "--secret-stdin"];
    assert_eq!(place.run_with_input(&third, &format!("{SECRET}\n")).code, 0);

    let listed = place.json(&["provider", "list"]);
    let names: Vec<&str> =
        listed["provider_keys"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["second", "openai", "third"], "in the order in which they are tried");
    assert_eq!(listed["provider_keys"][0]["models"][1], "gpt-4o-mini");
    says(&place.ok(&["provider", "show", "third"]), &[MASKED, "any"]);
    says(
        &place.ok(&["doctor", "--set", "listen.public=127.0.0.1:0", "--set", "listen.admin=127.0.0.1:0"]),
        &["third"],
    );
    place.keeps(SECRET, &["provider.txt"]);
}

#[test]
fn connections_are_switched_and_removed() {
    let place = Place::installed();
    place.ok(&["provider", "add", "--provider", "ollama"]);
    assert_eq!(place.json(&["provider", "disable", "ollama"])["state"], "disabled");
    assert_eq!(place.json(&["provider", "enable", "ollama"])["state"], "active");
    says(&place.fails(&["provider", "add", "--provider", "ollama"]), &["already", "ollama"]);
    place.ok(&["provider", "remove", "ollama"]);
    says(&place.fails(&["provider", "show", "ollama"]), &["no connection `ollama`", "provider list"]);
}

#[test]
fn quotas_are_set_one_by_one_and_taken_back() {
    let place = Place::installed();
    let made = place.json(&["provider", "add", "--provider", "ollama"]);
    assert_eq!(made["quotas"]["requests_per_day"], serde_json::Value::Null);
    place.json(&["provider", "quota", "ollama", "--rpm", "60", "--rpd", "1000", "--tpm", "5", "--tpd", "6"]);
    let set = place.json(&["provider", "quota", "ollama", "--spend-per-day", "12.50", "--rpm", "off"]);
    assert_eq!(
        set["quotas"],
        serde_json::json!({
            "requests_per_minute": null, "requests_per_day": 1000, "tokens_per_minute": 5, "tokens_per_day": 6,
            "spend_per_day_nanos": 12_500_000_000_i64
        })
    );
    assert_eq!(place.json(&["provider", "show", "ollama"]), set);
    for bad in [["--rpm", "0"], ["--tpd", "many"], ["--spend-per-day", "0.0001"]] {
        assert_eq!(place.run(&[&["provider", "quota", "ollama"], &bad[..]].concat()).code, 2, "{bad:?}");
    }
}

#[test]
fn a_connection_is_put_to_rest_and_its_rest_ended() {
    let place = Place::installed();
    let made = place.json(&["provider", "add", "--provider", "ollama"]);
    assert_eq!((&made["state"], &made["until"]), (&"active".into(), &serde_json::Value::Null));
    let rests = place.json(&["provider", "cooldown", "ollama", "--seconds", "600"]);
    assert_eq!(rests["state"], "cooldown");
    assert!(rests["until"].is_string(), "{rests}");
    assert_eq!(place.json(&["provider", "show", "ollama"]), rests);
    says(&place.ok(&["provider", "list"]), &["UNTIL", "cooldown"]);
    assert_eq!(place.json(&["provider", "cooldown", "ollama", "--seconds", "0"]), made);
    for bad in ["2592001", "-1", "soon"] {
        assert_eq!(place.run(&["provider", "cooldown", "ollama", "--seconds", bad]).code, 2, "{bad}");
    }
    let row = |action: &str| place.json(&["audit", "list", "--action", action])["audit"].clone();
    assert_eq!(row("provider_key.cooldown").as_array().unwrap().len(), 1);
    assert_eq!(row("provider_key.back").as_array().unwrap().len(), 1);
}

#[test]
fn what_must_not_be_connected_is_refused_without_a_trace() {
    let place = Place::installed().with("MY_KEY", SECRET).with("OTHER", "gsk_Zq7XbW3nTpLk9sVd");
    let add = |more: &[&str]| place.fails(&[&["provider", "add"], more].concat());
    says(&add(&["--provider", "nobody"]), &["no provider is called `nobody`", "provider catalog"]);
    says(&add(&["--provider", "openai"]), &["needs a key", "--secret-env"]);
    says(&add(&["--provider", "openai", "--secret-env", "NONE"]), &["NONE is not set"]);
    says(&add(&["--provider", "openai", "--secret-env", "OTHER"]), &["refused"]);
    says(&add(&["--provider", "openai", "--secret-file", "/nowhere"]), &["cannot be read from /nowhere"]);
    says(&add(&["--provider", "openai_compatible"]), &["--base-url"]);
    for url in [
        "http://api.example.com/v1",
        "https://10.0.0.8/v1",
        "http://169.254.169.254/",
        "https://a:b@example.com",
    ] {
        let said = add(&["--provider", "openai_compatible", "--base-url", url]);
        says(&said, &["the base URL is refused", "egress.allow"]);
    }
    says(&add(&["--provider", "ollama", "--models", "any,llama3"]), &["`any` stands alone"]);
    let production =
        ["--provider", "demo", "--base-url", "http://127.0.0.1:11434", "--set", "environment=production"];
    says(&add(&production), &["refused in production"]);
    assert_eq!(place.json(&["provider", "list"])["provider_keys"].as_array().unwrap().len(), 0);
    place.keeps("Zq7XbW3nTpLk9sVd", &[]);
}

#[test]
fn a_secret_is_never_an_argument() {
    let place = Place::installed();
    for option in ["--secret", "--key", "--api-key"] {
        assert_eq!(place.run(&["provider", "add", "--provider", "openai", option, SECRET]).code, 2);
    }
}

#[test]
fn the_providers_that_can_be_connected_are_listed() {
    let place = Place::empty();
    let listed = place.json(&["provider", "catalog"]);
    let slugs: Vec<&str> =
        listed["providers"].as_array().unwrap().iter().map(|row| row["slug"].as_str().unwrap()).collect();
    assert!(slugs.contains(&"openai") && slugs.contains(&"ollama"), "{slugs:?}");
    says(&place.ok(&["provider", "catalog", "--markdown"]), &["# ", "https://api.openai.com/v1"]);
}

#[test]
fn models_are_those_of_connected_providers_with_rows_of_ones_own_over_them() {
    let place = Place::installed().with("MY_KEY", SECRET);
    let models = |arguments: &[&str]| {
        let listed = place.json(&[&["model", "list"], arguments].concat());
        listed["models"].as_array().unwrap().clone()
    };
    assert_eq!(models(&[]).len(), 0);
    assert!(models(&["--all"]).len() > 10);
    place.ok(&["provider", "add", "--provider", "openai", "--secret-env", "MY_KEY"]);
    assert!(models(&[]).iter().all(|row| row["provider"] == "openai"));

    let own = place.json(&[
        "model",
        "create",
        "--provider",
        "openai",
        "--model",
        "gpt-4o-mini",
        "--input-usd",
        "0.2",
        "--output-usd",
        "0.8",
        "--cached-usd",
        "0.05",
        "--context",
        "1000",
        "--max-output",
        "100",
    ]);
    assert_eq!(
        (&own["input_usd"], &own["cached_usd"], &own["origin"]),
        (&"0.2".into(), &"0.05".into(), &"own".into())
    );
    let rows = models(&[]);
    let of_name: Vec<_> = rows.iter().filter(|row| row["model"] == "gpt-4o-mini").collect();
    assert_eq!(of_name, [&own], "one row, and that is one's own");
    assert_eq!(place.json(&["model", "remove", "openai/gpt-4o-mini"])["origin"], "catalogue");
    assert_eq!(place.json(&["model", "disable", "openai/gpt-4o"])["state"], "disabled");
    assert_eq!(place.json(&["model", "enable", "openai/gpt-4o"])["state"], "active");
    let free = place.json(&["model", "create", "--provider", "vllm", "--model", "org/my-model", "--free"]);
    assert_eq!((&free["pricing"], &free["input_usd"]), (&"free".into(), &serde_json::Value::Null));
    assert_eq!(place.json(&["model", "show", "vllm/org/my-model"])["model"], "org/my-model");
}

#[test]
fn impossible_models_are_refused() {
    let place = Place::installed();
    says(
        &place.fails(&["model", "show", "openai/nothing"]),
        &["nothing is known of openai/nothing", "--all"],
    );
    says(
        &place.fails(&["model", "create", "--provider", "x", "--model", "y", "--free"]),
        &["no provider is called"],
    );
    let create = ["model", "create", "--provider", "openai", "--model", "m"];
    let negative = [&create[..], &["--input-usd=-1", "--output-usd", "1"]].concat();
    says(&place.fails(&negative), &["never negative"]);
    for wrong in [
        &[][..],
        &["--input-usd", "1"],
        &["--free", "--input-usd", "1", "--output-usd", "1"],
        &["--input-usd", "1e3"],
    ] {
        assert_eq!(place.run(&[&create[..], wrong].concat()).code, 2, "{wrong:?}");
    }
}
