//! People at the command line, and the token that a start shows when nobody has an account.

use serde_json::json;

use super::{Place, says};
use crate::world::caller::Caller;
use crate::world::eventually;

const PASSWORD: &str = "tulip 41 Wagon";

#[tokio::test]
async fn an_account_begins_with_a_token_that_is_shown_once() {
    let place = Place::installed();
    let gate = place.serve(&[]).await;
    eventually("the token to be shown", || async { gate.log().contains("pc_inv_") }).await;
    let log = gate.log();
    let token = &log[log.find("pc_inv_").unwrap()..][..59];
    let call = async |path: &str, body: serde_json::Value| {
        Caller::new(gate.admin, String::new()).post(path, &body.to_string()).await
    };
    let setup = json!({ "token": token, "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(call("/api/v1/setup", setup).await.status, 201);

    let made = place.json(&["user", "create", "Bob@Example.com", "--username", "bob"]);
    assert_eq!((&made["email"], &made["operator"]), (&json!("bob@example.com"), &json!(false)));
    let reset = json!({ "token": made["token"], "password": PASSWORD });
    assert_eq!(call("/api/v1/password/reset", reset.clone()).await.status, 204);
    assert_eq!(call("/api/v1/password/reset", reset).await.status, 401);
    let login = async || {
        let body = json!({ "email": "bob", "password": PASSWORD, "session": "bearer" });
        call("/api/v1/login", body).await.status
    };
    assert_eq!(login().await, 200);
    assert_eq!(place.json(&["user", "disable", "bob"])["state"], "disabled");
    assert_eq!(login().await, 401);
    assert_eq!(place.json(&["user", "enable", "bob@example.com"])["state"], "active");
    says(&place.fails(&["user", "create", "bob@example.com"]), &["already"]);
    says(&place.fails(&["user", "disable", "nobody"]), &["no account `nobody`", "user list"]);
    says(&place.fails(&["user", "reset-second-factor", "bob"]), &["no second factor"]);
    assert!(place.ok(&["user", "reset-password", "bob"]).lines().last().unwrap().starts_with("pc_rst_"));
    assert_eq!(place.json(&["user", "list"])["users"].as_array().unwrap().len(), 2);
    drop(gate);
    let again = place.serve(&[]).await;
    assert!(!again.log().contains("pc_inv_"), "somebody has an account");
}
