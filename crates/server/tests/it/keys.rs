//! API keys: where they may be sent, used and come from, and the rows of the vectors about credentials.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use domain::scope::{Access, KeyState};
use domain::token::{Kind, Token};
use store::keys::NewKey;

use crate::chat::{ANSWER, request};
use crate::vectors::{all_in_one_place, row};
use crate::world::caller::{Answer, Caller};
use crate::world::{World, eventually};

pub const FILE: &str = "apikey_auth";
const JSON: &str = "content-type: application/json\r\n";
/// The key of the vectors, and the words around its body.
const THEIRS: &str = "gwk_live_7XN4Q2M9KJ3H5G8F6D1C0B2A4Z";

#[test]
fn every_row_is_run_or_listed() {
    all_in_one_place(
        FILE,
        &[
            include_str!("keys.rs"),
            include_str!("strangers.rs"),
            include_str!("cli/keys.rs"),
            include_str!("api/tenancy/functions.rs"),
        ],
    );
}

/// Sends a call with these headers and the same request id as all others, without the caller's own key.
pub async fn call(world: &mut World, path: &str, headers: &str) -> Answer {
    let key = std::mem::take(&mut world.caller.key);
    let headers = format!("{headers}{JSON}x-request-id: same\r\n");
    let answer = world.caller.post_with(path, &headers, &request("gpt-test")).await;
    world.caller.key = key;
    answer
}

