//! The adopted vectors about tokens, every row that holds one. Their identifiers are not of our form, so that what is
//! asked here is whether the token itself stands; that `verify` wants our identifiers is asked in `tests`.

use domain::secret::Secret;
use domain::time::Timestamp;
use serde_json::Value;

use super::{AccessKeys, Refused};

const ROWS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/jwt.jsonl"));

fn stands(keys: &AccessKeys, token: &str, now: Timestamp) -> Result<(), Refused> {
    keys.read(token).and_then(|body| keys.judge(&body, now))
}

#[test]
fn every_row_with_a_token() {
    let clean = ROWS.replace("\\u27c2", "").replace('\u{27c2}', "");
    let rows: Vec<Value> = clean.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Where a token may stand in a request is asked of the admin API.
    let tokens =
        rows.iter().filter(|row| row["input"]["token"].is_string() && row["expect"]["via"].is_null());
    let mut seen = 0;
    for row in tokens {
        let (id, context) = (&row["id"], &row["input"]["ctx"]);
        let text = |name: &str| context[name].as_str().unwrap().to_owned();
        let secret = Secret::new(text("hs256_secret").into_bytes());
        let keys = AccessKeys::named(vec![(text("kid"), secret)], text("iss"), text("aud")).unwrap();
        let now = Timestamp(context["now"].as_i64().unwrap() * 1_000_000);
        let token = row["input"]["token"].as_str().unwrap();
        match row["expect"]["verdict"].as_str().unwrap() {
            "accept" => {
                assert_eq!(stands(&keys, token, now), Ok(()), "{id}");
                assert_eq!(keys.verify(token, now), Err(Refused::Malformed), "{id}: strange identifiers");
            }
            // Both are safe; ours takes three header fields and no other.
            "reject" | "accept_or_reject" => assert!(stands(&keys, token, now).is_err(), "{id}"),
            other => panic!("{id}: {other}"),
        }
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}
