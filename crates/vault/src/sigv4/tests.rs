use serde::Deserialize;

use super::*;

/// Requests and the headers that botocore, Amazon's own library, makes of them: `SigV4Auth` at the time given.
const CASES: &str = include_str!("../../testdata/sigv4.json");

#[derive(Deserialize)]
struct Case {
    name: String,
    keys: String,
    region: String,
    service: String,
    unix_seconds: i64,
    method: String,
    host: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
    date: String,
    authorization: String,
}

fn keys(entered: &str) -> Result<AwsKeys, NoAwsKeys> {
    AwsKeys::parse(&Secret::new(entered.as_bytes().to_vec()))
}

#[test]
fn wire_fact_49_signatures_are_those_of_amazons_own_library() {
    let cases: Vec<Case> = serde_json::from_str(CASES).unwrap();
    assert!(cases.len() >= 12);
    for case in cases {
        let headers: Vec<(&str, &str)> =
            case.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request {
            method: &case.method,
            host: &case.host,
            path: &case.path,
            query: case.query.as_deref(),
            headers: &headers,
            body: case.body.as_bytes(),
        };
        let now = Timestamp(case.unix_seconds * 1_000_000 + 999_999);
        let signed = keys(&case.keys).ok().unwrap().sign(&request, &case.region, &case.service, now);
        assert_eq!(signed.date, case.date, "{}", case.name);
        assert_eq!(signed.authorization, case.authorization, "{}", case.name);
        let token = case.keys.split(':').nth(2);
        let carried = signed.session_token.map(|token| String::from_utf8(token.open().to_vec()).unwrap());
        assert_eq!(carried.as_deref(), token, "{}", case.name);
    }
}

#[test]
fn keys_have_one_form() {
    let check = |entered: &str, expect: bool| assert_eq!(keys(entered).is_ok(), expect, "{entered:?}");
    check("AKIAEXAMPLE:wJalr/secret+key", true);
    check("ASIAEXAMPLE:wJalr/secret+key:FwoGZXIvYXdz//token==", true);
    check("AKIAEXAMPLE", false);
    check("AKIAEXAMPLE:", false);
    check(":secret", false);
    check("AKIA EXAMPLE:secret", false);
    check("AKIA/EXAMPLE:secret", false);
    check("AKIAEXAMPLE:sec ret", false);
    check("AKIAEXAMPLE:secret:", false);
    check("AKIAEXAMPLE:secret:token:more", false);
    check("AKIAEXAMPLE:sécret", false);
    check("", false);
}

#[test]
fn a_signature_is_of_all_that_is_signed() {
    let sign = |change: &dyn Fn(&mut Request<'_>), region: &str, seconds: i64| {
        let mut request = Request {
            method: "POST",
            host: "bedrock-runtime.eu-central-1.amazonaws.com",
            path: "/model/m/converse",
            query: None,
            headers: &[("content-type", "application/json")],
            body: b"{}",
        };
        change(&mut request);
        let keys = keys("AKIAEXAMPLE:secret").ok().unwrap();
        keys.sign(&request, region, "bedrock", Timestamp(seconds * 1_000_000)).authorization
    };
    let base = sign(&|_| {}, "eu-central-1", 1_767_225_600);
    let changed = [
        sign(&|request| request.method = "PUT", "eu-central-1", 1_767_225_600),
        sign(&|request| request.host = "example.com", "eu-central-1", 1_767_225_600),
        sign(&|request| request.path = "/model/n/converse", "eu-central-1", 1_767_225_600),
        sign(&|request| request.query = Some("a=b"), "eu-central-1", 1_767_225_600),
        sign(&|request| request.body = b"{ }", "eu-central-1", 1_767_225_600),
        sign(&|request| request.headers = &[("content-type", "text/plain")], "eu-central-1", 1_767_225_600),
        sign(&|_| {}, "us-east-1", 1_767_225_600),
        sign(&|_| {}, "eu-central-1", 1_767_225_601),
    ];
    for other in changed {
        assert_ne!(other, base);
    }
}