fn refused(answer: &Answer, uniform: &str, what: &str) {
    answer.is_error(401, "invalid_request_error", "invalid_api_key");
    assert_eq!(answer.text(), uniform, "{what}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
}

#[tokio::test]
async fn the_header_rows_are_refused_alike() {
    let mut world = World::start().await;
    let key = world.caller.key.clone();
    let uniform = call(&mut world, "/v1/chat/completions", "").await.text();
    let other_first = if key.as_bytes()[8] == b'7' { "8" } else { "7" };
    let replacements = [
        (THEIRS, key.clone()),
        ("gwk_live_8XN4Q2M9KJ3H5G8F6D1C0B2A4Z", format!("pc_live_{other_first}{}", &key[9..])),
        ("gwk_test_7XN4Q2M9KJ3H5G8F6D1C0B2A4Z", key.replace("pc_live_", "pc_test_")),
        ("<sha256 hex of the key>", hex(&vault::digest::sha256(key.as_bytes()))),
        ("<valid dashboard access JWT>", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned()),
    ];
    for id in [
        "apikey-hdr-missing",
        "apikey-hdr-basic",
        "apikey-hdr-trail-space",
        "apikey-hdr-first-char",
        "apikey-hdr-hash-of-key",
        "apikey-hdr-test-on-live",
        "apikey-hdr-like",
        "apikey-hdr-json",
        "apikey-hdr-undefined",
        "apikey-hdr-zero-hash",
        "apikey-hdr-jwt-as-key",
        "apikey-hdr-master-default",
    ] {
        let row = row(FILE, id);
        let mut headers = String::new();
        for (name, value) in row["input"]["headers"].as_object().unwrap() {
            let value =
                replacements.iter().fold(value.as_str().unwrap().to_owned(), |value, (theirs, ours)| {
                    value.replace(theirs, ours)
                });
            assert!(!value.contains("gwk_") && !value.contains('<'), "{id}: {value}");
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        refused(&call(&mut world, "/v1/chat/completions", &headers).await, &uniform, id);
    }
    world.upstream.answers(ANSWER);
    let row = row(FILE, "apikey-ctl-lower");
    let lower = row["input"]["headers"]["authorization"].as_str().unwrap().replace(THEIRS, &key);
    let accepted = call(&mut world, "/v1/chat/completions", &format!("authorization: {lower}\r\n")).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_taken_from_headers_alone() {
    let mut world = World::start().await;
    let key = world.caller.key.clone();
    let uniform = call(&mut world, "/v1/chat/completions", "").await.text();
    row(FILE, "apikey-place-query-key");
    for parameter in ["key", "api_key", "access_token", "anything"] {
        let path = format!("/v1/chat/completions?{parameter}={key}");
        refused(&call(&mut world, &path, "").await, &uniform, parameter);
        let both = format!("authorization: Bearer {key}\r\n");
        refused(&call(&mut world, &path, &both).await, &uniform, parameter);
    }
    for (id, header) in [
        ("apikey-place-cookie-key", format!("cookie: key={key}\r\n")),
        ("apikey-place-ws-proto", format!("sec-websocket-protocol: {key}\r\n")),
    ] {
        row(FILE, id);
        refused(&call(&mut world, "/v1/chat/completions", &header).await, &uniform, id);
    }
    // That neither the log nor any file holds the key is checked by the end of the World.
    world.finish().await;
}

#[tokio::test]
async fn a_revoked_key_is_like_one_that_never_was() {
    let mut world = World::start().await;
    row(FILE, "apikey-state-revoked");
    let (key, id) = world.key_with(|_| {}).await;
    world.store().keys().set_state(id, KeyState::Revoked, &world.act()).await.unwrap();
    let unknown = format!("authorization: Bearer pc_live_{}\r\n", "z".repeat(52));
    let uniform = call(&mut world, "/v1/chat/completions", &unknown).await;
    let revoked = call(&mut world, "/v1/chat/completions", &format!("authorization: Bearer {key}\r\n")).await;
    refused(&revoked, &uniform.text(), "revoked");
    let names = |answer: &Answer| -> Vec<String> {
        answer
            .head
            .lines()
            .filter(|line| !line.to_ascii_lowercase().starts_with("date:"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(names(&revoked), names(&uniform));
    world.finish().await;
}

#[tokio::test]
async fn what_is_stored_is_no_key() {
    let mut world = World::start().await;
    row(FILE, "apikey-hash-not-accepted");
    let key = world.caller.key.clone();
    let uniform = call(&mut world, "/v1/chat/completions", "").await.text();
    let token = Token::parse(key.as_bytes()).unwrap();
    let stored = world.digest(&token);
    for text in [hex(&stored), hex(&vault::digest::sha256_of(&token)), key[8..16].to_owned()] {
        let header = format!("authorization: Bearer {text}\r\n");
        refused(&call(&mut world, "/v1/chat/completions", &header).await, &uniform, &text);
    }
    world.finish().await;
}

#[tokio::test]
async fn an_endpoint_is_closed_to_a_key_however_it_is_sent() {
    let mut world = World::start().await;
    row(FILE, "apikey-restrict-parity");
    let key = world.key_with(|new| new.scopes = vec![Access::Embeddings, Access::Models]).await.0;
    for header in ["authorization: Bearer ", "x-api-key: ", "api-key: ", "x-goog-api-key: "] {
        for path in ["/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions"] {
            let answer = call(&mut world, path, &format!("{header}{key}\r\n")).await;
            answer.is_error(403, "permission_error", "forbidden");
        }
    }
    assert!(world.upstream.received().is_empty());
    world.caller.key = key;
    assert_eq!(world.caller.get("/v1/models").await.status, 200);
    world.caller.key = world.key_with(|new| new.scopes = vec![Access::Chat]).await.0;
    for path in ["/v1/models", "/models", "/v1/models/openai/gpt-test"] {
        world.caller.get(path).await.is_error(403, "permission_error", "forbidden");
    }
    world.upstream.answers(ANSWER);
    assert_eq!(world.chat(&request("gpt-test")).await.status, 200);
    world.only_usage().await;
    world.finish().await;
}

#[tokio::test]
async fn a_model_is_closed_to_a_key_on_every_path_and_name() {
    let mut world = World::start().await;
    row(FILE, "apikey-alias-routes");
    world.caller.key = world.key_with(|new| new.models = vec!["embed-test".to_owned()]).await.0;
    for path in ["/v1/chat/completions", "/chat/completions", "/v1/completions", "/completions"] {
        for model in ["gpt-test", "openai/gpt-test"] {
            let body =
                format!(r#"{{"model":"{model}","prompt":"x","messages":[{{"role":"user","content":"x"}}]}}"#);
            let answer = world.caller.post(path, &body).await;
            answer.is_error(403, "permission_error", "model_not_allowed");
        }
    }
    for model in ["gpt-test", "openai/gpt-test"] {
        let body = format!(
            r#"{{"model":"{model}","max_tokens":9,"input":"x","messages":[{{"role":"user","content":"x"}}],
            "contents":[{{"role":"user","parts":[{{"text":"x"}}]}}]}}"#
        );
        for path in ["/v1/responses", "/v1/messages"] {
            let answer = world.caller.post(path, &body).await;
            assert_eq!(answer.status, 403, "{path} {}", answer.text());
        }
        let path = format!("/v1beta/models/{model}:generateContent");
        let answer = world.caller.post(&path, &body).await;
        assert_eq!(answer.status, 403, "{path} {}", answer.text());
        assert_eq!(answer.json()["error"]["status"], "PERMISSION_DENIED");
    }
    for path in ["/openai/deployments/gpt-test/chat/completions", "/v1/realtime"] {
        assert_eq!(world.caller.post(path, &request("gpt-test")).await.status, 404, "{path}");
    }
    assert!(world.upstream.received().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_key_works_from_its_addresses_alone() {
    let mut world = World::with(&[("network.trusted_proxies", "127.0.0.1")]).await;
    let uniform = call(&mut world, "/v1/chat/completions", "").await.text();
    let blocks =
        |blocks: &[&str]| Some(blocks.iter().map(|block| block.parse().unwrap()).collect::<Vec<_>>());
    let inside = world.key_with(|new| new.allowed_ips = blocks(&["192.0.2.0/24", "2001:db8::/32"])).await.0;
    let nowhere = world.key_with(|new| new.allowed_ips = blocks(&[])).await.0;
    for (key, from, expect) in [
        (&inside, "192.0.2.7", 200),
        (&inside, "::ffff:192.0.2.7", 200),
        (&inside, "[2001:db8:1::1]:443", 200),
        (&inside, "192.0.3.7", 401),
        (&inside, "2001:db9::1", 401),
        (&nowhere, "192.0.2.7", 401),
        (&nowhere, "127.0.0.1", 401),
    ] {
        if expect == 200 {
            world.upstream.answers(ANSWER);
        }
        let headers = format!("authorization: Bearer {key}\r\nx-forwarded-for: {from}\r\n");
        let answer = call(&mut world, "/v1/chat/completions", &headers).await;
        assert_eq!(answer.status, expect, "{from}");
        if expect == 401 {
            refused(&answer, &uniform, from);
            assert!(answer.took >= Duration::from_millis(80));
        }
    }
    assert!(world.logged().contains("reason=\"ip_not_allowed\""));
    world.usage(3).await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_works_within_moments_of_its_making() {
    let mut world = World::start().await;
    row(FILE, "apikey-negative-cache");
    let token = vault::entropy::token(Kind::Live).unwrap();
    let digest = world.digest(&token);
    world.caller.key = token.reveal().to_owned();
    for _ in 0..3 {
        assert_eq!(world.caller.get("/v1/models").await.status, 401);
    }
    world
        .key_with(|new| *new = NewKey { prefix: token.prefix(), digest, name: "late".into(), ..new.clone() })
        .await;
    let made = Instant::now();
    // The world's clock stands still: it is the notice of the change that counts, not the age of the answer.
    eventually("the new key", || async { world.caller.get("/v1/models").await.status == 200 }).await;
    assert!(made.elapsed() < Duration::from_secs(5), "took {:?}", made.elapsed());
    world.finish().await;
}

#[tokio::test]
async fn the_public_listener_holds_nothing_of_the_operators() {
    let mut world = World::start().await;
    let operator = world.operator_token().await;
    row(FILE, "apikey-admin-port");
    row(FILE, "apikey-metrics-auth");
    let paths = [
        "/metrics",
        "/debug/pprof",
        "/openapi.json",
        "/docs",
        "/admin",
        "/api/v1/keys",
        "/v1/keys",
        "/key/generate",
    ];
    for key in [String::new(), world.caller.key.clone(), operator] {
        let caller = Caller::new(world.caller.address, key);
        for path in paths {
            assert_eq!(caller.get(path).await.status, 404, "{path}");
        }
    }
    // Without an operator token nobody is an operator.
    row(FILE, "apikey-no-config-auth");
    for key in [String::new(), world.caller.key.clone(), format!("pc_op_{}", "0".repeat(52))] {
        assert_eq!(Caller::new(world.admin(), key).get("/metrics").await.status, 401);
    }
    world.finish().await;
}

#[test]
fn no_key_is_made_twice() {
    row(FILE, "apikey-entropy");
    let mut seen = HashSet::new();
    for _ in 0..1_000_000 {
        let token = vault::entropy::token(Kind::Live).unwrap();
        // 120 of the 260 bits are enough to tell a million apart.
        let piece: [u8; 24] = token.reveal().as_bytes()[8..32].try_into().unwrap();
        assert!(seen.insert(piece));
    }
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
