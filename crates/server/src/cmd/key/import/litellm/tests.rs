use super::*;
use serde_json::json;

fn digits() -> String {
    "ab".repeat(32)
}

fn row(value: Value) -> Fields {
    let Value::Object(mut fields) = value else { panic!("no object") };
    fields.entry("token").or_insert_with(|| digits().into());
    fields
}

fn found(value: Value) -> Found {
    read(&row(value), "key 7").unwrap()
}

#[test]
fn json_lists_answers_and_lines_and_csv_say_the_same() {
    let hash = digits();
    let object = json!({"token": hash, "key_alias": "ci", "models": ["gpt-4o", "o3"], "rpm_limit": 60,
        "tpm_limit": null, "expires": "2027-01-31T12:00:00Z", "blocked": null, "max_budget": 10.5});
    let texts = [
        json!([object]).to_string(),
        json!({"keys": [object], "total_count": 1}).to_string(),
        object.to_string(),
        format!("{object}\n\n{object}\n"),
        format!("\u{feff}{}", json!([object])),
        format!(
            "token,key_alias,models,rpm_limit,tpm_limit,expires,blocked,max_budget\r\n\
             {hash},ci,\"{{gpt-4o,o3}}\",60,,2027-01-31 12:00:00,,10.5\r\n"
        ),
        format!(
            "token,key_alias,models,rpm_limit,tpm_limit,expires,blocked,max_budget\n\
             {hash},ci,\"[\"\"gpt-4o\"\",\"\"o3\"\"]\",60,,2027-01-31T12:00:00.000+00:00,f,10.5\n"
        ),
    ];
    for text in texts {
        let rows = rows(&text).unwrap();
        assert!(!rows.is_empty(), "{text}");
        for row in rows {
            let expect = Found {
                name: "ci".to_owned(),
                sha256: [0xab; 32],
                models: Models::Listed(vec!["gpt-4o".to_owned(), "o3".to_owned()]),
                rpm: Some(60),
                tpm: None,
                concurrent: None,
                expires_at: Some(instant::read("2027-01-31T12:00:00Z").unwrap()),
                blocked: false,
                lost: vec!["max_budget"],
            };
            assert_eq!(read(&row, "key 1").unwrap(), expect, "{text}");
        }
    }
}

#[test]
fn a_file_of_another_kind_is_refused() {
    for text in
        ["", "hello", "name,models\na,b\n", "[1]", "[\"abc\"]", "{\"keys\": 1}", "{\"token\": \n", "[{]"]
    {
        assert!(rows(text).is_err(), "{text}");
    }
}

#[test]
fn models_are_never_more_than_they_were() {
    let check = |value: Value, expect: Models| assert_eq!(found(value.clone()).models, expect, "{value}");
    let all = || Models::Listed(vec![]);
    check(json!({}), all());
    check(json!({"models": []}), all());
    check(json!({"models": ["all-proxy-models"]}), all());
    check(json!({"models": ["*", "gpt-4o"]}), all());
    check(json!({"models": ["gpt-4o"], "team_id": "t"}), Models::Listed(vec!["gpt-4o".to_owned()]));
    check(json!({"models": [], "team_id": "t"}), Models::Elsewhere);
    check(json!({"models": ["all-proxy-models"], "team_id": "t"}), Models::Elsewhere);
    for word in ["all-team-models", "all-org-models", "no-default-models", "openai/*"] {
        check(json!({"models": ["gpt-4o", word]}), Models::Elsewhere);
    }
}

#[test]
fn what_is_lost_is_told() {
    assert_eq!(found(json!({})).name, "key 7");
    assert_eq!(found(json!({"key_name": "sk-...abcd"})).name, "sk-...abcd");
    assert!(found(json!({"model_max_budget": {}, "budget_id": null, "team_id": ""})).lost.is_empty());
    let budgets = json!({"model_max_budget": {"o3": 1}, "budget_id": "b", "team_id": "t", "models": ["o3"]});
    assert_eq!(found(budgets).lost, ["budget_id", "model_max_budget", "team_id"]);
    assert!(found(json!({"blocked": true})).blocked && found(json!({"blocked": "t"})).blocked);
    assert_eq!(found(json!({"allowed_routes": ["llm_api_routes"]})).rpm, None);
}

#[test]
fn a_key_that_cannot_be_kept_says_why() {
    let check = |value: Value, expect: &str| {
        let why = read(&row(value.clone()), "key 1").unwrap_err().to_string();
        assert!(why.contains(expect), "{value}: {why}");
    };
    check(json!({"token": "sk-abcdefghijklmnop"}), "no SHA-256");
    check(json!({"token": ""}), "no token");
    check(json!({"token": 1}), "no token");
    check(json!({"rpm_limit": 0}), "rpm_limit");
    check(json!({"rpm_limit": -1}), "rpm_limit");
    check(json!({"tpm_limit": 1.5}), "tpm_limit");
    check(json!({"tpm_limit": 99_999_999_999u64}), "tpm_limit");
    check(json!({"expires": "30d"}), "expires");
    check(json!({"blocked": "maybe"}), "blocked");
    check(json!({"models": "gpt-4o"}), "models");
    check(json!({"models": [1]}), "models");
    check(json!({"allowed_routes": ["management_routes"]}), "allowed_routes");
}
